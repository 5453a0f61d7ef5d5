package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

func compiled(t testing.TB, k Key) Paths {
	t.Helper()
	p, problems := Compile(k.Dir, k.Paths)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

func writeFile(t testing.TB, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

var plainKey = Key{App: "shop", Branch: "main", Image: "i", Arch: "amd64", Paths: []string{"x"}}

func TestLimits(t *testing.T) {
	dir, small, big := t.TempDir(), t.TempDir(), t.TempDir()
	writeFile(t, small, "x/small", "small")
	random := make([]byte, 1000) // which does not compress
	for i := range 40 {
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(random) // never fails
		writeFile(t, big, fmt.Sprintf("x/%d", i), string(random))
	}
	for name, opts := range map[string]Options{
		"content": {MaxBytes: 1000}, "nodes": {MaxNodes: 10}, "stored": {MaxStored: 10_000},
	} {
		t.Run(name, func(t *testing.T) {
			k := plainKey.on(name)
			l, err := NewLocal(dir, opts)
			must(t, err)
			s, err := l.Save(t.Context(), k, compiled(t, k), small)
			if err != nil || !s.Written {
				t.Fatalf("Save of the small tree: %+v, %v", s, err)
			}
			s, err = l.Save(t.Context(), k, compiled(t, k), big)
			if err != nil || s.Written || !strings.Contains(s.Reason, "not saved") || len(s.Notices) != 1 {
				t.Errorf("Save of the big tree: %+v, %v", s, err)
			}
			if l.objects.unswept(safeName(k.App)) {
				t.Error("something was left behind")
			}
			root := t.TempDir()
			r, err := l.Restore(t.Context(), k, root)
			if err != nil || !r.Hit || paths(t, root)["x/small"] == "" {
				t.Errorf("Restore of the small tree: %+v, %v", r, err)
			}

			// What another store with other limits has saved is not restored, but it is not damaged either.
			generous, err := NewLocal(dir, Options{})
			must(t, err)
			s, err = generous.Save(t.Context(), k, compiled(t, k), big)
			if err != nil || !s.Written {
				t.Fatalf("Save with other limits: %+v, %v", s, err)
			}
			r, err = l.Restore(t.Context(), k, t.TempDir())
			if err != nil || r.Hit || name != "stored" && strings.Contains(r.Reason, "damaged") {
				t.Errorf("Restore of the big tree: %+v, %v", r, err)
			}
			if r, err := generous.Restore(t.Context(), k, t.TempDir()); err != nil || !r.Hit {
				t.Errorf("Restore with other limits: %+v, %v", r, err)
			}
		})
	}
}

func TestListAndRemove(t *testing.T) {
	l, err := NewLocal(t.TempDir(), Options{})
	must(t, err)
	root := t.TempDir()
	writeFile(t, root, "x", "content")
	arm := plainKey
	arm.Arch = "arm64"
	keys := []Key{plainKey, arm, plainKey.on("feature/\xff")}
	for _, k := range keys {
		_, err := l.Save(t.Context(), k, compiled(t, k), root)
		must(t, err)
	}
	found := map[string]bool{}
	list, err := l.List(t.Context())
	must(t, err)
	for _, s := range list {
		found[s.Key.Canonical()] = true
		if s.Files != 1 || s.Bytes != 7 || s.Size < 100 || s.Created.IsZero() {
			t.Errorf("%+v", s)
		}
	}
	for _, k := range keys {
		if !found[k.Canonical()] || len(list) != len(keys) {
			t.Errorf("%+v is not among %+v", k, list)
		}
	}
	for _, want := range []int{2, 0} {
		if n, err := l.Remove(t.Context(), "shop", "main"); err != nil || n != want {
			t.Errorf("Remove = %d, %v; want %d", n, err, want)
		}
	}
	if list, err := l.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("List after Remove: %+v, %v", list, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.List(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("List: %v", err)
	}
	if _, err := l.Remove(ctx, "shop", "feature/\xff"); !errors.Is(err, context.Canceled) {
		t.Errorf("Remove: %v", err)
	}
}

// TestReplacedWhileBad: a damaged entry is removed, but not a good one that somebody puts in its place meanwhile.
func TestReplacedWhileBad(t *testing.T) {
	l, root := newStore(t), t.TempDir()
	writeFile(t, root, "x", "x")
	_, err := l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	must(t, err)
	reason := l.whyUnusable(t.Context(), plainKey, compiled(t, plainKey), errDamaged)
	if strings.Contains(reason, "removed") {
		t.Errorf("the reason is %q", reason)
	}
	if r, err := l.Restore(t.Context(), plainKey, t.TempDir()); err != nil || !r.Hit {
		t.Errorf("Restore: %+v, %v", r, err)
	}
}

// TestForeignFiles puts things into the store's folder that do not belong there.
func TestForeignFiles(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink("/etc/passwd", path) },
		"folder": func(path string) error { return os.MkdirAll(filepath.Join(path, "in it"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newStore(t)
			path := pathOf(l, plainKey)
			must(t, os.MkdirAll(filepath.Dir(path), 0o700))
			must(t, make(path))
			put(t, filepath.Join(l.dir, formatFolder, "file"), nil)
			put(t, filepath.Join(l.dir, formatFolder, safeName(plainKey.App), "chunks", "no chunk"), nil)
			r, err := l.Restore(t.Context(), plainKey, t.TempDir())
			if err != nil || r.Hit || !strings.Contains(r.Reason, "cannot be used") {
				t.Errorf("Restore: %+v, %v", r, err)
			}
			if _, err := l.List(t.Context()); err != nil {
				t.Errorf("List: %v", err)
			}
			if _, err := l.GC(t.Context()); err != nil {
				t.Errorf("GC: %v", err)
			}
			if _, err := NewLocal(l.dir, Options{}); err != nil {
				t.Errorf("NewLocal: %v", err)
			}
		})
	}
}

// watchedContext looks at the heap whenever a store looks whether to go on.
type watchedContext struct {
	context.Context
	looks, peak *atomic.Uint64
}

func (c watchedContext) Err() error {
	if c.looks.Add(1)%100 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		for old := c.peak.Load(); m.HeapInuse > old && !c.peak.CompareAndSwap(old, m.HeapInuse); old = c.peak.Load() {
		}
	}
	return c.Context.Err()
}

// TestMemory: what is held does not depend on the size of the tree.
func TestMemory(t *testing.T) {
	root := t.TempDir()
	writeFile(t, root, "x/f", "")
	must(t, os.Truncate(filepath.Join(root, "x/f"), 200<<20)) // takes up nothing
	for i := range 2000 {
		writeFile(t, root, fmt.Sprintf("x/%d/%d", i%50, i), strings.Repeat("content", i%300))
	}
	l, err := NewLocal(t.TempDir(), Options{})
	must(t, err)
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var looks, peak atomic.Uint64
	peak.Store(before.HeapInuse)
	ctx := watchedContext{t.Context(), &looks, &peak}
	s, err := l.Save(ctx, plainKey, compiled(t, plainKey), root)
	must(t, err)
	saving := peak.Load() - before.HeapInuse
	r, err := l.Restore(ctx, plainKey, t.TempDir())
	must(t, err)
	grown := peak.Load() - before.HeapInuse
	t.Logf("%d bytes saved and restored; heap at most %d KiB larger, %d KiB while saving", r.Bytes, grown>>10, saving>>10)
	// Two chunks for each worker, packed and not, and what the compression needs; the collector lets twice that come up.
	if grown > 80<<20 || s.Bytes != r.Bytes || looks.Load() < 500 {
		t.Errorf("the heap grew by %d bytes (%d looks)", grown, looks.Load())
	}
}
