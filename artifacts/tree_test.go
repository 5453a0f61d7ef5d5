package artifacts_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/artifacts"
)

// tree makes files in a new folder and returns that. A value is the content; "-> x" makes a link to x, "=> x" a hard
// link; a name that ends in "/" is an empty folder, one that ends in "*" is executable.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	var hard [][2]string
	for name, content := range files {
		file := filepath.Join(root, strings.TrimSuffix(name, "*"))
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(file, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			must(t, os.Symlink(target, file))
		} else if target, ok := strings.CutPrefix(content, "=> "); ok {
			hard = append(hard, [2]string{filepath.Join(root, target), file})
		} else {
			mode := fs.FileMode(0o644)
			if strings.HasSuffix(name, "*") {
				mode = 0o755
			}
			must(t, os.WriteFile(file, []byte(content), mode))
		}
	}
	for _, h := range hard {
		must(t, os.Link(h[0], h[1]))
	}
	return root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read returns what is in a folder in the notation of tree, without the folders, and checks their modes.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		switch mode := info.Mode(); {
		case mode == fs.ModeDir|0o755:
		case mode&fs.ModeSymlink != 0:
			target, err := os.Readlink(file)
			if err != nil {
				return err
			}
			files[name] = "-> " + target
		case mode == 0o644, mode == 0o755:
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if mode == 0o755 {
				name += "*"
			}
			files[name] = string(content)
		default:
			t.Errorf("%s has mode %v", name, mode)
		}
		return nil
	}))
	return files
}

func selectFiles(t *testing.T, o artifacts.Options) *artifacts.Selection {
	t.Helper()
	s, err := artifacts.Select(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written returns what WriteDir makes of s.
func written(t *testing.T, s *artifacts.Selection) map[string]string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "new", "artifact")
	must(t, s.WriteDir(t.Context(), dst))
	rest, err := os.ReadDir(filepath.Dir(dst))
	must(t, err)
	if len(rest) != 1 {
		t.Errorf("beside the artifact there is %v", rest)
	}
	return read(t, dst)
}

func checkNotices(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("notices: %q, want %d", got, len(want))
		return
	}
	for i := range got {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("notice: %q, want %q", got[i], want[i])
		}
	}
}

type files = map[string]string

func TestSelect(t *testing.T) {
	site := files{
		"dist/index.html": "i", "dist/.well-known/x": "w", "dist/assets/a.js": "a", "dist/assets/a.js.map": "m",
		"dist/run.sh*": "r", "dist/empty/": "", "package.json": "p", ".git/config": "g", "dist/sub/.git": "gitdir: x",
		"dist/sub/b": "b", "node_modules/x/y": "n",
	}
	all := files{"index.html": "i", ".well-known/x": "w", "assets/a.js": "a", "assets/a.js.map": "m", "run.sh*": "r", "sub/b": "b"}
	tests := []struct {
		name    string
		opts    artifacts.Options
		want    files
		notices []string
	}{
		{"default", artifacts.Options{Base: "dist"}, all, nil},
		{"slashes", artifacts.Options{Base: "/dist/", Files: []string{"**/*"}}, all, nil},
		{"dots", artifacts.Options{Base: "./node_modules/../dist"}, all, nil},
		{"some", artifacts.Options{Base: "dist", Files: []string{"*.html", "assets/", "!**/*.map"}}, files{"index.html": "i", "assets/a.js": "a"}, nil},
		{
			"base in the pattern",
			artifacts.Options{Files: []string{"dist/*.html", "package.json"}},
			files{"dist/index.html": "i", "package.json": "p"},
			[]string{"its .git was left out"},
		},
		{
			"never .git",
			artifacts.Options{Base: "/", Files: []string{"**/.git/**", ".git/config", ".git", "p*"}},
			files{"package.json": "p"},
			[]string{`"**/.git/**" matches no file`, `".git/config" matches no file`, `".git" matches no file`, "its .git was left out"},
		},
		{"no match", artifacts.Options{Base: "dist", Files: []string{"*.html", "*.css"}}, files{"index.html": "i"}, []string{`pattern "*.css" matches no file in "dist"`}},
		{
			"nothing",
			artifacts.Options{Base: "dist", BaseAsWritten: "$DIST", Files: []string{"*.css"}},
			files{},
			[]string{`pattern "*.css" matches no file in "$DIST"`, "the artifact is empty"},
		},
		{"empty folder", artifacts.Options{Base: "dist/empty"}, files{}, []string{"the artifact is empty"}},
		{"discard", artifacts.Options{Base: "dist", DiscardPaths: true}, files{"index.html": "i", "x": "w", "a.js": "a", "a.js.map": "m", "run.sh*": "r", "b": "b"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.Root = tree(t, site)
			s := selectFiles(t, tt.opts)
			if diff := cmp.Diff(tt.want, written(t, s)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, unzipped(t, s)); diff != "" {
				t.Errorf("zip: %s", diff)
			}
			checkNotices(t, s.Notices, tt.notices...)
			if int(s.Bytes) != len(tt.want) { // each file has one byte
				t.Errorf("Bytes = %d", s.Bytes)
			}
		})
	}
}

// TestDocumented holds how the service takes artifacts, by the notes on its behaviour: 1.3 (.. inside the repository), 1.4
// (slashes, dot files, discard-paths) and 8.1 (the content of the folder, not the folder).
func TestDocumented(t *testing.T) {
	repo := files{
		"index.html": "0", "front-end/static/a": "1", "dist/index.html": "2", "dist/.well-known/assetlinks.json": "3", "dist/.htaccess": "4",
		"dist/apps/x/index.html": "5", "apps/x/src/x.js": "6", ".next/server/.x": "7", ".amplify-hosting/static/.y": "8", "dist/a/one.js": "9", "dist/a/b/.two": "A",
	}
	dist := files{
		"index.html": "2", ".well-known/assetlinks.json": "3", ".htaccess": "4", "apps/x/index.html": "5", "a/one.js": "9", "a/b/.two": "A",
	}
	everything := []string{"**/*"}
	for _, tt := range []struct {
		section, base string
		patterns      []string
		discard       bool
		want          files
	}{
		{"1.4 the generated default", "/", everything, false, repo},
		{"1.4 leading slash", "/dist", everything, false, dist},
		{"1.4 trailing slash", "dist/", everything, false, dist},
		{"1.4 both", "/dist/", everything, false, dist},
		{"1.4 dot", "./front-end/static", everything, false, files{"a": "1"}},
		{"1.4 no files", "dist", nil, false, dist},
		{"1.4 dot files by a star", "dist", []string{"*"}, false, files{"index.html": "2", ".htaccess": "4"}},
		{"1.4 dot files below a folder", "dist", []string{"a/**/*"}, false, files{"a/one.js": "9", "a/b/.two": "A"}},
		{"1.4 a folder that begins with a dot", ".next", everything, false, files{"server/.x": "7"}},
		{"1.4 the adapters' folder", ".amplify-hosting", everything, false, files{"static/.y": "8"}},
		{"1.3 up and down again", "apps/x/../../dist/apps/x/", everything, false, files{"index.html": "5"}},
		{"1.3 through a folder that is not there", "apps/none/../../front-end/static", everything, false, files{"a": "1"}},
		{"1.4 discard-paths", "dist", []string{"a/**/*", ".well-known/*"}, true, files{"one.js": "9", ".two": "A", "assetlinks.json": "3"}},
		{"1.4 discard-paths of the root", "/", []string{"front-end/**", "apps/**"}, true, files{"a": "1", "x.js": "6"}},
	} {
		t.Run(tt.section, func(t *testing.T) {
			s := selectFiles(t, artifacts.Options{Root: tree(t, repo), Base: tt.base, Files: tt.patterns, DiscardPaths: tt.discard})
			if diff := cmp.Diff(tt.want, unzipped(t, s)); diff != "" {
				t.Error(diff)
			}
			checkNotices(t, s.Notices)
		})
	}
	t.Run("1.4 discard-paths with two of one name", func(t *testing.T) {
		_, err := artifacts.Select(t.Context(), artifacts.Options{Root: tree(t, repo), Base: "dist", DiscardPaths: true})
		var collision *artifacts.CollisionError
		if !errors.As(err, &collision) || collision.Name != "index.html" {
			t.Errorf("got %v", err)
		}
	})
}

func TestFiles(t *testing.T) {
	root := tree(t, files{"app/dist/b/run*": "12", "app/dist/a": "1", "app/dist/l": "-> b/run"})
	s := selectFiles(t, artifacts.Options{Root: root, Base: "app/dist"})
	want := []artifacts.File{
		{Path: "a", Source: "app/dist/a", Size: 1, Mode: 0o644},
		{Path: "b/run", Source: "app/dist/b/run", Size: 2, Mode: 0o755},
		{Path: "l", Source: "app/dist/l", Mode: fs.ModeSymlink, Link: "b/run"},
	}
	if diff := cmp.Diff(want, s.Files); diff != "" {
		t.Error(diff)
	}
	if s.Base != "app/dist" || s.Bytes != 3 {
		t.Errorf("Base %q, Bytes %d", s.Base, s.Bytes)
	}
}

func TestModes(t *testing.T) {
	root := tree(t, files{"s": "", "x": "", "r": ""})
	must(t, os.Chmod(filepath.Join(root, "s"), 0o755|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky))
	must(t, os.Chmod(filepath.Join(root, "x"), 0o700))
	must(t, os.Chmod(filepath.Join(root, "r"), 0o400))
	s := selectFiles(t, artifacts.Options{Root: root})
	if diff := cmp.Diff(files{"s*": "", "x*": "", "r": ""}, written(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestNamesInAnyEncoding(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("needs a file system that takes names that are not UTF-8")
	}
	want := files{"caf\xe9/\xff": "latin", "日本/é": "utf8", "a\nb": "newline", `back\slash`: "b", "-rf": "x", "sp ace ": "y"}
	s := selectFiles(t, artifacts.Options{Root: tree(t, want)})
	if diff := cmp.Diff(want, written(t, s)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, unzipped(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestDeepTree(t *testing.T) {
	const name = "a-folder-name-that-makes-the-path-longer-than-the-kernel-takes"
	root := tree(t, nil)
	r, err := os.OpenRoot(root)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	deep := strings.TrimSuffix(strings.Repeat(name+"/", 300), "/")
	must(t, r.MkdirAll(deep, 0o755))
	must(t, r.WriteFile(deep+"/file", []byte("deep"), 0o644))

	s := selectFiles(t, artifacts.Options{Root: root, Files: []string{"**/file"}})
	if len(s.Files) != 1 || s.Files[0].Path != deep+"/file" {
		t.Fatalf("got %d files", len(s.Files))
	}
	dst := filepath.Join(t.TempDir(), "dst")
	must(t, s.WriteDir(t.Context(), dst))
	out, err := os.OpenRoot(dst)
	must(t, err)
	t.Cleanup(func() { must(t, out.Close()) })
	if got, err := out.ReadFile(deep + "/file"); string(got) != "deep" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTooDeepTree(t *testing.T) {
	r, err := os.OpenRoot(tree(t, nil))
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	must(t, r.MkdirAll(strings.Repeat("d/", 1100)+"d", 0o755))
	if _, err := artifacts.Select(t.Context(), artifacts.Options{Root: r.Name()}); err == nil || !strings.Contains(err.Error(), "1000 deep") {
		t.Errorf("got %v", err)
	}
}
