package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoots(t *testing.T) {
	var r roots
	for _, n := range []node{
		{path: ".npm", kind: folder, parent: true},
		{path: ".npm/_cacache", kind: folder},
		{path: ".npm/_cacache/a/b"},
		{path: ".npm/_cacache-old"},
		{path: "apps", kind: folder, parent: true},
		{path: "apps/web", kind: folder, parent: true},
		{path: "apps/web/node_modules", kind: folder},
		{path: "apps/web/node_modules/x"},
		{path: "link", kind: link},
	} {
		r.add(n)
	}
	want := []string{".npm/_cacache", ".npm/_cacache-old", "apps/web/node_modules", "link"}
	if diff := cmp.Diff(want, r.paths); diff != "" || r.many {
		t.Error(diff, r.many)
	}

	for name, tc := range map[string]struct {
		make  func(at func(name string) string) error
		lacks bool
	}{
		"nothing":                  {func(func(string) string) error { return nil }, true},
		"folders on the way":       {func(at func(string) string) error { return os.MkdirAll(at("apps/web/src"), 0o700) }, true},
		"a root":                   {func(at func(string) string) error { return os.MkdirAll(at("apps/web/node_modules"), 0o700) }, false},
		"a link for a root":        {func(at func(string) string) error { return os.Symlink("nowhere", at("link")) }, false},
		"a file for a folder":      {func(at func(string) string) error { return os.WriteFile(at("apps"), nil, 0o600) }, false},
		"a link for a folder":      {func(at func(string) string) error { return os.Symlink(".", at(".npm")) }, false},
		"a dead link for a folder": {func(at func(string) string) error { return os.Symlink("nowhere", at(".npm")) }, false},
		"a name that begins so":    {func(at func(string) string) error { return os.MkdirAll(at("link-too"), 0o700) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			if err := tc.make(func(name string) string { return filepath.Join(top, name) }); err != nil {
				t.Fatal(err)
			}
			d, err := openDir(top)
			if err != nil {
				t.Fatal(err)
			}
			defer d.close()
			if got := d.lacks(&r); got != tc.lacks {
				t.Errorf("lacks them: %v, want %v", got, tc.lacks)
			}
		})
	}

	for i := range maxRoots {
		r.add(node{path: fmt.Sprintf("z%03d", i)})
	}
	if d, err := openDir(t.TempDir()); err != nil || d.lacks(&r) || !r.many {
		t.Errorf("so many are looked for, %v", err)
	}
}
