package layers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/preamp-build/preamp/cache"
)

// Request says for which build a generation is looked for.
type Request struct {
	Key cache.Key
	// Build names the lease; a build has one at most. Engine is what will mount the layers, as Abandoned is told it.
	Build, Engine string
	// Store is asked for branches of which there is no generation; what it has becomes one. Nil: there is no such store.
	Store cache.Store
}

// Lease is what a build may mount until Close.
type Lease struct {
	store *Store
	key   cache.Key
	m     *manifest // nil: there is nothing to mount
	file  *flock.Flock
}

// Restore chooses the newest generation for the key, that of its branch before that of its default branch, and takes a lease
// of it. The lease is there on a miss as well, without layers, for the Save at the end. Restored says the same as that of a
// cache.Store, but that nothing was written to any workspace. An error means that not even a miss could be told.
func (s *Store) Restore(ctx context.Context, r Request) (l *Lease, got cache.Restored, err error) {
	began := time.Now()
	defer func() { got.Took = time.Since(began) }()
	var why []string
	for _, branch := range r.Key.Branches() {
		on := r.Key.On(branch)
		l, reason, err := s.lease(r, on)
		if err != nil {
			return nil, got, fmt.Errorf("choose the layers of a cache: %w", err)
		}
		if l.m != nil {
			return l, l.restored(branch), nil
		}
		stored, reason, err := s.fromStore(ctx, r, on, reason)
		if err != nil {
			return nil, got, err
		}
		if !stored.Hit {
			why = append(why, reason)
			continue
		}
		if l, _, err = s.lease(r, on); err != nil || l.m == nil {
			return nil, got, fmt.Errorf("use the unpacked cache: %w", errors.Join(err, errors.New("it is not there any more")))
		}
		return l, stored, nil
	}
	l, err = s.leaseOf(r, nil)
	if err != nil {
		return nil, got, fmt.Errorf("choose the layers of a cache: %w", err)
	}
	got.Reason = strings.Join(why, "; ")
	return l, got, nil
}

// lease takes a lease of the generation for exactly this key, if it is good; otherwise reason says why not.
func (s *Store) lease(r Request, on cache.Key) (l *Lease, reason string, err error) {
	err = s.locked(func() error {
		path := s.manifestPath(on)
		m, err := readManifest(path)
		if err == nil && m != nil {
			err = s.check(m)
		}
		if errors.Is(err, errDamaged) {
			reason = fmt.Sprintf("branch %q has a cache that cannot be used: %v", on.Branch, err)
			m, err = nil, s.discard(path)
		}
		if err != nil {
			return err
		}
		if m == nil && reason == "" {
			reason = s.whyMissing(on)
		}
		l, err = s.leaseOf(r, m)
		return err
	})
	return l, reason, err
}

// leaseOf writes a lease. Unless m is nil it is called locked.
func (s *Store) leaseOf(r Request, m *manifest) (*Lease, error) {
	l := &Lease{store: s, key: r.Key, m: m}
	if m == nil {
		return l, nil
	}
	l.file = flock.New(s.path("u", safeName(r.Build)))
	ok, err := l.file.TryLock()
	if err == nil && !ok {
		err = fmt.Errorf("build %s has a lease already", r.Build)
	}
	if err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	text := leaseFile{Engine: r.Engine}
	for _, one := range m.Layers {
		text.Layers = append(text.Layers, one.ID)
	}
	raw, err := json.Marshal(text)
	s.at()
	if err == nil {
		err = os.WriteFile(l.file.Path(), raw, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// leaseFile is what a lease holds.
type leaseFile struct {
	Engine string   `json:"engine"`
	Layers []string `json:"layers"`
}

// Layers are the folders to mount, the topmost first; none after a miss.
func (l *Lease) Layers() []string {
	if l.m == nil {
		return nil
	}
	return l.store.layerPaths(l.m)
}

// Close gives the lease back, once nothing has its layers mounted any more. It is idempotent.
func (l *Lease) Close() error {
	if l.file == nil {
		return nil
	}
	err := l.store.locked(func() error { return errors.Join(os.Remove(l.file.Path()), l.file.Close()) })
	l.file = nil
	return err
}

func (l *Lease) restored(branch string) cache.Restored {
	return cache.Restored{
		Hit: true, From: branch, Created: l.m.Created, Files: l.m.Tree.Files, Bytes: l.m.Tree.Bytes, Parts: l.m.Parts,
		Reason: fmt.Sprintf("the cache of branch %q, saved %s, is mounted", branch, l.m.Created.UTC().Format(time.RFC3339)),
	}
}

// whyMissing says what there is in place of a generation with the key.
func (s *Store) whyMissing(k cache.Key) string {
	entries, _ := os.ReadDir(filepath.Dir(s.manifestPath(k))) // what cannot be read is as good as not there
	var newest *manifest
	for _, e := range entries {
		m, err := readManifest(filepath.Join(filepath.Dir(s.manifestPath(k)), e.Name()))
		if err == nil && m != nil && (newest == nil || m.Created.After(newest.Created)) {
			newest = m
		}
	}
	if newest == nil {
		return fmt.Sprintf("branch %q has no cache yet", k.Branch)
	}
	return fmt.Sprintf("branch %q has no cache for this build: %s", k.Branch, k.Differences(newest.Key.key()))
}

// fromStore unpacks the entry of a store into a layer of its own. reason is why there was no generation, and becomes the
// store's reason where that knows more.
func (s *Store) fromStore(ctx context.Context, r Request, on cache.Key, reason string) (got cache.Restored, _ string, err error) {
	if r.Store == nil {
		return got, reason, nil
	}
	temp, done, err := s.temp()
	if err != nil {
		return got, "", fmt.Errorf("unpack the cache: %w", err)
	}
	defer done()
	tree := filepath.Join(temp, "tree")
	// The project root has to be there, and nothing else: what is below it belongs to the cache.
	if err := os.MkdirAll(filepath.Join(tree, filepath.Clean("/"+on.Dir)), 0o755); err != nil {
		return got, "", fmt.Errorf("unpack the cache: %w", err)
	}
	got, err = r.Store.Restore(ctx, on, tree)
	if err != nil {
		return got, "", err
	}
	if !got.Hit {
		if !strings.Contains(reason, "cannot be used") {
			reason = got.Reason
		}
		return got, reason, nil
	}
	if err := s.keepUnpacked(ctx, on, tree, got.Created); err != nil {
		return got, "", fmt.Errorf("keep the unpacked cache: %w", err)
	}
	return got, "", nil
}

// keepUnpacked makes a generation of a tree that a store has filled.
func (s *Store) keepUnpacked(ctx context.Context, on cache.Key, tree string, created time.Time) error {
	u, err := openUnion([]string{tree})
	if err != nil {
		return err
	}
	defer u.close()
	m := &manifest{Key: newKey(on), Created: created, Boot: bootID()}
	all := newCount(on.Dir)
	if err := u.countAll(ctx, "", &all); err != nil {
		return err
	}
	m.Tree, m.Parts = all.Totals, all.parts.Parts()
	return s.locked(func() error { return s.adopt(tree, m.Tree.Bytes, m) })
}

// CopyTo writes the leased generation into the checkout at root, for a build that cannot mount it. Files of the checkout stay
// as they are; the checkout may hold nothing that the cache has (see Conflict) but folders.
func (l *Lease) CopyTo(ctx context.Context, root string) error {
	u, err := openUnion(l.Layers())
	if err != nil {
		return fmt.Errorf("copy the cache: %w", err)
	}
	defer u.close()
	d, err := openDir(root)
	if err != nil {
		return fmt.Errorf("copy the cache: %w", err)
	}
	defer d.close()
	if err := replicate(ctx, u, d, copyFile); err != nil {
		return fmt.Errorf("copy the cache: %w", err)
	}
	return nil
}
