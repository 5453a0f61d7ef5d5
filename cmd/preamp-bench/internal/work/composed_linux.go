package work

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cache/layers"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
)

// workspace is one that is composed of layers, as a build's.
type workspace struct {
	lease *layers.Lease
	got   cache.Restored
	base  string
	tree  layers.Tree
}

func (w *workspace) lower(above ...string) string {
	return strings.Join(append(append(above, filepath.Join(w.base, "checkout")), w.lease.Layers()...), ":")
}

// begin chooses the layers and makes the folders, at r.To.
func begin(ctx context.Context, r Request) (*workspace, error) {
	store, err := layers.Open(r.Store, layers.Limits{})
	if err != nil {
		return nil, err
	}
	w := &workspace{base: r.To, tree: layers.Tree{Upper: filepath.Join(r.To, "upper"), Merged: filepath.Join(r.To, "merged")}}
	w.lease, w.got, err = store.Restore(ctx, layers.Request{Key: key(), Build: filepath.Base(r.To), Engine: "bench"})
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{r.To, w.tree.Upper, w.tree.Merged, filepath.Join(r.To, "work"), filepath.Join(r.To, "checkout")} {
		err = errors.Join(err, os.Mkdir(dir, 0o700))
	}
	if err != nil {
		return nil, errors.Join(err, w.lease.Close())
	}
	return w, nil
}

// mount makes the whole workspace visible, with the options that builds have.
func (w *workspace) mount() error {
	return mount(w.tree.Merged, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s/work,redirect_dir=on,index=off,metacopy=off,volatile",
		w.lower(), w.tree.Upper, w.base))
}

func mount(at, options string) error {
	if err := unix.Mount("overlay", at, "overlay", 0, options); err != nil {
		return fmt.Errorf("mount an overlay: %w", err)
	}
	return nil
}

// compose makes a workspace with everything that the cache has, and leaves it mounted.
func compose(ctx context.Context, r Request) (Response, error) {
	began := time.Now()
	w, err := begin(ctx, r)
	if err != nil {
		return Response{}, err
	}
	if !w.got.Hit || w.got.Files != r.Files {
		return Response{}, fmt.Errorf("%d files of %d were found: %s", w.got.Files, r.Files, w.got.Reason)
	}
	if err := w.mount(); err != nil {
		return Response{}, err
	}
	if _, err := os.Stat(filepath.Join(w.tree.Merged, "node_modules", "package-0", "lib0", "file0.js")); err != nil {
		return Response{}, err
	}
	return Response{Took: time.Since(began), Files: w.got.Files, Bytes: w.got.Bytes}, nil
}

// takeApart unmounts what compose has left at r.To.
func takeApart(_ context.Context, r Request) (Response, error) {
	return Response{}, unix.Unmount(filepath.Join(r.To, "merged"), 0)
}

// composeSave does a build's changes in a composed workspace and saves it. Took is the saving alone. The first save, without
// a cache below, is of a tree of r.Files files that the build has made.
func composeSave(ctx context.Context, r Request) (_ Response, err error) {
	w, err := begin(ctx, r)
	if err != nil {
		return Response{}, err
	}
	defer func() { err = errors.Join(err, w.lease.Close()) }()
	if err := w.mount(); err != nil {
		return Response{}, err
	}
	mounted := true
	defer func() {
		if mounted {
			err = errors.Join(err, unix.Unmount(w.tree.Merged, 0))
		}
	}()
	changed, err := w.build(r)
	if err != nil {
		return Response{}, err
	}
	// The container is gone by now, and what is read is another mount.
	if err := unix.Unmount(w.tree.Merged, 0); err != nil {
		return Response{}, err
	}
	mounted = false
	if err := mount(w.tree.Merged, "ro,redirect_dir=follow,index=off,metacopy=off,lowerdir="+w.lower(w.tree.Upper)); err != nil {
		return Response{}, err
	}
	mounted = true
	unix.Sync() // what was written is not to slow down what is measured
	answer, err := w.save(ctx)
	answer.Changed = changed
	return answer, err
}

func (w *workspace) save(ctx context.Context) (Response, error) {
	p, err := paths()
	if err != nil {
		return Response{}, err
	}
	began := time.Now()
	s, err := w.lease.Save(ctx, p, w.tree)
	if err == nil && !s.Written && !s.Unchanged {
		err = fmt.Errorf("it was not saved: %s", s.Reason)
	}
	return Response{Took: time.Since(began), Files: s.Files, Bytes: s.Bytes, Added: s.Added, Known: s.Unchanged}, err
}

func (w *workspace) build(r Request) (changed int64, err error) {
	if !w.got.Hit {
		t, err := trees.Modules(w.tree.Merged, r.Files)
		return t.Bytes, err
	}
	if r.Changes == Percent {
		return trees.Tree{Root: w.tree.Merged, Files: r.Files}.Change(r.Round, math.MaxInt64) // a file is copied whole
	}
	return 0, nil
}
