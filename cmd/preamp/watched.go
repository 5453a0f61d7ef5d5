package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/runner"
)

// watched cancels the build when nobody reads its log any more, as a shell does with a pipeline.
type watched struct {
	w      io.Writer
	cancel context.CancelCauseFunc
	err    error
}

func (w *watched) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.w.Write(p)
	if err != nil {
		w.err = err
		w.cancel(readerGone)
	}
	return n, err
}

// readerGone has the exit code of a process that SIGPIPE has ended.
var readerGone = runner.Interrupted{Signal: "the end of its output's reader", Code: 141}

// watchReader cancels the build when the other end of a pipe or a socket is closed, also while nothing is written to it:
// a command may be silent for as long as it likes. Other writers are not watched. stop ends the watching.
func watchReader(w io.Writer, cancel context.CancelCauseFunc) (stop func()) {
	f, ok := w.(*os.File)
	if !ok {
		return func() {}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) == 0 {
		return func() {}
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return func() {}
	}
	wakeR, wakeW, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = conn.Control(func(fd uintptr) { // a file that is closed already has no reader to lose
			if awaitClose(int32(fd), int32(wakeR.Fd())) {
				cancel(readerGone)
			}
		})
	}()
	return func() {
		_ = wakeW.Close()
		<-done
		_ = wakeR.Close()
	}
}

// awaitClose waits until fd has no reader any more, and reports false when wake was closed before that.
func awaitClose(fd, wake int32) bool {
	for {
		fds := []unix.PollFd{{Fd: fd}, {Fd: wake}}
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
		case err != nil || fds[1].Revents != 0:
			return false
		case fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
			return true
		}
	}
}
