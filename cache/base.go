package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// base is the entry that a save compares a tree with: nodes that are equal are not read, and pieces that are equal are
// not stored again. It goes through the entry's index beside the walk, since both have the same order.
type base struct {
	*entry
	r       *indexReader
	stamps  *stampReader // of the workspace that is saved; nil if nothing is known of it
	own     bool         // the entry has the key that is saved
	reused  []bool       // for each chunk, whether pieces of it may be referred to again
	repacks bool         // not all may be

	ahead node // the node that the index is at
	pos   int  // its number
	ended bool
}

// errBase says that a base turned out to be of no use; the save then goes without.
var errBase = errors.New("the previous cache is of no use")

// Garbage in chunks is bounded: a chunk of which less than half is still needed is not referred to again, and neither
// are the small ones that saves of a few files leave when there are more than maxSmall of them. Both are told from the
// chunk table of the base, and so one save late, because only the end of a walk would tell it in time.
const maxSmall = 16

// reusable marks the chunks whose pieces may be referred to again.
func reusable(chunks []chunk) []bool {
	small := 0
	for _, c := range chunks {
		if c.Size < chunkSize/2 {
			small++
		}
	}
	list := make([]bool, len(chunks))
	for i, c := range chunks {
		list[i] = c.Live >= c.Size/2 && (small <= maxSmall || c.Size >= chunkSize/2)
	}
	return list
}

// findBase answers the best base for a save, nil if there is none: what was restored to this workspace or saved from it
// the last time, otherwise the entry that a restore would use.
func (l *Local) findBase(ctx context.Context, k Key, p Paths, root string) (*base, error) {
	known := l.loadStamps(k, root)
	if known != nil {
		b, err := l.openBase(ctx, k, k.on(known.Branch), p)
		if b != nil && chunkID(b.sealed.sum).String() == known.Generation {
			b.stamps = known
			return b, nil
		}
		known.close()
		if b != nil {
			b.close()
		}
		if err != nil {
			return nil, err
		}
	}
	for _, branch := range k.branches() {
		if b, err := l.openBase(ctx, k, k.on(branch), p); b != nil || err != nil {
			return b, err
		}
	}
	return nil, nil
}

// openBase opens the entry with the key from as a base for a save with the key k, nil if it is of no use.
func (l *Local) openBase(ctx context.Context, k, from Key, p Paths) (*base, error) {
	e, err := l.openEntry(entryName(from))
	if err != nil {
		return nil, nil //nolint:nilerr // a save goes without
	}
	err = e.verify(ctx, from, p, l.limits, l.maxStored)
	if err == nil {
		err = l.haveChunks(safeName(k.App), e.sealed.meta.Chunks)
	}
	b := &base{entry: e, own: from.Branch == k.Branch, reused: reusable(e.sealed.meta.Chunks), pos: -1}
	for _, again := range b.reused {
		b.repacks = b.repacks || !again
	}
	if err == nil {
		b.r, err = e.nodes(p, l.limits)
	}
	if err == nil {
		err = b.advance()
	}
	if err != nil {
		b.close()
		return nil, context.Cause(ctx)
	}
	return b, nil
}

// haveChunks checks that chunks are there, without reading them.
func (l *Local) haveChunks(app string, chunks []chunk) error {
	list, err := l.objects.list(chunksOf(app))
	if err != nil {
		return err
	}
	sizes := make(map[string]int64, len(list))
	for _, o := range list {
		sizes[o.name] = o.size
	}
	for _, c := range chunks {
		if sizes[chunksOf(app)+"/"+c.ID.String()] != c.Stored {
			return damaged("the chunk %s is missing", c.ID)
		}
	}
	return nil
}

func (b *base) close() {
	if b.r != nil {
		b.r.close()
	}
	b.stamps.close()
	b.entry.close()
}

func (b *base) advance() error {
	n, err := b.r.next()
	if errors.Is(err, io.EOF) {
		b.ahead, b.ended = node{}, true
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errBase, err)
	}
	b.ahead = n
	b.pos++
	return nil
}

// find looks for the node with this path, which comes after those of earlier calls. It reports also whether nodes were
// passed over, which are gone therefore.
func (b *base) find(path string) (n *node, pos int, passed bool, err error) {
	for !b.ended && inWalk(b.r.last, path) < 0 {
		passed = true
		if err := b.advance(); err != nil {
			return nil, 0, passed, err
		}
	}
	if b.ended || b.r.last != path {
		return nil, 0, passed, nil
	}
	found, pos := b.ahead, b.pos
	return &found, pos, passed, b.advance()
}

// all reports whether all pieces of n may be referred to again.
func (b *base) all(n *node) bool {
	for _, r := range n.refs {
		if !b.reused[r.chunk] {
			return false
		}
	}
	return true
}
