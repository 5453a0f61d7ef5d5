package artifacts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// slice is how much of a file is copied between two looks at the context.
const slice = 16 << 20

// ErrNotRegular says that a path names a folder, a link, a pipe, a socket or a device.
var ErrNotRegular = errors.New("not a regular file")

// errNotSelected is a mistake of the caller.
var errNotSelected = errors.New("artifacts: the file was not selected by Select")

// same reports whether both describe one regular file with one content.
func same(a, b fs.FileInfo) bool {
	return a.Mode().IsRegular() && b.Mode().IsRegular() && os.SameFile(a, b) &&
		a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// open opens a regular file of the selection. It looks before it opens, because opening a device may have effects, and
// it opens without blocking and looks again, because by then the file may have become a pipe, or a link to another file.
func (s *Selection) open(root *os.Root, f File) (*os.File, error) {
	selected, ok := s.sources[f.Source]
	if !ok {
		return nil, fmt.Errorf("%w: %q", errNotSelected, f.Source)
	}
	info, err := root.Lstat(f.Source)
	if err != nil {
		return nil, &ChangedError{Path: f.Source, Err: err}
	}
	if !same(selected, info) {
		return nil, &ChangedError{Path: f.Source}
	}
	file, err := root.OpenFile(f.Source, os.O_RDONLY|openFileFlags, 0)
	if err != nil {
		return nil, fmt.Errorf("artifact file: %w", err)
	}
	if err := s.unchanged(file, f); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (s *Selection) unchanged(file *os.File, f File) error {
	info, err := file.Stat()
	if err != nil {
		return &ChangedError{Path: f.Source, Err: err}
	}
	if !same(s.sources[f.Source], info) {
		return &ChangedError{Path: f.Source}
	}
	return nil
}

// copyTo writes the content of f to dst. It returns an error unless that is exactly what was there at Select.
func (s *Selection) copyTo(ctx context.Context, dst io.Writer, root *os.Root, f File) error {
	file, err := s.open(root, f)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	for left := f.Size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(dst, file, min(left, slice))
		if errors.Is(err, io.EOF) {
			return &ChangedError{Path: f.Source, Err: io.ErrUnexpectedEOF}
		}
		if err != nil {
			return fmt.Errorf("artifact file %q: %w", f.Source, err)
		}
		left -= n
	}
	return s.unchanged(file, f)
}

// OpenRegular opens a regular file below root for reading, for packages that look at what a build left. It opens no
// device or pipe, waits for none, and follows no link at the end of name. Links to folders on the way are followed as far as root
// lets them. The error wraps [fs.ErrNotExist] when there is nothing, and [ErrNotRegular] when it is something else.
func OpenRegular(root *os.Root, name string) (*os.File, error) {
	seen, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	irregular := &fs.PathError{Op: "read", Path: name, Err: ErrNotRegular}
	if !seen.Mode().IsRegular() {
		return nil, irregular
	}
	file, err := root.OpenFile(name, os.O_RDONLY|openFileFlags, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() { // it was replaced meanwhile
		err = irregular
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
