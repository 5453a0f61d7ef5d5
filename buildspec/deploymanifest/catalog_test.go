package deploymanifest

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/preamp-build/preamp/buildspec"
)

// unshown are the rules whose problem cannot be shown in print. Other tests report them.
var unshown = []string{ruleTooLarge, ruleTooMany, ruleEncoding, ruleTooDeep}

// TestRuleExamples checks that every bad example is reported by its rule and by no other, and that nothing is said about
// the good ones.
func TestRuleExamples(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			if r.Title == "" || r.Why == "" || (r.Bad == "") != slices.Contains(unshown, r.ID) {
				t.Fatalf("incomplete: %+v", r)
			}
			var bundle fs.FS
			if len(r.Files) > 0 {
				files := fstest.MapFS{}
				for name, content := range r.Files {
					files[name] = &fstest.MapFile{Data: []byte(content)}
				}
				bundle = files
			}
			if _, ds := Parse("deploy-manifest.json", []byte(r.Good), bundle); len(ds) > 0 {
				t.Errorf("the good example has findings:\n%s\n%s", r.Good, rendered(t, ds, []byte(r.Good)))
			}
			if r.Bad == "" {
				return
			}
			_, ds := Parse("deploy-manifest.json", []byte(r.Bad), bundle)
			if len(ds) == 0 {
				t.Errorf("the bad example has no finding:\n%s", r.Bad)
			}
			for _, d := range ds {
				if d.Rule != r.ID || d.Severity < r.Severity {
					t.Errorf("the bad example has another finding:\n%s\n%s", r.Bad, rendered(t, buildspec.Diagnostics{d}, []byte(r.Bad)))
				}
				if d.Fix != nil && !r.Fixable {
					t.Error("the rule has fixes, but is not described as fixable")
				}
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
	if ids != len(described) || ids == 0 {
		t.Errorf("%d ids, %d entries", ids, len(described))
	}
}
