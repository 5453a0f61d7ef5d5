package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// dir is an open folder. All its methods take names of one component in it and follow no link: trees are what untrusted
// builds have left.
type dir struct{ f *os.File }

func openDir(path string) (*dir, error) {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	return &dir{f}, nil
}

func (d *dir) close() { _ = d.f.Close() } // nothing is written to it

func (d *dir) fd() int { return int(d.f.Fd()) }

func (d *dir) join(name string) string { return filepath.Join(d.f.Name(), name) }

func (d *dir) fail(doing, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: doing, Path: d.join(name), Err: err}
}

func (d *dir) sub(name string) (*dir, error) {
	fd, err := unix.Openat(d.fd(), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	return &dir{os.NewFile(uintptr(fd), d.join(name))}, nil
}

// names lists the folder in byte order.
func (d *dir) names() ([]string, error) {
	again, err := d.sub(".") // a folder is read from where its last reader stopped
	if err != nil {
		return nil, err
	}
	defer again.close()
	names, err := again.f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// what is the kind of an entry.
type what uint8

const (
	nothing what = iota
	regular
	link
	folder
	whiteout // says that the name is not there, whatever lies below
	special
)

// entry is what is known of a name without opening it.
type entry struct {
	what  what
	mode  uint32 // permission bits and the special ones
	size  int64
	mtime unix.Timespec
	uid   uint32
	gid   uint32
}

// stat looks at name; that there is none is no error.
func (d *dir) stat(name string) (entry, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return entry{}, nil
		}
		return entry{}, d.fail("lstat", name, err)
	}
	e := entry{mode: modeOf(&st) & 0o7777, size: st.Size, mtime: mtimeOf(&st), uid: st.Uid, gid: st.Gid}
	switch modeOf(&st) & unix.S_IFMT {
	case unix.S_IFREG:
		e.what = regular
	case unix.S_IFLNK:
		e.what = link
	case unix.S_IFDIR:
		e.what = folder
	case unix.S_IFCHR:
		e.what = special
		if st.Rdev == 0 {
			e.what = whiteout
		}
	default:
		e.what = special
	}
	return e, nil
}

func (d *dir) readlink(name string) (string, error) {
	buf := make([]byte, 4096) // the kernel's limit
	n, err := unix.Readlinkat(d.fd(), name, buf)
	return string(buf[:max(n, 0)]), d.fail("readlink", name, err)
}

// open opens a regular file. Whatever is there in its place by now is an error, and is not waited for.
func (d *dir) open(name string) (*os.File, error) {
	fd, err := unix.Openat(d.fd(), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	f := os.NewFile(uintptr(fd), d.join(name))
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file any more", d.join(name)), err, f.Close())
	}
	return f, nil
}

func (d *dir) mkdir(name string, mode uint32) error {
	return d.fail("mkdir", name, unix.Mkdirat(d.fd(), name, mode))
}

// moveTo renames name into another folder.
func (d *dir) moveTo(name string, to *dir, newName string) error {
	return d.fail("rename", name, unix.Renameat(d.fd(), name, to.fd(), newName))
}

func (d *dir) linkTo(name string, to *dir, newName string) error {
	return d.fail("link", name, unix.Linkat(d.fd(), name, to.fd(), newName, 0))
}

// setTime sets the modification time of name, or of the folder itself for ".".
func (d *dir) setTime(name string, mtime unix.Timespec) error {
	ts := []unix.Timespec{mtime, mtime}
	return d.fail("set the time of", name, unix.UtimesNanoAt(d.fd(), name, ts, unix.AT_SYMLINK_NOFOLLOW))
}
