package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// extractor writes nodes into a project. What lies there is as little to be trusted as the archive: a commit can hold
// a link where the cache has a folder. Every folder is therefore entered one component at a time and held open, and
// every node is made anew, never opened through what is already there.
type extractor struct {
	frames      []frame // the folders down to the current one, the project root first
	buf, oldBuf []byte
	totals      totals // what has been written
	overwritten int
	notices     notices
}

// frame is one folder that is being filled.
type frame struct {
	dir *os.Root // nil: not restored, and so nothing in it
	at  *os.File // dir again, for what os.Root cannot do
	// finish says that the folder gets the mode and time of n once it is full.
	finish bool
	n      node
}

// newExtractor takes over project, also if it fails.
func newExtractor(project *os.Root) (*extractor, error) {
	x := &extractor{buf: make([]byte, copyBuffer), oldBuf: make([]byte, copyBuffer)}
	_, err := x.enter(project, node{})
	return x, err
}

// run extracts all nodes of u and closes the project.
func (x *extractor) run(ctx context.Context, u *unarchiver) (err error) {
	defer func() { err = errors.Join(err, x.abandon()) }()
	for {
		n, err := u.next()
		if errors.Is(err, io.EOF) {
			return x.leaveTo(1)
		}
		if err != nil {
			return err
		}
		if err := x.leaveTo(strings.Count(n.path, "/") + 1); err != nil {
			return err
		}
		if err := x.put(ctx, n, u); err != nil {
			return fmt.Errorf("restore %q: %w", n.path, err)
		}
		// The rest of a file that was not wanted; of no use but to notice a cancellation.
		if _, err := copyAll(ctx, io.Discard, u, x.buf); err != nil {
			return err
		}
	}
}

// enter makes dir, the folder n, the current one and takes it over, also if it fails.
func (x *extractor) enter(dir *os.Root, n node) (*frame, error) {
	at, err := dir.Open(".")
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	x.frames = append(x.frames, frame{dir: dir, at: at, n: n})
	return &x.frames[len(x.frames)-1], nil
}

// pass makes a folder current that is not restored.
func (x *extractor) pass(kind notice, n node) {
	x.notices.add(kind, n.path)
	x.frames = append(x.frames, frame{n: n})
}

// leaveTo finishes and closes the folders below the first n frames.
func (x *extractor) leaveTo(n int) error {
	for len(x.frames) > n {
		last := len(x.frames) - 1
		f := x.frames[last]
		var err error
		if f.finish {
			// The mode comes last: it may forbid the rest.
			err = errors.Join(setTime(f.at, ".", f.n.mtime), f.at.Chmod(f.n.mode))
		}
		x.frames = x.frames[:last]
		if err = errors.Join(err, f.close()); err != nil {
			return fmt.Errorf("restore %q: %w", f.n.path, err)
		}
	}
	return nil
}

// abandon closes all folders, finished or not.
func (x *extractor) abandon() error {
	var err error
	for _, f := range x.frames {
		err = errors.Join(err, f.close())
	}
	x.frames = nil
	return err
}

func (f frame) close() error {
	if f.dir == nil {
		return nil
	}
	return errors.Join(f.at.Close(), f.dir.Close())
}

// put writes one node into the current folder. content gives that of a file.
func (x *extractor) put(ctx context.Context, n node, content io.Reader) error {
	in, name := x.frames[len(x.frames)-1], path.Base(n.path)
	if in.dir == nil {
		if n.kind == folder {
			x.frames = append(x.frames, frame{n: n})
		}
		return nil
	}
	var err error
	switch n.kind {
	case folder:
		err = x.folder(in, name, n)
	case link:
		err = x.link(in, name, n)
	case file:
		err = x.file(ctx, in, name, n, content)
	}
	switch {
	case errors.Is(err, errInWay):
		x.notices.add(noticeFolderInWay, n.path)
	case errors.Is(err, unix.EILSEQ), errors.Is(err, unix.ENAMETOOLONG):
		if n.kind == folder {
			x.pass(noticeBadName, n)
		} else {
			x.notices.add(noticeBadName, n.path)
		}
	default:
		return err
	}
	return nil
}

func (x *extractor) folder(in frame, name string, n node) error {
	made := true
	err := in.dir.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		var info fs.FileInfo
		if info, err = in.dir.Lstat(name); err != nil {
			return err
		}
		switch {
		case info.IsDir():
			made = false
		case info.Mode()&fs.ModeSymlink != 0:
			x.pass(noticeInWay, n)
			return nil
		default:
			x.overwrote(n)
			err = errors.Join(in.dir.Remove(name), in.dir.Mkdir(name, 0o700))
		}
	}
	if err != nil {
		return err
	}
	sub, err := descend(in.dir, name)
	if err != nil {
		return err
	}
	f, err := x.enter(sub, n)
	if err != nil {
		return err
	}
	// A folder of the checkout that is only on the way to cached files stays as it is.
	f.finish = made || !n.parent
	if f.finish && !made {
		// It may be read-only; it gets its mode when it is left.
		return f.at.Chmod(0o700)
	}
	return nil
}

func (x *extractor) link(in frame, name string, n node) error {
	err := in.dir.Symlink(n.target, name)
	if errors.Is(err, fs.ErrExist) {
		old, readErr := in.dir.Readlink(name)
		if err := clearName(in.dir, name); err != nil {
			return err
		}
		if readErr != nil || old != n.target {
			x.overwrote(n)
		}
		err = in.dir.Symlink(n.target, name)
	}
	if err != nil {
		return err
	}
	x.totals.add(n)
	return setTime(in.at, name, n.mtime)
}

func (x *extractor) file(ctx context.Context, in frame, name string, n node, content io.Reader) error {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := in.dir.OpenFile(name, flags, 0o600)
	var old *comparer
	if errors.Is(err, fs.ErrExist) {
		old = openOld(in.dir, name, x.oldBuf)
		defer old.close()
		if err := clearName(in.dir, name); err != nil {
			return err
		}
		f, err = in.dir.OpenFile(name, flags, 0o600)
	}
	if err != nil {
		return err
	}
	_, err = copyAll(ctx, old.tee(f), content, x.buf)
	if err == nil {
		err = f.Chmod(n.mode)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if old.differs() {
		x.overwrote(n)
	}
	x.totals.add(n)
	return setTime(in.at, name, n.mtime)
}

func (x *extractor) overwrote(n node) {
	x.overwritten++
	x.notices.add(noticeOverwritten, n.path)
}

// errInWay says that a folder is where a file or link should be.
var errInWay = errors.New("a folder is in its place")

// clearName removes the file or link of this name. A folder is not removed: that could take tracked files with it that
// the cache knows nothing of.
func clearName(dir *os.Root, name string) error {
	info, err := dir.Lstat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errInWay
	}
	return dir.Remove(name)
}
