package cache

import (
	"os"

	"golang.org/x/sys/unix"
)

// willRead has the kernel fetch a file while we do something else. It is no more than a hint.
func willRead(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_WILLNEED) }
