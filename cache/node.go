package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// kind is what a node is; there are no others in a cache.
type kind uint8

const (
	file kind = iota
	folder
	link
)

// node is one file, folder or link of a cached tree.
type node struct {
	path   string // slash-separated, relative to the project root
	kind   kind
	parent bool        // a folder that is not cached itself, only something below it
	mode   fs.FileMode // permission bits only; meaningless for links
	mtime  time.Time
	size   int64  // of a file, in bytes
	target string // of a link
}

// totals count what is in a tree.
type totals struct {
	Files   int   `json:"files"`
	Links   int   `json:"links"`
	Folders int   `json:"folders"`
	Bytes   int64 `json:"bytes"` // content of the files
}

func (t *totals) add(n node) {
	switch n.kind {
	case file:
		t.Files++
		t.Bytes += n.size
	case folder:
		t.Folders++
	case link:
		t.Links++
	}
}

func (t *totals) nodes() int { return t.Files + t.Links + t.Folders }

// localPath reports whether p is a clean path of at least one component that stays below where it starts. The
// components are what a kernel takes; a backslash is an ordinary character.
func localPath(p string) bool {
	if p == "" || strings.ContainsRune(p, 0) {
		return false
	}
	for c := range strings.SplitSeq(p, "/") {
		if c == "" || c == "." || c == ".." {
			return false
		}
	}
	return true
}

var errNotFolder = errors.New("not a folder")

// descend opens the folder name, one component, in dir. Other than dir.OpenRoot it does not follow a link, not even
// one that is put in place between the look and the step.
func descend(dir *os.Root, name string) (*os.Root, error) {
	seen, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !seen.IsDir() {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir.Name(), name), errNotFolder)
	}
	sub, err := dir.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	opened, err := sub.Stat(".")
	if err == nil && !os.SameFile(seen, opened) {
		err = fmt.Errorf("%s was exchanged while it was opened: %w", filepath.Join(dir.Name(), name), errNotFolder)
	}
	if err != nil {
		return nil, errors.Join(err, sub.Close())
	}
	return sub, nil
}

// noProject says that a workspace has no folder where the project root should be; its text is a reason for people.
type noProject string

func (e noProject) Error() string { return string(e) }

// openProject opens the project root dir in the checkout at root. If the checkout has no such folder the error is a
// noProject.
func openProject(root, dir string) (*os.Root, error) {
	at, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	if dir == "" {
		return at, nil
	}
	for name := range strings.SplitSeq(dir, "/") {
		var sub *os.Root
		if isGit(name) {
			err = noProject(fmt.Sprintf("the project root %q lies in a .git folder", dir))
		} else {
			sub, err = descend(at, name)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = noProject(fmt.Sprintf("the checkout has no folder %q, the project root", dir))
		case errors.Is(err, errNotFolder):
			err = noProject(fmt.Sprintf("the project root %q is, or lies behind, a file or symbolic link in the checkout", dir))
		}
		if closeErr := at.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return nil, err
		}
		at = sub
	}
	return at, nil
}

// setTime sets the modification time of name in the folder that f is open on, of a link itself if it is one. A time
// that the file system cannot hold is left at that: it is not worth a failed restore.
func setTime(f *os.File, name string, mtime time.Time) error {
	ts, err := unix.TimeToTimespec(mtime)
	if err == nil {
		err = unix.UtimesNanoAt(int(f.Fd()), name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ERANGE) {
		return nil
	}
	return &fs.PathError{Op: "set time", Path: filepath.Join(f.Name(), name), Err: err}
}
