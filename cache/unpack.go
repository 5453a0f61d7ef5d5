package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// unpacker is one of an extractor's workers.
type unpacker struct {
	*extractor
	from *chunkReader
}

// unpack writes groups of files until there are no more.
func (x *extractor) unpack(ctx context.Context) {
	u := &unpacker{extractor: x, from: &chunkReader{l: x.l, app: x.app, chunks: x.chunks}}
	defer u.from.close()
	var err error
	for g := range x.work {
		if err == nil {
			err = x.failed()
		}
		for i := range g.files {
			p := &g.files[i]
			if err == nil {
				err = context.Cause(ctx)
			}
			if err == nil {
				err = u.put(ctx, p)
			}
			if err != nil {
				p.in.spoiled.Store(true)
			}
			if leaveErr := p.in.leave(); err == nil && leaveErr != nil {
				err = fmt.Errorf("restore %q: %w", p.in.n.path, leaveErr)
			}
		}
		if err != nil {
			x.fail(err)
		}
	}
}

func (x *extractor) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = err
	}
}

func (u *unpacker) put(ctx context.Context, p *placed) error {
	err := u.file(ctx, p)
	if errors.Is(err, errDamaged) {
		return err
	}
	if err = u.orNote(err, p.node); err != nil {
		return fmt.Errorf("restore %q: %w", p.path, err)
	}
	return nil
}

// file makes a file anew.
func (u *unpacker) file(ctx context.Context, p *placed) error {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL
	d, name := p.in.dir, p.name()
	// Before there is a file: a chunk that cannot be had leaves nothing behind.
	if len(p.refs) > 0 {
		if _, err := u.from.content(p.refs[0].chunk); err != nil {
			return err
		}
	}
	fd, err := d.openFd(name, flags, uint32(p.mode))
	var old *comparer
	made := !errors.Is(err, unix.EEXIST)
	if !made {
		if old, err = openOld(d, name); err != nil {
			return err
		}
		defer old.close()
		u.overwrote(p.node, false)
		fd, err = d.openFd(name, flags, uint32(p.mode))
	}
	if err != nil {
		return d.fail("create", name, err)
	}
	if made {
		u.mu.Lock()
		u.made.set(p.number)
		u.mu.Unlock()
	}
	err = u.fill(ctx, fd, p, old)
	if closeErr := unix.Close(fd); err == nil {
		err = d.fail("close", name, closeErr)
	}
	if err != nil {
		return err
	}
	if old.differs() {
		u.overwrote(p.node, true)
	}
	u.wrote(p.number, p.node, made)
	return nil
}

// fill gives a new file its content, time and mode, and keeps its stamp.
func (u *unpacker) fill(ctx context.Context, fd int, p *placed, old *comparer) error {
	for i, r := range p.refs {
		if i > 0 {
			if err := context.Cause(ctx); err != nil {
				return err
			}
		}
		content, err := u.from.content(r.chunk)
		if err != nil {
			return err
		}
		piece := content[r.at : int(r.at)+pieceSize(p.size, i)]
		old.compare(piece)
		if err := p.write(fd, piece); err != nil {
			return err
		}
	}
	if err := p.in.dir.setTime(p.name(), p.mtime); err != nil {
		return err
	}
	for range 2 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return p.in.dir.fail("stat", p.name(), err)
		}
		if modeOf(&st) == p.mode {
			u.stamps.set(p.number, stampOf(&st))
			return nil
		}
		// The umask took something away.
		if err := unix.Fchmod(fd, uint32(p.mode)); err != nil {
			return p.in.dir.fail("chmod", p.name(), err)
		}
	}
	return nil
}

func (p *placed) write(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := retried(func() (int, error) { return unix.Write(fd, b) })
		if err != nil {
			return p.in.dir.fail("write", p.name(), err)
		}
		b = b[n:]
	}
	return nil
}

// comparer tells whether a file that is being replaced differs from what replaces it. It holds the old file open while
// its name is gone. A nil comparer stands for a file that was not there.
type comparer struct {
	old  int // -1 if it cannot be read or is no regular file
	buf  []byte
	same bool // so far
}

// openOld removes the file or link of this name and stays able to read it. That it cannot be read is no error, it only
// counts as different.
func openOld(d *dir, name string) (*comparer, error) {
	c := &comparer{old: -1}
	if st, err := d.stat(name); err == nil && typeOf(&st) == unix.S_IFREG {
		if fd, err := d.openFd(name, unix.O_RDONLY, 0); err == nil {
			c.old, c.same, c.buf = fd, true, make([]byte, copyBuffer)
		}
	}
	if err := d.clear(name); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// compare compares the next bytes.
func (c *comparer) compare(b []byte) {
	for c != nil && c.same && len(b) > 0 {
		n, err := retried(func() (int, error) { return unix.Read(c.old, c.buf[:min(len(b), len(c.buf))]) })
		c.same = err == nil && n > 0 && bytes.Equal(b[:max(n, 0)], c.buf[:max(n, 0)])
		b = b[max(n, 0):]
	}
}

// differs reports whether there was a file and it held something else.
func (c *comparer) differs() bool {
	if c == nil {
		return false
	}
	if !c.same {
		return true
	}
	n, _ := retried(func() (int, error) { return unix.Read(c.old, c.buf[:1]) }) // longer than the new one?
	return n > 0
}

func (c *comparer) close() {
	if c != nil && c.old >= 0 {
		_ = unix.Close(c.old) // only read from
	}
}
