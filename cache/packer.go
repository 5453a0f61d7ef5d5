package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
)

// workers is how many goroutines pack or unpack. More than two cores do not make files appear much faster, and each
// worker holds two chunks.
const workers = 2

// batch is a list of pieces that one worker reads.
type batch struct {
	pieces []piece
	bytes  int
	done   chan struct{} // closed when all pieces have their place
}

type piece struct {
	*waiting
	i int
}

// takes reports whether there is room for a piece.
func (b *batch) takes(length int) bool { return b.bytes+length <= chunkSize }

func (b *batch) add(w *waiting, i, length int) {
	b.pieces = append(b.pieces, piece{w, i})
	b.bytes += length
}

// packer reads batches in several workers and makes chunks of what is new.
type packer struct {
	l       *Local
	app     string
	table   *table
	project *dir
	base    *base // nil for none
	work    chan *batch
	ended   sync.WaitGroup

	mu    sync.Mutex
	err   error // the first
	added int64
	over  bool
}

// newPacker starts the workers. wait ends them.
func newPacker(ctx context.Context, l *Local, app string, t *table, b *base, project *dir) *packer {
	p := &packer{
		l: l, app: app, table: t, base: b, project: project,
		work: make(chan *batch),
	}
	for range workers {
		p.ended.Go(func() { p.run(ctx) })
	}
	return p
}

func (p *packer) do(b *batch) { p.work <- b }

// wait lets the workers end what they have and answers the first error.
func (p *packer) wait() error {
	if !p.over {
		p.over = true
		close(p.work)
		p.ended.Wait()
	}
	return p.failed()
}

func (p *packer) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *packer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// put stores a chunk unless it is there already.
func (p *packer) put(id chunkID, packed []byte) error {
	name := chunksOf(p.app) + "/" + id.String()
	if p.l.holds(name, packed) {
		return nil
	}
	c, err := p.l.objects.create(name)
	if err != nil {
		return fmt.Errorf("store a chunk: %w", err)
	}
	if _, err := c.Write(packed); err != nil {
		return errors.Join(fmt.Errorf("store a chunk: %w", err), c.discard())
	}
	if err := c.commit(); err != nil {
		return fmt.Errorf("store a chunk: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.added += int64(len(packed))
	return nil
}

// holds reports whether the object is there and holds just this. A chunk that is damaged does not, and is replaced.
func (l *Local) holds(name string, content []byte) bool {
	o, err := l.objects.open(name)
	if err != nil {
		return false
	}
	defer func() { _ = o.Close() }() // only read from
	same := o.size() == int64(len(content))
	buf := make([]byte, min(copyBuffer, len(content)))
	for at := 0; same && at < len(content); at += len(buf) {
		part := buf[:min(len(buf), len(content)-at)]
		_, err := o.ReadAt(part, int64(at))
		same = err == nil && bytes.Equal(part, content[at:at+len(part)])
	}
	return same
}
