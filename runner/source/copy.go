package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

const (
	copyWorkers = 4
	copyChunk   = 64 << 20 // bytes between two looks at the context
)

// copied is one file of a snapshot: as it was in the work tree when it was read, and as it is in the copy.
type copied struct {
	src, dst os.FileInfo
}

// copier copies the files of a listing, folder by folder. Both sides are addressed through an os.Root for each folder,
// so that a folder that the user swaps for a link meanwhile leads nowhere else.
type copier struct {
	*job
	from  *os.Root
	mu    sync.Mutex
	done  map[string]copied
	total int
	bad   []error
}

// maxProblems bounds how many files that cannot be read are named at once.
const maxProblems = 10

func (j *job) copyFiles(ctx context.Context, from *os.Root, list *listing) (map[string]copied, error) {
	c := &copier{job: j, from: from, done: make(map[string]copied, len(list.files)), total: len(list.files)}
	for _, dir := range list.gitlink {
		if err := j.dest.root.MkdirAll(filepath.FromSlash(dir), 0o755); err != nil {
			return nil, err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(copyWorkers)
	for _, files := range byFolder(list.files) {
		group.Go(func() error { return c.folder(ctx, files) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if len(c.bad) > 0 {
		first := c.bad[:min(len(c.bad), maxProblems)]
		return nil, fmt.Errorf("%d files of the work tree cannot be copied: %w", len(c.bad), errors.Join(first...))
	}
	return c.done, nil
}

// byFolder cuts the list where the folder changes.
func byFolder(files []listed) [][]listed {
	byDir := map[string]int{}
	var out [][]listed
	for _, f := range files {
		dir := parent(f.path)
		n, ok := byDir[dir]
		if !ok {
			n = len(out)
			byDir[dir] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], f)
	}
	return out
}

func (c *copier) folder(ctx context.Context, files []listed) (err error) {
	dir := filepath.FromSlash(parent(files[0].path))
	src, err := openFolder(c.from, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if dir != "" {
		if err := c.dest.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	dst, err := openFolder(c.dest.root, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := copyOne(ctx, src, dst, filepath.Base(filepath.FromSlash(f.path)), f.info)
		c.finished(f.path, got, err)
	}
	return nil
}

func openFolder(root *os.Root, dir string) (*os.Root, error) {
	if dir == "" {
		dir = "."
	}
	return root.OpenRoot(dir)
}

// finished takes one file into the books. One that is gone meanwhile counts as deleted.
func (c *copier) finished(path string, got copied, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.done[path] = got
	case !errors.Is(err, fs.ErrNotExist):
		c.bad = append(c.bad, fmt.Errorf("%s: %w", oneLine(path), err))
	}
	c.progress.tick("copying files: %d of %d", len(c.done), c.total)
}

// copyOne copies a file or a link, never what a link points to.
func copyOne(ctx context.Context, src, dst *os.Root, name string, seen os.FileInfo) (copied, error) {
	if seen.Mode().Type() == fs.ModeSymlink {
		target, err := src.Readlink(name)
		if err != nil {
			return copied{}, err
		}
		if err := dst.Symlink(target, name); err != nil {
			return copied{}, err
		}
		info, err := dst.Lstat(name)
		return copied{src: seen, dst: info}, err
	}
	in, err := openRegular(src, name, seen)
	if err != nil {
		return copied{}, err
	}
	out, err := copyRegular(ctx, in, dst, name)
	return out, errors.Join(err, in.Close())
}

// openRegular opens the file that was seen. Without blocking, because it might be a fifo by now, and not through a link
// that took its place.
func openRegular(src *os.Root, name string, seen os.FileInfo) (*os.File, error) {
	f, err := src.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(info, seen) {
		// Editors replace files by renaming; then the name still leads to this very file.
		if seen, err = src.Lstat(name); err == nil && !os.SameFile(info, seen) {
			err = errors.New("it was replaced while it was copied")
		}
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file any more")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// copyRegular copies content, permissions and modification time. Between two plain files io.Copy lets the kernel do
// it, which on some file systems shares the blocks.
func copyRegular(ctx context.Context, in *os.File, dst *os.Root, name string) (copied, error) {
	info, err := in.Stat()
	if err != nil {
		return copied{}, err
	}
	out, err := dst.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o600)
	if err != nil {
		return copied{}, err
	}
	for {
		var n int64
		n, err = io.CopyN(out, in, copyChunk)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || n == 0 {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return copied{}, err
	}
	if err := dst.Chtimes(name, info.ModTime(), info.ModTime()); err != nil {
		return copied{}, err
	}
	written, err := dst.Lstat(name)
	return copied{src: info, dst: written}, err
}
