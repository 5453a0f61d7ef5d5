package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Restore implements Store. A damaged entry is removed.
func (l *Local) Restore(ctx context.Context, k Key, root string) (Restored, error) {
	start := time.Now()
	r, err := l.restore(ctx, k, root)
	r.Took = time.Since(start)
	if err != nil {
		return r, fmt.Errorf("restore the cache of branch %q of app %q: %w", k.Branch, k.App, err)
	}
	return r, nil
}

func (l *Local) restore(ctx context.Context, k Key, root string) (Restored, error) {
	p, _ := Compile(k.Dir, k.Paths)
	if p.Empty() {
		return Restored{Reason: noPaths}, nil
	}
	var reasons []string
	for _, branch := range k.branches() {
		if err := context.Cause(ctx); err != nil {
			return Restored{}, err
		}
		r, err := l.restoreFrom(ctx, k.on(branch), p, root)
		if r.Reason != "" {
			reasons = append(reasons, r.Reason)
		}
		if r.Hit || err != nil {
			r.Reason = strings.Join(reasons, "; ")
			return r, err
		}
	}
	return Restored{Reason: strings.Join(reasons, "; ")}, nil
}

// restoreFrom tries the one entry with the key k.
func (l *Local) restoreFrom(ctx context.Context, k Key, p Paths, root string) (Restored, error) {
	path := filepath.Join(l.folder(k.App, k.Branch), k.ID()+entrySuffix)
	e, err := openEntry(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Restored{Reason: l.whyMissing(k)}, nil
	}
	if e != nil {
		defer e.close()
	}
	if err == nil {
		err = e.verify(ctx, k, p, l.limits, l.maxStored)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return Restored{}, cause
		}
		return Restored{Reason: l.whyUnusable(k, path, e, err)}, nil
	}
	project, err := openProject(root, p.dir)
	var none noProject
	if errors.As(err, &none) {
		return Restored{Reason: fmt.Sprintf("branch %q has a cache, but %s", k.Branch, none)}, nil
	}
	if err != nil {
		return Restored{}, err
	}
	return e.extract(ctx, k, p, l.limits, project)
}

// entry is an open entry file. Whatever happens to its name, the bytes stay those that were opened.
type entry struct {
	f      *os.File
	info   fs.FileInfo
	sealed *sealed
}

// openEntry opens an entry without verifying it. If the error is errDamaged, there is an entry without sealed.
func openEntry(path string) (*entry, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	e := &entry{f: f}
	if e.info, err = f.Stat(); err == nil && !e.info.Mode().IsRegular() {
		err = damaged("it is not a regular file")
	}
	if err == nil {
		e.sealed, err = openSealed(f, e.info.Size())
	}
	if err != nil && !errors.Is(err, errDamaged) {
		e.close()
		return nil, err
	}
	return e, err
}

func (e *entry) close() {
	_ = e.f.Close() // only read from
}

// verify reads the whole entry and makes sure that it is what the key k asks for.
func (e *entry) verify(ctx context.Context, k Key, p Paths, l limits, maxStored int64) error {
	if e.info.Size() > maxStored {
		return errTooBig(fmt.Sprintf("the compressed cache is larger than %s", size(maxStored)))
	}
	buf := make([]byte, copyBuffer)
	return e.sealed.check(ctx, buf, func(archive io.Reader) error {
		if e.sealed.meta.Key.key().Canonical() != k.Canonical() {
			return damaged("it was saved for something else: %s", k.differences(e.sealed.meta.Key.key()))
		}
		return verify(ctx, archive, p, l, e.sealed.meta.Tree, buf)
	})
}

// extract writes a verified entry into project and closes that.
func (e *entry) extract(ctx context.Context, k Key, p Paths, l limits, project *os.Root) (Restored, error) {
	x, err := newExtractor(project)
	if err != nil {
		return Restored{}, err
	}
	u, err := newUnarchiver(io.NewSectionReader(e.sealed.archive, 0, e.sealed.archive.Size()), p, l)
	if err != nil {
		return Restored{}, errors.Join(err, x.abandon())
	}
	defer u.close()
	if err := x.run(ctx, u); err != nil {
		return Restored{}, fmt.Errorf("%w; the workspace may hold a part of the cache", err)
	}
	created := e.sealed.meta.Created
	return Restored{
		Hit:    true,
		Reason: fmt.Sprintf("the cache of branch %q, saved %s", k.Branch, created.UTC().Format(time.RFC3339)),
		From:   k.Branch, Created: created,
		Files: x.totals.Files + x.totals.Links, Bytes: x.totals.Bytes,
		Overwritten: x.overwritten, Notices: x.notices.sentences(),
	}, nil
}

// whyMissing says what there is in place of the entry with the key k.
func (l *Local) whyMissing(k Key) string {
	others := listFolder(l.folder(k.App, k.Branch))
	if len(others) == 0 {
		return fmt.Sprintf("branch %q has no cache yet", k.Branch)
	}
	newest := slices.MaxFunc(others, func(a, b Entry) int { return a.Created.Compare(b.Created) })
	why := k.differences(newest.Key)
	if why == "" {
		why = "its cache was replaced a moment ago"
	}
	return fmt.Sprintf("branch %q has no cache for this build: %s", k.Branch, why)
}

// whyUnusable says what is wrong with an entry, and removes it if it is of no use to anybody.
func (l *Local) whyUnusable(k Key, path string, e *entry, err error) string {
	reason := fmt.Sprintf("branch %q has a cache that cannot be used: %v", k.Branch, err)
	if !errors.Is(err, errDamaged) {
		return reason
	}
	err = l.locked(func() error {
		// Somebody may have put a good one in its place since it was opened.
		now, err := os.Lstat(path)
		if err != nil || !os.SameFile(now, e.info) {
			return err
		}
		return os.Remove(path)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return reason + fmt.Sprintf("; it could not be removed (%v)", err)
	}
	return reason + "; it has been removed"
}
