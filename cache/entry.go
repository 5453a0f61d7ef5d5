package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// entry is an open entry. Whatever happens to its name, the bytes stay those that were opened.
type entry struct {
	object
	sealed *sealed
	roots  roots // once it is verified
}

// openEntry opens an entry without verifying it. What is there instead of one is errDamaged.
func (l *Local) openEntry(name string) (*entry, error) {
	o, err := l.objects.open(name)
	if err != nil {
		return nil, err
	}
	e := &entry{object: o}
	if e.sealed, err = openSealed(o, o.size()); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *entry) close() {
	_ = e.Close() // only read from
}

// nodes reads the index.
func (e *entry) nodes(p Paths, l limits) (*indexReader, error) {
	return newIndexReader(e.sealed.section(), p, l, e.sealed.meta.Chunks)
}

// verify reads the whole entry and makes sure that it is what the key k asks for and that nothing in it is impossible.
// It does not look at the chunks.
func (e *entry) verify(ctx context.Context, k Key, p Paths, l limits, maxStored int64) error {
	m := e.sealed.meta
	for _, c := range m.Chunks {
		if err := c.possible(); err != nil {
			return err
		}
	}
	if e.size()+m.stored() > maxStored {
		return errTooBig(fmt.Sprintf("the compressed cache is larger than %s", size(maxStored)))
	}
	return e.sealed.check(ctx, func(index io.Reader) error {
		if m.Key.key().Canonical() != k.Canonical() {
			return damaged("it was saved for something else: %s", k.differences(m.Key.key()))
		}
		return verifyIndex(ctx, index, p, l, m, &e.roots)
	})
}

// verifyIndex reads a whole index and checks it against what its entry says about it. top gets what is at the top.
func verifyIndex(ctx context.Context, index io.Reader, p Paths, l limits, m meta, top *roots) error {
	if err := l.check(m.Tree); err != nil {
		return err
	}
	// What the entry declares bounds the work, so that a small bomb is found out when it exceeds its own word.
	r, err := newIndexReader(index, p, limits{bytes: m.Tree.Bytes, nodes: m.Tree.nodes()}, m.Chunks)
	if err != nil {
		return err
	}
	defer r.close()
	for {
		n, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		var tooBig errTooBig
		if errors.As(err, &tooBig) {
			return damaged("its index holds more than its description says")
		}
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			return err
		}
		top.add(n)
	}
	if r.totals != m.Tree {
		return damaged("its index holds something else than its description says")
	}
	return nil
}

// openChunk opens a chunk of an application, which is as long as it should be.
func (l *Local) openChunk(app string, c chunk) (object, error) {
	o, err := l.objects.open(chunksOf(app) + "/" + c.ID.String())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged("the chunk %s is missing", c.ID)
	}
	if err != nil {
		return nil, err
	}
	if o.size() != c.Stored {
		_ = o.Close() // only read from
		return nil, damaged("the chunk %s has %d bytes instead of %d", c.ID, o.size(), c.Stored)
	}
	return o, nil
}

// findChunk makes sure that there is a chunk, without reading it. soon says that it will be read before long.
func (l *Local) findChunk(app string, c chunk, soon bool) error {
	o, err := l.openChunk(app, c)
	if err != nil {
		return err
	}
	if soon {
		o.expect()
	}
	return o.Close()
}

// readChunk answers a chunk of an application as it is stored, after its name was found to be right. buf is used if it
// is large enough.
func (l *Local) readChunk(app string, c chunk, buf []byte) ([]byte, error) {
	o, err := l.openChunk(app, c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = o.Close() }() // only read from
	if int64(cap(buf)) < c.Stored {
		buf = make([]byte, chunkSize+1)
	}
	buf = buf[:c.Stored]
	if err := readAt(o, buf, 0); err != nil {
		return nil, err
	}
	if nameOf(buf) != c.ID {
		return nil, damaged("the chunk %s does not hold what it should", c.ID)
	}
	return buf, nil
}

// chunkReader unpacks the chunks of an entry and keeps the last one. It is for one goroutine.
type chunkReader struct {
	l       *Local
	app     string
	chunks  []chunk
	dec     *decoder // made when it is needed
	packed  []byte
	current []byte // the content of the chunk number, if loaded
	number  uint32
	loaded  bool
}

// content answers what a chunk holds, valid until the next call.
func (c *chunkReader) content(number uint32) (content []byte, err error) {
	if c.loaded && c.number == number {
		return c.current, nil
	}
	if c.dec == nil {
		if c.dec, err = newDecoder(); err != nil {
			return nil, err
		}
	}
	c.loaded = false
	packed, err := c.l.readChunk(c.app, c.chunks[number], c.packed)
	if err != nil {
		return nil, err
	}
	c.packed = packed[:0]
	if c.current, err = c.dec.unpack(packed, c.chunks[number]); err != nil {
		return nil, err
	}
	c.number, c.loaded = number, true
	return c.current, nil
}

func (c *chunkReader) close() {
	if c.dec != nil {
		c.dec.close()
	}
}
