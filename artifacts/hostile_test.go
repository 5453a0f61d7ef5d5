package artifacts_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/artifacts"
)

func TestLinks(t *testing.T) {
	tests := []struct {
		name    string
		files   files
		opts    artifacts.Options
		want    files
		notices []string
	}{
		{
			name:  "inside stays",
			files: files{"dist/a/f": "f", "dist/b/l": "-> ../a/f", "dist/c": "-> a", "dist/d/e/g": "-> ../../a"},
			want:  files{"a/f": "f", "b/l": "-> ../a/f", "c": "-> a", "d/e/g": "-> ../../a"},
		},
		{
			name:  "inside, the way out and back is cut",
			files: files{"dist/f": "f", "dist/l": "-> ../dist/f", "dist/m": "-> ../alias/f", "alias": "-> dist"},
			want:  files{"f": "f", "l": "-> f", "m": "-> f"},
		},
		{
			name:  "chain is cut short",
			files: files{"dist/f": "f", "dist/l": "-> m", "dist/m": "-> n", "dist/n": "-> f"},
			want:  files{"f": "f", "l": "-> f", "m": "-> f", "n": "-> f"},
		},
		{
			name:  "to the top",
			files: files{"dist/f": "f", "dist/here": "-> .", "dist/d/up": "-> ..", "dist/d/x": "x"},
			want:  files{"f": "f", "here": "-> .", "d/up": "-> ..", "d/x": "x"},
		},
		{
			name:  "outside of Base is copied",
			files: files{"shared/f*": "f", "shared/d/g": "g", "dist/l": "-> ../shared/f", "dist/s": "-> ../shared"},
			want:  files{"l*": "f", "s/f*": "f", "s/d/g": "g"},
		},
		{
			name:  "copied with its own links",
			files: files{"shared/f": "f", "shared/l": "-> f", "shared/back": "-> ../dist/x", "dist/x": "x", "dist/s": "-> ../shared"},
			want:  files{"x": "x", "s/f": "f", "s/l": "f", "s/back": "-> ../x"},
		},
		{
			name:  "patterns apply in a copied folder",
			files: files{"shared/a.js": "a", "shared/a.css": "c", "shared/d/b.js": "b", "dist/s": "-> ../shared"},
			opts:  artifacts.Options{Files: []string{"**/*.js"}},
			want:  files{"s/a.js": "a", "s/d/b.js": "b"},
		},
		{
			name:  "target not selected",
			files: files{"dist/v1/app.js": "a", "dist/latest.js": "-> v1/app.js", "dist/latest": "-> v1"},
			opts:  artifacts.Options{Files: []string{"latest.js", "latest"}},
			want:  files{"latest.js": "a", "latest/app.js": "a"},
		},
		{
			name:  "wildcards do not look behind links",
			files: files{"dist/store/p/i.js": "i", "dist/store/p/q": "-> ../p", "dist/p": "-> store/p"},
			opts:  artifacts.Options{Files: []string{"**/*.js"}},
			want:  files{"store/p/i.js": "i", "store/p/q": "-> .", "p": "-> store/p"},
		},
		{
			name:  "named through a link",
			files: files{"dist/v1/a.html": "a", "dist/v1/b.js": "b", "dist/l": "-> v1"},
			opts:  artifacts.Options{Files: []string{"l/*.html", "v1/*.js"}},
			want:  files{"l/a.html": "a", "v1/b.js": "b"},
		},
		{
			name:  "folder with nothing selected",
			files: files{"dist/v1/a.js": "a", "dist/l": "-> v1", "dist/x.html": "x"},
			opts:  artifacts.Options{Files: []string{"*"}},
			want:  files{"x.html": "x"},
		},
		{
			name:  "discard",
			files: files{"dist/d/f": "f", "dist/l": "-> d/f", "dist/e": "-> d"},
			opts:  artifacts.Options{DiscardPaths: true},
			want:  files{"f": "f", "l": "f"},
		},
		{
			name:    "leaving",
			files:   files{"dist/f": "f", "dist/abs": "-> /etc/passwd", "dist/up": "-> ../../x", "dist/far": "-> " + strings.Repeat("../", 30) + "etc", "dist/two": "-> ../out/x", "out": "-> /"},
			want:    files{"f": "f"},
			notices: []string{"dist/abs", "dist/far", "dist/two", "dist/up"},
		},
		{
			name:    "dangling",
			files:   files{"dist/f": "f", "dist/no": "-> nothing", "dist/through": "-> f/x", "dist/self": "-> self", "dist/a": "-> b", "dist/b": "-> a"},
			want:    files{"f": "f"},
			notices: []string{`"dist/a" was left out: it is a link to "b": it leads to itself`, "dist/b", "does not exist", "leads to itself", "does not exist"},
		},
		{
			name:    "into .git",
			files:   files{"dist/f": "f", ".git/config": "token", "dist/g": "-> ../.git", "dist/c": "-> ../.git/config", "dist/d": "-> ../alias/config", "alias": "-> .git"},
			want:    files{"f": "f"},
			notices: []string{"into a .git", "into a .git", "into a .git"},
		},
		{
			name:    "to a folder above",
			files:   files{"dist/f": "f", "dist/root": "-> ..", "src/x": "x", "shared/me": "-> .", "shared/g": "g", "dist/s": "-> ../shared"},
			want:    files{"f": "f", "s/g": "g"},
			notices: []string{`"root" was left out: it is a link to a folder in which it lies`, `"s/me" was left out`},
		},
		{
			name:    "each other",
			files:   files{"a/b": "-> ../b", "b/a": "-> ../a", "a/f": "f", "b/g": "g", "dist/a": "-> ../a"},
			want:    files{"a/f": "f", "a/b/g": "g"},
			notices: []string{`"a/b/a" was left out`},
		},
		{
			name:  "hard link",
			files: files{"dist/f": "f", "dist/h": "=> dist/f"},
			want:  files{"f": "f", "h": "f"},
		},
		{
			name:  "Base is a link",
			files: files{"real/out/f": "f", "dist": "-> real/../real/out", "real/out/l": "-> f"},
			want:  files{"f": "f", "l": "-> f"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.Root, tt.opts.Base = tree(t, tt.files), "dist"
			s := selectFiles(t, tt.opts)
			if diff := cmp.Diff(tt.want, written(t, s)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, unzipped(t, s)); diff != "" {
				t.Errorf("zip: %s", diff)
			}
			checkNotices(t, s.Notices, tt.notices...)
		})
	}
}

func TestLinksNestedTooDeep(t *testing.T) {
	all := files{"dist/l": "-> ../d0"}
	for i := range 30 {
		all[fmt.Sprintf("d%d/f", i)] = "f"
		all[fmt.Sprintf("d%d/l", i)] = fmt.Sprintf("-> ../d%d", i+1)
	}
	all["d30/f"] = "f"
	s := selectFiles(t, artifacts.Options{Root: tree(t, all), Base: "dist"})
	if len(s.Files) != 20 {
		t.Errorf("%d files", len(s.Files))
	}
	checkNotices(t, s.Notices, "behind more than 20 links")
}

func TestLinksThatMultiply(t *testing.T) {
	all := files{"dist/l": "-> ../d0"}
	for i := range 5 {
		for j := range 4 {
			all[fmt.Sprintf("d%d/l%d", i, j)] = fmt.Sprintf("-> ../d%d", i+1)
		}
	}
	for i := range 200 { // 4⁵ times
		all[fmt.Sprintf("d5/f%d", i)] = ""
	}
	_, err := artifacts.Select(t.Context(), artifacts.Options{Root: tree(t, all), Base: "dist"})
	if err == nil || !strings.Contains(err.Error(), "lead to more than") {
		t.Errorf("got %v", err)
	}
}

func TestSpecialFiles(t *testing.T) {
	root := tree(t, files{"dist/f": "f", "dist/l": "-> pipe"})
	mkfifo(t, filepath.Join(root, "dist/pipe"))
	t.Chdir(root) // the path of a socket must be short
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", "dist/socket")
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	s := selectFiles(t, artifacts.Options{Root: root, Base: "dist"})
	if diff := cmp.Diff(files{"f": "f"}, written(t, s)); diff != "" {
		t.Error(diff)
	}
	checkNotices(t, s.Notices, `"dist/l" was left out: it is a link to "pipe"`, `"dist/pipe" was left out: it is a pipe`, `"dist/socket" was left out: it is a socket`)
}

func TestNoticesAreBounded(t *testing.T) {
	all := files{}
	for i := range 300 {
		all[fmt.Sprint("l", i)] = "-> /etc"
	}
	s := selectFiles(t, artifacts.Options{Root: tree(t, all)})
	if n := len(s.Notices); n != 101 {
		t.Errorf("%d notices", n)
	}
}

// What happens between Select and Write must never lead to a wrong artifact, to content from outside, or to waiting.
func TestChangedAfterSelect(t *testing.T) {
	outside := tree(t, files{"f": "secret", "d/f": "secret"})
	changes := map[string]func(t *testing.T, root string){
		"grown":          func(t *testing.T, root string) { must(t, os.WriteFile(root+"/dist/d/f", []byte("longer"), 0o644)) },
		"shrunk":         func(t *testing.T, root string) { must(t, os.Truncate(root+"/dist/d/f", 2)) },
		"removed":        func(t *testing.T, root string) { must(t, os.Remove(root+"/dist/d/f")) },
		"replaced":       func(t *testing.T, root string) { must(t, os.Rename(root+"/dist/other", root+"/dist/d/f")) },
		"link out":       func(t *testing.T, root string) { swap(t, root+"/dist/d/f", outside+"/f") },
		"link up":        func(t *testing.T, root string) { swap(t, root+"/dist/d/f", "../../../"+filepath.Base(outside)+"/f") },
		"link inside":    func(t *testing.T, root string) { swap(t, root+"/dist/d/f", "../other") },
		"folder to link": func(t *testing.T, root string) { swap(t, root+"/dist/d", outside+"/d") },
		"pipe": func(t *testing.T, root string) {
			must(t, os.Remove(root+"/dist/d/f"))
			mkfifo(t, root+"/dist/d/f")
		},
		"folder": func(t *testing.T, root string) {
			must(t, os.Remove(root+"/dist/d/f"))
			must(t, os.Mkdir(root+"/dist/d/f", 0o755))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			root := tree(t, files{"dist/d/f": "12345", "dist/other": "12345", "dist/zz": "z"})
			s := selectFiles(t, artifacts.Options{Root: root, Base: "dist", Files: []string{"d/f", "zz"}})
			change(t, root)
			dst := filepath.Join(t.TempDir(), "dst")
			empty := t.TempDir()
			for _, err := range []error{
				s.WriteDir(t.Context(), dst),
				s.WriteDir(t.Context(), empty),
				s.WriteZip(t.Context(), new(bytes.Buffer), zipTime),
			} {
				var changed *artifacts.ChangedError
				if !errors.As(err, &changed) || changed.Path != "dist/d/f" {
					t.Errorf("got %v", err)
				}
			}
			for _, dir := range []string{filepath.Dir(dst), empty} {
				if rest, err := os.ReadDir(dir); err != nil || len(rest) != 0 {
					t.Errorf("left behind: %v, %v", rest, err)
				}
			}
		})
	}
}

// swap puts a link in place of name.
func swap(t *testing.T, name, target string) {
	t.Helper()
	must(t, os.RemoveAll(name))
	must(t, os.Symlink(target, name))
}

func TestUnknownFile(t *testing.T) {
	root := tree(t, files{"dist/f": "f", "secret": "s"})
	s := selectFiles(t, artifacts.Options{Root: root, Base: "dist"})
	s.Files = append(s.Files, artifacts.File{Path: "s", Source: "secret", Size: 1, Mode: 0o644})
	if err := s.WriteDir(t.Context(), filepath.Join(t.TempDir(), "dst")); err == nil || !strings.Contains(err.Error(), "not selected") {
		t.Errorf("got %v", err)
	}
}
