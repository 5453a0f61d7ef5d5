package layers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/preamp-build/preamp/cache"
)

// Tree is what a build left.
type Tree struct {
	// Upper is the upper folder of the build's overlay, on the store's file system. Save takes it apart: whatever it
	// answers, nothing but an empty folder is left there.
	Upper string
	// Merged is a folder in which the whole workspace can be read.
	Merged string
}

// Save makes what a build changed the newest generation of the lease's key. p must be compiled from the project root and the
// patterns that the key has. It is called only after a build that succeeded, when no process of it is left, and after
// everything else has been read: Merged is of no use afterwards. A save that fails or dies leaves the previous generation.
func (l *Lease) Save(ctx context.Context, p cache.Paths, t Tree) (saved cache.Saved, err error) {
	began := time.Now()
	saved, err = l.save(ctx, p, t)
	saved.Took = time.Since(began)
	if err != nil {
		err = fmt.Errorf("save the cache of branch %q of app %q (the previous one, if any, stays): %w", l.key.Branch, l.key.App, err)
	}
	return saved, err
}

func (l *Lease) save(ctx context.Context, p cache.Paths, t Tree) (saved cache.Saved, err error) {
	switch {
	case !p.IsOf(l.key):
		return saved, errors.New("the compiled paths are not those of the key")
	case p.Empty():
		saved.Reason = "the build specification has no usable cache paths"
		return saved, nil
	}
	// Whatever happens, the folder that the engine knows stays there.
	temp, done, err := l.store.temp()
	if err != nil {
		return saved, err
	}
	defer done()
	x := &sealer{store: l.store, paths: p, temp: temp, added: newCount(l.key.Dir), hidden: newCount(l.key.Dir)}
	if err := x.open(t, l.Layers()); err != nil {
		return saved, err
	}
	defer x.close()
	differs, err := x.differs(ctx, x.upper, x.below, p.Scope())
	if err != nil {
		return saved, err
	}
	// A generation of another branch becomes this one's own even when nothing has changed.
	if !differs && l.m != nil {
		saved.Files, saved.Bytes, saved.Unchanged = l.m.Tree.Files, l.m.Tree.Bytes, true
		saved.Parts = asTheyWere(l.m.Parts)
		if string(l.m.Key.Branch) != l.key.Branch {
			err = l.share()
		}
		return saved, err
	}
	return l.seal(ctx, x, t)
}

// share makes the leased generation that of the lease's own branch too.
func (l *Lease) share() error {
	m := *l.m
	m.Key, m.Created = newKey(l.key), time.Now().UTC()
	return l.store.locked(func() error { return l.store.publish(&m) })
}

// seal turns the upper folder into a layer and makes it visible.
func (l *Lease) seal(ctx context.Context, x *sealer, t Tree) (saved cache.Saved, err error) {
	if _, err := x.prune(ctx, x.upper, x.below, place{scope: x.paths.Scope()}); err != nil {
		return saved, err
	}
	old := &manifest{}
	if l.m != nil {
		old = l.m
	}
	tree := old.Tree
	tree.minus(x.hidden.Totals)
	nothingLeft := tree == Totals{}
	tree.plus(x.added.Totals)
	m := &manifest{
		Key: newKey(l.key), Created: time.Now().UTC(), Tree: tree, Boot: bootID(), Layers: slices.Clone(old.Layers),
	}
	if nothingLeft {
		m.Layers = nil // nothing of them is seen any more
	}
	if nothingLeft || old.Parts != nil || old.Tree.Files == 0 {
		m.Parts, saved.Parts = x.parts(old.Parts, nothingLeft)
	}
	saved.Files, saved.Bytes, saved.Stored = m.Tree.Files, m.Tree.Bytes, x.added.Bytes
	saved.Skipped, saved.Notices = x.skipped.paths, x.skipped.sentences()
	if m.Tree.Files > l.store.limits.Files || m.Tree.Bytes > l.store.limits.Bytes {
		saved.Reason = fmt.Sprintf("the cache has %d files with %d bytes, which is more than is kept; the previous cache, if any, stays", m.Tree.Files, m.Tree.Bytes)
		saved.Notices = append(saved.Notices, saved.Reason)
		return saved, nil
	}
	if err := l.store.adoptUpper(ctx, x, t.Upper, m); err != nil {
		return saved, err
	}
	saved.Written = true
	return saved, nil
}

// parts are those of the new tree: to be kept, and with what became of the old ones. Where the old ones were not counted, none
// of the new ones are known until all of it is new.
func (x *sealer) parts(old []cache.Part, allNew bool) (kept, told []cache.Part) {
	var both cache.Tally
	hidden := x.hidden.parts.Parts()
	if allNew { // also where they were not counted
		old = hidden
	}
	both.Merge(asTheyWere(old))
	for _, p := range hidden {
		both.Merge([]cache.Part{{Path: p.Path, Files: -p.Files, Bytes: -p.Bytes, Replaced: p.Files, Kept: -p.Files}})
	}
	both.Merge(x.added.parts.Parts())
	told = both.Parts()
	for _, p := range told {
		if p.Files > 0 {
			kept = append(kept, cache.Part{Path: p.Path, Files: p.Files, Bytes: p.Bytes})
		}
	}
	return kept, told
}

// asTheyWere are the parts of a tree of which a build has changed nothing.
func asTheyWere(parts []cache.Part) []cache.Part {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].Kept = parts[i].Files
	}
	return parts
}

// adoptUpper is adopt for the upper folder itself, in whose place an empty one is left.
func (s *Store) adoptUpper(ctx context.Context, x *sealer, upper string, m *manifest) error {
	info, err := os.Lstat(upper)
	if err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	merged := ""
	if len(m.Layers)+1 >= maxLayers {
		if merged, err = s.merge(ctx, s.layerPaths(m), x.temp); err != nil {
			return err
		}
	}
	err = s.locked(func() error {
		if merged != "" { // there would be too many to be mounted
			one, err := s.keep(merged, m.Tree.Bytes)
			if err != nil {
				return err
			}
			m.Layers = []layer{one}
		}
		return s.adopt(upper, x.added.Bytes, m)
	})
	if err != nil {
		return err
	}
	return os.Mkdir(upper, info.Mode().Perm())
}
