package cachetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const casesVariable = "PREAMP_PROPERTY_CASES"

// randomTrees edits a tree at random, saves it with random patterns and compares what comes back with what an
// independent reading of the patterns says.
func randomTrees(t *testing.T, open Opener) {
	cases := 300
	if s := os.Getenv(casesVariable); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", casesVariable, err)
		}
		cases = n
	}
	const casesPerTree = 10
	for seed := range uint64((cases + casesPerTree - 1) / casesPerTree) {
		e := &editor{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), root: workspace(t)}
		f := newFixture(t, open)
		for range casesPerTree {
			for range 8 {
				e.edit()
			}
			f.key.Paths = e.patterns()
			f.save(e.root)
			want := selected(snapshot(t, e.root), f.key.Paths)
			equal(t, want, withoutParents(f.mustHit(), f.key.Paths))
			if t.Failed() {
				t.Fatalf("seed %d, patterns %q", seed, f.key.Paths)
			}
		}
	}
}

type editor struct {
	t    testing.TB
	rnd  *rand.Rand
	root string
}

var (
	randomNames = []string{"a", "b", "a.b", "node_modules", ".cache", ".git", "ü", "a\nb", "\xff", ".x", "-"}
	randomModes = []os.FileMode{0o644, 0o600, 0o755, 0o444, 0o777}
)

// path is a random path of one to four components.
func (e *editor) path() string {
	names := make([]string, 1+e.rnd.IntN(4))
	for i := range names {
		names[i] = randomNames[e.rnd.IntN(len(randomNames))]
	}
	return path.Join(names...)
}

// edit makes one change to the tree; what the file system refuses, such as a file below a file, is no change.
func (e *editor) edit() {
	name := filepath.Join(e.root, e.path())
	if resolved, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil && resolved != filepath.Dir(name) {
		return // behind a link
	}
	switch e.rnd.IntN(10) {
	case 0:
		_ = os.RemoveAll(name)
	case 1:
		_ = os.MkdirAll(name, 0o755)
	case 2:
		_ = os.MkdirAll(filepath.Dir(name), 0o755)
		_ = os.Symlink([]string{"a", "../b", "/etc", "no where"}[e.rnd.IntN(4)], name)
	case 3:
		if info, err := os.Lstat(name); err == nil && info.Mode()&os.ModeSymlink == 0 {
			must(e.t, os.Chmod(name, randomModes[e.rnd.IntN(len(randomModes))]|0o700))
		}
	case 4:
		if info, err := os.Lstat(name); err == nil && info.Mode()&os.ModeSymlink == 0 {
			must(e.t, os.Chtimes(name, time.Time{}, time.Unix(e.rnd.Int64N(2e9), e.rnd.Int64N(1e9))))
		}
	default:
		_ = os.MkdirAll(filepath.Dir(name), 0o755)
		if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return
		}
		content := strings.Repeat(strconv.Itoa(e.rnd.IntN(1e6)), e.rnd.IntN(3000))
		_ = os.WriteFile(name, []byte(content), randomModes[e.rnd.IntN(len(randomModes))])
	}
}

// patterns are at least one to cache and maybe some to leave out; all are of the simple forms that expect knows.
func (e *editor) patterns() []string {
	var list []string
	for i := range 1 + e.rnd.IntN(4) {
		p := e.path()
		if strings.Contains(p, ".git") || strings.Contains(p, "\n") {
			p = "node_modules"
		}
		switch e.rnd.IntN(5) {
		case 0:
			p += "/**/*"
		case 1:
			p += "/"
		case 2:
			p = "**/" + path.Base(p)
		}
		if i > 0 && e.rnd.IntN(3) == 0 {
			p = "!" + p
		}
		list = append(list, p)
	}
	return list
}

// matches is what a pattern of editor.patterns means, said another way: does it match rel or a folder above?
func matches(pattern, rel string) bool {
	pattern = strings.TrimSuffix(strings.TrimSuffix(pattern, "/**/*"), "/")
	if name, ok := strings.CutPrefix(pattern, "**/"); ok {
		return slices.Contains(strings.Split(rel, "/"), name)
	}
	return rel == pattern || strings.HasPrefix(rel, pattern+"/")
}

func expected(rel string, patterns []string) bool {
	parts := strings.Split(rel, "/")
	omitted := strings.Contains("/"+rel+"/", "/node_modules/.cache/")
	in := false
	for _, p := range patterns {
		if ex, ok := strings.CutPrefix(p, "!"); ok {
			if matches(ex, rel) {
				return false
			}
			continue
		}
		names := strings.Contains(p, "node_modules/.cache") || strings.HasPrefix(p, "**/.cache")
		in = in || matches(p, rel) && (!omitted || names)
	}
	return in && !slices.Contains(parts, ".git")
}

// selected is the part of a tree that the patterns select.
func selected(tree map[string]string, patterns []string) map[string]string {
	got := map[string]string{}
	for rel, what := range tree {
		if expected(rel, patterns) {
			got[rel] = what
		}
	}
	return got
}

// withoutParents drops the folders that are there only because something below them is.
func withoutParents(tree map[string]string, patterns []string) map[string]string {
	got := map[string]string{}
	for rel, what := range tree {
		needed := false
		for other := range tree {
			needed = needed || strings.HasPrefix(other, rel+"/") && expected(other, patterns)
		}
		if expected(rel, patterns) || !needed {
			got[rel] = what
		}
	}
	return got
}

// Damage checks that no damage to the files that a store keeps in its folder does harm: whatever bytes are changed,
// removed or added, the result is a miss that leaves the workspace alone, or what was saved.
func Damage(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	f.save(smallTree(t, "good"))
	want := f.mustHit()
	for _, name := range leftovers(t, f.dir) {
		good, err := os.ReadFile(name)
		must(t, err)
		missed := 0
		try := func(what string, bad []byte) {
			must(t, os.WriteFile(name, bad, 0o600))
			root := workspace(t)
			r, err := f.store.Restore(t.Context(), f.key, root)
			got := snapshot(t, root)
			switch {
			case err != nil:
				t.Errorf("%s: %v", what, err)
			case r.Hit:
				equal(t, want, got)
			default:
				missed++
				equal(t, map[string]string{}, got)
				if !strings.Contains(r.Reason, "damaged") {
					t.Errorf("%s: the reason is %q", what, r.Reason)
				}
			}
			must(t, os.MkdirAll(filepath.Dir(name), 0o700))
			must(t, os.WriteFile(name, good, 0o600))
		}
		damages := 0
		for _, at := range places(len(good)) {
			for _, mask := range []byte{0x01, 0xff} {
				bad := slices.Clone(good)
				bad[at] ^= mask
				try(fmt.Sprintf("byte %d of %d xor %#x", at, len(good), mask), bad)
			}
			try(fmt.Sprintf("cut at %d of %d", at, len(good)), good[:at])
			try(fmt.Sprintf("byte %d removed", at), slices.Delete(slices.Clone(good), at, at+1))
			try(fmt.Sprintf("byte added at %d", at), slices.Insert(slices.Clone(good), at, good[at]^1))
			damages += 5
		}
		if len(good) > 0 && missed != damages {
			t.Errorf("%s: %d of %d damages were noticed", filepath.Base(name), missed, damages)
		}
		if len(good) > 0 {
			try("foreign file", []byte(strings.Repeat("this is no cache entry\n", 100)))
			try("twice", slices.Concat(good, good))
		}
		try("garbage behind", append(slices.Clone(good), "garbage"...))
	}
}

// places are offsets in a file of n bytes: all of a small one, of a large one both ends and some between.
func places(n int) []int {
	var list []int
	for i := range n {
		if i < 24 || n-i <= 64 || i%max(1, n/40) == 0 {
			list = append(list, i)
		}
	}
	return list
}
