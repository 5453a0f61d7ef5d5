package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/cmd/preamp/internal/report"
	"github.com/preamp-build/preamp/runner/advice"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [ID]",
		Short: "Tell what a rule of preamp validate, or advice in a build's log, is about; without an id, list them",
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, r := range explained() {
				ids = append(ids, r.ID)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			topics := explained()
			if len(args) == 0 {
				for _, r := range topics {
					if _, err := fmt.Fprintf(w, "%-34s %-8s %s\n", r.ID, r.kind(), r.Title); err != nil {
						return err
					}
				}
				return nil
			}
			// People paste the rule as preamp validate prints it.
			id := strings.ToLower(strings.Trim(strings.TrimSpace(args[0]), "[]"))
			i := slices.IndexFunc(topics, func(r topic) bool { return r.ID == id })
			if i < 0 {
				return usage(fmt.Errorf("there is no rule %q; %s", args[0], similarRules(topics, id)))
			}
			return explain(w, topics[i])
		},
	}
}

// topic is what can be explained: a rule, or advice, which has no examples but something to do.
type topic struct {
	buildspec.RuleInfo
	advice bool
	do     string
}

func (t topic) kind() string {
	if t.advice {
		return "advice"
	}
	return t.Severity.String()
}

// explained are all topics, sorted by id.
func explained() []topic {
	var all []topic
	for _, r := range report.Rules() {
		all = append(all, topic{RuleInfo: r})
	}
	for _, a := range advice.Catalog() {
		all = append(all, topic{buildspec.RuleInfo{ID: a.ID, Title: a.Title, Why: a.Why}, true, a.Do})
	}
	slices.SortFunc(all, func(a, b topic) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// similarRules names the rules that have a word of an unknown one, or says where they are listed.
func similarRules(rules []topic, id string) string {
	words := strings.FieldsFunc(id, func(r rune) bool { return r == '-' || r == '_' || r == ' ' })
	best, most := []string{}, 0
	for _, r := range rules {
		n := 0
		for _, word := range words {
			if len(word) > 2 && slices.Contains(strings.Split(r.ID, "-"), word) {
				n++
			}
		}
		switch {
		case n > most:
			best, most = []string{r.ID}, n
		case n == most && n > 0:
			best = append(best, r.ID)
		}
	}
	if len(best) == 0 || len(best) > 5 {
		return "preamp explain lists them"
	}
	return "did you mean " + strings.Join(best, " or ") + "? preamp explain lists all"
}

func explain(w io.Writer, r topic) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n\n%s\n\n%s\n", r.ID, r.kind(), r.Title, r.Why)
	if r.do != "" {
		fmt.Fprintf(&b, "\n%s\n", r.do)
	}
	if r.Source != "" {
		fmt.Fprintf(&b, "\nSee %s.\n", sourceURL(r.Source))
	}
	if r.AppRoot != "" {
		fmt.Fprintf(&b, "\nWith AMPLIFY_MONOREPO_APP_ROOT=%s:\n", r.AppRoot)
	}
	if len(r.Files) > 0 {
		b.WriteString("\nIn a repository with " + filesText(r.Files) + ":\n")
	}
	for _, example := range []struct{ name, text string }{{"Instead of", r.Bad}, {"write", r.Good}} {
		if example.text != "" {
			fmt.Fprintf(&b, "\n%s:\n\n    %s\n", example.name, strings.ReplaceAll(strings.TrimRight(example.text, "\n"), "\n", "\n    "))
		}
	}
	if r.Fixable {
		b.WriteString("\npreamp validate --fix repairs it where that is safe.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// filesText names files, with the content of those that are short.
func filesText(files map[string]string) string {
	var names []string
	for name, content := range files {
		if content != "" && len(content) < 200 && !strings.Contains(content, "\n") {
			name += " (" + content + ")"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}

// sourceURL makes an address of an issue's number.
func sourceURL(source string) string {
	if number, ok := strings.CutPrefix(source, "amplify-hosting #"); ok {
		return "https://github.com/aws-amplify/amplify-hosting/issues/" + number
	}
	return source
}
