package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Collected is what a collection of garbage did.
type Collected struct {
	Entries int   // removed, because the store was larger than it may be
	Freed   int64 // bytes that objects took up which are gone now
	Busy    int   // applications that were left alone, because builds saved or restored there meanwhile
	Total   int64 // bytes that the store takes up now, without stat indexes
}

// GC removes what nobody refers to: chunks of replaced entries, what died writers left, stat indexes of workspaces that
// are gone. If the store is then larger than Options.MaxTotal, entries go until it is not, the ones first that were not
// used for the longest time. An application whose caches are being saved or restored right now is left alone, and
// everybody else waits for as long as its turn takes. Saves do the same for their own application.
func (l *Local) GC(ctx context.Context) (Collected, error) {
	apps, err := l.objects.folders("")
	var sum Collected
	for _, app := range apps {
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			break
		}
		var c Collected
		c, err = l.collect(app)
		sum.Freed, sum.Busy = sum.Freed+c.Freed, sum.Busy+c.Busy
	}
	if err == nil {
		var c Collected
		c, err = l.prune(ctx)
		sum.Entries, sum.Freed, sum.Total = c.Entries, sum.Freed+c.Freed, c.Total
	}
	if err != nil {
		return sum, fmt.Errorf("collect the garbage of the cache folder %s: %w", l.dir, err)
	}
	return sum, nil
}

// collect removes an application's garbage, unless somebody saves or restores there.
func (l *Local) collect(app string) (Collected, error) {
	unlock, err := l.objects.lock(app, false, false)
	if err != nil {
		return Collected{}, err
	}
	if unlock == nil {
		return Collected{Busy: 1}, nil
	}
	defer unlock()
	return l.collectLocked(app)
}

func (l *Local) collectLocked(app string) (Collected, error) {
	c := Collected{}
	if err := l.objects.sweep(app); err != nil {
		return c, err
	}
	live, generations, err := l.referred(app)
	if err != nil {
		return c, err
	}
	chunks, err := l.objects.list(chunksOf(app))
	errs := []error{err}
	for _, o := range chunks {
		if !live[strings.TrimPrefix(o.name, chunksOf(app)+"/")] {
			err := l.objects.remove(o.name)
			if err == nil {
				c.Freed += o.size
			}
			errs = append(errs, err)
		}
	}
	errs = append(errs, l.collectStamps(app, generations), l.collectPools(app))
	return c, errors.Join(errs...)
}

// referred are the names of the chunks that an application's entries need, and of the generations that there are.
func (l *Local) referred(app string) (chunks, generations map[string]bool, err error) {
	entries, err := l.objects.list(entriesOf(app))
	chunks, generations = map[string]bool{}, map[string]bool{}
	for _, o := range entries {
		// What an entry says may be damaged, but then it is a miss, and nobody needs its chunks.
		e, openErr := l.openEntry(o.name)
		switch {
		case errors.Is(openErr, errDamaged), errors.Is(openErr, fs.ErrNotExist):
		case openErr != nil:
			err = errors.Join(err, openErr)
		default:
			for _, c := range e.sealed.meta.Chunks {
				chunks[c.ID.String()] = true
			}
			generations[chunkID(e.sealed.sum).String()] = true
			e.close()
		}
	}
	return chunks, generations, err
}

// collectStamps removes the stat indexes that no save can use any more.
func (l *Local) collectStamps(app string, generations map[string]bool) error {
	list, err := l.stats.list(app + "/stat")
	errs := []error{err}
	for _, o := range list {
		m, err := l.stampsMetaOf(o.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !generations[m.Generation] || !m.current() {
			errs = append(errs, l.stats.remove(o.name))
		}
	}
	return errors.Join(errs...)
}

// prune removes the entries that were not used for the longest time until the store is no larger than it may be.
func (l *Local) prune(ctx context.Context) (Collected, error) {
	sizes, entries, err := l.measure()
	if err != nil {
		return Collected{}, err
	}
	c := Collected{}
	for _, n := range sizes {
		c.Total += n
	}
	links, err := l.prunePools(ctx, c.Total)
	if c.Freed, c.Total = links, c.Total-links; err != nil {
		return c, err
	}
	slices.SortFunc(entries, func(a, b objectInfo) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.name, b.name)) })
	for _, e := range entries {
		if c.Total <= l.maxTotal {
			break
		}
		if err := context.Cause(ctx); err != nil {
			return c, err
		}
		app, _, _ := strings.Cut(e.name, "/")
		freed, err := l.evict(app, e)
		if err != nil {
			return c, err
		}
		if freed > 0 {
			c.Entries, c.Freed, c.Total = c.Entries+1, c.Freed+freed, c.Total-freed
		}
	}
	return c, nil
}

// measure answers how many bytes each application takes up, and all entries.
func (l *Local) measure() (map[string]int64, []objectInfo, error) {
	apps, err := l.objects.folders("")
	sizes, errs := map[string]int64{}, []error{err}
	var all []objectInfo
	for _, app := range apps {
		entries, err1 := l.objects.list(entriesOf(app))
		chunks, err2 := l.objects.list(chunksOf(app))
		errs = append(errs, err1, err2)
		all = append(all, entries...)
		for _, o := range slices.Concat(entries, chunks) {
			sizes[app] += o.size
		}
		pools, err := l.pools(app)
		errs = append(errs, err)
		for _, p := range pools {
			sizes[app] += p.bytes
		}
	}
	return sizes, all, errors.Join(errs...)
}

// evict removes an entry with what only it needs and answers how much that was, 0 if it was left alone: because it is in
// use, or has been since it was listed.
func (l *Local) evict(app string, e objectInfo) (int64, error) {
	unlock, err := l.objects.lock(app, false, false)
	if err != nil || unlock == nil {
		return 0, err
	}
	defer unlock()
	now, err := l.objects.list(e.name[:strings.LastIndexByte(e.name, '/')])
	if err != nil || !slices.ContainsFunc(now, func(o objectInfo) bool { return o.name == e.name && o.used.Equal(e.used) }) {
		return 0, err
	}
	if err := l.objects.remove(e.name); err != nil {
		return 0, err
	}
	c, err := l.collectLocked(app)
	return c.Freed + e.size, err
}
