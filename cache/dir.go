package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// dir is an open folder of a workspace. A workspace is a hostile tree: whatever lies in it is reached from the folder
// above, by one name at a time, and never through a link. That is what os.Root does too; here it takes one system call
// for each step instead of many, and the calls are most of what a restore costs.
type dir struct {
	fd   int
	name string // for messages
}

var errNotFolder = errors.New("not a folder")

// openDir opens a folder that is to be trusted, such as the workspace itself.
func openDir(path string) (*dir, error) {
	fd, err := retried(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &dir{fd, path}, nil
}

// close closes d. A folder is only read from, so there is no error that would matter.
func (d *dir) close() { _ = unix.Close(d.fd) }

func (d *dir) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: filepath.Join(d.name, name), Err: err}
}

// enter opens the folder name in d. It does not follow a link.
func (d *dir) enter(name string) (*dir, error) {
	fd, err := d.openFd(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s: %w", filepath.Join(d.name, name), errNotFolder)
	}
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	return &dir{fd, filepath.Join(d.name, name)}, nil
}

// openFd opens name in d, but no link and, since it does not wait, no pipe that somebody put there to hold us up.
func (d *dir) openFd(name string, flags int, mode uint32) (int, error) {
	return retried(func() (int, error) {
		return unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, mode)
	})
}

// retried calls f until no signal interrupts it.
func retried(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// names lists the folder in byte order. It reads the open folder itself, since another one for it would take three more system
// calls, and is therefore not for several goroutines.
func (d *dir) names() ([]string, error) {
	if _, err := unix.Seek(d.fd, 0, unix.SEEK_SET); err != nil {
		return nil, d.fail("read", ".", err)
	}
	var names []string
	for buf := make([]byte, 8<<10); ; {
		n, err := retried(func() (int, error) { return unix.ReadDirent(d.fd, buf) })
		if err != nil {
			return nil, d.fail("read", ".", err)
		}
		if n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	slices.Sort(names)
	return names, nil
}

func (d *dir) stat(name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	_, err := retried(func() (int, error) { return 0, unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, d.fail("lstat", name, err)
}

func (d *dir) readLink(name string) (string, error) {
	b := make([]byte, maxTarget+1)
	n, err := unix.Readlinkat(d.fd, name, b)
	if err == nil && n > maxTarget {
		err = unix.ENAMETOOLONG
	}
	if err != nil {
		return "", d.fail("readlink", name, err)
	}
	return string(b[:n]), nil
}

func (d *dir) makeLink(target, name string) error {
	return d.fail("symlink", name, unix.Symlinkat(target, d.fd, name))
}

func (d *dir) makeFolder(name string) error {
	return d.fail("mkdir", name, unix.Mkdirat(d.fd, name, 0o700))
}

func (d *dir) remove(name string) error {
	return d.fail("unlink", name, unix.Unlinkat(d.fd, name, 0))
}

func (d *dir) chmod(mode fs.FileMode) error {
	return d.fail("chmod", "", unix.Fchmod(d.fd, uint32(mode)))
}

// setTime sets the modification time of name, of a link itself if it is one. A time that the file system cannot hold is
// left at that: it is not worth a failed restore.
func (d *dir) setTime(name string, mtime time.Time) error {
	ts, err := unix.TimeToTimespec(mtime)
	if err == nil {
		err = unix.UtimesNanoAt(d.fd, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ERANGE) {
		return nil
	}
	return d.fail("set time", name, err)
}

// noProject says that a workspace has no folder where the project root should be; its text is a reason for people.
type noProject string

func (e noProject) Error() string { return string(e) }

// openProject opens the project root in the checkout at root. If the checkout has no such folder the error is a
// noProject.
func openProject(root, project string) (*dir, error) {
	at, err := openDir(root)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	if project == "" {
		return at, nil
	}
	for name := range strings.SplitSeq(project, "/") {
		var sub *dir
		if isGit(name) {
			err = noProject(fmt.Sprintf("the project root %q lies in a .git folder", project))
		} else {
			sub, err = at.enter(name)
		}
		at.close()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = noProject(fmt.Sprintf("the checkout has no folder %q, the project root", project))
		case errors.Is(err, errNotFolder):
			err = noProject(fmt.Sprintf("the project root %q is, or lies behind, a file or symbolic link in the checkout", project))
		}
		if err != nil {
			return nil, err
		}
		at = sub
	}
	return at, nil
}

// trail leads to the folders of one path after the other. It keeps those open that lie on the way to the last one, since
// the next one often shares them. It is for one goroutine.
type trail struct {
	names []string
	dirs  []*dir // the top, then those of the names
}

// to answers the folder at path, which is relative to the top and ends with a file's name. The folder is open until the
// next call.
func (t *trail) to(path string) (*dir, error) {
	names := strings.Split(path, "/")
	names = names[:len(names)-1]
	same := 0
	for same < min(len(names), len(t.names)) && names[same] == t.names[same] {
		same++
	}
	t.back(same)
	for _, name := range names[same:] {
		next, err := t.dirs[len(t.dirs)-1].enter(name)
		if err != nil {
			return nil, err
		}
		t.names, t.dirs = append(t.names, name), append(t.dirs, next)
	}
	return t.dirs[len(t.dirs)-1], nil
}

// back goes back to the first n names.
func (t *trail) back(n int) {
	for _, d := range t.dirs[n+1:] {
		d.close()
	}
	t.names, t.dirs = t.names[:n], t.dirs[:n+1]
}
