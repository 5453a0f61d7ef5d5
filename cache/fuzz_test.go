package cache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRestore restores archives (raw false) and whole entry files (raw true) of any bytes. Whatever they are, nothing
// outside the cache paths changes, and what is refused changes nothing at all.
//
// Run it with -fuzzminimizetime=10x: files make the coverage vary from run to run, and the fuzzer would spend its time
// on making inputs smaller in vain.
func FuzzRestore(f *testing.F) {
	f.Add(tarOf(f, dirX, fileX), false)
	for _, archive := range hostileArchives(f) {
		f.Add(archive, false)
	}
	l := newStore(f)
	b, err := os.ReadFile(forge(f, l, forgedKey, compress(f, tarOf(f, dirX, fileX)), totals{Files: 1, Folders: 1, Bytes: 7}))
	must(f, err)
	f.Add(b, true)
	f.Add(b[:len(b)-10], true)
	top := f.TempDir()
	must(f, os.WriteFile(filepath.Join(top, "outside"), []byte("o"), 0o600))

	f.Fuzz(func(t *testing.T, data []byte, raw bool) {
		root, err := os.MkdirTemp(top, "root") //nolint:usetesting // inside top, whose other content is compared
		must(t, err)
		defer func() { must(t, os.RemoveAll(root)) }()
		must(t, os.Mkdir(filepath.Join(root, "p"), 0o700))
		must(t, os.WriteFile(filepath.Join(root, "package.json"), []byte("{}"), 0o600))
		before := paths(t, root)
		accepted := false
		if raw {
			path := forge(t, l, forgedKey, nil, totals{})
			must(t, os.WriteFile(path, data, 0o600))
		} else {
			packed := compress(t, data)
			tree, err := count(t, packed)
			accepted = err == nil
			forge(t, l, forgedKey, packed, tree)
		}
		r, err := l.Restore(t.Context(), forgedKey, root)
		if err != nil {
			t.Fatal(err)
		}
		if !raw && r.Hit != accepted {
			t.Errorf("hit is %v, accepted %v: %s", r.Hit, accepted, r.Reason)
		}
		after := paths(t, root)
		for name, what := range after {
			inPlace := name == "x" || strings.HasPrefix(name, "x/") || name == "p/q" || strings.HasPrefix(name, "p/q/")
			if before[name] != what && (!r.Hit || !inPlace) {
				t.Errorf("%q was changed", name)
			}
		}
		for name := range before {
			if after[name] == "" {
				t.Errorf("%q is gone", name)
			}
		}
		if got := paths(t, top)["outside"]; !strings.HasSuffix(got, "o") {
			t.Error("a file outside was changed")
		}
	})
}
