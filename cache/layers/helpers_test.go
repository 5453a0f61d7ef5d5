//go:build linux

package layers_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cache/layers"
)

// needsOverlays skips where overlays cannot be mounted. CI runs as root, and says so by PREAMP_REQUIRE_DOCKER.
func needsOverlays(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("PREAMP_REQUIRE_DOCKER") != "" && os.Getenv("PREAMP_TEST_AS_USER") == "" {
		t.Log("run as root to test layers")
	}
	t.Skip("needs root, to mount overlays")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is a machine: a store, and the application that is built there.
type site struct {
	store    *layers.Store
	dir      string
	key      cache.Key
	paths    cache.Paths
	checkout string
	builds   int
}

func newSite(t testing.TB, patterns ...string) *site {
	t.Helper()
	needsOverlays(t)
	s := &site{dir: t.TempDir()}
	s.checkout = filepath.Join(s.dir, "checkout")
	must(t, os.Mkdir(s.checkout, 0o755))
	s.open(t)
	s.want(t, "", patterns...)
	return s
}

func (s *site) open(t testing.TB) {
	t.Helper()
	store, err := layers.Open(filepath.Join(s.dir, "layers"), layers.Limits{})
	must(t, err)
	s.store = store
}

func (s *site) want(t testing.TB, dir string, patterns ...string) {
	t.Helper()
	var problems []cache.Problem
	s.paths, problems = cache.Compile(dir, patterns)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s.key = cache.Key{App: "app", Branch: "main", DefaultBranch: "main", Image: "img", Arch: "amd64", Paths: patterns, Dir: dir}
}

// job is one build of a site.
type job struct {
	*site
	lease    *layers.Lease
	restored cache.Restored
	tree     layers.Tree
}

func (s *site) start(t testing.TB, store cache.Store) *job {
	t.Helper()
	s.builds++
	name := fmt.Sprintf("build-%d", s.builds)
	lease, got, err := s.store.Restore(t.Context(), layers.Request{Key: s.key, Build: name, Engine: "e", Store: store})
	must(t, err)
	t.Cleanup(func() { _ = lease.Close() })
	b := &job{site: s, lease: lease, restored: got}
	base := filepath.Join(s.dir, name)
	b.tree = layers.Tree{Upper: filepath.Join(base, "upper"), Merged: filepath.Join(base, "merged")}
	for _, d := range []string{base, b.tree.Upper, filepath.Join(base, "work"), b.tree.Merged} {
		must(t, os.Mkdir(d, 0o755))
	}
	lower := append([]string{s.checkout}, lease.Layers()...)
	b.mount(t, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s/work,redirect_dir=on,index=off,metacopy=off,volatile",
		strings.Join(lower, ":"), b.tree.Upper, base))
	return b
}

func (b *job) mount(t testing.TB, options string) {
	t.Helper()
	must(t, unix.Mount("overlay", b.tree.Merged, "overlay", 0, options))
	t.Cleanup(func() { _ = unix.Unmount(b.tree.Merged, unix.MNT_DETACH) })
}

// stop ends the build as an engine does: afterwards the workspace can be read.
func (b *job) stop(t testing.TB) {
	t.Helper()
	must(t, unix.Unmount(b.tree.Merged, 0))
	lower := append([]string{b.tree.Upper, b.checkout}, b.lease.Layers()...)
	b.mount(t, "ro,redirect_dir=follow,index=off,metacopy=off,lowerdir="+strings.Join(lower, ":"))
}

func (b *job) save(t testing.TB) cache.Saved {
	t.Helper()
	saved, err := b.lease.Save(t.Context(), b.paths, b.tree)
	must(t, err)
	b.end(t)
	return saved
}

func (b *job) end(t testing.TB) {
	t.Helper()
	must(t, unix.Unmount(b.tree.Merged, 0))
	must(t, b.lease.Close())
}

// build does one whole build, and answers what of its workspace is cached.
func (s *site) build(t testing.TB, do func(dir string)) (cache.Restored, cache.Saved, string) {
	t.Helper()
	b := s.start(t, nil)
	if do != nil {
		do(b.tree.Merged)
	}
	b.stop(t)
	want := s.cached(t, b.tree.Merged)
	return b.restored, b.save(t), want
}

// now is what the next build finds of the cache.
func (s *site) now(t testing.TB) string {
	t.Helper()
	b := s.start(t, nil)
	defer b.end(t)
	s.checkParts(t, b.restored.Parts, b.tree.Merged)
	return s.cached(t, b.tree.Merged)
}

// cached lists what the cache paths select below root, with everything that a cache keeps of it.
func (s *site) cached(t testing.TB, root string) string {
	t.Helper()
	var b strings.Builder
	project := filepath.Join(root, s.paths.Dir())
	if _, err := os.Lstat(project); err != nil {
		return ""
	}
	must(t, filepath.WalkDir(project, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(project, p)
		if rel == "." || !s.paths.Match(filepath.ToSlash(rel)) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch mode := info.Mode(); {
		case mode&fs.ModeSymlink != 0:
			target, _ := os.Readlink(p)
			fmt.Fprintf(&b, "%s -> %s\n", rel, target)
		case mode.IsDir():
			fmt.Fprintf(&b, "%s/ %o %d\n", rel, mode.Perm(), info.ModTime().UnixNano())
		case mode.IsRegular():
			raw, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s %o %d %q\n", rel, mode.Perm(), info.ModTime().UnixNano(), raw)
		}
		return nil
	}))
	return b.String()
}

func write(t testing.TB, root, name, content string) {
	t.Helper()
	file := filepath.Join(root, name)
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, []byte(content), 0o644))
}

// fakeStore is a store with one entry, for the branch "main".
type fakeStore struct {
	files    map[string]string
	restores int
}

func (f *fakeStore) Restore(_ context.Context, k cache.Key, root string) (cache.Restored, error) {
	f.restores++
	if f.files == nil || k.Branch != "main" || k.DefaultBranch != "" {
		return cache.Restored{Reason: "the store has none for " + k.Branch}, nil
	}
	for name, content := range f.files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			return cache.Restored{}, err
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			return cache.Restored{}, err
		}
	}
	return cache.Restored{Hit: true, From: k.Branch, Files: len(f.files), Reason: "from the store"}, nil
}

func (f *fakeStore) Save(context.Context, cache.Key, cache.Paths, string) (cache.Saved, error) {
	return cache.Saved{}, fs.ErrInvalid
}
