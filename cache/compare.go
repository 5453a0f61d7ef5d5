package cache

import (
	"bytes"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// comparer tells whether a file that is being replaced differs from what replaces it. It holds the old file open while
// its name is gone. A nil comparer stands for a file that was not there.
type comparer struct {
	old  *os.File // nil if it cannot be read or is no regular file
	buf  []byte
	same bool // so far
}

// openOld opens the file that is going to be replaced. That it cannot be is no error, it only counts as different.
func openOld(dir *os.Root, name string, buf []byte) *comparer {
	c := &comparer{buf: buf}
	info, err := dir.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return c
	}
	if f, err := dir.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
		c.old, c.same = f, true
	}
	return c
}

// tee is a writer to w that compares what passes.
func (c *comparer) tee(w io.Writer) io.Writer {
	if c == nil || c.old == nil {
		return w
	}
	return io.MultiWriter(w, c)
}

// Write implements io.Writer. It takes at most as much as the buffer of openOld.
func (c *comparer) Write(b []byte) (int, error) {
	if c.same {
		n, err := io.ReadFull(c.old, c.buf[:len(b)])
		c.same = err == nil && bytes.Equal(b, c.buf[:n])
	}
	return len(b), nil
}

// differs reports whether there was a file and it held something else.
func (c *comparer) differs() bool {
	if c == nil {
		return false
	}
	if !c.same {
		return true
	}
	n, _ := c.old.Read(c.buf[:1]) // longer than the new one?
	return n > 0
}

func (c *comparer) close() {
	if c.old != nil {
		_ = c.old.Close() // only read from
	}
}
