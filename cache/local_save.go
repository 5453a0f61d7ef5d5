package cache

import (
	"context"
	"errors"
	"fmt"
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

// NothingMatches is how the notice of a save begins that has found nothing to keep.
const NothingMatches = "no file matches the cache paths"

const noPaths = "the build specification has no usable cache paths"

func (l *Local) save(ctx context.Context, k Key, p Paths, root string) (Saved, error) {
	if p.dir != cleanDir(k.Dir) || !slices.Equal(sortedSet(p.patterns), sortedSet(k.Paths)) {
		return Saved{}, errors.New("the compiled paths are not those of the key")
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
		return Saved{}, err
	}
	defer project.close()
	saved, err := l.saveShared(ctx, k, p, root, project)
	var tooBig errTooBig
	if errors.As(err, &tooBig) {
		saved.Reason = tooBig.Error() + "; it was not saved, and the previous cache, if any, stays"
		saved.Notices = append(saved.Notices, saved.Reason)
		err = nil
	}
	if saved.Unchanged {
		return saved, err
	}
	// Chunks of the previous entry, or of this one if it came to nothing.
	if _, gcErr := l.collect(safeName(k.App)); gcErr != nil && err == nil {
		saved.Notices = append(saved.Notices, fmt.Sprintf("what the cache does not need any more could not be removed: %v", gcErr))
	}
	if saved.Written {
		if _, gcErr := l.prune(ctx); gcErr != nil {
			saved.Notices = append(saved.Notices, fmt.Sprintf("the caches could not be kept below %s: %v", size(l.maxTotal), gcErr))
		}
	}
	return saved, err
}

// saveShared saves while no garbage is collected.
func (l *Local) saveShared(ctx context.Context, k Key, p Paths, root string, project *dir) (Saved, error) {
	unlock, err := l.objects.lock(safeName(k.App), true, true)
	if err != nil {
		return Saved{}, err
	}
	defer unlock()
	repack, alone := false, false
	for {
		var b *base
		if !alone {
			if b, err = l.findBase(ctx, k, p, root); err != nil {
				return Saved{}, err
			}
		}
		saved, err := l.attempt(ctx, newSaver(l, k, p, root, b, repack), project)
		if b != nil {
			b.close()
		}
		switch {
		case errors.Is(err, errRepack):
			repack = true
		case errors.Is(err, errBase):
			alone = true
		default:
			return saved, err
		}
	}
}

// attempt walks the project once. It closes neither the project nor the base.
func (l *Local) attempt(ctx context.Context, s *saver, project *dir) (Saved, error) {
	s.pack = newPacker(ctx, l, safeName(s.key.App), s.table, s.base, project)
	w := walker{paths: s.paths, visit: s.visit}
	err := w.walk(ctx, project)
	if err != nil {
		s.pack.fail(err)
	}
	// Also after an error: nothing is left running.
	differs := false
	if err = errors.Join(err, s.pack.failed()); err == nil {
		differs, err = s.finish(ctx)
	}
	if waitErr := s.pack.wait(); err == nil {
		err = waitErr
	}
	saved := Saved{
		Files: s.totals.Files + s.totals.Links, Bytes: s.totals.Bytes, Read: s.read, Parts: s.tally.Parts(),
		Skipped: w.skipped, Notices: w.notices.sentences(),
	}
	if s.totals.nodes() == 0 {
		saved.Notices = append(saved.Notices, fmt.Sprintf(NothingMatches+": %q", s.paths.patterns))
	}
	if err != nil {
		return saved, errors.Join(err, s.discard())
	}
	defer s.keeper.discard()
	saved.Notices = append(saved.Notices, s.keeper.link(ctx, project)...)
	if !differs {
		s.keeper.commit(s.base.sealed.sum)
		return l.unchanged(s, saved), nil
	}
	return l.commit(ctx, s, saved)
}

// unchanged ends a save that has found nothing new. A stat index is worth writing then only if this one had much to
// read for want of it.
func (l *Local) unchanged(s *saver, saved Saved) Saved {
	const muchFiles, muchBytes = 1000, 64 << 20
	saved.Unchanged = true
	saved.Stored = s.base.size() + s.base.sealed.meta.stored()
	if s.read > muchFiles || s.bytes > muchBytes {
		s.keepStamps(s.base.sealed.sum)
	}
	return saved
}

// commit makes a complete entry visible.
func (l *Local) commit(ctx context.Context, s *saver, saved Saved) (Saved, error) {
	g, err := s.complete()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = l.locked(s.temp.commit)
	}
	if err != nil {
		return saved, errors.Join(err, s.discard())
	}
	s.keeper.commit(g)
	saved.Written = true
	saved.Added = s.pack.added + s.seal.size
	saved.Stored = s.seal.size + (meta{Chunks: s.table.chunks}).stored()
	s.keepStamps(g)
	return saved, nil
}

// keepStamps keeps the stat index of the tree that was saved as the generation g, or found to be equal to it.
func (s *saver) keepStamps(g generation) {
	s.stamps.Branch, s.stamps.Generation = s.key.Branch, chunkID(g).String()
	s.l.saveStamps(s.key, s.stamps)
}
