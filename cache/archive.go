package cache

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/dustin/go-humanize"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// paxParent marks a folder that is in the archive only because something below it is cached.
const paxParent = "PREAMP.parent"

// window is how far back the compression looks. It bounds the memory of a save and of a restore, and a restore refuses
// an archive that asks for more.
const window = 4 << 20

// limits bound what goes into an entry and what is accepted from one.
type limits struct {
	bytes int64 // content
	nodes int
}

func (l limits) check(t totals) error {
	if t.Bytes > l.bytes {
		return errTooBig(fmt.Sprintf("the cached files hold more than %s", size(l.bytes)))
	}
	if t.nodes() > l.nodes {
		return errTooBig(fmt.Sprintf("there are more than %d cached files and folders", l.nodes))
	}
	return nil
}

// archiver writes nodes as tar in zstd.
type archiver struct {
	zw     *zstd.Encoder
	tw     *tar.Writer
	buf    []byte
	limits limits
	totals totals
}

func newArchiver(w io.Writer, l limits) (*archiver, error) {
	// One goroutine, the caller's: memory stays at about four windows, and nothing is left running after an error.
	zw, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("start the compression: %w", err)
	}
	return &archiver{zw: zw, tw: tar.NewWriter(zw), buf: make([]byte, copyBuffer), limits: l}, nil
}

// close completes the archive.
func (a *archiver) close() error {
	return errors.Join(a.tw.Close(), a.zw.Close())
}

// add writes one node, which lies in the folder dir.
func (a *archiver) add(ctx context.Context, dir *os.Root, n node) error {
	a.totals.add(n)
	if err := a.limits.check(a.totals); err != nil {
		return err
	}
	h := &tar.Header{Format: tar.FormatPAX, Name: n.path, Mode: int64(n.mode), ModTime: n.mtime}
	switch n.kind {
	case folder:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
		if n.parent {
			h.PAXRecords = map[string]string{paxParent: "1"}
		}
	case link:
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, n.target, 0o777
	case file:
		return a.addFile(ctx, dir, n, h)
	}
	return a.header(h)
}

func (a *archiver) header(h *tar.Header) error {
	if err := a.tw.WriteHeader(h); err != nil {
		return fmt.Errorf("archive %q: %w", h.Name, err)
	}
	return nil
}

func (a *archiver) addFile(ctx context.Context, dir *os.Root, n node, h *tar.Header) (err error) {
	// Without O_NONBLOCK a pipe put in the file's place would hold up the open for ever.
	f, err := dir.OpenFile(path.Base(n.path), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return unreadable(n.path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := unchanged(f, n); err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, n.size
	if err := a.header(h); err != nil {
		return err
	}
	copied, err := copyAll(ctx, a.tw, io.LimitReader(f, n.size), a.buf)
	if err != nil {
		return fmt.Errorf("archive %q: %w", n.path, err)
	}
	if copied != n.size {
		return fmt.Errorf("%q %w", n.path, errChanged)
	}
	return unchanged(f, n)
}

// unchanged checks that f is still what the walk saw.
func unchanged(f *os.File, n node) error {
	info, err := f.Stat()
	if err != nil {
		return unreadable(n.path, err)
	}
	if !info.Mode().IsRegular() || info.Size() != n.size || !info.ModTime().Equal(n.mtime) {
		return fmt.Errorf("%q %w", n.path, errChanged)
	}
	return nil
}

// isIO reports whether err comes from reading a file of ours and not from what it holds.
func isIO(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p)
}

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
