package buildspec

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unshown are the rules whose problem cannot be shown in print. Other tests report them.
var unshown = []string{ruleTooLarge, ruleEncoding, ruleTooMany, ruleControlChar}

// TestRuleExamples checks that every bad example is reported by its rule and by no other, and that nothing is said about
// the good ones.
func TestRuleExamples(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			if r.Title == "" || r.Why == "" || r.Good == "" || (r.Bad == "") != slices.Contains(unshown, r.ID) {
				t.Fatalf("incomplete: %+v", r)
			}
			facts := Facts{FS: repository(r.Files), AppRoot: r.AppRoot}
			if _, ds := Check("amplify.yml", []byte(r.Good), facts); len(ds) > 0 {
				t.Errorf("the good example has findings:\n%s\n%s", r.Good, rendered(t, ds, []byte(r.Good)))
			}
			if r.Bad == "" {
				return
			}
			_, ds := Check("amplify.yml", []byte(r.Bad), facts)
			fixable := false
			for _, d := range ds {
				if d.Rule != r.ID {
					t.Errorf("the bad example has a finding of another rule:\n%s\n%s", r.Bad, rendered(t, Diagnostics{d}, []byte(r.Bad)))
				}
				if d.Severity < r.Severity {
					t.Errorf("reported as %v, described as %v", d.Severity, r.Severity)
				}
				fixable = fixable || d.Fix != nil
			}
			if len(ds) == 0 {
				t.Errorf("the bad example has no finding:\n%s", r.Bad)
			}
			if fixable && !r.Fixable {
				t.Error("the rule has fixes, but is not described as fixable")
			}
		})
	}
}

// TestRulesAreComplete checks that every id in the sources has an entry, once.
func TestRulesAreComplete(t *testing.T) {
	src, err := os.ReadFile("rules.go")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]int{}
	for _, r := range Rules() {
		described[r.ID]++
	}
	ids := 0
	for line := range strings.Lines(string(src)) {
		name, id, ok := strings.Cut(strings.TrimSpace(line), "= \"")
		if !ok || !strings.HasPrefix(name, "rule") {
			continue
		}
		ids++
		id, _, _ = strings.Cut(id, `"`)
		if described[id] != 1 {
			t.Errorf("%s has %d entries in the tables, want 1", id, described[id])
		}
	}
	if ids != len(described) || ids < 70 {
		t.Errorf("%d ids, %d entries", ids, len(described))
	}
}

// TestFixableRules checks that what is described as fixable is fixed somewhere in the goldens.
func TestFixableRules(t *testing.T) {
	fixed := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("..", "testdata", "spec", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, ds := Check("amplify.yml", src, readFacts(t, strings.TrimSuffix(file, ".yml")+".repo"))
		for _, d := range ds {
			fixed[d.Rule] = fixed[d.Rule] || d.Fix != nil
		}
	}
	for _, r := range Rules() {
		if r.Fixable != fixed[r.ID] {
			t.Errorf("%s: fixable is %v, but a fix in the goldens is %v", r.ID, r.Fixable, fixed[r.ID])
		}
	}
}

var rulesDoc = flag.String("rules-doc", filepath.Join("..", "docs", "rules.md"), "the file that TestRulesDoc compares and writes")

// TestRulesDoc keeps docs/rules.md in step with Rules; -update writes it.
func TestRulesDoc(t *testing.T) {
	compareGolden(t, *rulesDoc, describeRules(Rules()))
}

func describeRules(rules []RuleInfo) string {
	var b bytes.Buffer
	b.WriteString("# Rules\n\n" +
		"<!-- Written by go test ./buildspec -run TestRulesDoc -update from the tables in buildspec/catalog_*.go. -->\n\n" +
		"What `preamp validate` reports. An **error** means that nothing can be built from the file: the service refuses it, or fails\n" +
		"whatever the commands do. A **warning** is what the service silently ignores or does otherwise than is written, or a command\n" +
		"that fails when it is reached. A **hint** is what costs time or money. Rules that need the repository say nothing without it.\n" +
		"`preamp validate --fix` makes the fixes, and keeps comments and layout.\n\n" +
		"| rule | severity | | fix |\n|---|---|---|---|\n")
	for _, r := range rules {
		fix := ""
		if r.Fixable {
			fix = "yes"
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", r.ID, r.ID, r.Severity, r.Title, fix)
	}
	for _, r := range rules {
		describeRule(&b, r)
	}
	return b.String()
}

func describeRule(b *bytes.Buffer, r RuleInfo) {
	fmt.Fprintf(b, "\n## %s\n\n%s: %s.", r.ID, strings.ToUpper(r.Severity.String()[:1])+r.Severity.String()[1:], r.Title)
	if r.Fixable {
		b.WriteString(" Can be fixed.")
	}
	fmt.Fprintf(b, "\n\n%s\n", r.Why)
	if r.Source != "" {
		source := r.Source
		if number, ok := strings.CutPrefix(source, "amplify-hosting #"); ok {
			source = fmt.Sprintf("[%s](https://github.com/aws-amplify/amplify-hosting/issues/%s)", source, number)
		}
		fmt.Fprintf(b, "\nSource: %s.\n", source)
	}
	if r.AppRoot != "" {
		fmt.Fprintf(b, "\nWith `AMPLIFY_MONOREPO_APP_ROOT=%s`.\n", r.AppRoot)
	}
	if len(r.Files) > 0 {
		names := make([]string, 0, len(r.Files))
		for name := range r.Files {
			text := "`" + name + "`"
			if content := r.Files[name]; strings.HasPrefix(content, "{\"") {
				text += " with `" + content + "`"
			}
			names = append(names, text)
		}
		slices.Sort(names)
		fmt.Fprintf(b, "\nIn a repository with %s.\n", strings.Join(names, " and "))
	}
	if r.Bad != "" {
		fmt.Fprintf(b, "\nBad:\n\n```yaml\n%s```\n", r.Bad)
	}
	fmt.Fprintf(b, "\nGood:\n\n```yaml\n%s```\n", r.Good)
}
