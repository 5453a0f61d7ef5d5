package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPartOf(t *testing.T) {
	for path, want := range map[string]string{
		"file":                                 "file",
		"node_modules/next/dist/a.js":          "node_modules/next",
		"node_modules/.package-lock.json":      "node_modules/.package-lock.json",
		"node_modules/@mui/material/x/y":       "node_modules/@mui/material",
		"node_modules/@mui/file":               "node_modules/@mui/file",
		"node_modules/.pnpm/next@15/x/y":       "node_modules/.pnpm/next@15",
		"node_modules/a/node_modules/b/c":      "node_modules/a",
		"apps/web/node_modules/next/x":         "apps/web/node_modules/next",
		"apps/web/.next/cache/x":               "apps/web",
		".next/cache/webpack/client/0.pack":    ".next/cache",
		".npm/_cacache/content-v2/sha512/aa/x": ".npm/_cacache",
		".npm/x":                               ".npm/x",
		"a/b/c_node_modules/d":                 "a/b",
		"a/b/node_modules":                     "a/b",
	} {
		if got := partOf(path); got != want {
			t.Errorf("partOf(%q) = %q, want %q", path, got, want)
		}
	}
}

// A path counts for its part whatever came before it.
func TestTallyOrder(t *testing.T) {
	paths := []string{"apps/web/src/a", "apps/web/node_modules", "apps/web/node_modules/x/a", "apps/web/z", "node_modules/@s/a/1", "node_modules/@s/b/1", "node_modules/a/node_modules/b/1", "node_modules/a/1", "f", "n\xff/m/1"}
	want := map[string]int{}
	for _, a := range paths {
		for _, b := range paths {
			var tally Tally
			tally.Add(a, 1, 10)
			tally.Add(b, 1, 10)
			sum := 0
			for _, p := range tally.Parts() {
				sum += p.Files
				want[p.Path]++
			}
			if sum != 2 {
				t.Errorf("%q and %q: %d files", a, b, sum)
			}
			if one, other := partOf(a), partOf(b); len(tally.Parts()) == 1 != (one == other) {
				t.Errorf("%q and %q: %v", a, b, tally.Parts())
			}
		}
	}
	if want["n\xff/m"] > 0 || want["n\uFFFD/m"] == 0 {
		t.Errorf("the names are %v", want)
	}
}

// There is an end to what is kept of a tree, and nothing is lost by it.
func TestTallyIsBounded(t *testing.T) {
	var tally Tally
	for i := range 3 * maxParts {
		tally.Add(fmt.Sprintf("node_modules/p%d/x", i), 1, 2)
	}
	parts := tally.Parts()
	var sum Part
	for _, p := range parts {
		sum.Files += p.Files
		sum.Bytes += p.Bytes
	}
	if len(parts) > maxParts+1 || sum.Files != 3*maxParts || sum.Bytes != 6*maxParts {
		t.Errorf("%d parts, %+v", len(parts), sum)
	}
	if parts[0].Path != "node_modules" {
		t.Errorf("the largest is %+v, want what was too much", parts[0])
	}
}

// What a store tells of the parts is what there is, and it knows which restored files were written anew.
func TestPartsOfLocal(t *testing.T) {
	l, err := NewLocal(t.TempDir(), Options{})
	must(t, err)
	k := plainKey
	k.Paths = []string{"node_modules", ".next/cache"}
	p := compiled(t, k)
	first := t.TempDir()
	writeFile(t, first, "node_modules/a/1", "12345")
	writeFile(t, first, "node_modules/a/2", "12345")
	writeFile(t, first, "node_modules/b/1", "123")
	writeFile(t, first, ".next/cache/x", "1")
	must(t, os.Symlink("1", filepath.Join(first, "node_modules/b/link")))
	want := []Part{{Path: "node_modules/a", Files: 2, Bytes: 10}, {Path: "node_modules/b", Files: 2, Bytes: 3}, {Path: ".next/cache", Files: 1, Bytes: 1}}
	saved, err := l.Save(t.Context(), k, p, first)
	must(t, err)
	if diff := cmp.Diff(want, saved.Parts); diff != "" {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
	second := t.TempDir()
	restored, err := l.Restore(t.Context(), k, second)
	must(t, err)
	if diff := cmp.Diff(want, restored.Parts); diff != "" || restored.Stored <= 0 || restored.Stored != saved.Stored {
		t.Errorf("restored %d bytes, saved %d (-want +got):\n%s", restored.Stored, saved.Stored, diff)
	}
	// Of files that were written within a tick of the clock nothing is known, and so nothing is said.
	at := knownStamps(t, l, k, second)
	for i := range at.list {
		at.list[i] = fileStamp{}
	}
	l.saveStamps(k, at.writer())
	saved, err = l.Save(t.Context(), k, p, second)
	must(t, err)
	if diff := cmp.Diff(want, saved.Parts); diff != "" {
		t.Errorf("nothing is known (-want +got):\n%s", diff)
	}
	at = knownStamps(t, l, k, second)
	known := 0
	for i := range at.list {
		if at.list[i].ino != 0 {
			known++
		}
	}
	saved, err = l.Save(t.Context(), k, p, second)
	must(t, err)
	kept := 0
	for _, p := range saved.Parts {
		kept += p.Kept
	}
	if kept != known {
		t.Errorf("%d files are known, and %d kept: %+v", known, kept, saved.Parts)
	}
	// Others were written anew when they are not what they were, whatever they hold.
	at = knownStamps(t, l, k, second)
	for i := range at.list {
		at.list[i] = fileStamp{ino: 1, changed: 1}
	}
	l.saveStamps(k, at.writer())
	must(t, os.Remove(filepath.Join(second, "node_modules/b/1")))
	saved, err = l.Save(t.Context(), k, p, second)
	must(t, err)
	want[0].Replaced, want[2].Replaced = 2, 1
	want[1] = Part{Path: "node_modules/b", Files: 1}
	want[1], want[2] = want[2], want[1]
	if diff := cmp.Diff(want, saved.Parts); diff != "" {
		t.Errorf("written anew (-want +got):\n%s", diff)
	}
}
