package cache

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
)

// The index of an entry says what the tree looks like: one record for each node, in the order of a walk, all of it
// compressed. A record is
//
//	byte      its kind, and parentFlag
//	path      how many bytes it shares with the path before, how many follow, those
//	time      seconds since that of the record before, nanoseconds
//	mode      of a file or folder
//	target    of a link, its length first
//	size      of a file; then for each piece: its chunk, as the difference to the piece before, and its place, as the
//	          difference to where that one ended if the chunk is the same
//
// with numbers as varints.
const (
	parentFlag = 1 << 2
	kindMask   = 1<<2 - 1
)

// previous is what records are relative to.
type previous struct {
	path  string
	mtime int64
	chunk uint32
	end   int64 // of the last piece in its chunk
}

// follow makes a piece the previous one.
func (p *previous) follow(r ref, length int) {
	p.chunk, p.end = r.chunk, int64(r.at)+int64(length)
}

// startOf is where a piece in the chunk is expected to begin.
func (p *previous) startOf(chunk uint32) int64 {
	if chunk == p.chunk {
		return p.end
	}
	return 0
}

// indexWriter writes an index. It is for one goroutine.
type indexWriter struct {
	zw   *zstd.Encoder
	buf  []byte
	prev previous
}

func newIndexWriter(w io.Writer) (*indexWriter, error) {
	// One goroutine, the caller's: nothing is left running after an error.
	zw, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window/4), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("start the compression: %w", err)
	}
	return &indexWriter{zw: zw}, nil
}

func (w *indexWriter) add(n node) error {
	w.buf = appendRecord(w.buf[:0], &w.prev, n)
	if _, err := w.zw.Write(w.buf); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	return nil
}

// close completes the index.
func (w *indexWriter) close() error { return w.zw.Close() }

func appendRecord(b []byte, prev *previous, n node) []byte {
	flags := byte(n.kind)
	if n.parent {
		flags |= parentFlag
	}
	shared := 0
	for shared < min(len(n.path), len(prev.path)) && n.path[shared] == prev.path[shared] {
		shared++
	}
	b = binary.AppendUvarint(append(b, flags), uint64(shared))
	b = appendText(b, n.path[shared:])
	b = binary.AppendVarint(b, n.mtime.Unix()-prev.mtime)
	b = binary.AppendUvarint(b, uint64(n.mtime.Nanosecond()))
	prev.path, prev.mtime = n.path, n.mtime.Unix()
	switch n.kind {
	case link:
		return appendText(b, n.target)
	case folder:
		return binary.AppendUvarint(b, uint64(n.mode))
	}
	b = binary.AppendUvarint(b, uint64(n.mode))
	b = binary.AppendUvarint(b, uint64(n.size))
	for i, r := range n.refs {
		b = binary.AppendVarint(b, int64(r.chunk)-int64(prev.chunk))
		b = binary.AppendVarint(b, int64(r.at)-prev.startOf(r.chunk))
		prev.follow(r, pieceSize(n.size, i))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// farTime bounds the seconds of a time, some 34,000 years from 1970. File systems with dates end before.
const farTime = 1 << 40

// timeOf is the time of a record; it reports whether there can be such a time.
func timeOf(sec int64, nsec uint64) (time.Time, bool) {
	return time.Unix(sec, int64(nsec)), nsec < 1e9 && sec > -farTime && sec < farTime //nolint:gosec // bounded by the comparison
}
