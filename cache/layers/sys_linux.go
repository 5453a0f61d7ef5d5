package layers

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	overlayPrefix = "trusted.overlay."
	attrOpaque    = overlayPrefix + "opaque"
	attrRedirect  = overlayPrefix + "redirect"
)

// attributes lists the extended attributes of name in the folder, of a link itself if it is one.
func (d *dir) attributes(name string) ([]string, error) {
	path := d.magic(name)
	buf := make([]byte, 256)
	for {
		n, err := unix.Llistxattr(path, buf)
		switch {
		case errors.Is(err, unix.ERANGE):
			if n, err = unix.Llistxattr(path, nil); err != nil {
				return nil, err
			}
			buf = make([]byte, n+256)
			continue
		case errors.Is(err, unix.ENOTSUP):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("list the attributes of %s: %w", d.join(name), err)
		case n == 0:
			return nil, nil
		}
		return strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00"), nil
	}
}

func (d *dir) removeAttribute(name, attr string) error {
	err := unix.Lremovexattr(d.magic(name), attr)
	if err != nil && !errors.Is(err, unix.ENODATA) {
		return fmt.Errorf("remove the attribute %s of %s: %w", attr, d.join(name), err)
	}
	return nil
}

// isOpaque reports whether a folder hides those below it.
func (d *dir) isOpaque() bool {
	buf := make([]byte, 1)
	n, err := unix.Fgetxattr(int(d.f.Fd()), attrOpaque, buf)
	return err == nil && n == 1 && buf[0] == 'y'
}

func (d *dir) setOpaque() error {
	return unix.Fsetxattr(int(d.f.Fd()), attrOpaque, []byte("y"), 0)
}

func (d *dir) makeWhiteout(name string) error { return unix.Mknodat(d.fd(), name, unix.S_IFCHR, 0) }

// magic is a path of name that leads through the open folder, whatever has become of its own path.
func (d *dir) magic(name string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", d.f.Fd(), name) }

// bootID names the time since the machine was started.
func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // equals none: what was not written out is then never trusted
	}
	return strings.TrimSpace(string(raw))
}

// writeOut waits until everything of the file system that f is on is on the disk.
func writeOut(f *os.File) error { return unix.Syncfs(int(f.Fd())) }

// topDir is the attribute of ext4 that chattr +T sets.
const topDir = 0x00020000

// Spread asks the file system to put each folder below this one somewhere else. ext4 otherwise puts new files where others
// were removed a moment ago, and takes up to thirty times as long to make them. Elsewhere there is nothing to do.
func Spread(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	var fs unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &fs) != nil || fs.Type != unix.EXT4_SUPER_MAGIC {
		return
	}
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil && flags&topDir == 0 {
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags|topDir) // it is only a hint
	}
}

func inodeOf(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
