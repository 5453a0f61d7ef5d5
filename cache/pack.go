package cache

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// worker is one of a packer's. It fills one chunk at a time.
type worker struct {
	*packer
	trail  trail
	chunks *chunkReader // of the base
	code   *coder       // made when it is needed: a save in which nothing changed needs none
	buf    []byte       // the chunk, beginning with its coding
	number uint32       // of the chunk, if there is something in it
}

// run packs batches until there are no more.
func (p *packer) run(ctx context.Context) {
	w := &worker{packer: p, trail: trail{dirs: []*dir{p.project}}}
	if p.base != nil {
		w.chunks = &chunkReader{l: p.l, app: p.app, chunks: p.base.sealed.meta.Chunks}
		defer w.chunks.close()
	}
	for b := range p.work {
		if p.failed() == nil {
			if err := w.batch(ctx, b); err != nil {
				p.fail(err)
			}
		}
		close(b.done)
	}
	w.trail.back(0)
	if p.failed() == nil {
		if err := w.seal(); err != nil {
			p.fail(err)
		}
	}
}

func (w *worker) batch(ctx context.Context, b *batch) error {
	if w.buf == nil {
		w.buf = make([]byte, 1, 1+chunkSize)
	}
	for _, p := range b.pieces {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := w.piece(p); err != nil {
			return err
		}
	}
	// Without a base batches are what chunks are, so that equal trees make equal chunks.
	if w.base == nil || len(w.buf) > chunkSize/2 {
		return w.seal()
	}
	return nil
}

// piece reads a piece and gives it a place: where the base has it, or in the current chunk.
func (w *worker) piece(p piece) error {
	length := pieceSize(p.size, p.i)
	if len(w.buf)-1+length > chunkSize {
		if err := w.seal(); err != nil {
			return err
		}
	}
	at := len(w.buf)
	content := w.buf[at : at+length]
	if err := w.load(p, content); err != nil {
		return err
	}
	if w.inBase(p, content) {
		p.refs[p.i] = w.table.adopt(p.old.refs[p.i])
		return nil
	}
	p.changed.Store(true)
	if at == 1 {
		w.number = w.table.reserve()
	}
	w.buf = w.buf[:at+length]
	p.refs[p.i] = ref{chunk: w.number, at: uint32(at - 1)}
	return nil
}

// inBase reports whether the base holds this piece of the same file. It has to unpack the chunk for that, and so it
// does not look where the file is expected to differ, because its size or time does; but where it is long, since it is
// the end of long files that changes.
func (w *worker) inBase(p piece, content []byte) bool {
	if p.old == nil || p.i >= len(p.old.refs) || pieceSize(p.old.size, p.i) != len(content) {
		return false
	}
	if len(content) < chunkSize && (p.old.size != p.size || !p.old.mtime.Equal(p.mtime)) {
		return false
	}
	r := p.old.refs[p.i]
	if !w.base.reused[r.chunk] {
		return false
	}
	// A chunk that cannot be read holds nothing.
	stored, err := w.chunks.content(r.chunk)
	return err == nil && bytes.Equal(stored[r.at:int(r.at)+len(content)], content)
}

// load reads the piece and checks that the file is still what the walk saw.
func (w *worker) load(p piece, b []byte) error {
	d, err := w.trail.to(p.path)
	if err != nil {
		return unreadable(p.path, err)
	}
	fd, err := d.openFd(p.name(), unix.O_RDONLY, 0)
	if err != nil {
		return unreadable(p.path, d.fail("open", p.name(), err))
	}
	defer func() { _ = unix.Close(fd) }() // only read from
	if err := p.check(fd); err != nil {
		return err
	}
	if err := p.fill(fd, b); err != nil {
		return err
	}
	return p.check(fd)
}

func (p piece) check(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return unreadable(p.path, err)
	}
	if !p.shows(&st) {
		return fmt.Errorf("%q %w", p.path, errChanged)
	}
	return nil
}

func (p piece) fill(fd int, b []byte) error {
	for at := int64(p.i) * chunkSize; len(b) > 0; {
		n, err := retried(func() (int, error) { return unix.Pread(fd, b, at) })
		if err != nil {
			return unreadable(p.path, &fs.PathError{Op: "read", Path: p.path, Err: err})
		}
		if n == 0 {
			return fmt.Errorf("%q %w", p.path, errChanged)
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

// seal stores the current chunk, if there is something in it.
func (w *worker) seal() (err error) {
	size := len(w.buf) - 1
	if size <= 0 {
		return nil
	}
	if w.code == nil {
		if w.code, err = newCoder(); err != nil {
			return err
		}
	}
	id, packed := w.code.pack(w.buf)
	w.buf = w.buf[:1]
	w.table.complete(w.number, id, size, len(packed))
	if err := w.table.within(w.l.maxStored); err != nil {
		return err
	}
	return w.put(id, packed)
}
