package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner/advice"
)

func ended(status Status, image string) *build {
	return &build{plan: &Plan{Cache: []string{"x"}}, result: &Result{
		App: "app", Branch: "main", Status: status, Ended: time.Date(2026, 11, 20, 1, 2, 3, 0, time.UTC), Image: Image{ID: image},
	}}
}

func TestHistory(t *testing.T) {
	r := &Runner{State: t.TempDir()}
	first := advice.Facts{
		Commands: []advice.Command{{Key: "a", Took: 2 * time.Second}, {Key: "b", Took: time.Second, Code: 1}, {Key: "a", Took: time.Second}},
		Save:     &advice.Save{Bytes: 10, Parts: []cache.Part{{Path: "node_modules/a", Bytes: 4}, {Path: "node_modules/b", Bytes: 6}}},
	}
	cached := first
	cached.Restore = &advice.Restore{Files: 1}
	cached.Commands = []advice.Command{{Key: "a", Took: time.Minute}}
	want := &history{
		Version: 1, Uncached: &pastBuild{Ended: ended("", "").result.Ended, Commands: map[string]time.Duration{"a": 3 * time.Second}},
		Key: ended("", "i").cacheKey().ID(), Saved: []pastSave{{10, map[string]int64{"node_modules": 10}}},
	}
	steps := []struct {
		name   string
		b      *build
		facts  advice.Facts
		change func()
	}{
		{"a failure", ended(StatusFailed, "i"), first, func() {}},
		{"without a cache", ended(StatusSucceeded, "i"), first, func() {}},
		{"with one", ended(StatusSucceeded, "i"), cached, func() { want.Saved = append(want.Saved, want.Saved[0]) }},
		{"nothing saved", ended(StatusSucceeded, "i"), advice.Facts{Restore: cached.Restore}, func() {}},
		{"another image", ended(StatusSucceeded, "j"), cached, func() { want.Saved, want.Key = want.Saved[:1], ended("", "j").cacheKey().ID() }},
	}
	for i, s := range steps {
		h := r.readHistory("app", "main")
		h.add(s.b, s.facts)
		if err := r.writeHistory("app", "main", h); err != nil {
			t.Fatal(err)
		}
		if s.change(); i == 0 {
			continue
		}
		if diff := cmp.Diff(want, r.readHistory("app", "main"), cmp.AllowUnexported(history{}, pastBuild{}, pastSave{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
	if diff := cmp.Diff(&history{Version: 1}, r.readHistory("app", "other")); diff != "" {
		t.Errorf("another branch:\n%s", diff)
	}
	h := r.readHistory("app", "main")
	if len(h.saves("another")) != 0 || len(h.saves(h.Key)) != 1 {
		t.Errorf("saves of %q: %v", h.Key, h.saves(h.Key))
	}
}

func TestHistoryIsBounded(t *testing.T) {
	r, h := &Runner{State: t.TempDir()}, &history{Version: historyVersion}
	f := advice.Facts{Save: &advice.Save{}}
	for i := range 5000 {
		f.Commands = append(f.Commands, advice.Command{Key: shortHash(fmt.Sprint(i))})
		f.Save.Parts = append(f.Save.Parts, cache.Part{Path: fmt.Sprintf("%d/%s", i, strings.Repeat("x", 200)), Files: 1, Bytes: 1})
	}
	for range 3 * maxSaves {
		h.add(ended(StatusSucceeded, "i"), f)
	}
	if len(h.Saved) != maxSaves || len(h.Saved[0].Roots) != advice.MaxRoots || len(h.Uncached.Commands) != maxCommands {
		t.Errorf("%d saves with %d roots, %d commands", len(h.Saved), len(h.Saved[0].Roots), len(h.Uncached.Commands))
	}
	if err := r.writeHistory("app", "main", h); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, r.readHistory("app", "main")); diff != "" {
		t.Errorf("it cannot be read again (-want +got):\n%s", diff)
	}
}

// What nobody can have written is as good as nothing.
func TestHistoryDamaged(t *testing.T) {
	r := &Runner{State: t.TempDir()}
	file := r.historyFile("app", "main")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "{", "[]", `{"version":2,"uncached":{"commands":{"a":1}}}`, `{"version":1,"uncached":{"commands":{"a":-1}}}`,
		`{"version":1,"uncached":{"commands":{"a":9223372036854775807}}}`, `{"version":1,"saved":[{"bytes":-1}]}`,
		`{"version":1,"key":"` + strings.Repeat("x", maxHistory) + `"}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&history{Version: historyVersion}, r.readHistory("app", "main")); diff != "" {
			t.Errorf("%.60s (-want +got):\n%s", text, diff)
		}
	}
}

// The advice builds on a rule of the specification's checks, which must not be renamed behind its back.
func TestNpmCiRule(t *testing.T) {
	for _, r := range buildspec.Rules() {
		if r.ID == npmCiRule {
			return
		}
	}
	t.Errorf("there is no rule %s", npmCiRule)
}
