package buildspec

import (
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
