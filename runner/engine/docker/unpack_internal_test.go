package docker

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// entries makes an archive out of lines "KIND NAME [TARGET or CONTENT]", with d, f, l (symlink), h (hard link), c (device),
// p (pipe), s (a set-user-id file) and z (a file without any rights) as kinds.
func entries(lines string) []byte {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for line := range strings.Lines(lines) {
		f := append(strings.SplitN(strings.TrimRight(line, "\n"), " ", 3), "", "", "")
		hdr := &tar.Header{Name: f[1], Mode: 0o644, ModTime: time.Unix(1_700_000_000, 0)}
		switch f[0] {
		case "d":
			hdr.Typeflag, hdr.Mode = tar.TypeDir, 0
		case "l":
			hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, f[2]
		case "h":
			hdr.Typeflag, hdr.Linkname = tar.TypeLink, f[2]
		case "c":
			hdr.Typeflag, hdr.Devmajor, hdr.Devminor = tar.TypeChar, 1, 3
		case "p":
			hdr.Typeflag = tar.TypeFifo
		default:
			if mode, ok := map[string]int64{"s": 0o4755, "z": 0}[f[0]]; ok {
				hdr.Mode = mode
			}
			hdr.Typeflag, hdr.Size = tar.TypeReg, int64(len(f[2]))
		}
		if tw.WriteHeader(hdr) == nil && hdr.Typeflag == tar.TypeReg { // what tar itself cannot say is left out
			_, _ = tw.Write([]byte(f[2]))
		}
	}
	_ = tw.Close()
	return buf.Bytes()
}

// place is a workspace with a world around it that no archive may change.
type place struct {
	root    *os.Root
	world   string
	outside string
}

func newPlace(t testing.TB) place {
	t.Helper()
	p := place{world: t.TempDir()}
	p.outside = filepath.Join(p.world, "outside")
	for _, dir := range []string{"outside", "root/dist", "root/inner"} {
		if err := os.MkdirAll(filepath.Join(p.world, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.outside, "canary"), []byte("alive"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Links that the repository may hold already.
	for name, target := range map[string]string{"abs": p.outside, "up": "../outside", "in": "inner"} {
		if err := os.Symlink(target, filepath.Join(p.world, "root", name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(filepath.Join(p.world, "root"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	p.root = root
	return p
}

// check fails when anything outside of the workspace has changed, or something dangerous got into it.
func (p place) check(t testing.TB) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(p.world, "*"))
	if err != nil || len(names) != 2 {
		t.Errorf("beside the workspace: %v, %v", names, err)
	}
	list, err := os.ReadDir(p.outside)
	if err != nil || len(list) != 1 {
		t.Errorf("outside: %v, %v", list, err)
	}
	canary := filepath.Join(p.outside, "canary")
	raw, err := os.ReadFile(canary)
	info, errInfo := os.Stat(canary)
	if err != nil || errInfo != nil || string(raw) != "alive" || info.Mode() != 0o644 || info.ModTime().Year() == 2023 {
		t.Errorf("the file outside: %q %v, %v %v", raw, info, err, errInfo)
	}
	err = filepath.WalkDir(filepath.Join(p.world, "root"), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket|fs.ModeSetuid|fs.ModeSetgid) != 0 {
			t.Errorf("%s is %v", name, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Errorf("the workspace cannot be read: %v", err)
	}
}

func TestUnpack(t *testing.T) {
	p := newPlace(t)
	archive := entries("d app\nd app/a\nf app/a/one 1\nd app/a/b\nh app/a/b/two app/a/one\nl app/a/l ../../../x\ns app/suid x\nc app/dev\np app/pipe\nz app/closed y\n")
	if err := unpack(p.root, "dist", true, bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	p.check(t)
	for name, want := range map[string]string{"dist/a/one": "1", "dist/a/b/two": "1", "dist/suid": "x", "dist/closed": "y"} {
		if raw, err := p.root.ReadFile(name); err != nil || string(raw) != want {
			t.Errorf("%s holds %q, %v", name, raw, err)
		}
	}
	one, err1 := p.root.Stat("dist/a/one")
	two, err2 := p.root.Stat("dist/a/b/two")
	if err1 != nil || err2 != nil || !os.SameFile(one, two) {
		t.Errorf("the hard link is another file: %v %v", err1, err2)
	}
	if target, err := p.root.Readlink("dist/a/l"); err != nil || target != "../../../x" {
		t.Errorf("link to %q, %v", target, err)
	}
	if info, err := p.root.Stat("dist/a"); err != nil || info.Mode().Perm() != 0o700 || info.ModTime().Unix() != 1_700_000_000 {
		t.Errorf("folder without rights: %v, %v; want them for its owner, and its time", info, err)
	}
	if info, err := p.root.Stat("dist/closed"); err != nil || info.Mode() != 0o400 {
		t.Errorf("file without rights: %v, %v; want that its owner can read it", info, err)
	}
	for range 2 { // folders that cannot be written must not be in the way the next time
		if err := p.root.Chmod("dist/a", 0o500); err != nil {
			t.Fatal(err)
		}
		if err := removeAll(p.root, "dist"); err != nil {
			t.Fatal(err)
		}
		if err := unpack(p.root, "dist", true, bytes.NewReader(archive)); err != nil {
			t.Fatal(err)
		}
	}
}

// hostile are archives that no engine makes of a folder. Each must be refused; what was written until then stays inside.
var hostile = map[string]string{
	"parent":                       "f ../x 1\n",
	"parent inside":                "f app/../../x 1\n",
	"absolute":                     "f /tmp/x 1\n",
	"through an absolute link":     "l app/l /\nf app/l/tmp/preamp-escape 1\n",
	"through a climbing link":      "l app/l ../..\nf app/l/x 1\n",
	"folder through a link":        "l app/l ../../outside\nd app/l/x\n",
	"through a link of the repo":   "f abs/x 1\n",
	"through its relative link":    "f up/x 1\n",
	"over a link":                  "l app/l ../../outside/canary\nf app/l 1\n",
	"over itself":                  "d app\nf app/x 1\nf app/x 2\n",
	"a folder over a link":         "l app/l ../../outside\nd app/l\n",
	"hard link to the outside":     "d app\nh app/x ../outside/canary\n",
	"hard link to an absolute":     "d app\nh app/x /etc/passwd\n",
	"hard link through a link":     "d app\nl app/l ../../outside\nh app/x app/l/canary\n",
	"hard link to nothing":         "d app\nh app/x app/nothing\n",
	"write through a hard link":    "d app\nf app/x 1\nh app/y app/x\nf app/y 2\n",
	"hard link to a repo link's":   "d app\nh app/x abs/canary\n",
	"a link over a folder":         "d app\nd app/x\nl app/x /\n",
	"parent after the first level": "d app\nf app/a/../../../x 1\n",
}

func TestUnpackHostile(t *testing.T) {
	for name, lines := range hostile {
		for _, strip := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, strip), func(t *testing.T) {
				p := newPlace(t)
				if err := p.root.Mkdir("app", 0o755); err != nil {
					t.Fatal(err)
				}
				err := unpack(p.root, ".", strip, bytes.NewReader(entries(lines)))
				p.check(t)
				if err == nil && !strip {
					t.Error("it was accepted")
				}
			})
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, lines := range hostile {
		f.Add([]byte(lines), false, true)
	}
	f.Add(entries("d app\nf app/x 1\nh app/y app/x\n"), true, false)
	f.Fuzz(func(t *testing.T, archive []byte, strip, lines bool) {
		if lines {
			archive = entries(string(archive))
		}
		p := newPlace(t)
		_ = unpack(p.root, "dist", strip, bytes.NewReader(archive)) // what it thinks of it is not the question here
		p.check(t)
	})
}
