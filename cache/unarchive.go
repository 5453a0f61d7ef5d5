package cache

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

const (
	maxName   = 255  // bytes of one path component, as in every file system we know
	maxTarget = 4095 // bytes of a link's target, Linux's limit
)

// unarchiver reads nodes from an archive that may be hostile. It accepts what archiver can have written and nothing
// else: regular files, folders and links, in the order of a walk (so that none comes twice), each in a folder that the
// archive has named before (so that none lies behind a link), all of them below the project root and matched by the
// cache paths.
type unarchiver struct {
	zr     *zstd.Decoder
	tr     *tar.Reader
	paths  Paths
	limits limits
	totals totals
	above  []level // the folders the next node may lie in, the project root first
	last   string  // sort key of the last node
}

type level struct {
	path  string
	scope scope
}

func newUnarchiver(archive io.Reader, p Paths, l limits) (*unarchiver, error) {
	zr, err := zstd.NewReader(archive, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, unpacking(err)
	}
	return &unarchiver{zr: zr, tr: tar.NewReader(zr), paths: p, limits: l, above: []level{{scope: p.top()}}}, nil
}

func (u *unarchiver) close() { u.zr.Close() }

// next answers the next node, io.EOF after the last one. The content of a file is then read from the unarchiver.
func (u *unarchiver) next() (node, error) {
	h, err := u.tr.Next()
	if errors.Is(err, io.EOF) {
		return node{}, u.end()
	}
	if err != nil {
		return node{}, unpacking(err)
	}
	n, err := toNode(h)
	if err != nil {
		return node{}, err
	}
	if err := u.place(n); err != nil {
		return node{}, err
	}
	if n.size > math.MaxInt64-u.totals.Bytes {
		return node{}, damaged("%q declares %d bytes", n.path, n.size)
	}
	u.totals.add(n)
	return n, u.limits.check(u.totals)
}

// end reads what follows the tar's own end. Nothing may, but the compressed stream has a checksum there.
func (u *unarchiver) end() error {
	var b [512]byte
	switch n, err := io.ReadFull(u.zr, b[:]); {
	case n > 0:
		return damaged("its archive goes on behind its end")
	case errors.Is(err, io.EOF):
		return io.EOF
	default:
		return unpacking(err)
	}
}

// Read implements io.Reader.
func (u *unarchiver) Read(b []byte) (int, error) {
	n, err := u.tr.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unpacking(err)
	}
	return n, err
}

// unpacking marks an error of the decoders as damage, unless the file could not be read at all.
func unpacking(err error) error {
	if isIO(err) {
		return err
	}
	return damaged("its archive cannot be unpacked (%v)", err)
}

func toNode(h *tar.Header) (node, error) {
	n := node{path: h.Name, mode: fs.FileMode(h.Mode) & fs.ModePerm, mtime: h.ModTime}
	for k := range h.PAXRecords {
		switch k {
		case "path", "linkpath", "size", "mtime":
		case paxParent:
			n.parent = true
		default:
			return n, damaged("%q has the property %q, which preamp does not write", h.Name, k)
		}
	}
	switch h.Typeflag {
	case tar.TypeReg:
		n.kind, n.size = file, h.Size
	case tar.TypeDir:
		n.kind, n.path = folder, strings.TrimSuffix(h.Name, "/")
	case tar.TypeSymlink:
		n.kind, n.target = link, h.Linkname
		if n.target == "" || len(n.target) > maxTarget || strings.ContainsRune(n.target, 0) {
			return n, damaged("the link %q has a target that cannot be", h.Name)
		}
	default:
		return n, damaged("%q is neither a file, a folder nor a symbolic link (tar type %q)", h.Name, h.Typeflag)
	}
	switch {
	case !localPath(n.path):
		return n, damaged("%q is not a path below the project root", h.Name)
	case n.size != h.Size, n.size < 0:
		return n, damaged("%q cannot have a size of %d bytes", h.Name, h.Size)
	case n.parent && n.kind != folder:
		return n, damaged("%q is not a folder but marked as one", h.Name)
	}
	return n, nil
}

// place checks that n may come at this place of the archive and descends into it if it is a folder.
func (u *unarchiver) place(n node) error {
	// With / before every other byte the order of paths is that of a walk.
	key := strings.ReplaceAll(n.path, "/", "\x00")
	if key <= u.last {
		return damaged("%q is not in order or comes twice", n.path)
	}
	u.last = key
	dir, name := path.Split(n.path)
	dir = strings.TrimSuffix(dir, "/")
	depth := 1
	if dir != "" {
		depth += strings.Count(dir, "/") + 1
	}
	if len(name) > maxName || depth > MaxDepth || (n.kind == folder && depth == MaxDepth) {
		return damaged("the path %.300q is too long", n.path)
	}
	if depth > len(u.above) || u.above[depth-1].path != dir {
		return damaged("%q comes without the folder it is in", n.path)
	}
	u.above = u.above[:depth]
	s, ok := u.paths.enter(u.above[depth-1].scope, n.path)
	if !ok || n.parent == s.included() {
		return damaged("%q is not among the cache paths", n.path)
	}
	if n.parent && !u.paths.leads(s, n.path) {
		return damaged("%q is not on the way to a cache path", n.path)
	}
	if n.kind == folder {
		u.above = append(u.above, level{n.path, s})
	}
	return nil
}

// verify reads a whole archive and checks it against what its entry says about it.
func verify(ctx context.Context, archive io.Reader, p Paths, l limits, want totals, buf []byte) error {
	if err := l.check(want); err != nil {
		return err
	}
	// What the entry declares bounds the work, so that a small bomb is found out when it exceeds its own word.
	u, err := newUnarchiver(archive, p, limits{bytes: want.Bytes, nodes: want.nodes()})
	if err != nil {
		return err
	}
	defer u.close()
	for {
		_, err := u.next()
		if errors.Is(err, io.EOF) {
			break
		}
		var tooBig errTooBig
		if errors.As(err, &tooBig) {
			return damaged("its archive holds more than its description says")
		}
		if err != nil {
			return err
		}
		if _, err := copyAll(ctx, io.Discard, u, buf); err != nil {
			return err
		}
	}
	if u.totals != want {
		return damaged("its archive holds something else than its description says")
	}
	return nil
}
