package layers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/preamp-build/preamp/cache"
)

// Tidied is what Tidy has done.
type Tidied struct {
	Layers    int // removed, because nobody can need them any more
	Flattened int // generations that are one layer now
}

// Tidy does what no build has to wait for: it removes layers of which no generation and no lease is left, makes one layer of
// those that have become many, and writes everything out to the disk. What that leaves to be removed goes to the trash. It
// may be stopped at any time and goes on where it was.
func (s *Store) Tidy(ctx context.Context) (done Tidied, err error) {
	var all []*manifest
	err = s.locked(func() error {
		leased, err := s.leased()
		if err != nil {
			return err
		}
		if all, err = s.manifests(); err != nil {
			return err
		}
		done.Layers, err = s.collect(all, leased)
		return err
	})
	for _, m := range all {
		if err == nil && m.tangled() {
			err = s.flatten(ctx, m)
			done.Flattened++
		}
	}
	err = errors.Join(err, context.Cause(ctx))
	if err == nil {
		err = s.sync(ctx, all)
	}
	if err != nil {
		return done, fmt.Errorf("tidy the layers of caches: %w", err)
	}
	return done, nil
}

// leased are the layers that have a lease. It is called locked.
func (s *Store) leased() (map[string]bool, error) {
	used := map[string]bool{}
	err := s.leases(func(_ string, l leaseFile) error {
		for _, id := range l.Layers {
			used[id] = true
		}
		return nil
	})
	return used, err
}

// leases visits all leases.
func (s *Store) leases(visit func(path string, l leaseFile) error) error {
	entries, err := os.ReadDir(s.path("u"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := s.path("u", e.Name())
		var l leaseFile
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_ = json.Unmarshal(raw, &l) // one that is cut off is of a process that died before it could mount anything
		if err := visit(path, l); err != nil {
			return err
		}
	}
	return nil
}

// Abandoned are the leases of builds with this engine (see Request) whose process lives no more. Their layers may still be
// mounted, by containers that are left. Once they are gone, Release ends the leases.
func (s *Store) Abandoned(engine string) (names []string, err error) {
	err = s.locked(func() error {
		return s.leases(func(path string, l leaseFile) error {
			if l.Engine != engine && len(l.Layers) > 0 {
				return nil
			}
			lock := flock.New(path)
			free, err := lock.TryLock()
			if free {
				names = append(names, filepath.Base(path))
			}
			return errors.Join(err, lock.Close())
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look for leases of dead builds: %w", err)
	}
	return names, nil
}

// Release ends leases that Abandoned has named.
func (s *Store) Release(names []string) error {
	var errs []error
	for _, name := range names {
		if err := os.Remove(s.path("u", name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Forget drops the generation of exactly this key, because something newer is elsewhere.
func (s *Store) Forget(k cache.Key) error {
	return s.locked(func() error { return s.discard(s.manifestPath(k)) })
}

// manifests reads all generations. Those that are of no use to anybody are removed. It is called locked.
func (s *Store) manifests() ([]*manifest, error) {
	paths, err := filepath.Glob(s.path("g", "*", "*", "*"))
	if err != nil {
		return nil, err
	}
	var all []*manifest
	for _, path := range paths {
		m, err := readManifest(path)
		if err == nil && m != nil {
			err = s.check(m)
		}
		switch {
		case errors.Is(err, errDamaged):
			err = s.discard(path)
		case err == nil && m != nil:
			all = append(all, m)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// collect puts all other layers aside. It is called locked.
func (s *Store) collect(all []*manifest, used map[string]bool) (removed int, err error) {
	for _, m := range all {
		for _, l := range m.Layers {
			used[l.ID] = true
		}
	}
	entries, err := os.ReadDir(s.path("l"))
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if used[e.Name()] {
			continue
		}
		if err := s.discard(s.path("l", e.Name())); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// wasteful is how many bytes a generation may keep that nobody sees, before it is made anew.
const wasteful = 64 << 20

// tangled reports whether a generation has too many layers, or layers of which too much is hidden.
func (m *manifest) tangled() bool {
	var bytes int64
	for _, l := range m.Layers {
		bytes += l.Bytes
	}
	hidden := bytes - m.Tree.Bytes
	return len(m.Layers) > flattenAt || len(m.Layers) > 1 && hidden > wasteful && hidden > m.Tree.Bytes/2
}

// flatten makes one layer of those of m. The files in it are the same, under one more name each; so it costs no space, and
// builds that have the old layers mounted do not notice.
func (s *Store) flatten(ctx context.Context, m *manifest) error {
	temp, done, err := s.temp()
	if err != nil {
		return err
	}
	defer done()
	tree, err := s.merge(ctx, s.layerPaths(m), temp)
	if errors.Is(err, fs.ErrNotExist) { // somebody has replaced the generation, and collected its layers
		return nil
	}
	if err != nil {
		return err
	}
	now := *m
	now.Layers, now.Boot, now.Synced = nil, bootID(), false
	return s.locked(func() error {
		s.at()
		if same, err := s.unchanged(m); err != nil || !same {
			return err
		}
		err := s.adopt(tree, m.Tree.Bytes, &now)
		*m = now
		return err
	})
}

// unchanged reports whether m is still what is there for its key.
func (s *Store) unchanged(m *manifest) (bool, error) {
	now, err := readManifest(s.manifestPath(m.Key.key()))
	if errors.Is(err, errDamaged) {
		return false, nil
	}
	return err == nil && now != nil && string(now.raw) == string(m.raw), err
}

// merge makes one tree of layers, in the folder temp.
func (s *Store) merge(ctx context.Context, layers []string, temp string) (tree string, err error) {
	u, err := openUnion(layers)
	if err != nil {
		return "", err
	}
	defer u.close()
	tree = filepath.Join(temp, "merged")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return "", err
	}
	d, err := openDir(tree)
	if err != nil {
		return "", err
	}
	defer d.close()
	return tree, replicate(ctx, u, d, hardLink)
}

// sync writes out what is not known to be on the disk, and notes that it is.
func (s *Store) sync(ctx context.Context, all []*manifest) error {
	var left []*manifest
	for _, m := range all {
		if !m.Synced {
			left = append(left, m)
		}
	}
	if len(left) == 0 {
		return nil
	}
	if err := s.writeOut(ctx); err != nil {
		return err
	}
	return s.locked(func() error {
		for _, m := range left {
			same, err := s.unchanged(m)
			if err == nil && same {
				m.Synced = true
				err = s.publish(m)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// writeOut does not wait longer than ctx lasts, which the kernel would.
func (s *Store) writeOut(ctx context.Context) error {
	f, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- errors.Join(writeOut(f), f.Close()) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
