package cache

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// stamp says which file, and which state of it, a name stood for. A file whose stamp, size, mode and modification time
// are what they were holds what it held: nothing can set the time of a file's last change, not even root, other than
// the clock. Size and modification time alone would not do, because installers set the latter.
type stamp struct {
	dev, ino uint64
	changed  int64 // ctime in nanoseconds since 1970
}

// Files that were changed this shortly before they were looked at may have been changed again within the same tick of
// the file system's clock, and look the same. Their stamps are not kept, so that they are read again. It is git's rule
// for racily clean entries of its index.
const (
	fineTick   = 20 * time.Millisecond // several ticks of the slowest kernel clock in use, 100 Hz
	coarseTick = 2 * time.Second       // FAT's and old ext3's, which show as times without a fraction
)

// settled reports whether a file that was looked at later than now can have the stamp s only in the state it was in.
func (s stamp) settled(now time.Time) bool {
	tick := fineTick
	if s.changed%int64(time.Second) == 0 {
		tick = coarseTick
	}
	return s.changed < now.UnixNano()-int64(tick)
}

// widen hides that the fields of a Stat_t have other types on other systems.
func widen[T ~int32 | ~uint16 | ~uint32 | ~int64 | ~uint64](v T) uint64 { return uint64(v) }

func stampOf(st *unix.Stat_t) stamp {
	return stamp{dev: widen(st.Dev), ino: widen(st.Ino), changed: st.Ctim.Nano()}
}

func modeOf(st *unix.Stat_t) fs.FileMode { return fs.FileMode(st.Mode) & fs.ModePerm }

func typeOf(st *unix.Stat_t) uint32 { return uint32(widen(st.Mode)) & unix.S_IFMT }

// mtimeOf is the modification time, or the last one that an index can hold: some file systems take any number.
func mtimeOf(st *unix.Stat_t) time.Time {
	sec, nsec := st.Mtim.Unix()
	return time.Unix(max(min(sec, farTime-1), 1-farTime), nsec)
}

// shows reports whether st is what a walk saw when it saw the file n.
func (n node) shows(st *unix.Stat_t) bool {
	return typeOf(st) == unix.S_IFREG && stampOf(st) == n.stamp && st.Size == n.size
}
