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

// unpacker writes an archive that came out of a build's container below dir in root. The build made what is in it, so
// nothing of it is trusted: every path goes through root, which refuses to leave it, also by way of symlinks.
type unpacker struct {
	root  *os.Root
	dir   string
	strip bool                // drop the first element of each name, which is the copied folder's own
	dirs  map[string]dirState // what folders shall be in the end
}

type dirState struct {
	mode fs.FileMode
	time time.Time
}

func unpack(root *os.Root, dir string, strip bool, r io.Reader) error {
	u := &unpacker{root: root, dir: dir, strip: strip, dirs: map[string]dirState{}}
	tr := tar.NewReader(r)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			return err
		}
		name, err := u.place(hdr.Name)
		if err != nil {
			return err
		}
		if name == "." {
			continue
		}
		if err := u.entry(name, hdr, tr); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// place is where something of that name in the archive lies below root.
func (u *unpacker) place(name string) (string, error) {
	placed := path.Clean(name)
	if u.strip {
		_, placed, _ = strings.Cut(placed, "/")
	}
	placed = path.Join(u.dir, placed)
	if !filepath.IsLocal(placed) || strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("the archive names %q, which lies outside of it", name)
	}
	return placed, nil
}

// entry writes one entry. What its owner could not read or enter would be lost on us, so those rights are added; set-user-id
// bits mean nothing outside of the container. Devices, sockets and pipes are nothing that a cache or an artifact holds.
func (u *unpacker) entry(name string, hdr *tar.Header, r io.Reader) error {
	mode := fs.FileMode(hdr.Mode) & 0o777
	switch hdr.Typeflag {
	case tar.TypeDir:
		u.dirs[name] = dirState{mode | 0o700, hdr.ModTime}
		return u.root.MkdirAll(name, 0o700)
	case tar.TypeSymlink:
		return u.root.Symlink(hdr.Linkname, name)
	case tar.TypeLink:
		// Unlike a symlink's, this target is named as entries are: from the root of the archive.
		target, err := u.place(hdr.Linkname)
		if err != nil {
			return err
		}
		return u.root.Link(target, name)
	case tar.TypeReg:
		if sparse(hdr) {
			return errors.New("it is sparse, which no engine's archive is: a few bytes could become any size")
		}
		return u.file(name, mode|0o400, hdr.ModTime, r)
	}
	return nil
}

func sparse(hdr *tar.Header) bool {
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (u *unpacker) file(name string, mode fs.FileMode, modified time.Time, r io.Reader) error {
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	err = errors.Join(err, f.Chmod(mode)) // not when it is opened, where our umask would take its part
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return u.root.Chtimes(name, modified, modified)
}

// finish gives the folders their modes and times; last, because writing into one needs the right to, and changes its time.
func (u *unpacker) finish() error {
	for name, d := range u.dirs {
		err := errors.Join(u.root.Chmod(name, d.mode), u.root.Chtimes(name, d.time, d.time))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// removeAll removes what is at name in root. Builds leave folders that their owner may not write.
func removeAll(root *os.Root, name string) error {
	if err := root.RemoveAll(name); err == nil {
		return nil
	}
	unlock(root, name) // what cannot be changed shows when the removal is tried again
	return root.RemoveAll(name)
}

// unlock makes all folders of a tree writable. Their names may be anything, so package io/fs would refuse some.
func unlock(root *os.Root, name string) {
	info, err := root.Lstat(name)
	if err != nil || !info.IsDir() {
		return
	}
	_ = root.Chmod(name, 0o700)
	dir, err := root.Open(name)
	if err != nil {
		return
	}
	names, _ := dir.Readdirnames(-1)
	_ = dir.Close()
	for _, n := range names {
		unlock(root, name+"/"+n)
	}
}
