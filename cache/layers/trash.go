package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// The trash has two kinds of names, and the locks of some:
//
//	ID                    what is being made, has its lock; without, it is to be looked at by the next Sweep
//	SECONDS-BYTES-ID      a large tree that was left to lie since that time
//
// ext4 makes new files up to thirty times more slowly for a minute or more after it has removed many. So the removal of a large
// tree costs the next build more than it costs this one, and waits until there is none.
const (
	// smallTree is how many entries a tree may have to be removed at once; that many are not felt.
	smallTree = 2000
	// pause is how long nothing must have been put aside for what lies there to be removed: ext4 has forgotten removed files
	// after six minutes at most, and builds of somebody who is at work follow each other more closely than that.
	pause = 10 * time.Minute
	// sweepFor bounds what one Sweep takes for what could lie on.
	sweepFor = 2 * time.Second
)

// temp makes a folder for what is being made. Nobody collects it while the returned file is open.
func (s *Store) temp() (path string, done func(), err error) {
	path = s.path("t", newID())
	lock := flock.New(path + ".lock")
	// Locked, so that nobody takes the folder for one that a dead process left before it is locked itself.
	err = s.locked(func() error {
		if ok, err := lock.TryLock(); err != nil || !ok {
			return errors.Join(err, errors.New("lock a new folder"))
		}
		return os.Mkdir(path, 0o700)
	})
	if err != nil {
		return "", nil, errors.Join(err, lock.Close())
	}
	return path, func() { _ = lock.Close() }, nil // what is left in it goes with the next Sweep
}

// discard moves path into the trash.
func (s *Store) discard(path string) error {
	s.at()
	return ignoreMissing(os.Rename(path, s.path("t", newID())))
}

// Discard takes a folder of the store's file system out of the way at once; Sweep or Empty removes it. With its many files
// that may take longer than anybody wants to wait for.
func (s *Store) Discard(path string) error { return s.discard(path) }

// Sweep does with the trash what disturbs nobody. What is small is removed. What is large is left to lie as long as there are
// others, builds that run now, or something else was put there in the last ten minutes; then it is removed, for two seconds at
// most, and the next Sweep goes on. Nothing is left where the disk is almost full. If there is more than Limits.Trash, the oldest
// is removed until it is half as much: some trees now and then disturb less than one after each build. Sweep may be stopped
// at any time.
func (s *Store) Sweep(ctx context.Context, others bool) error {
	fresh, lying, err := s.trash()
	if err != nil {
		return fmt.Errorf("look through the trash: %w", err)
	}
	added, err := s.sort(ctx, fresh)
	errs := []error{err}
	full, err := s.full()
	errs = append(errs, err)
	now, all := s.now(), slices.Concat(lying, added)
	switch {
	case full || s.limits.Trash < 0:
		err = s.drain(ctx, all, 0, time.Time{})
	case bytesOf(all) > s.limits.Trash:
		err = s.drain(ctx, all, s.limits.Trash/2, time.Time{})
	case !others && rested(lying, now):
		err = s.drain(ctx, lying, 0, now.Add(sweepFor))
	default:
		err = nil
	}
	return errors.Join(append(errs, err)...)
}

// rested reports whether nothing was put there lately. A clock that was put back must not keep it there.
func rested(lying []tree, now time.Time) bool {
	return !slices.ContainsFunc(lying, func(t tree) bool { return !t.since.After(now) && now.Sub(t.since) < pause })
}

// Relieve empties the trash if the disk is almost full.
func (s *Store) Relieve(ctx context.Context) error {
	full, err := s.full()
	if err != nil || !full {
		return err
	}
	return s.Empty(ctx)
}

// Empty removes all of the trash now: what was put aside, and what dead processes were making. It may be stopped at any time.
func (s *Store) Empty(ctx context.Context) error {
	for {
		fresh, lying, err := s.trash()
		if err != nil || len(fresh)+len(lying) == 0 {
			return err
		}
		for _, name := range fresh {
			err = errors.Join(err, s.remove(ctx, name, time.Time{}))
		}
		// What is too deep was moved up, so look again.
		if err = errors.Join(err, s.drain(ctx, lying, 0, time.Time{})); err != nil {
			return err
		}
	}
}

// tree is what lies in the trash.
type tree struct {
	name  string
	since time.Time
	bytes int64
}

func (t tree) String() string { return fmt.Sprintf("%d-%d-%s", t.since.Unix(), t.bytes, t.name) }

// parseTree is the reverse of String, with the whole name.
func parseTree(name string) (t tree, ok bool) {
	seconds, rest, _ := strings.Cut(name, "-")
	bytes, _, ok := strings.Cut(rest, "-")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	size, err2 := strconv.ParseInt(bytes, 10, 64)
	return tree{name: name, since: time.Unix(unix, 0), bytes: size}, ok && err == nil && err2 == nil
}

func bytesOf(trees []tree) (n int64) {
	for _, t := range trees {
		n += t.bytes
	}
	return n
}

// trash lists what nobody is making, and what lies there, the oldest first.
func (s *Store) trash() (fresh []string, lying []tree, err error) {
	err = s.locked(func() error {
		entries, err := os.ReadDir(s.path("t"))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if t, ok := parseTree(e.Name()); ok {
				lying = append(lying, t)
				continue
			}
			// A lock without a folder is of a process that died before it had made the one or removed the other.
			name := strings.TrimSuffix(e.Name(), ".lock")
			if n := len(fresh); n > 0 && fresh[n-1] == name {
				continue
			}
			free, err := s.isFree(name)
			if err != nil {
				return err
			}
			if free {
				fresh = append(fresh, name)
			}
		}
		return nil
	})
	slices.SortStableFunc(lying, func(a, b tree) int { return a.since.Compare(b.since) })
	return fresh, lying, err
}

// isFree reports whether nobody is making name. It is called locked.
func (s *Store) isFree(name string) (bool, error) {
	lock := flock.New(s.path("t", name+".lock"))
	if _, err := os.Lstat(lock.Path()); err != nil {
		return true, ignoreMissing(err)
	}
	free, err := lock.TryLock()
	return free, errors.Join(err, lock.Close())
}

// sort removes what is small, and leaves the rest to lie from now on.
func (s *Store) sort(ctx context.Context, fresh []string) (lying []tree, err error) {
	d, err := openDir(s.path("t"))
	if err != nil {
		return nil, err
	}
	defer d.close()
	var errs []error
	for _, name := range fresh {
		entries, bytes, err := d.weigh(ctx, name, 0)
		if err == nil && entries > s.small {
			s.at()
			t := tree{name: name, since: s.now(), bytes: bytes}
			to := t.String()
			if err = d.moveTo(name, d, to); err == nil {
				t.name = to
				lying = append(lying, t)
				s.at()
				err = ignoreMissing(os.Remove(s.path("t", name+".lock")))
			}
			errs = append(errs, ignoreMissing(err)) // another process was quicker
			continue
		}
		errs = append(errs, err, s.remove(ctx, name, time.Time{}))
	}
	return lying, errors.Join(errs...)
}

// drain removes the first of the trees until those that are left have no more than so many bytes, or until the time comes
// unless that is zero.
func (s *Store) drain(ctx context.Context, lying []tree, bytes int64, until time.Time) error {
	var errs []error
	left := bytesOf(lying)
	for _, t := range lying {
		if bytes > 0 && left <= bytes {
			break
		}
		err := s.remove(ctx, t.name, until)
		if errors.Is(err, errLater) {
			break
		}
		errs = append(errs, err)
		left -= t.bytes
	}
	return errors.Join(errs...)
}

// remove removes a name of the trash, and its lock.
func (s *Store) remove(ctx context.Context, name string, until time.Time) error {
	s.at()
	d, err := openDir(s.path("t"))
	if err != nil {
		return err
	}
	defer d.close()
	r := &remover{ctx: ctx, top: d}
	if !until.IsZero() {
		r.late = func() bool { return s.now().After(until) }
	}
	if err := r.remove(d, name, 0); err != nil {
		return err
	}
	return ignoreMissing(os.Remove(s.path("t", name+".lock")))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
