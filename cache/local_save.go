package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Save implements Store. A tree over a limit is not an error: it is not saved, the previous entry stays, and
// Saved.Reason says so.
func (l *Local) Save(ctx context.Context, k Key, p Paths, root string) (Saved, error) {
	start := time.Now()
	saved, err := l.save(ctx, k, p, root)
	saved.Took = time.Since(start)
	if err != nil {
		return saved, fmt.Errorf("save the cache of branch %q of app %q (the previous one, if any, stays): %w", k.Branch, k.App, err)
	}
	return saved, nil
}

func (l *Local) save(ctx context.Context, k Key, p Paths, root string) (saved Saved, err error) {
	if p.dir != cleanDir(k.Dir) || !slices.Equal(sortedSet(p.patterns), sortedSet(k.Paths)) {
		return saved, errors.New("the compiled paths are not those of the key")
	}
	if p.Empty() {
		return Saved{Reason: noPaths}, nil
	}
	project, err := openProject(root, p.dir)
	var none noProject
	if errors.As(err, &none) {
		return Saved{Reason: none.Error()}, nil
	}
	if err != nil {
		return saved, err
	}
	defer func() { err = errors.Join(err, project.Close()) }()

	folder := l.folder(k.App, k.Branch)
	temp, err := l.begin(folder)
	if err != nil {
		return saved, err
	}
	saved, err = l.write(ctx, temp, k, p, project)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = l.commit(temp, filepath.Join(folder, k.ID()+entrySuffix))
	}
	var tooBig errTooBig
	switch {
	case err == nil:
		saved.Written = true
		if err := syncFolder(folder); err != nil {
			saved.Notices = append(saved.Notices, fmt.Sprintf("the new cache could be lost in a power failure: %v", err))
		}
		return saved, nil
	case errors.As(err, &tooBig):
		saved.Reason = tooBig.Error() + "; it was not saved, and the previous cache, if any, stays"
		saved.Notices = append(saved.Notices, saved.Reason)
		return saved, discard(temp)
	default:
		return saved, errors.Join(err, discard(temp))
	}
}

const noPaths = "the build specification has no usable cache paths"

// begin makes the file that an entry is written to, locked as long as it is open.
func (l *Local) begin(folder string) (temp *os.File, err error) {
	err = l.locked(func() error {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		if err := sweep(folder); err != nil {
			return fmt.Errorf("clean up: %w", err)
		}
		if temp, err = os.CreateTemp(folder, tempPrefix+"*"); err != nil {
			return err
		}
		if _, err := flock(temp, false); err != nil {
			return errors.Join(err, discard(temp))
		}
		return nil
	})
	return temp, err
}

// write writes the whole entry.
func (l *Local) write(ctx context.Context, temp *os.File, k Key, p Paths, project *os.Root) (Saved, error) {
	created := time.Now().UTC()
	s, err := newSealer(temp, l.maxStored)
	if err != nil {
		return Saved{}, err
	}
	a, err := newArchiver(s, l.limits)
	if err != nil {
		return Saved{}, err
	}
	w := walker{paths: p, visit: a.add}
	if err = w.walk(ctx, project); err == nil {
		err = a.close()
	}
	if err == nil {
		err = s.seal(meta{Key: newMetaKey(k), Created: created, Tree: a.totals})
	}
	saved := Saved{
		Files: a.totals.Files + a.totals.Links, Bytes: a.totals.Bytes, Stored: s.size,
		Skipped: w.skipped, Notices: w.notices.sentences(),
	}
	if a.totals.nodes() == 0 {
		saved.Notices = append(saved.Notices, fmt.Sprintf("no file matches the cache paths: %q", p.patterns))
	}
	return saved, err
}

// commit closes a written entry and makes it visible. If it fails, temp is still to be discarded.
func (l *Local) commit(temp *os.File, path string) error {
	if err := temp.Sync(); err != nil {
		return err
	}
	return l.locked(func() error {
		// Closing gives up the lock, but nobody sweeps meanwhile.
		if err := temp.Close(); err != nil {
			return err
		}
		return os.Rename(temp.Name(), path)
	})
}

// discard closes and removes a file of begin, which may be closed or gone already.
func discard(temp *os.File) error {
	err := os.Remove(temp.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if cerr := temp.Close(); !errors.Is(cerr, os.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	return err
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
