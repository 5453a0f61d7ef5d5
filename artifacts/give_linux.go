package artifacts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"golang.org/x/sys/unix"
)

// give makes the selected file one of the artifact by a second name, and reports false where it has to be copied: on another
// file system, and when the build has left more with the file than its content. An owner, attributes such as capabilities,
// and names that others may know it by would all be handed over with it.
func (s *Selection) give(out, src *os.Root, f File) (bool, error) {
	file, err := s.open(src, f)
	if err != nil {
		return false, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("artifact file: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink != 1 || int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid() {
		return false, nil
	}
	if n, err := unix.Flistxattr(int(file.Fd()), nil); n > 0 || err != nil && !errors.Is(err, unix.ENOTSUP) {
		return false, nil
	}
	dir, err := out.Open(path.Dir(f.Path))
	if err != nil {
		return false, fmt.Errorf("artifact folder: %w", err)
	}
	defer dir.Close() //nolint:errcheck // it was only looked at
	// By its descriptor it is the file that was looked at, whatever has its name now.
	err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", file.Fd()), int(dir.Fd()), path.Base(f.Path), unix.AT_SYMLINK_FOLLOW)
	switch {
	case errors.Is(err, fs.ErrExist):
		return false, fmt.Errorf("artifact folder: %q: %w", f.Path, err)
	case err != nil:
		return false, nil
	}
	if err := file.Chmod(f.Mode.Perm()); err != nil {
		return false, fmt.Errorf("artifact folder: %w", err)
	}
	return true, nil
}
