package docker

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// unpack writes an archive that came out of a build's container below dir in root. The build wrote it, so nothing in it is
// trusted: every path goes through root, which refuses to leave it, also by way of symlinks. strip drops the first
// element of each name, which is the copied folder's own.
func unpack(root *os.Root, dir string, strip bool, r io.Reader) error {
	tr := tar.NewReader(r)
	times := map[string]time.Time{}
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean(hdr.Name)
		if strip {
			_, name, _ = strings.Cut(name, "/")
		}
		name = path.Join(dir, name)
		if name == "." {
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("the archive names %q, which lies outside of it", hdr.Name)
		}
		if err := unpackEntry(root, name, hdr, tr); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if hdr.Typeflag == tar.TypeDir {
			times[name] = hdr.ModTime
		}
	}
	for name, t := range times { // last, because writing into a folder changes its time
		if err := root.Chtimes(name, t, t); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func unpackEntry(root *os.Root, name string, hdr *tar.Header, r io.Reader) error {
	mode := fs.FileMode(hdr.Mode) & 0o777
	switch hdr.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode|0o700) // a folder we could not enter would be lost on us
	case tar.TypeSymlink:
		return root.Symlink(hdr.Linkname, name)
	case tar.TypeLink:
		return root.Link(path.Join(path.Dir(name), path.Base(hdr.Linkname)), name)
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		return root.Chtimes(name, hdr.ModTime, hdr.ModTime)
	}
	return nil // devices, sockets and pipes are nothing that a cache or an artifact holds
}
