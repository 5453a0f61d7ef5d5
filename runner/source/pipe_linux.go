package source

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// widen lets a program write more ahead of what is read. Where the kernel refuses, it is only slower.
func widen(pipe io.Reader) {
	f, ok := pipe.(*os.File)
	if !ok {
		return
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) })
}
