package cache

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// flock locks f exclusively and reports whether it could; it always can if it may wait. The kernel releases the lock
// when the file is closed, and so when the process ends in whatever way.
func flock(f *os.File, wait bool) (bool, error) { return flockAs(f, unix.LOCK_EX, wait) }

// flockShared locks f together with others that share it.
func flockShared(f *os.File, wait bool) (bool, error) { return flockAs(f, unix.LOCK_SH, wait) }

func flockAs(f *os.File, how int, wait bool) (bool, error) {
	if !wait {
		how |= unix.LOCK_NB
	}
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
		case !wait && errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return false, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}
