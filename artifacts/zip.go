package artifacts

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"
	"golang.org/x/sync/errgroup"
)

const (
	// zipLevel is what zip and gzip use by default.
	zipLevel = 6
	// maxParallel is the size up to which files are compressed beside each other in memory; larger ones are streamed.
	// With maxAhead it bounds the memory: 64 MiB of what compresses badly.
	maxParallel = 2 << 20
	maxAhead    = 32
	maxWorkers  = 8
)

// WriteZip writes the artifact as a zip archive. All entries get the time modified, or, if that is zero, the time of their
// file. With a fixed time the same files give the same bytes, on any machine. Entries are in the order of Files; names that are not UTF-8 are
// stored as they are, not marked as UTF-8. Links are entries as Info-ZIP writes them.
//
// After an error, w holds the beginning of an archive.
func (s *Selection) WriteZip(ctx context.Context, w io.Writer, modified time.Time) error {
	return s.writeZip(ctx, w, modified, nil)
}

// WriteZipHashes writes the same archive as [Selection.WriteZip], and returns the hashes of the files in it. Each file is read
// once, for both.
func (s *Selection) WriteZipHashes(ctx context.Context, w io.Writer, modified time.Time) (*HashList, error) {
	l := newHashList(s.Files)
	if err := s.writeZip(ctx, w, modified, l); err != nil {
		return nil, err
	}
	return l, nil
}

func (s *Selection) writeZip(ctx context.Context, w io.Writer, modified time.Time, hashes *HashList) error {
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return fmt.Errorf("artifacts: open the repository: %w", err)
	}
	defer root.Close() //nolint:errcheck // it was only read

	g, ctx := errgroup.WithContext(ctx)
	z := &zipper{s: s, root: root, modified: modified, hashes: hashes, out: zip.NewWriter(w)}
	z.out.RegisterCompressor(zip.Deflate, z.compressor)
	queue, work := make(chan *entry, maxAhead), make(chan *entry)
	g.Go(func() error { return z.dispatch(ctx, queue, work) })
	for range min(runtime.GOMAXPROCS(0), maxWorkers) {
		g.Go(func() error { return z.compressAll(ctx, work) })
	}
	g.Go(func() error { return z.writeAll(ctx, queue) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := z.out.Close(); err != nil {
		return fmt.Errorf("artifact zip: %w", err)
	}
	return nil
}

// A zipper writes one archive. Files are compressed by several workers and written by one goroutine, in order.
type zipper struct {
	s        *Selection
	root     *os.Root
	modified time.Time
	hashes   *HashList // nil: not wanted
	out      *zip.Writer
	stored   bool      // the file that is being streamed does not compress; only for writeAll
	buffers  sync.Pool // of *bytes.Buffer
	deflate  [2]sync.Pool
}

// An entry is a file on its way into the archive.
type entry struct {
	n    int // its place among the files
	file File
	// small entries are complete in memory when ready is closed, or not to be had because of the group's error.
	small bool
	ready chan struct{}
	raw   rawEntry
}

// dispatch sends all files to the writer, and the small ones to the workers. The capacity of queue bounds how far the
// workers get ahead of the writer.
func (z *zipper) dispatch(ctx context.Context, queue, work chan<- *entry) error {
	defer close(queue)
	defer close(work)
	for i, f := range z.s.Files {
		e := &entry{n: i, file: f, small: f.Size <= maxParallel, ready: make(chan struct{})}
		select {
		case queue <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !e.small {
			continue
		}
		select {
		case work <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (z *zipper) compressAll(ctx context.Context, work <-chan *entry) error {
	var content bytes.Buffer
	for e := range work {
		content.Reset()
		if e.file.Mode&fs.ModeSymlink != 0 {
			content.WriteString(e.file.Link)
		} else if err := z.s.copyTo(ctx, &content, z.root, e.file); err != nil {
			return err
		}
		if z.hashes != nil {
			sum := sha256.Sum256(content.Bytes())
			z.hashes.set(e.n, sum[:])
		}
		raw, err := z.pack(e.file, content.Bytes())
		if err != nil {
			return err
		}
		e.raw = raw
		close(e.ready)
	}
	return nil
}

func (z *zipper) writeAll(ctx context.Context, queue <-chan *entry) error {
	for e := range queue {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !e.small {
			if err := z.stream(ctx, e); err != nil {
				return err
			}
			continue
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := z.writeRaw(e.raw); err != nil {
			return fmt.Errorf("artifact zip: %q: %w", e.file.Path, err)
		}
	}
	return nil
}

// stream compresses a large file into the archive.
func (z *zipper) stream(ctx context.Context, e *entry) error {
	f := e.file
	z.stored = incompressible(f.Path)
	w, err := z.out.CreateHeader(z.header(f))
	if err != nil {
		return fmt.Errorf("artifact zip: %q: %w", f.Path, err)
	}
	if z.hashes == nil {
		return z.s.copyTo(ctx, w, z.root, f)
	}
	sum := sha256.New()
	if err := z.s.copyTo(ctx, io.MultiWriter(w, sum), z.root, f); err != nil {
		return err
	}
	z.hashes.set(e.n, sum.Sum(nil))
	return nil
}

// compressor makes the compressor for a streamed file. What does not compress goes into stored blocks of a deflate stream, because readers
// that do not seek cannot find the end of a stored entry whose size is only known after it.
func (z *zipper) compressor(w io.Writer) (io.WriteCloser, error) {
	return z.deflater(w, z.stored)
}

// A deflater gives its tables, a good half MiB, back when it is closed.
type deflater struct {
	*flate.Writer
	pool *sync.Pool
}

func (d *deflater) Close() error {
	if d.Writer == nil {
		return errors.New("closed twice")
	}
	err := d.Writer.Close()
	d.pool.Put(d.Writer)
	d.Writer = nil
	return err
}

func (z *zipper) deflater(w io.Writer, stored bool) (io.WriteCloser, error) {
	pool, level := &z.deflate[0], zipLevel
	if stored {
		pool, level = &z.deflate[1], flate.NoCompression
	}
	if fw, ok := pool.Get().(*flate.Writer); ok {
		fw.Reset(w)
		return &deflater{fw, pool}, nil
	}
	fw, err := flate.NewWriter(w, level)
	if err != nil {
		return nil, err
	}
	return &deflater{fw, pool}, nil
}
