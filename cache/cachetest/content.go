package cachetest

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/cache"
)

// contentPath is where a package manager keeps this content: npm under SHA-512 and SHA-256, or pnpm.
func contentPath(manager int, content string) string {
	long, short := sha512.Sum512([]byte(content)), sha256.Sum256([]byte(content))
	l, s := hex.EncodeToString(long[:]), hex.EncodeToString(short[:])
	switch manager {
	case 0:
		return "_cacache/content-v2/sha512/" + l[:2] + "/" + l[2:4] + "/" + l[4:]
	case 1:
		return "_cacache/content-v2/sha256/" + s[:2] + "/" + s[2:4] + "/" + s[4:]
	}
	return "v10/files/" + l[:2] + "/" + l[2:]
}

// contentOf is what file i of a contentTree holds.
func contentOf(i int) string { return strings.Repeat(fmt.Sprintf("content %d\n", i), 1000*(i%3)+1) }

const contentFiles = 12

func contentName(i int) string { return "x/" + contentPath(i%3, contentOf(i)) }

// contentTree makes a tree of stores that package managers keep, and of other files.
func contentTree(t testing.TB) string {
	t.Helper()
	root := workspace(t)
	for i := range contentFiles {
		write(t, root, contentName(i), contentOf(i))
	}
	write(t, root, "x/_cacache/index-v5/aa/bb/cc", "index")
	must(t, os.Chmod(filepath.Join(root, contentName(2)), 0o755))
	age(t, root)
	return root
}

// remove removes a workspace as it is done at the end of a build.
func remove(t testing.TB, root string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	}))
	must(t, os.RemoveAll(root))
}

// contentEdits are what a build can do to a file of a store.
var contentEdits = map[string]func(path string) error{
	"nothing": func(string) error { return nil },
	"append": func(path string) error {
		return edited(path, os.O_WRONLY|os.O_APPEND, func(f *os.File) error { _, err := f.WriteString("more"); return err })
	},
	"truncating rewrite": func(path string) error { return os.WriteFile(path, []byte("rewritten"), 0o600) },
	"hidden edit": func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return errors.Join(edited(path, os.O_WRONLY, func(f *os.File) error { _, err := f.WriteAt([]byte("C"), 0); return err }),
			os.Chtimes(path, info.ModTime(), info.ModTime()))
	},
	"mode":         func(path string) error { return os.Chmod(path, 0o600) },
	"special mode": func(path string) error { return os.Chmod(path, 0o644|fs.ModeSetuid) },
	"time":         func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1e9, 5)) },
	"rename over": func(path string) error {
		return errors.Join(os.WriteFile(path+".new", []byte("replaced"), 0o644), os.Rename(path+".new", path)) //nolint:gosec // as the others
	},
	"same again": func(path string) error {
		b, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(path+".new", b, 0o644), os.Rename(path+".new", path)) //nolint:gosec // as the others
	},
	"removal": os.Remove,
	"a link":  func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) },
	"hard link": func(path string) error {
		if err := os.Link(path, path+"-twin"); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	},
	"attribute": func(path string) error {
		if err := unix.Setxattr(path, "user.preamp", []byte("x"), 0); !errors.Is(err, unix.ENOTSUP) {
			return err
		}
		return nil
	},
}

func edited(path string, flags int, f func(*os.File) error) error {
	file, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	return errors.Join(f(file), file.Close())
}

// editContent does the same edit to every other file that is still one.
func editContent(t testing.TB, root string, edit func(string) error) {
	t.Helper()
	for i := 0; i < contentFiles; i += 2 {
		path := filepath.Join(root, contentName(i))
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			must(t, edit(path))
		}
	}
}

// withoutSpecial is a tree as it comes back: without special bits.
func withoutSpecial(tree map[string]string) map[string]string {
	for name, what := range tree {
		tree[name] = strings.Replace(what, "file u", "file -", 1)
	}
	return tree
}

// editsOfContent lets builds edit what was restored: the next one gets what was saved of it, and each its own.
func editsOfContent(t *testing.T, open Opener) {
	for name, edit := range contentEdits {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			f := newFixture(t, open, "x")
			first := contentTree(t)
			f.save(first)
			remove(t, first)
			for range 3 { // builds, each of which begins with what the one before has saved
				root := workspace(t)
				if r := f.restore(root); !r.Hit {
					t.Fatalf("miss: %s", r.Reason)
				}
				editContent(t, root, edit)
				f.save(root)
				want := withoutSpecial(snapshot(t, root))
				// While the workspace is still there, another build cannot reach it.
				other := workspace(t)
				f.restore(other)
				equal(t, want, snapshot(t, other))
				apart(t, root, other)
				remove(t, other)
				remove(t, root)
				equal(t, want, f.mustHit())
			}
		})
	}
}

// apart checks that no file of one workspace is one of the other: what is written to the one must not show in the other.
func apart(t testing.TB, one, other string) {
	t.Helper()
	for i := range contentFiles {
		a, errA := os.Lstat(filepath.Join(one, contentName(i)))
		b, errB := os.Lstat(filepath.Join(other, contentName(i)))
		if errA == nil && errB == nil && os.SameFile(a, b) {
			t.Errorf("both workspaces have the same file %s", contentName(i))
		}
	}
}

// failedBuild lets builds edit what was restored and end without a save: the next one gets what was saved before.
func failedBuild(t *testing.T, open Opener) {
	for name, edit := range contentEdits {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			f := newFixture(t, open, "x")
			first := contentTree(t)
			f.save(first)
			want := snapshot(t, first)
			remove(t, first)
			for range 2 {
				root := workspace(t)
				f.restore(root)
				equal(t, want, snapshot(t, root))
				editContent(t, root, edit)
				equal(t, want, f.mustHit())
				remove(t, root)
				equal(t, want, f.mustHit())
			}
		})
	}
}

// killedBuild kills a process after it has restored a tree and edited it, with the times put back.
func killedBuild(t *testing.T, open Opener) {
	const storeVar, rootVar = "PREAMP_TEST_KILLED_BUILD", "PREAMP_TEST_KILLED_BUILD_ROOT"
	if dir := os.Getenv(storeVar); dir != "" {
		f := &fixture{t: t, store: open(t, dir), key: newFixture(t, open, "x").key}
		f.restore(os.Getenv(rootVar))
		editContent(t, os.Getenv(rootVar), contentEdits["hidden edit"])
		must(t, unix.Kill(os.Getpid(), unix.SIGKILL))
		select {} // it does not come at once
	}
	f := newFixture(t, open, "x")
	first, root := contentTree(t), workspace(t)
	f.save(first)
	want := snapshot(t, first)
	remove(t, first)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$") //nolint:gosec // the test binary itself
	child.Env = append(os.Environ(), storeVar+"="+f.dir, rootVar+"="+root)
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("%v: %s", err, out)
	}
	f.store = open(t, f.dir)
	equal(t, want, f.mustHit()) // while the dead build's workspace is there
	remove(t, root)
	equal(t, want, f.mustHit())
	equal(t, want, f.mustHit())
}

// wrongContent saves files of stores that do not hold what they are called by. They are files like others.
func wrongContent(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := contentTree(t)
	editContent(t, root, contentEdits["hidden edit"])
	f.save(root)
	want := snapshot(t, root)
	remove(t, root)
	for range 3 {
		fresh := workspace(t)
		f.restore(fresh)
		equal(t, want, snapshot(t, fresh))
		if s := f.save(fresh); !s.Unchanged {
			t.Errorf("Save: %+v", s)
		}
		remove(t, fresh)
	}
	// A tree with the right ones does not get the wrong ones.
	root = contentTree(t)
	f.save(root)
	want = snapshot(t, root)
	remove(t, root)
	equal(t, want, f.mustHit())
}

// restoresAtOnce restores to several workspaces together, of two stores in one folder.
func restoresAtOnce(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	first := contentTree(t)
	f.save(first)
	want := snapshot(t, first)
	remove(t, first)
	stores := []cache.Store{f.store, open(t, f.dir)}
	for range 10 {
		roots := []string{workspace(t), workspace(t), workspace(t)}
		var wg sync.WaitGroup
		for i, root := range roots {
			wg.Go(func() {
				if r, err := stores[i%2].Restore(context.WithoutCancel(t.Context()), f.key, root); err != nil || !r.Hit {
					t.Errorf("Restore: %+v, %v", r, err)
				}
			})
		}
		wg.Wait()
		for i, root := range roots {
			equal(t, want, snapshot(t, root))
			apart(t, root, roots[(i+1)%len(roots)])
		}
		editContent(t, roots[0], contentEdits["truncating rewrite"])
		equal(t, want, snapshot(t, roots[1]))
		equal(t, want, snapshot(t, roots[2]))
		f.save(roots[1])
		for _, root := range roots {
			remove(t, root)
		}
	}
}
