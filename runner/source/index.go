package source

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"golang.org/x/sys/unix"
)

// cleanEntry is the index entry of a file whose content is known to be the blob h: git status will not read it.
func cleanEntry(path string, mode filemode.FileMode, h plumbing.Hash, st stat) *index.Entry {
	e := dirtyEntry(path, mode, h)
	e.ModifiedAt, e.CreatedAt = atLeastEpoch(st.modified), atLeastEpoch(st.changed)
	e.Dev, e.Inode, e.UID, e.GID = st.dev, st.inode, st.uid, st.gid
	e.Size = uint32(st.size) // git keeps the low 32 bits, too
	return e
}

// dirtyEntry is the index entry of a file that git status has to compare with the blob h itself.
func dirtyEntry(path string, mode filemode.FileMode, h plumbing.Hash) *index.Entry {
	if mode != filemode.Executable && mode != filemode.Symlink && mode != filemode.Submodule {
		mode = filemode.Regular // old trees have others, the index has not
	}
	return &index.Entry{Name: path, Mode: mode, Hash: h}
}

// atLeastEpoch moves a time that the index cannot hold to one that it can.
func atLeastEpoch(t time.Time) time.Time {
	if t.Unix() < 0 {
		return time.Unix(0, 0)
	}
	return t
}

// writeIndex writes .git/index.
func (j *job) writeIndex(entries []*index.Entry) (err error) {
	idx := &index.Index{Version: 2, Entries: entries}
	for _, e := range entries {
		if e.SkipWorktree {
			idx.Version = 3
		}
	}
	f, err := j.dest.git.OpenFile("index", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("writing .git/index: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<16)
	err = index.NewEncoder(w).Encode(idx)
	if err := errors.Join(err, w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("writing .git/index: %w", err)
	}
	return nil
}

// stat is what git keeps of a file's inode to see that it was touched.
type stat struct {
	modified, changed time.Time
	size              int64
	dev, inode        uint32
	uid, gid          uint32
}

// statFrom is statOf for what the kernel says itself.
func statFrom(s *unix.Stat_t) stat {
	return stat{
		modified: time.Unix(s.Mtim.Unix()), changed: time.Unix(s.Ctim.Unix()),
		size: s.Size,
		dev:  uint32(s.Dev), inode: uint32(s.Ino),
		uid: s.Uid, gid: s.Gid,
	}
}
