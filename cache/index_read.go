package cache

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxPath bounds the path of a node, MaxDepth components with a slash between them.
const maxPath = MaxDepth * (maxName + 1)

// indexReader reads an index that may be hostile. It accepts what indexWriter can have written and nothing else:
// regular files, folders and links, in the order of a walk (so that none comes twice), each in a folder that the index
// has named before (so that none lies behind a link), all of them below the project root and matched by the cache paths,
// with every piece inside a chunk of the table.
type indexReader struct {
	zr     *zstd.Decoder
	r      *bufio.Reader
	paths  Paths
	limits limits
	chunks []chunk
	totals totals
	prev   previous
	above  []level // the folders the next node may lie in, the project root first
	last   string  // the last node's path
}

type level struct {
	path  string
	scope scope
}

func newIndexReader(index io.Reader, p Paths, l limits, chunks []chunk) (*indexReader, error) {
	zr, err := zstd.NewReader(index, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, unpacking(err)
	}
	return &indexReader{
		zr: zr, r: bufio.NewReaderSize(zr, 64<<10), paths: p, limits: l, chunks: chunks, above: []level{{scope: p.top()}},
	}, nil
}

func (r *indexReader) close() { r.zr.Close() }

// next answers the next node, io.EOF after the last one.
func (r *indexReader) next() (node, error) {
	flags, err := r.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return node{}, io.EOF
	}
	if err != nil {
		return node{}, unpacking(err)
	}
	n, err := r.record(flags)
	if err != nil {
		return node{}, err
	}
	if err := r.place(n); err != nil {
		return node{}, err
	}
	r.totals.add(n)
	return n, r.limits.check(r.totals)
}

// record reads what follows the flags.
func (r *indexReader) record(flags byte) (node, error) {
	n := node{kind: kind(flags & kindMask), parent: flags&parentFlag != 0}
	if flags > kindMask|parentFlag || n.kind > link || n.parent && n.kind != folder {
		return n, damaged("its index has a record of the unknown kind %d", flags)
	}
	var err error
	if n.path, err = r.path(); err != nil {
		return n, err
	}
	delta, err1 := binary.ReadVarint(r.r)
	nsec, err2 := binary.ReadUvarint(r.r)
	if err := errors.Join(err1, err2); err != nil {
		return n, unpacking(err)
	}
	var possible bool
	if n.mtime, possible = timeOf(r.prev.mtime+delta, nsec); !possible {
		return n, damaged("%q has a time that cannot be", n.path)
	}
	r.prev.mtime += delta
	if n.kind == link {
		n.target, err = r.text(maxTarget)
		if err == nil && (n.target == "" || strings.ContainsRune(n.target, 0)) {
			err = damaged("the link %q has a target that cannot be", n.path)
		}
		return n, err
	}
	mode, err := binary.ReadUvarint(r.r)
	if err != nil {
		return n, unpacking(err)
	}
	if mode > uint64(fs.ModePerm) {
		return n, damaged("%q has the mode %o", n.path, mode)
	}
	n.mode = fs.FileMode(mode)
	if n.kind == file {
		err = r.content(&n)
	}
	return n, err
}

func (r *indexReader) path() (string, error) {
	shared, err := binary.ReadUvarint(r.r)
	if err != nil {
		return "", unpacking(err)
	}
	if shared > uint64(len(r.prev.path)) {
		return "", damaged("its index shares %d bytes of a path of %d", shared, len(r.prev.path))
	}
	rest, err := r.text(maxPath)
	if err != nil {
		return "", err
	}
	p := r.prev.path[:shared] + rest
	if len(p) > maxPath || !localPath(p) {
		return "", damaged("%.300q is not a path below the project root", p)
	}
	r.prev.path = p
	return p, nil
}

func (r *indexReader) text(limit int) (string, error) {
	n, err := binary.ReadUvarint(r.r)
	if err != nil {
		return "", unpacking(err)
	}
	if n > uint64(limit) {
		return "", damaged("its index has a name of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.r, b); err != nil {
		return "", unpacking(err)
	}
	return string(b), nil
}

// content reads where a file's pieces are.
func (r *indexReader) content(n *node) error {
	length, err := binary.ReadUvarint(r.r)
	if err != nil {
		return unpacking(err)
	}
	if length > math.MaxInt64 || int64(length) > math.MaxInt64-r.totals.Bytes {
		return damaged("%q declares %d bytes", n.path, length)
	}
	n.size = int64(length)
	// Before the pieces, whose number follows from it, are given memory.
	t := r.totals
	t.add(*n)
	if err := r.limits.check(t); err != nil {
		return err
	}
	count := pieces(n.size)
	n.refs = make([]ref, 0, min(count, 64)) // it grows with what really comes
	for i := range count {
		p, err := r.piece(pieceSize(n.size, i))
		if err != nil {
			return err
		}
		n.refs = append(n.refs, p)
	}
	return nil
}

func (r *indexReader) piece(length int) (ref, error) {
	var p ref
	delta, err1 := binary.ReadVarint(r.r)
	shift, err2 := binary.ReadVarint(r.r)
	if err := errors.Join(err1, err2); err != nil {
		return p, unpacking(err)
	}
	number := int64(r.prev.chunk) + delta
	if delta < -math.MaxUint32 || delta > math.MaxUint32 || number < 0 || number >= int64(len(r.chunks)) {
		return p, damaged("its index names chunk %d of %d", number, len(r.chunks))
	}
	p.chunk = uint32(number)
	at := r.prev.startOf(p.chunk) + shift
	if shift < -chunkSize || shift > chunkSize || at < 0 || at+int64(length) > r.chunks[number].Size {
		return p, damaged("its index looks for %d bytes at %d in a chunk of %d", length, at, r.chunks[number].Size)
	}
	p.at = uint32(at)
	r.prev.follow(p, length)
	return p, nil
}

// place checks that n may come at this place of the index and descends into it if it is a folder.
func (r *indexReader) place(n node) error {
	if inWalk(n.path, r.last) <= 0 {
		return damaged("%q is not in order or comes twice", n.path)
	}
	r.last = n.path
	dir, name := path.Split(n.path)
	dir = strings.TrimSuffix(dir, "/")
	depth := 1
	if dir != "" {
		depth += strings.Count(dir, "/") + 1
	}
	if len(name) > maxName || depth > MaxDepth || (n.kind == folder && depth == MaxDepth) {
		return damaged("the path %.300q is too long", n.path)
	}
	if depth > len(r.above) || r.above[depth-1].path != dir {
		return damaged("%q comes without the folder it is in", n.path)
	}
	r.above = r.above[:depth]
	s, ok := r.paths.enter(r.above[depth-1].scope, n.path)
	if !ok || n.parent == s.included() {
		return damaged("%q is not among the cache paths", n.path)
	}
	if n.parent && !r.paths.leads(s, n.path) {
		return damaged("%q is not on the way to a cache path", n.path)
	}
	if n.kind == folder {
		r.above = append(r.above, level{n.path, s})
	}
	return nil
}

// unpacking marks an error of the decoders as damage, unless the file could not be read at all.
func unpacking(err error) error {
	if isIO(err) {
		return err
	}
	return damaged("its index cannot be unpacked (%v)", err)
}

// isIO reports whether err comes from reading a file of ours and not from what it holds.
func isIO(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p)
}
