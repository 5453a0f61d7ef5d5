package source

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Nothing is reached through a link, whenever it came there.
func TestFolderFollowsNothing(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(dir, "link")))
	must(t, os.Symlink(filepath.Join(outside, "file"), filepath.Join(dir, "a", "b", "file")))
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close() //nolint:errcheck // only read
	to, err := newTrail(root)
	must(t, err)
	defer to.Close()
	for _, path := range []string{"link", "link/x", "a/b/file", "a/b/file/x"} {
		if in, err := to.to(path); err == nil {
			t.Errorf("%s was opened: %+v", path, in)
		}
	}
	in, err := to.to("a/b")
	must(t, err)
	if _, err := in.create("file", 0o644); !errors.Is(err, os.ErrExist) {
		t.Errorf("create: %v", err)
	}
	if err := in.mkdir("file"); !errors.Is(err, os.ErrExist) {
		t.Errorf("mkdir: %v", err)
	}
	if _, err := in.symlink("x", "file"); !errors.Is(err, os.ErrExist) {
		t.Errorf("symlink: %v", err)
	}
	top, err := to.to("")
	must(t, err)
	if err := top.mkdir("link"); !errors.Is(err, unix.EEXIST) {
		t.Errorf("mkdir: %v", err)
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("outside are %v", left)
	}
}

func TestTrail(t *testing.T) {
	dir := t.TempDir()
	paths := []string{"a", "a/b/c", "ab", "a/b/d", "", "a/b/c/e", "a/b", "ab/c"}
	for _, p := range paths {
		must(t, os.MkdirAll(filepath.Join(dir, p), 0o755))
	}
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close() //nolint:errcheck // only read
	to, err := newTrail(root)
	must(t, err)
	defer to.Close()
	for _, p := range paths {
		in, err := to.to(p)
		must(t, err)
		f, err := in.create("file", 0o755)
		must(t, err)
		_, err = f.Write([]byte(p))
		must(t, err)
		now, err := f.close()
		must(t, err)
		info, err := os.Lstat(filepath.Join(dir, p, "file"))
		must(t, err)
		if is := statOf(info); is != now || is.size != int64(len(p)) {
			t.Errorf("%q: %+v, and not %+v", p, now, is)
		}
	}
	if want := 3; len(to.open) != want { // the top, ab, ab/c
		t.Errorf("%d folders are open, and not %d", len(to.open), want)
	}
}
