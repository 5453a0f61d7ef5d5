package cachetest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Damage checks that no damage to the files that a store keeps in its folder does harm: whatever bytes are changed,
// removed or added, the result is a miss that leaves the workspace alone, whether or not it has something where the cache belongs,
// or what was saved. Of the files that spare names nothing depends: a restore does not notice their damage, and the next save is
// as good as ever.
func Damage(t *testing.T, open Opener, spare func(name string) bool) {
	f := newFixture(t, open, "x")
	tree := smallTree(t, "good")
	f.save(tree)
	want := snapshot(t, tree)
	store := contents(t, f.dir)
	for name, good := range store {
		missed := 0
		tryIn := func(root, what string) {
			before := snapshot(t, root)
			r, err := f.store.Restore(t.Context(), f.key, root)
			got := snapshot(t, root)
			switch {
			case err != nil:
				t.Errorf("%s: %v", what, err)
			case r.Hit:
				for path := range before {
					if want[path] == "" {
						delete(got, path)
					}
				}
				equal(t, want, got)
			default:
				missed++
				equal(t, before, got)
				if !strings.Contains(r.Reason, "damaged") {
					t.Errorf("%s: the reason is %q", what, r.Reason)
				}
			}
			if r.Hit && spare(name) {
				if s := f.save(tree); !s.Unchanged {
					t.Errorf("%s: Save: %+v", what, s)
				}
			}
		}
		try := func(what string, bad []byte) {
			taken := workspace(t)
			write(t, taken, "x/own", "of the checkout")
			for _, root := range []string{workspace(t), taken} {
				must(t, os.WriteFile(name, bad, 0o600))
				tryIn(root, what)
				for name, good := range store {
					must(t, os.MkdirAll(filepath.Dir(name), 0o700))
					must(t, os.WriteFile(name, good, 0o600))
				}
			}
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
			damages += 2 * 5
		}
		if len(good) > 0 && !spare(name) && missed != damages {
			t.Errorf("%s: %d of %d damages were noticed", filepath.Base(name), missed, damages)
		}
		if len(good) > 0 {
			try("foreign file", []byte(strings.Repeat("this is no cache entry\n", 100)))
			try("twice", slices.Concat(good, good))
		}
		try("garbage behind", append(slices.Clone(good), "garbage"...))
	}
}

// contents are all files below a folder.
func contents(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			m[path], err = os.ReadFile(path)
		}
		return err
	}))
	return m
}

// places are offsets in a file of n bytes: all of a small one, of a large one both ends and some between.
func places(n int) []int {
	var list []int
	for i := range n {
		if i < 16 || n-i <= 48 || i%max(1, n/20) == 0 {
			list = append(list, i)
		}
	}
	return list
}
