//go:build linux

package layers_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cache/cachetest"
)

// TestRandom lets builds do anything to their workspace, each after the other. What the cache paths select of it is what the
// next build finds, to the byte and the nanosecond, whatever is flattened and collected in between.
func TestRandom(t *testing.T) {
	const perSite = 25
	cases := cachetest.Cases(t)
	for first := 0; first < cases; first += perSite {
		seed := uint64(first)
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 5))
			s := newSite(t, "**/c*", "a", "!a/b/d", "!**/x")
			if r.IntN(2) == 0 {
				s.want(t, "b", "c/**/*", "d", "!**/x")
			}
			names := []string{"a", "b", "c", "d", "x", "node_modules", ".cache", ".git"}
			for range 6 { // what no pattern selects
				write(t, s.checkout, filepath.Join([]string{"b", "s", "x"}[r.IntN(3)], fmt.Sprint("f", r.IntN(3))), "of the checkout")
			}
			want := ""
			for i := range perSite {
				restored, saved, left := s.build(t, func(dir string) {
					for range r.IntN(8) {
						edit(t, r, dir, names)
					}
				})
				if !saved.Written && !saved.Unchanged || i > 0 && !restored.Hit {
					t.Fatalf("build %d: restored %+v, saved %+v", i, restored, saved)
				}
				got := s.now(t)
				if saved.Unchanged { // then times may differ
					left, got, want = untimed(left), untimed(got), untimed(want)
				}
				if got != left || saved.Unchanged && got != want {
					t.Fatalf("build %d: saved %+v\nthe next one finds (-want +got):\n%s", i, saved, cmp.Diff(left, got))
				}
				want = s.now(t)
				s.checkTotals(t, saved.Files, saved.Bytes)
				if r.IntN(6) == 0 {
					s.checkTidied(t, want)
				}
			}
		})
	}
}

// untimed leaves out the times of a listing.
func untimed(list string) string {
	var b strings.Builder
	for line := range strings.Lines(list) {
		f := strings.SplitN(line, " ", 4)
		if len(f) > 2 && f[1] != "->" {
			f[2] = "T"
		}
		b.WriteString(strings.TrimSpace(strings.Join(f, " ")) + "\n")
	}
	return b.String()
}

// edit does one thing to the tree at dir.
func edit(t *testing.T, r *rand.Rand, dir string, names []string) {
	t.Helper()
	all := []string{}
	must(t, filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		all = append(all, p)
		return err
	}))
	some := all[r.IntN(len(all))]
	fresh := filepath.Join(dir, names[r.IntN(len(names))])
	for range r.IntN(4) {
		fresh = filepath.Join(fresh, names[r.IntN(len(names))])
	}
	_ = os.MkdirAll(filepath.Dir(fresh), 0o755) // there may be a file on the way, and then what follows does nothing
	when := time.Unix(r.Int64N(2e9), r.Int64N(1e9))
	switch r.IntN(12) {
	case 0, 1:
		_ = os.WriteFile(fresh, []byte(strings.Repeat("n", r.IntN(50))), 0o600|os.FileMode(r.IntN(0o100)))
	case 2:
		_ = os.Mkdir(fresh, 0o700)
	case 3:
		if some != dir {
			_ = os.RemoveAll(some)
		}
	case 4, 5:
		if some != dir {
			_ = os.Rename(some, fresh)
		}
	case 6:
		_ = os.Symlink(some, fresh)
	case 7:
		if info, err := os.Lstat(some); err == nil && info.Mode().IsRegular() {
			_ = os.Link(some, fresh)
		}
	case 8:
		if info, err := os.Lstat(some); err == nil && info.Mode().IsRegular() {
			f, err := os.OpenFile(some, os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = f.WriteString("more")
			must(t, err)
			must(t, f.Close())
		}
	case 9:
		if info, err := os.Lstat(some); err == nil && info.Mode()&fs.ModeSymlink == 0 && some != dir {
			must(t, os.Chmod(some, 0o700|os.FileMode(r.IntN(0o100))))
		}
	case 10:
		if info, err := os.Lstat(some); err == nil && info.Mode()&fs.ModeSymlink == 0 {
			must(t, os.Chtimes(some, when, when))
		}
	case 11:
		if some != dir {
			_ = os.RemoveAll(some)
			_ = os.Mkdir(some, 0o755)
		}
	}
}
