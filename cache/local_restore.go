package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
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
		r, err := l.restoreFrom(ctx, k, k.on(branch), p, root)
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

// restoreFrom tries the one entry with the key from for a build with the key k.
func (l *Local) restoreFrom(ctx context.Context, k, from Key, p Paths, root string) (Restored, error) {
	unlock, err := l.objects.lock(safeName(k.App), true, true)
	if err != nil {
		return Restored{}, err
	}
	r, err := l.restoreShared(ctx, k, from, p, root)
	unlock()
	var bad unusable
	if errors.As(err, &bad) {
		return Restored{Reason: l.whyUnusable(ctx, from, p, bad.error)}, nil
	}
	return r, err
}

// unusable says that an entry cannot be used and that nothing of it is in the workspace.
type unusable struct{ error }

// restoreShared restores while no garbage is collected.
func (l *Local) restoreShared(ctx context.Context, k, from Key, p Paths, root string) (Restored, error) {
	e, err := l.openEntry(entryName(from))
	if errors.Is(err, fs.ErrNotExist) {
		return Restored{Reason: l.whyMissing(from)}, nil
	}
	if err == nil {
		defer e.close()
		err = e.verify(ctx, from, p, l.limits, l.maxStored)
	}
	var taken *takings
	var needed []chunk
	if err == nil {
		if taken, needed, err = l.planTakings(ctx, k, e, p); err == nil {
			defer taken.close()
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return Restored{}, cause
	}
	if err != nil {
		return Restored{}, unusable{err}
	}
	project, err := openProject(root, p.dir)
	var none noProject
	if errors.As(err, &none) {
		return Restored{Reason: fmt.Sprintf("branch %q has a cache, but %s", from.Branch, none)}, nil
	}
	if err != nil {
		return Restored{}, err
	}
	if err := l.lookAtChunks(ctx, from, needed, project.lacks(&e.roots)); err != nil {
		project.close()
		if cause := context.Cause(ctx); cause != nil {
			return Restored{}, cause
		}
		return Restored{}, unusable{err}
	}
	r, err := l.extract(ctx, e, from, p, root, project, taken)
	if err == nil {
		_ = l.objects.use(entryName(from)) // of no use but to those who look for room
		r.stamps.Branch, r.stamps.Generation = from.Branch, chunkID(e.sealed.sum).String()
		taken.settle(ctx, r.stamps)
		l.saveStamps(k, r.stamps.writer())
	}
	return r.Restored, err
}

// soonRead is how many chunks are fetched ahead of the unpacking: what is asked for later than the disk can bring it helps nobody.
const soonRead = 64

// lookAtChunks makes sure that there are all chunks, before the first file is written. Each is checked when it is unpacked, and
// what damage is found then can be undone if nothing is replaced, as undoable says. Otherwise all are read here: after that, nothing
// but hostility or a failing disk can come between a restore and its end.
func (l *Local) lookAtChunks(ctx context.Context, k Key, chunks []chunk, undoable bool) error {
	var (
		wg   sync.WaitGroup
		next atomic.Int64
		errs [workers]error
		app  = safeName(k.App)
	)
	for w := range workers {
		wg.Go(func() {
			var buf []byte
			for i := next.Add(1) - 1; i < int64(len(chunks)) && errs[w] == nil; i = next.Add(1) - 1 {
				switch errs[w] = context.Cause(ctx); {
				case errs[w] != nil:
				case undoable:
					errs[w] = l.findChunk(app, chunks[i], i < soonRead)
				default:
					buf, errs[w] = l.readChunk(app, chunks[i], buf)
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs[:]...)
}

// extracted is a Restored with the stat index of what was written.
type extracted struct {
	Restored
	stamps *stamps
}

// extract writes a verified entry into project and closes that.
func (l *Local) extract(ctx context.Context, e *entry, from Key, p Paths, root string, project *dir, t *takings) (extracted, error) {
	r, err := e.nodes(p, l.limits)
	if err != nil {
		project.close()
		return extracted{}, err
	}
	defer r.close()
	m := e.sealed.meta
	s := newStamps(root, m.Tree.nodes())
	x := newExtractor(l, safeName(from.App), m, project, s)
	x.takings = t
	if err := x.run(ctx, r); err != nil {
		if errors.Is(err, errDamaged) && l.undo(x, e, p, filepath.Join(root, p.dir)) {
			return extracted{}, unusable{err}
		}
		return extracted{}, fmt.Errorf("%w; the workspace may hold a part of the cache", err)
	}
	return extracted{Restored{
		Hit:    true,
		Reason: fmt.Sprintf("the cache of branch %q, saved %s", from.Branch, m.Created.UTC().Format(time.RFC3339)),
		From:   from.Branch, Created: m.Created,
		Files: x.totals.Files + x.totals.Links, Bytes: x.totals.Bytes, Stored: e.size() + m.stored(), Parts: x.tally.Parts(),
		Overwritten: x.overwritten, Notices: x.notices.sentences(),
	}, s}, nil
}

// undo takes back a restore that damage has stopped.
func (l *Local) undo(x *extractor, e *entry, p Paths, project string) bool {
	r, err := e.nodes(p, l.limits)
	if err != nil {
		return false
	}
	defer r.close()
	return x.undo(project, r)
}

// whyMissing says what there is in place of the entry with the key k.
func (l *Local) whyMissing(k Key) string {
	others, err := l.listFolder(entriesOf(safeName(k.App)) + "/" + safeName(k.Branch))
	switch {
	case err != nil:
		return fmt.Sprintf("the caches of branch %q cannot be read: %v", k.Branch, err)
	case len(others) == 0:
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
func (l *Local) whyUnusable(ctx context.Context, k Key, p Paths, err error) string {
	reason := fmt.Sprintf("branch %q has a cache that cannot be used: %v", k.Branch, err)
	if !errors.Is(err, errDamaged) {
		return reason
	}
	removed, err := l.removeDamaged(ctx, k, p)
	switch {
	case err != nil:
		return reason + fmt.Sprintf("; it could not be removed (%v)", err)
	case removed:
		return reason + "; it has been removed"
	}
	return reason
}

// removeDamaged removes the entry with the key k and every damaged chunk it refers to, unless a good one is in its place
// by now or somebody uses the store; then the next restore, or save, sees to it.
func (l *Local) removeDamaged(ctx context.Context, k Key, p Paths) (bool, error) {
	app := safeName(k.App)
	unlock, err := l.objects.lock(app, false, false)
	if err != nil || unlock == nil {
		return false, err
	}
	defer unlock()
	e, err := l.openEntry(entryName(k))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var bad []chunk
	if err == nil {
		defer e.close()
		if err = e.verify(ctx, k, p, l.limits, l.maxStored); err == nil {
			bad, err = l.damagedChunks(ctx, app, e.sealed.meta.Chunks)
		}
	}
	if !errors.Is(err, errDamaged) {
		return false, nil // it is not damaged, or cannot be looked at
	}
	errs := []error{l.locked(func() error { return l.objects.remove(entryName(k)) })}
	for _, c := range bad {
		errs = append(errs, l.objects.remove(chunksOf(app)+"/"+c.ID.String()))
	}
	_, err = l.collectLocked(app)
	return true, errors.Join(append(errs, err)...)
}

// damagedChunks answers the chunks that cannot be used, and why.
func (l *Local) damagedChunks(ctx context.Context, app string, chunks []chunk) ([]chunk, error) {
	dec, err := newDecoder()
	if err != nil {
		return nil, err
	}
	defer dec.close()
	var (
		bad  []chunk
		why  error
		buf  []byte
		read []byte
	)
	for _, c := range chunks {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if read, err = l.readChunk(app, c, buf); err == nil {
			buf = read[:0]
			_, err = dec.unpack(read, c)
		}
		if errors.Is(err, errDamaged) {
			bad, why = append(bad, c), err
		}
	}
	return bad, why
}
