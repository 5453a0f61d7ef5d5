package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// countingFS counts the bytes that are read of its files.
type countingFS struct {
	fs.FS
	read *int
}

type countingFile struct {
	fs.File
	read *int
}

func (c countingFS) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if _, isDir := f.(fs.ReadDirFile); err != nil || isDir {
		return f, err
	}
	return countingFile{f, c.read}, nil
}

func (c countingFile) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	*c.read += n
	return n, err
}

// TestHugeManifest checks that a package.json over the limit is refused, having been read up to the limit only.
func TestHugeManifest(t *testing.T) {
	for _, size := range []int{maxManifest, 50 << 20} {
		data := append([]byte(`{"name":"`), bytes.Repeat([]byte("x"), size)...)
		read := 0
		fsys := countingFS{fstest.MapFS{"package.json": {Data: append(data, `"}`...)}}, &read}
		_, err := Detect(fsys, "")
		if !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), "package.json") {
			t.Errorf("%d bytes: the error is %v, want one that names the file and the limit", size, err)
		}
		if read > maxManifest+1 {
			t.Errorf("%d of %d bytes were read", read, size)
		}
	}
}

// TestManyManifests checks that there is a limit to all reading together.
func TestManyManifests(t *testing.T) {
	large := &fstest.MapFile{Data: []byte(`{"a":"` + strings.Repeat("x", maxManifest-10) + `"}`)}
	fsys := fstest.MapFS{"package.json": file(`{"workspaces":["p/*"]}`)}
	for i := range 60 {
		fsys[fmt.Sprintf("p/%03d/package.json", i)] = large
	}
	read := 0
	if _, err := Detect(countingFS{fsys, &read}, ""); err != nil {
		t.Errorf("what is beyond the limit is to be left out: %v", err)
	}
	if read < maxTotal || read > maxTotal+maxManifest+1 {
		t.Errorf("%d MiB were read", read>>20)
	}
}

func TestBrokenManifest(t *testing.T) {
	cases := map[string]string{
		"not JSON":  "{\n  \"name\": \"x\",\n}\n",
		"a list":    "[]",
		"truncated": `{"name": "x"`,
		"deep":      strings.Repeat("[", 500_000),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Detect(fstest.MapFS{"package.json": file(text)}, "")
			if err == nil || !strings.Contains(err.Error(), "package.json") {
				t.Errorf("the error is %v, want one that names the file", err)
			}
		})
	}
	if _, err := Detect(fstest.MapFS{"package.json": file("\xef\xbb\xbf{\"scripts\":[1],\"dependencies\":{\"next\":{}},\"workspaces\":7}")}, ""); err != nil {
		t.Errorf("fields of a wrong type and a byte order mark must be taken as npm takes them: %v", err)
	}
}

// TestLinks checks that nothing is read through a symbolic link, wherever it leads: neither a file, nor one in a linked
// folder, nor an app root.
func TestLinks(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "package.json"), []byte(`{"dependencies":{"next":"15"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	links := map[string]string{
		"package.json": filepath.Join(outside, "package.json"),
		"apps":         outside,
		"loop":         ".",
		"pnpm-lock":    "/dev/zero",
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Skip("needs symbolic links: ", err)
		}
	}
	inRoot, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inRoot.Close() }() // only read from
	for what, fsys := range map[string]fs.FS{"os.DirFS": os.DirFS(root), "os.Root": inRoot.FS()} {
		p, err := Detect(fsys, "")
		if err != nil || p.Framework.ID != "none" || p.PackageManager != "" {
			t.Errorf("%s: a linked package.json was read: %+v, %v", what, p, err)
		}
		if !strings.Contains(strings.Join(p.Reasons, "\n"), "package.json is a symbolic link") {
			t.Errorf("%s: nothing says that the link was left out: %q", what, p.Reasons)
		}
		for _, appRoot := range []string{"apps", "loop/loop/apps"} {
			if p, err := Detect(fsys, appRoot); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: the linked app root %s was taken: %+v, %v", what, appRoot, p, err)
			}
		}
	}
}

func TestAppRoots(t *testing.T) {
	fsys := fstest.MapFS{"apps/web/index.html": file("<p>")}
	for _, root := range []string{"../x", "apps/../../x", "apps/no", "apps/web/index.html", "a\nb", "a\x00b"} {
		if p, err := Detect(fsys, root); err == nil {
			t.Errorf("%q was taken as an app root: %+v", root, p)
		}
	}
	for root, want := range map[string]string{"": "", "/": "", ".": "", "./apps/web/": "apps/web", `apps\web`: "apps/web", "apps//web": "apps/web"} {
		if p, err := Detect(fsys, root); err != nil || p.AppRoot != want {
			t.Errorf("%q: app root %q, %v; want %q", root, p.AppRoot, err, want)
		}
	}
}

// TestManyFolders checks that a repository of folders without end costs no more than the limit: the walk stops and says
// so.
func TestManyFolders(t *testing.T) {
	wide := fstest.MapFS{"package.json": file(`{"workspaces":["**"]}`)}
	for i := range maxFolders + 100 {
		wide[fmt.Sprintf("%05d", i)] = file("")
	}
	deep := fstest.MapFS{"package.json": file(`{"workspaces":["**/**/**","a/**"]}`)}
	deep[strings.Repeat("a/", 2000)+"package.json"] = file(`{"dependencies":{"next":"1"}}`)
	for name, fsys := range map[string]fstest.MapFS{"wide": wide, "deep": deep} {
		p, err := Detect(fsys, "")
		if err != nil || len(p.Apps) > 0 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if name == "wide" && !strings.Contains(strings.Join(p.Reasons, "\n"), "the search for applications stopped") {
			t.Errorf("nothing says that the search stopped: %q", p.Reasons)
		}
	}
}

// TestNoInjection checks that names and folders of the repository are never commands or keys of the specification.
func TestNoInjection(t *testing.T) {
	app := "apps/it's; rm -rf #x: y"
	fsys := fstest.MapFS{
		"package.json":          file(`{"workspaces":["apps/*"]}`),
		"pnpm-lock.yaml":        file("lockfileVersion: '9.0'\n"),
		"pnpm-workspace.yaml":   file("packages: [apps/*]\n"),
		app + "/package.json":   file(`{"name":"x;reboot","dependencies":{"next":"15"},"scripts":{"build":"next build"}}`),
		app + "/next.config.js": file("module.exports = { distDir: '../../../etc', output: 'export\\nfrontend: x' }"),
	}
	p, err := Detect(fsys, app)
	if err != nil {
		t.Fatal(err)
	}
	checkSpecs(t, p, app)
	if strings.Contains(p.BuildCommand, "reboot") || !strings.Contains(p.BuildCommand, `'./apps/it'\''s; rm -rf #x: y'`) {
		t.Errorf("the build command is %s", p.BuildCommand)
	}
	if p.OutputDir != app+"/dist" || p.OutputKnown {
		t.Errorf("the output folder is %q", p.OutputDir)
	}
}
