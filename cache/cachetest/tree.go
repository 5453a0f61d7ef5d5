package cachetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// workspace is an empty folder that can be removed at the end, whatever modes its folders have.
func workspace(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	t.Cleanup(func() {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
	})
	return root
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mkdir(t testing.TB, root, name string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(root, name), 0o755))
}

func write(t testing.TB, root, name, content string) {
	t.Helper()
	mkdir(t, root, filepath.Dir(name))
	must(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
}

func read(t testing.TB, root, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	must(t, err)
	return string(b)
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// snapshot describes everything below root: kind, mode, time to the nanosecond and content.
func snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := fmt.Sprintf("%v %d.%09d", info.Mode(), info.ModTime().Unix(), info.ModTime().Nanosecond())
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what = fmt.Sprintf("file %s %d bytes %x", what, len(b), sha256.Sum256(b))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what = fmt.Sprintf("link %d.%09d to %q", info.ModTime().Unix(), info.ModTime().Nanosecond(), target)
		}
		rel, err := filepath.Rel(root, path)
		tree[filepath.ToSlash(rel)] = what
		return err
	})
	must(t, err)
	return tree
}

// nasty makes a tree of everything that a file system allows and an archive may stumble over.
func nasty(t testing.TB, root string) {
	t.Helper()
	long := strings.Repeat("l", 255)
	files := map[string]string{
		"plain": "x", "empty": "", ".hidden": "h", "new\nline": "n", "tab\tand \"quotes\"": "q", `back\slash`: "b",
		" leading and trailing ": "s", "-rf": "f", "a": "a", "a.b": "after a/c in a walk", "a-b": "x", "ünï/中文": "u",
		long: "255 bytes", "sub/" + long + "/" + long: "deep and long", "star*[x]{y}?": "glob", "~": "t", "$HOME": "v", "...": "d",
		"CON": "c", "colon:name": "c", "zeros": strings.Repeat("\x00", 1<<20),
	}
	delete(files, "a")
	files["a/c"] = "c"
	for name, content := range files {
		write(t, root, name, content)
	}
	for _, raw := range []string{"not\xffutf8", "\xc3\x28/\x80"} {
		mkdir(t, root, "raw")
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, "raw", raw)), 0o755); errors.Is(err, unix.EILSEQ) {
			continue // a file system that takes only UTF-8
		}
		if err := os.WriteFile(filepath.Join(root, "raw", raw), []byte("raw"), 0o644); !errors.Is(err, unix.EILSEQ) {
			must(t, err)
		}
	}
	random := make([]byte, 5<<20+1)
	seed := rand.NewChaCha8([32]byte{1})
	_, _ = seed.Read(random) // never fails
	write(t, root, "big", string(random))
	write(t, root, "compressible", string(bytes.Repeat([]byte("preamp "), 1<<19)))
	write(t, root, "deep/"+strings.Repeat("d/", 100)+"f", "deep")
	mkdir(t, root, "empty folder/and one in it")
	for name, target := range map[string]string{
		"link": "plain", "dangling": "nowhere", "outside": "/etc/passwd", "up": "../../../..", "self": "self",
		"loop/a": "b", "loop/b": "a", "loop/here": ".", "to folder": "a", "long target": strings.Repeat("t/", 400), "link\n": "a\nb",
	} {
		mkdir(t, root, filepath.Dir(name))
		must(t, os.Symlink(target, filepath.Join(root, name)))
	}
	must(t, os.Link(filepath.Join(root, "plain"), filepath.Join(root, "hard")))
	write(t, root, "bin/run", "#!/bin/sh")
	must(t, os.Chmod(filepath.Join(root, "bin/run"), 0o755))
	write(t, root, "modes/readonly", "r")
	must(t, os.Chmod(filepath.Join(root, "modes/readonly"), 0o400))
	write(t, root, "modes/all", "w")
	must(t, os.Chmod(filepath.Join(root, "modes/all"), 0o777))
	write(t, root, "locked/inner/f", "in a read-only folder")
	age(t, root)
	must(t, os.Chmod(filepath.Join(root, "locked/inner"), 0o500))
	must(t, os.Chmod(filepath.Join(root, "locked"), 0o555))
}

// age gives everything below root, and root, times of its own: old ones, one before 1970, with nanoseconds.
func age(t testing.TB, root string) {
	t.Helper()
	i := int64(-1)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := time.Unix(i*86_400*365/4, 123_456_789+i)
		ts, err := unix.TimeToTimespec(at)
		i++
		if err != nil {
			return err
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
	must(t, err)
}
