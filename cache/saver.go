package cache

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// saver makes an entry of what a walk finds. What equals the base is taken from there. As long as all of it does,
// nothing is written; the first difference begins the entry with the part of the base's index that was equal so far.
type saver struct {
	l      *Local
	key    Key
	paths  Paths
	base   *base // nil for none
	repack bool  // chunks with much garbage are not referred to again
	began  time.Time

	pack   *packer
	table  *table
	queue  []*waiting // nodes whose records are not written yet, in order
	batch  *batch     // files that will be read next
	count  int        // nodes that have left the queue
	totals totals
	tally  Tally
	stamps *stampWriter
	keeper *keeper
	read   int   // files that were read
	bytes  int64 // of them

	temp  pending // the entry; nil as long as there is no difference
	seal  *sealer
	index *indexWriter
}

// waiting is a node that waits for its turn, and a file maybe for its pieces.
type waiting struct {
	node
	old      *node       // the same file in the base, of which pieces may be equal
	changed  atomic.Bool // it differs from the base
	batches  []*batch
	verified bool // a file that is known to hold what its name says
}

// maxQueue bounds how many nodes wait for files before them. A chunk that is not full by then is closed.
const maxQueue = 16 << 10

// errRepack says that the tree has changed and that the save should begin anew, repacking.
var errRepack = errors.New("chunks are to be repacked")

func newSaver(l *Local, k Key, p Paths, root string, b *base, repack bool) *saver {
	s := &saver{l: l, key: k, paths: p, base: b, repack: repack, began: time.Now()}
	s.table, s.stamps, s.keeper = newTable(b), newStampWriter(root), newKeeper(l, k)
	if b != nil && !repack {
		for i := range b.reused {
			b.reused[i] = true
		}
	}
	return s
}

// visit takes a node from the walk.
func (s *saver) visit(n node) error {
	s.totals.add(n)
	if err := s.l.limits.check(s.totals); err != nil {
		return err
	}
	if n.kind != folder {
		s.tally.Add(n.path, 1, n.size)
	}
	w := &waiting{node: n}
	clean, err := s.compare(w)
	if err != nil {
		return err
	}
	s.queue = append(s.queue, w)
	if n.kind == file && !clean {
		s.request(w)
	}
	if err := s.pack.failed(); err != nil {
		return err
	}
	if err := s.drain(false); err != nil {
		return err
	}
	if len(s.queue) < maxQueue {
		return nil
	}
	s.dispatch()
	return s.drain(true)
}

// compare looks for the node in the base and reports whether a file needs no reading.
func (s *saver) compare(w *waiting) (clean bool, err error) {
	if s.base == nil {
		w.changed.Store(true)
		return false, nil
	}
	old, pos, passed, err := s.base.find(w.path)
	if err != nil {
		return false, err
	}
	w.changed.Store(passed || old == nil || !w.like(*old))
	if old == nil || old.kind != file || w.kind != file {
		return false, nil
	}
	known, same := s.base.stamps.compare(pos, w.stamp)
	if known {
		s.tally.Found(w.path, same)
	}
	trusted := same && w.like(*old)
	w.verified = trusted && s.base.stamps.verified(pos)
	if trusted && s.base.all(old) {
		w.refs = s.table.adoptAll(old.refs)
		return true, nil
	}
	w.old = old
	return false, nil
}

// request hands a file's pieces to be read.
func (s *saver) request(w *waiting) {
	count := pieces(w.size)
	w.refs = make([]ref, count)
	s.read++
	s.bytes += w.size
	for i := range count {
		length := pieceSize(w.size, i)
		b := s.batch
		if length == chunkSize {
			b = &batch{done: make(chan struct{})} // the pieces around it stay together
		} else if b == nil || !b.takes(length) {
			s.dispatch()
			b = &batch{done: make(chan struct{})}
			s.batch = b
		}
		b.add(w, i, length)
		w.batches = append(w.batches, b)
		if length == chunkSize {
			s.pack.do(b)
		}
	}
}

// dispatch hands over the files that were collected.
func (s *saver) dispatch() {
	if s.batch != nil {
		s.pack.do(s.batch)
		s.batch = nil
	}
}

// drain writes the records of the nodes at the beginning of the queue, as far as they are ready; it waits for one to
// be, if told so.
func (s *saver) drain(wait bool) error {
	done := 0
	for _, w := range s.queue {
		if !w.ready(wait && done == 0) {
			break
		}
		if err := s.pack.failed(); err != nil {
			return err
		}
		if err := s.emit(w); err != nil {
			return err
		}
		done++
	}
	clear(s.queue[:done]) // so that they can be forgotten
	s.queue = s.queue[done:]
	return nil
}

func (w *waiting) ready(wait bool) bool {
	for _, b := range w.batches {
		if wait {
			<-b.done
			continue
		}
		select {
		case <-b.done:
		default:
			return false
		}
	}
	return true
}

// emit writes the record of a node whose pieces are in place.
func (s *saver) emit(w *waiting) error {
	for i, r := range w.refs {
		s.table.use(r, pieceSize(w.size, i))
	}
	at := w.stamp
	if !at.settled(s.began) {
		at = stamp{}
	}
	s.stamps.append(at)
	s.keeper.add(s.count, w.node, w.verified)
	if s.index == nil && w.changed.Load() {
		if err := s.begin(); err != nil {
			return err
		}
	}
	s.count++
	if s.index == nil {
		return nil
	}
	return s.index.add(w.node)
}

// begin starts the entry with the part of the base that equals the tree so far.
func (s *saver) begin() (err error) {
	if s.base != nil && s.base.repacks && !s.repack {
		return errRepack
	}
	if s.temp, err = s.l.objects.create(entryName(s.key)); err != nil {
		return err
	}
	if s.seal, err = newSealer(s.temp); err != nil {
		return err
	}
	if s.index, err = newIndexWriter(s.seal); err != nil || s.count == 0 {
		return err
	}
	r, err := s.base.nodes(s.paths, s.l.limits)
	if err != nil {
		return err
	}
	defer r.close()
	for range s.count {
		n, err := r.next()
		if err != nil {
			return fmt.Errorf("%w: %w", errBase, err)
		}
		n.refs = s.table.adoptAll(n.refs)
		if err := s.index.add(n); err != nil {
			return err
		}
	}
	return nil
}

// finish writes what is left after the walk and reports whether there is something new to commit.
func (s *saver) finish(ctx context.Context) (bool, error) {
	s.dispatch()
	if err := s.pack.wait(); err != nil {
		return false, err
	}
	if err := s.drain(true); err != nil {
		return false, err
	}
	if s.index == nil {
		if s.base != nil && s.base.own && s.base.ended {
			return false, nil
		}
		if err := s.begin(); err != nil {
			return false, err
		}
	}
	return true, context.Cause(ctx)
}

// complete ends the entry and answers its name among generations.
func (s *saver) complete() (generation, error) {
	if err := s.index.close(); err != nil {
		return generation{}, err
	}
	g, err := s.seal.seal(meta{Key: newMetaKey(s.key), Created: s.began.UTC(), Tree: s.totals, Chunks: s.table.chunks})
	if err != nil {
		return g, err
	}
	return g, s.table.within(s.l.maxStored - s.seal.size)
}

// discard gives up what was begun.
func (s *saver) discard() error {
	if s.temp == nil {
		return nil
	}
	return s.temp.discard()
}
