//go:build linux

package layers_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cache"
)

// checkParts compares the parts of a generation, which are kept from build to build and never counted again, with its files.
func (s *site) checkParts(t testing.TB, got []cache.Part, root string) {
	t.Helper()
	var tally cache.Tally
	project := filepath.Join(root, s.paths.Dir())
	must(t, filepath.WalkDir(project, func(p string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		rel, _ := filepath.Rel(project, p)
		if err != nil || d.IsDir() || !s.paths.Match(filepath.ToSlash(rel)) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case info.Mode().IsRegular():
			tally.Add(filepath.ToSlash(rel), 1, info.Size())
		case info.Mode()&fs.ModeSymlink != 0:
			tally.Add(filepath.ToSlash(rel), 1, 0)
		}
		return nil
	}))
	if diff := cmp.Diff(tally.Parts(), got); diff != "" {
		t.Errorf("the parts are not what there is (-there +told):\n%s", diff)
	}
}

// A save knows which of the files that a build got are not there any more, or not as they were.
func TestReplaced(t *testing.T) {
	s := newSite(t, "node_modules", ".npm")
	s.want(t, "web", "node_modules", ".npm")
	s.build(t, func(dir string) {
		sh(t, dir, `mkdir -p web/node_modules/a web/node_modules/b web/.npm/_cacache/x; cd web
for f in 1 2 3; do printf a > node_modules/a/$f; printf bb > node_modules/b/$f; done; printf ccc > .npm/_cacache/x/1`)
	})
	_, saved, _ := s.build(t, func(dir string) {
		sh(t, dir, `cd web; rm -r node_modules; mkdir -p node_modules/a; printf a > node_modules/a/1; printf c > .npm/_cacache/x/2`)
	})
	want := []cache.Part{
		{Path: ".npm/_cacache", Files: 2, Bytes: 4, Kept: 1},
		{Path: "node_modules/a", Files: 1, Bytes: 1, Replaced: 3},
		{Path: "node_modules/b", Replaced: 3},
	}
	if diff := cmp.Diff(want, saved.Parts); diff != "" {
		t.Errorf("replaced (-want +got):\n%s", diff)
	}
	restored, saved, _ := s.build(t, nil)
	want = []cache.Part{{Path: ".npm/_cacache", Files: 2, Bytes: 4}, {Path: "node_modules/a", Files: 1, Bytes: 1}}
	if diff := cmp.Diff(want, restored.Parts); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	want[0].Kept, want[1].Kept = 2, 1
	if diff := cmp.Diff(want, saved.Parts); diff != "" {
		t.Errorf("unchanged (-want +got):\n%s", diff)
	}
}
