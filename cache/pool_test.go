package cache

import (
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func newLinkStore(t testing.TB, dir string, opts Options) *Local {
	t.Helper()
	if bootID() == "" {
		t.Skip("needs Linux")
	}
	opts.Links = true
	l, err := NewLocal(dir, opts)
	must(t, err)
	return l
}

// npmPath is where npm keeps this content.
func npmPath(content string) string {
	sum := sha512.Sum512([]byte(content))
	h := hex.EncodeToString(sum[:])
	return "x/_cacache/content-v2/sha512/" + h[:2] + "/" + h[2:4] + "/" + h[4:]
}

const npmFiles = 8

func npmText(i int) string { return fmt.Sprintf("package %d", i) }

// npmTree makes a tree of files in npm's store and one beside.
func npmTree(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for i := range npmFiles {
		writeFile(t, root, npmPath(npmText(i)), npmText(i))
	}
	writeFile(t, root, "x/other", "other")
	return root
}

func inodes(t testing.TB, root string) map[string]uint64 {
	t.Helper()
	m := map[string]uint64{}
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && d.Type().IsRegular() {
			err = unix.Lstat(path, &st)
			rel, _ := filepath.Rel(root, path)
			m[rel] = st.Ino
		}
		return err
	}))
	return m
}

// hold keeps the inodes of the files below root from being used again.
func hold(t testing.TB, root string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		t.Cleanup(func() { _ = f.Close() })
		return err
	}))
}

// pooled are the names of the files in the pool of a key.
func pooled(t testing.TB, l *Local, k Key) []string {
	t.Helper()
	p, ok := l.poolOf(k)
	if !ok {
		return nil
	}
	entries, err := os.ReadDir(p.path)
	must(t, err)
	var list []string
	for _, e := range entries {
		if e.Name() == verifiedFile {
			continue
		}
		list = append(list, e.Name())
	}
	return list
}

func mustSave(t testing.TB, l *Local, k Key, root string) Saved {
	t.Helper()
	s, err := l.Save(t.Context(), k, compiled(t, k), root)
	must(t, err)
	return s
}

func mustRestore(t testing.TB, l *Local, k Key) (string, Restored) {
	t.Helper()
	root := t.TempDir()
	r, err := l.Restore(t.Context(), k, root)
	if err != nil || !r.Hit {
		t.Fatalf("%+v, %v", r, err)
	}
	return root, r
}

// TestTaken: a build gets the very files that the one before has left, nothing is read to save them again, and a workspace
// that is still there keeps its own.
func TestTaken(t *testing.T) {
	l := newLinkStore(t, t.TempDir(), Options{})
	root := npmTree(t)
	s := mustSave(t, l, plainKey, root)
	want := inodes(t, root)
	hold(t, root)
	if got := pooled(t, l, plainKey); len(got) != npmFiles {
		t.Fatalf("%d files are in the pool", len(got))
	}
	other, _ := mustRestore(t, l, plainKey)
	for name, inode := range inodes(t, other) {
		if inode == want[name] {
			t.Errorf("%s is shared with a workspace that is there", name)
		}
	}
	s = mustSave(t, l, plainKey, root) // the one that the pool holds from now on
	if !s.Unchanged {
		t.Errorf("Save: %+v", s)
	}
	for round := range 3 {
		must(t, os.RemoveAll(root))
		var r Restored
		root, r = mustRestore(t, l, plainKey)
		if r.Files != npmFiles+1 || r.Overwritten != 0 {
			t.Errorf("round %d: Restore: %+v", round, r)
		}
		for name, inode := range inodes(t, root) {
			if (inode == want[name]) != strings.Contains(name, npmContent) {
				t.Errorf("round %d: %s is the same file: %v", round, name, inode == want[name])
			}
		}
		if got := pooled(t, l, plainKey); len(got) != 0 {
			t.Errorf("round %d: left in the pool: %q", round, got)
		}
		known := knownStamps(t, l, plainKey, root)
		for i := range known.list {
			if known.list[i].ino == want["x/other"] && known.verified(i) {
				t.Error("what has no hash is verified")
			}
		}
		if s := mustSave(t, l, plainKey, root); !s.Unchanged || s.Read != 0 || len(s.Notices) > 0 {
			t.Errorf("round %d: Save: %+v", round, s)
		}
		if got := pooled(t, l, plainKey); len(got) != npmFiles {
			t.Errorf("round %d: %d files are in the pool", round, len(got))
		}
	}
}

// TestUnpackedAgain: a build that has failed took its files along. What the next one gets instead is linked again, without
// being read.
func TestUnpackedAgain(t *testing.T) {
	l, root := newLinkStore(t, t.TempDir(), Options{}), npmTree(t)
	mustSave(t, l, plainKey, root)
	must(t, os.RemoveAll(root))
	failed, _ := mustRestore(t, l, plainKey)
	must(t, os.RemoveAll(failed))
	root, _ = mustRestore(t, l, plainKey)
	known := knownStamps(t, l, plainKey, root)
	verified := 0
	for i := range known.list {
		if known.verified(i) {
			verified++
		}
	}
	if verified != npmFiles {
		t.Errorf("%d files are known to hold what their names say", verified)
	}
	mustSave(t, l, plainKey, root)
	if got := pooled(t, l, plainKey); len(got) != npmFiles {
		t.Errorf("%d files are in the pool", len(got))
	}
}

// TestNotPooled: what does not hold what its name says, or is more than an entry says of it, is in no pool.
func TestNotPooled(t *testing.T) {
	right := npmPath("right")
	sha1 := "x/_cacache/content-v2/sha1/aa/bb/" + strings.Repeat("c", 36)
	for name, c := range map[string]struct {
		name   string
		change func(path string) error
		notice bool
	}{
		"right":        {right, func(string) error { return nil }, false},
		"another file": {right, func(path string) error { return os.WriteFile(path, []byte("wrong"), 0o600) }, true},
		"one bit":      {right, func(path string) error { return os.WriteFile(path, []byte("riGht"), 0o600) }, true},
		"setuid":       {right, func(path string) error { return os.Chmod(path, 0o755|fs.ModeSetuid) }, false},
		"attribute":    {right, func(path string) error { return unix.Setxattr(path, "user.preamp", []byte("x"), 0) }, false},
		"weak hash":    {sha1, func(string) error { return nil }, false},
		"owner": {right, func(path string) error {
			if os.Geteuid() != 0 {
				return os.Chmod(path, 0o755|fs.ModeSetuid)
			}
			return os.Chown(path, 1234, 1234)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, root := newLinkStore(t, t.TempDir(), Options{}), t.TempDir()
			writeFile(t, root, c.name, "right")
			if err := c.change(filepath.Join(root, c.name)); errors.Is(err, unix.ENOTSUP) {
				t.Skip("needs a file system with extended attributes")
			} else {
				must(t, err)
			}
			s := mustSave(t, l, plainKey, root)
			if got := slices.ContainsFunc(s.Notices, func(n string) bool { return strings.Contains(n, c.name) }); got != c.notice {
				t.Errorf("notices: %q", s.Notices)
			}
			if got := len(pooled(t, l, plainKey)) == 1; got != (name == "right") {
				t.Errorf("in the pool: %v", got)
			}
		})
	}
}

// TestUnpackedIsNotVerified: what restores unpacked from a hostile entry is not trusted because it was not changed since.
func TestUnpackedIsNotVerified(t *testing.T) {
	dir, root := t.TempDir(), t.TempDir()
	plain := newKillStore(t, dir)
	writeFile(t, root, npmPath("right"), "wrong")
	mustSave(t, plain, plainKey, root)
	l := newLinkStore(t, dir, Options{})
	root, _ = mustRestore(t, l, plainKey)
	time.Sleep(2 * fineTick) // so that nothing has to be read again
	if s := mustSave(t, l, plainKey, root); !s.Unchanged || len(s.Notices) != 1 {
		t.Errorf("Save: %+v", s)
	}
	if got := pooled(t, l, plainKey); len(got) != 0 {
		t.Errorf("in the pool: %q", got)
	}
}

// TestChangedPool: a pool in which something was changed is of no harm.
func TestChangedPool(t *testing.T) {
	changes := map[string]func(path string) error{
		"size":   func(path string) error { return os.WriteFile(path, []byte("another content"), 0o600) },
		"time":   func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1e9, 0)) },
		"mode":   func(path string) error { return os.Chmod(path, 0o777) },
		"setuid": func(path string) error { return os.Chmod(path, 0o644|fs.ModeSetuid) },
		"linked": func(path string) error {
			return os.Link(path, filepath.Join(filepath.Dir(filepath.Dir(path)), filepath.Base(path)))
		},
		"link":   func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) },
		"folder": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"gone":   os.Remove,
		"pipe":   func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o644)) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			l, root := newLinkStore(t, t.TempDir(), Options{}), npmTree(t)
			mustSave(t, l, plainKey, root)
			want := paths(t, root)
			must(t, os.RemoveAll(root))
			pool, ok := l.poolOf(plainKey)
			if !ok {
				t.Fatal("there is no pool")
			}
			for _, name := range pooled(t, l, plainKey)[:npmFiles/2] {
				must(t, change(filepath.Join(pool.path, name)))
			}
			root, _ = mustRestore(t, l, plainKey)
			got := paths(t, root)
			if !maps.Equal(got, want) {
				t.Errorf("restored something else: %s", cmp.Diff(want, got))
			}
		})
	}
}

// TestPoolsGo: a pool goes with its entry, with the boot, when links are off, and before entries when there is no room.
func TestPoolsGo(t *testing.T) {
	for name, c := range map[string]struct {
		opts Options
		gone bool
		do   func(t *testing.T, l *Local, pool poolInfo)
	}{
		"stays": {Options{Links: true}, false, func(*testing.T, *Local, poolInfo) {}},
		"entry": {Options{Links: true}, true, func(t *testing.T, l *Local, _ poolInfo) {
			must(t, os.Remove(pathOf(l, plainKey)))
		}},
		"boot": {Options{Links: true}, true, func(t *testing.T, _ *Local, p poolInfo) {
			must(t, os.Rename(p.path, strings.Replace(p.path, p.boot, "before", 1)))
		}},
		"twice": {Options{Links: true}, false, func(t *testing.T, _ *Local, p poolInfo) {
			must(t, os.Mkdir(p.path+"0", 0o700))
		}},
		"off":  {Options{}, true, func(*testing.T, *Local, poolInfo) {}},
		"room": {Options{Links: true, MaxTotal: 4000}, true, func(*testing.T, *Local, poolInfo) {}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, root := t.TempDir(), t.TempDir()
			l := newLinkStore(t, dir, Options{})
			content := strings.Repeat("compressible ", 1000)
			writeFile(t, root, npmPath(content), content)
			mustSave(t, l, plainKey, root)
			must(t, os.RemoveAll(root))
			pool, ok := l.poolOf(plainKey)
			if !ok || pool.bytes != int64(len(content)) {
				t.Fatalf("pool: %+v, %v", pool, ok)
			}
			c.do(t, l, pool)
			l, err := NewLocal(dir, c.opts)
			must(t, err)
			got, err := l.GC(t.Context())
			must(t, err)
			left, err := l.pools(safeName(plainKey.App))
			if want := map[bool]int{false: 1}[c.gone]; err != nil || len(left) != want || got.Entries != 0 {
				t.Errorf("left: %+v, %v; collected: %+v", left, err, got)
			}
			if name != "entry" && !hits(t, l, plainKey) {
				t.Error("the entry is gone")
			}
		})
	}
}

func TestAddressOf(t *testing.T) {
	hash := func(n int) string { return strings.Repeat("ab", n) }
	for path, want := range map[string]string{
		".npm/_cacache/content-v2/sha512/ab/cd/" + hash(62): "sha512 abcd" + hash(62),
		"content-v2/sha256/ab/cd/" + hash(30):               "sha256 abcd" + hash(30),
		"content-v2/sha384/ab/cd/" + hash(46):               "sha384 abcd" + hash(46),
		"store/v3/files/ab/" + hash(63):                     "sha512 ab" + hash(63),
		"v10/files/ab/" + hash(63) + "-exec":                "sha512 ab" + hash(63),

		"content-v2/sha1/ab/cd/" + hash(18):       "",
		"content-v2/md5/ab/cd/" + hash(30):        "",
		"content-v2/sha512/ab/cd/" + hash(61):     "",
		"content-v2/sha512/AB/cd/" + hash(62):     "",
		"content-v2/sha512/abc/d/" + hash(62):     "",
		"content-v2/sha512/ab/c/" + hash(62):      "",
		"content-v3/sha512/ab/cd/" + hash(62):     "",
		"sha512/ab/cd/" + hash(62):                "",
		"ab/cd/" + hash(62):                       "",
		hash(62):                                  "",
		"":                                        "",
		"v3/files/ab/" + hash(63) + "-index.json": "",
		"v3/files/ab/" + hash(63) + "-exec-exec":  "",
		"v3/files/ab/" + hash(62):                 "",
		"v10/index/ab/" + hash(63):                "",
		".yarn/cache/lodash-npm-4.17.21-6382451519-" + hash(10) + ".zip": "",
	} {
		got := ""
		if a, ok := addressOf(path); ok {
			got = a.algorithm + " " + a.digest
		}
		if got != want {
			t.Errorf("addressOf(%q) = %q, want %q", path, got, want)
		}
	}
}
