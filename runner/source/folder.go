package source

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// folder is an open folder of a destination. What is in it is reached by one name at a time, and never through a link: so
// nothing outside is written, whatever lies there. That is what os.Root does too; here it takes one system call for each
// step instead of many, and the calls are most of what a checkout costs.
//
// The names are those that checkEntry lets pass: no separators, no "..".
type folder struct {
	fd   int
	path string // below the destination, for messages
}

// openTop opens the folder that root is.
func openTop(root *os.Root) (*folder, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	top, err := (&folder{fd: int(f.Fd())}).enter(".")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	top.path = ""
	return top, nil
}

// Close closes it. A folder is only read from, so there is no error that would matter.
func (f *folder) Close() { _ = unix.Close(f.fd) }

func (f *folder) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: joinPath(f.path, name), Err: err}
}

func (f *folder) open(name string, flags int, perm uint32) (int, error) {
	for {
		fd, err := unix.Openat(f.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, perm)
		if !errors.Is(err, unix.EINTR) {
			return fd, f.fail("open", name, err)
		}
	}
}

// enter opens a folder in it.
func (f *folder) enter(name string) (*folder, error) {
	fd, err := f.open(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &folder{fd: fd, path: joinPath(f.path, name)}, nil
}

// mkdir makes a folder that must not be there yet.
func (f *folder) mkdir(name string) error {
	return f.fail("mkdir", name, unix.Mkdirat(f.fd, name, 0o755))
}

// symlink makes a link that must not be there yet.
func (f *folder) symlink(target, name string) (stat, error) {
	if err := unix.Symlinkat(target, f.fd, name); err != nil {
		return stat{}, f.fail("symlink", name, err)
	}
	var st unix.Stat_t
	err := unix.Fstatat(f.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return statFrom(&st), f.fail("lstat", name, err)
}

// create makes a file that must not be there yet.
func (f *folder) create(name string, perm os.FileMode) (*newFile, error) {
	fd, err := f.open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, uint32(perm))
	if err != nil {
		return nil, err
	}
	return &newFile{fd: fd, in: f, name: name}, nil
}

// newFile is a file that is being written. An os.File would take more system calls, to find out whether it can be waited
// for.
type newFile struct {
	fd   int
	in   *folder
	name string
}

// Write writes all of b.
func (n *newFile) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		written, err := unix.Write(n.fd, b[done:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return done, n.in.fail("write", n.name, err)
		}
		done += written
	}
	return done, nil
}

// close closes the file and tells what it is then.
func (n *newFile) close() (stat, error) {
	var st unix.Stat_t
	err := n.in.fail("stat", n.name, unix.Fstat(n.fd, &st))
	return statFrom(&st), errors.Join(err, n.in.fail("close", n.name, unix.Close(n.fd)))
}

// trail leads to one folder after the other. It keeps those open that lie on the way to the last one: the next one often
// shares them. It is for one goroutine.
type trail struct {
	dir  string
	open []*folder // the top, then those on the way to dir
}

func newTrail(root *os.Root) (*trail, error) {
	top, err := openTop(root)
	if err != nil {
		return nil, err
	}
	return &trail{open: []*folder{top}}, nil
}

// to answers the folder dir. It is open until the next call.
func (t *trail) to(dir string) (*folder, error) {
	for !within(dir, t.dir) {
		t.back()
	}
	for t.dir != dir {
		name, _, _ := strings.Cut(strings.TrimPrefix(dir[len(t.dir):], "/"), "/")
		next, err := t.open[len(t.open)-1].enter(name)
		if err != nil {
			return nil, err
		}
		t.dir, t.open = joinPath(t.dir, name), append(t.open, next)
	}
	return t.open[len(t.open)-1], nil
}

func (t *trail) back() {
	t.open[len(t.open)-1].Close()
	t.dir, t.open = parent(t.dir), t.open[:len(t.open)-1]
}

// Close closes all folders.
func (t *trail) Close() {
	for _, f := range t.open {
		f.Close()
	}
	t.open = nil
}
