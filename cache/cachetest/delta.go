package cachetest

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// noise is content that does not compress, another one for each seed.
func noise(seed byte, n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return string(b)
}

// traces describe everything in the store's folder: whoever writes there leaves one.
func traces(t testing.TB, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			m[path] = fmt.Sprintf("%v %d %v", info.Mode(), info.Size(), info.ModTime())
		}
		return err
	}))
	return m
}

func unchangedTree(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	nasty(t, filepath.Join(root, "x"))
	first := f.save(root)
	want, before := f.mustHit(), traces(t, f.dir)
	for range 2 {
		s := f.save(root)
		if !s.Unchanged || s.Written || s.Added != 0 || s.Files != first.Files || s.Bytes != first.Bytes || s.Stored != first.Stored {
			t.Errorf("first %+v, then %+v", first, s)
		}
		equal(t, before, traces(t, f.dir))
	}
	equal(t, want, f.mustHit())
}

func unchangedAfterRestore(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	nasty(t, filepath.Join(root, "x"))
	f.save(root)
	fresh := workspace(t)
	f.restore(fresh)
	before := traces(t, f.dir)
	if s := f.save(fresh); !s.Unchanged {
		t.Errorf("Save of what was restored: %+v", s)
	}
	equal(t, before, traces(t, f.dir))
	// A file more, and one less, in a workspace that the store has not seen.
	other := workspace(t)
	nasty(t, filepath.Join(other, "x"))
	write(t, other, "x/new", "n")
	must(t, os.Remove(filepath.Join(other, "x/zeros")))
	if s := f.save(other); !s.Written {
		t.Errorf("Save of another tree: %+v", s)
	}
	equal(t, snapshot(t, other), f.mustHit())
}

// hiddenChanges makes changes that size and modification time do not show.
func hiddenChanges(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	for i := range 50 {
		write(t, root, fmt.Sprintf("x/%d", i), fmt.Sprintf("content %02d", i))
	}
	f.save(root)
	fresh := workspace(t)
	f.restore(fresh)
	for _, at := range []string{root, fresh} {
		for i := range 10 {
			name := filepath.Join(at, fmt.Sprintf("x/%d", i*3))
			info, err := os.Stat(name)
			must(t, err)
			must(t, os.WriteFile(name, fmt.Appendf(nil, "CONTENT %02d", i), 0o644))
			must(t, os.Chtimes(name, time.Time{}, info.ModTime()))
			if s := f.save(at); !s.Written {
				t.Errorf("change %d: %+v", i, s)
			}
			equal(t, snapshot(t, at), f.mustHit())
		}
	}
	must(t, os.Chmod(filepath.Join(fresh, "x/1"), 0o600))
	must(t, os.Rename(filepath.Join(fresh, "x/2"), filepath.Join(fresh, "x/22")))
	if s := f.save(fresh); !s.Written {
		t.Errorf("another mode and name: %+v", s)
	}
	equal(t, snapshot(t, fresh), f.mustHit())
}

func smallChange(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	for i := range 200 {
		write(t, root, fmt.Sprintf("x/%d/%d", i%7, i), noise(byte(i), 20_000))
	}
	full := f.save(root)
	write(t, root, "x/3/new", noise(201, 20_000))
	write(t, root, "x/5/5", noise(202, 20_000))
	must(t, os.RemoveAll(filepath.Join(root, "x/1")))
	s := f.save(root)
	if full.Added < 4e6 || full.Added != full.Stored || !s.Written || s.Added < 40_000 || s.Added > 60_000 {
		t.Errorf("full %+v, then %+v", full, s)
	}
	equal(t, snapshot(t, root), f.mustHit())
}

// manySmallChanges replaces a tree bit by bit: what nobody needs any more must not pile up.
func manySmallChanges(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	const files, length = 120, 10_000
	for i := range files {
		write(t, root, fmt.Sprintf("x/%d", i), noise(byte(i), length))
	}
	f.save(root)
	for i := range files {
		write(t, root, fmt.Sprintf("x/%d", i), noise(byte(i+files), length))
		if s := f.save(root); !s.Written || s.Stored > 3*files*length {
			t.Errorf("change %d: %+v", i, s)
		}
	}
	equal(t, snapshot(t, root), f.mustHit())
	var taken int64
	for _, name := range leftovers(t, f.dir) {
		info, err := os.Stat(name)
		must(t, err)
		taken += info.Size()
	}
	if n := len(leftovers(t, f.dir)); n > 40 || taken > 3*files*length {
		t.Errorf("the store has %d files of %d bytes for %d bytes", n, taken, files*length)
	}
}

func appendedFile(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	write(t, root, "x/big", noise(1, 21<<20))
	write(t, root, "x/zeros", strings.Repeat("\x00", 9<<20))
	f.save(root)
	file, err := os.OpenFile(filepath.Join(root, "x/big"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteString(noise(2, 1<<20))
	must(t, err)
	must(t, file.Close())
	s := f.save(root)
	if !s.Written || s.Added < 1<<20 || s.Added > 5<<20 {
		t.Errorf("Save: %+v", s)
	}
	equal(t, snapshot(t, root), f.mustHit())
}

// otherBranchesBase saves what was restored from the default branch under the branch's own name.
func otherBranchesBase(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	for i := range 30 {
		write(t, root, fmt.Sprintf("x/%d", i), noise(byte(i), 20_000))
	}
	f.save(root)
	f.key.Branch, f.key.DefaultBranch = "feature", "main"
	fresh := workspace(t)
	f.restore(fresh)
	s := f.save(fresh)
	if !s.Written || s.Unchanged || s.Added > 20_000 {
		t.Errorf("Save: %+v", s)
	}
	f.key.DefaultBranch = ""
	equal(t, snapshot(t, root), f.mustHit())
}
