package cachetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// smallTree is enough for every kind of step that a store takes.
func smallTree(t testing.TB, label string) string {
	t.Helper()
	root := workspace(t)
	write(t, root, "x/big", strings.Repeat(label, 150<<10))
	for i := range 3 {
		write(t, root, fmt.Sprintf("x/d%d/f%d", i, i), label)
	}
	must(t, os.Symlink(label, filepath.Join(root, "x/link")))
	return root
}

// moments yields contexts whose hook fires one moment later each time, a moment being when the store looks whether to
// go on. It ends with the first round in which the hook did not fire.
func moments(t *testing.T, hook func() error) iter.Seq2[int64, hookContext] {
	return func(yield func(int64, hookContext) bool) {
		for moment := int64(1); ; moment++ {
			var n atomic.Int64
			ctx := hookContext{t.Context(), func() error {
				if n.Add(1) < moment {
					return nil
				}
				return hook()
			}}
			if !yield(moment, ctx) {
				return
			}
			if n.Load() < moment {
				if moment < 5 {
					t.Errorf("the context was looked at only %d times", moment-1)
				}
				return
			}
		}
	}
}

func cancelNow() error { return context.Canceled }

func cancelledSave(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	f.save(smallTree(t, "old"))
	want, files := f.mustHit(), leftovers(t, f.dir)
	root := smallTree(t, "new")
	for moment, ctx := range moments(t, cancelNow) {
		_, err := f.store.Save(ctx, f.key, f.compile(), root)
		if err == nil { // the last one
			want = f.mustHit()
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("moment %d: %v", moment, err)
		}
		equal(t, want, f.mustHit())
		equal(t, files, leftovers(t, f.dir))
	}
	if !strings.Contains(want["x/link"], "new") {
		t.Error("no save came through")
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("a newer commit came")
	cancel(cause)
	if _, err := f.store.Save(ctx, f.key, f.compile(), root); !errors.Is(err, cause) {
		t.Errorf("error %v does not wrap the cause", err)
	}
	if _, err := f.store.Restore(ctx, f.key, workspace(t)); !errors.Is(err, cause) {
		t.Errorf("error %v does not wrap the cause", err)
	}
}

func cancelledRestore(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := smallTree(t, "old")
	f.save(root)
	want, files := f.mustHit(), leftovers(t, f.dir)
	for moment, ctx := range moments(t, cancelNow) {
		r, err := f.store.Restore(ctx, f.key, workspace(t))
		if err == nil && !r.Hit || err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("moment %d: %+v, %v", moment, r, err)
		}
	}
	equal(t, want, f.mustHit()) // a cancellation is not damage
	equal(t, files, leftovers(t, f.dir))
}

func changingTree(t *testing.T, open Opener) {
	for name, change := range map[string]func(root string) error{
		"file vanishes":  func(root string) error { return ignoreMissing(os.Remove(filepath.Join(root, "x/d2/f2"))) },
		"file shrinks":   func(root string) error { return os.Truncate(filepath.Join(root, "x/big"), 10) },
		"file grows":     func(root string) error { return os.Truncate(filepath.Join(root, "x/big"), 2<<20) },
		"folder becomes": func(root string) error { return swapForLink(filepath.Join(root, "x/d1")) },
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			f := newFixture(t, open, "x")
			f.save(smallTree(t, "old"))
			want, failed := f.mustHit(), 0
			root, once := smallTree(t, "new"), new(sync.Once) // a store looks from several goroutines
			hook := func() error {
				once.Do(func() { must(t, change(root)) })
				return nil
			}
			for moment, ctx := range moments(t, hook) {
				_, err := f.store.Save(ctx, f.key, f.compile(), root)
				if err != nil {
					failed++
					equal(t, want, f.mustHit())
				} else {
					want = f.mustHit()
				}
				for name := range want {
					if strings.HasPrefix(name, "x/d1/") && name != "x/d1/f1" {
						t.Errorf("moment %d: the save followed a link to %s", moment, name)
					}
				}
				root, once = smallTree(t, "new"), new(sync.Once)
			}
			if failed == 0 {
				t.Error("no save failed")
			}
		})
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func swapForLink(path string) error {
	return errors.Join(os.RemoveAll(path), os.Symlink("/etc", path))
}
