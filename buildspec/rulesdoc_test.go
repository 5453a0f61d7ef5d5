package buildspec_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/buildspec/customhttp"
	"github.com/preamp-build/preamp/buildspec/deploymanifest"
)

var rulesDoc = flag.String("rules-doc", filepath.Join("..", "docs", "rules.md"), "the file that TestRulesDoc compares and writes")

// rulesFiles are the files that have rules, with the rules and a heading for them.
var rulesFiles = []struct {
	heading, about string
	rules          []buildspec.RuleInfo
}{
	{"amplify.yml", "", buildspec.Rules()},
	{
		"customHttp.yml", "The file may also break the rules about YAML of the first list, such as [yaml-syntax](#yaml-syntax).\n\n",
		customhttp.Rules(),
	},
	{".amplify-hosting/deploy-manifest.json", "Examples are whole manifests; files are those of the bundle around it.\n\n", deploymanifest.Rules()},
}

// TestRulesDoc keeps docs/rules.md in step with the tables of all rules; -update writes it.
func TestRulesDoc(t *testing.T) {
	got := describeRules()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(*rulesDoc, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(*rulesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what go test ./buildspec -run TestRulesDoc -update writes (-want +got)\n%s", *rulesDoc, diff)
	}
}

// TestRuleIDs checks that no two rules have the same id, whichever file they are about.
func TestRuleIDs(t *testing.T) {
	seen := map[string]string{}
	for _, f := range rulesFiles {
		for _, r := range f.rules {
			if other, again := seen[r.ID]; again {
				t.Errorf("%s is a rule of %s and of %s", r.ID, other, f.heading)
			}
			seen[r.ID] = f.heading
		}
	}
}

func describeRules() string {
	var b bytes.Buffer
	b.WriteString("# Rules\n\n" +
		"<!-- Written by go test ./buildspec -run TestRulesDoc -update from the tables in catalog*.go below buildspec. -->\n\n" +
		"What `preamp validate` reports. An **error** means that nothing can be built from the file: the service refuses it, or fails\n" +
		"whatever the commands do. A **warning** is what the service silently ignores or does otherwise than is written, or a command\n" +
		"that fails when it is reached. A **hint** is what costs time or money. Rules that need the repository say nothing without it.\n" +
		"`preamp validate --fix` makes the fixes, and keeps comments and layout.\n")
	for _, f := range rulesFiles {
		fmt.Fprintf(&b, "\n# %s\n\n%s| rule | severity | | fix |\n|---|---|---|---|\n", f.heading, f.about)
		for _, r := range f.rules {
			fix := ""
			if r.Fixable {
				fix = "yes"
			}
			fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", r.ID, r.ID, r.Severity, r.Title, fix)
		}
	}
	for _, f := range rulesFiles {
		for _, r := range f.rules {
			describeRule(&b, r)
		}
	}
	return b.String()
}

func describeRule(b *bytes.Buffer, r buildspec.RuleInfo) {
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
	language := "yaml"
	if strings.HasPrefix(r.Good, "{") {
		language = "json"
	}
	if r.Bad != "" {
		fmt.Fprintf(b, "\nBad:\n\n```%s\n%s```\n", language, r.Bad)
	}
	fmt.Fprintf(b, "\nGood:\n\n```%s\n%s```\n", language, r.Good)
}
