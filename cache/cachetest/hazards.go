package cachetest

import (
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/cache"
)

func specialFiles(t *testing.T, open Opener) {
	f := newFixture(t, open, "x", "real/deeper")
	root := workspace(t)
	write(t, root, "x/plain", "p")
	write(t, root, "x/setuid", "s")
	must(t, os.Chmod(filepath.Join(root, "x/setuid"), 0o755|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky))
	must(t, os.Chmod(filepath.Join(root, "x"), 0o775|fs.ModeSetgid|fs.ModeSticky))
	must(t, unix.Mkfifo(filepath.Join(root, "x/pipe"), 0o644))
	skipped := []string{"x/pipe"}
	// The name of a socket has to be short.
	t.Chdir(root)
	if l, err := net.Listen("unix", "x/sock"); err == nil {
		t.Cleanup(func() { _ = l.Close() })
		skipped = append(skipped, "x/sock")
	}
	if os.Geteuid() == 0 {
		if err := unix.Mknod(filepath.Join(root, "x/dev"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 3))); err == nil {
			skipped = append(skipped, "x/dev")
		}
	}
	write(t, root, "x/dep/.git/config", "[core]")
	skipped = append(skipped, "x/dep/.git")
	must(t, os.Symlink("x", filepath.Join(root, "real")))
	skipped = append(skipped, "real")

	saved := f.save(root)
	equal(t, sorted(skipped), sorted(saved.Skipped))
	if len(saved.Notices) != 3 {
		t.Errorf("notices: %q", saved.Notices)
	}
	got := f.mustHit()
	if len(got) != 4 {
		t.Errorf("restored: %v", got)
	}
	for name, mode := range map[string]string{"x/setuid": "-rwxr-xr-x ", "x": "drwxrwxr-x "} {
		if !strings.Contains(got[name], mode) {
			t.Errorf("%s is %s, want mode %s", name, got[name], mode)
		}
	}
}

func tooDeep(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	path := "x" + strings.Repeat("/d", cache.MaxDepth-2)
	write(t, root, path+"/f", "on the last level")
	write(t, root, path+"/too deep/f", "beyond")
	saved := f.save(root)
	equal(t, []string{path + "/too deep"}, saved.Skipped)
	if len(saved.Notices) != 1 {
		t.Errorf("notices: %q", saved.Notices)
	}
	got := f.mustHit()
	if got[path+"/f"] == "" || len(got) != cache.MaxDepth {
		t.Errorf("%d restored, want %d", len(got), cache.MaxDepth)
	}
}

func overwrittenFiles(t *testing.T, open Opener) {
	f := newFixture(t, open, "x", "y/z/cached")
	root := workspace(t)
	for _, name := range []string{"same", "differs", "longer", "shorter", "link", "was-link", "was-folder-now-file/f"} {
		write(t, root, "x/"+name, "cached "+name)
	}
	write(t, root, "y/z/cached", "c")
	must(t, os.Symlink("same", filepath.Join(root, "x/a link")))
	age(t, filepath.Join(root, "x"))
	must(t, os.Chmod(filepath.Join(root, "x"), 0o751))
	f.save(root)
	want := snapshot(t, root)

	fresh, outside := workspace(t), workspace(t)
	write(t, outside, "secret", "untouched")
	write(t, fresh, "x/same", "cached same")
	write(t, fresh, "x/differs", "cached DIFFERS")
	write(t, fresh, "x/longer", "cached longer and longer")
	write(t, fresh, "x/shorter", "c")
	mkdir(t, fresh, "x")
	must(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(fresh, "x/was-link")))
	must(t, os.Link(filepath.Join(outside, "secret"), filepath.Join(fresh, "x/link")))
	write(t, fresh, "x/a link", "was a file")
	write(t, fresh, "x/was-folder-now-file", "now a file")
	mkdir(t, fresh, "y/z")
	must(t, os.Chmod(filepath.Join(fresh, "y"), 0o711))
	must(t, os.Chmod(filepath.Join(fresh, "x"), 0o500))
	if os.Geteuid() != 0 {
		must(t, os.Chmod(filepath.Join(fresh, "x"), 0o700))
	}

	r := f.restore(fresh)
	if r.Overwritten != 7 || len(r.Notices) != 1 || !strings.Contains(r.Notices[0], "(7)") {
		t.Errorf("overwritten %d, notices %q", r.Overwritten, r.Notices)
	}
	got := snapshot(t, fresh)
	maps.DeleteFunc(want, func(name, _ string) bool { return strings.HasPrefix(name, "y") })
	maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasPrefix(name, "y") })
	equal(t, want, got)
	equal(t, "c", read(t, fresh, "y/z/cached"))
	equal(t, "untouched", read(t, outside, "secret"))
	// A folder on the way to what is cached keeps the mode of the checkout.
	info, err := os.Stat(filepath.Join(fresh, "y"))
	must(t, err)
	equal(t, fs.FileMode(0o711), info.Mode().Perm())
}

func linksInTheWorkspace(t *testing.T, open Opener) {
	f := newFixture(t, open, "x", "y")
	root := workspace(t)
	write(t, root, "x/a/b/f", "f")
	write(t, root, "x/z", "z")
	write(t, root, "y/f", "f")
	f.save(root)

	outside := workspace(t)
	mkdir(t, outside, "b")
	write(t, outside, "b/f", "untouched")
	before := snapshot(t, outside)
	for name, target := range map[string]string{"outside": outside, "inside": "../y", "dangling": "nowhere"} {
		t.Run(name, func(t *testing.T) {
			fresh := workspace(t)
			mkdir(t, fresh, "x")
			mkdir(t, fresh, "y")
			must(t, os.Symlink(target, filepath.Join(fresh, "x/a")))
			must(t, os.Remove(filepath.Join(fresh, "y")))
			must(t, os.Symlink(outside, filepath.Join(fresh, "y")))
			r := f.restore(fresh)
			if !r.Hit || r.Files != 1 || len(r.Notices) != 1 || !strings.Contains(r.Notices[0], `"x/a", "y"`) {
				t.Errorf("Restore: %+v", r)
			}
			equal(t, "z", read(t, fresh, "x/z"))
			equal(t, before, snapshot(t, outside))
			equal(t, []string{"x", "y"}, names(t, fresh))
		})
	}
}

func projectRootIsALink(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	f.key.Dir = "apps/web"
	root := workspace(t)
	write(t, root, "apps/web/x", "x")
	f.save(root)
	outside := workspace(t)
	write(t, outside, "x", "untouched")
	mkdir(t, outside, "web")

	for _, link := range []string{"apps", "apps/web"} {
		fresh := workspace(t)
		mkdir(t, fresh, filepath.Dir(link))
		must(t, os.Symlink(outside, filepath.Join(fresh, link)))
		before := snapshot(t, outside)
		if r := f.restore(fresh); r.Hit || !strings.Contains(r.Reason, "symbolic link") {
			t.Errorf("%s: %+v", link, r)
		}
		if s := f.save(fresh); s.Written || !strings.Contains(s.Reason, "symbolic link") {
			t.Errorf("%s: %+v", link, s)
		}
		equal(t, before, snapshot(t, outside))
	}
}

func foldersInTheWay(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	write(t, root, "x/file", "f")
	must(t, os.Symlink("file", filepath.Join(root, "x/link")))
	write(t, root, "x/other", "o")
	f.save(root)
	fresh := workspace(t)
	write(t, fresh, "x/file/tracked", "t")
	write(t, fresh, "x/link/tracked", "t")
	r := f.restore(fresh)
	if !r.Hit || r.Files != 1 || len(r.Notices) != 1 || !strings.Contains(r.Notices[0], `(2): "x/file", "x/link"`) {
		t.Errorf("Restore: %+v", r)
	}
	equal(t, "t", read(t, fresh, "x/file/tracked"))
	equal(t, "t", read(t, fresh, "x/link/tracked"))
	equal(t, "o", read(t, fresh, "x/other"))
}
