package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Stopper ends the processes of a session. Both methods must be safe to call more than once and beside Run.
type Stopper interface {
	// Terminate sends SIGTERM to every process of the build but the session's own shells.
	Terminate(ctx context.Context) error
	// Kill ends every process of the build, the session included, so that its streams end.
	Kill(ctx context.Context) error
}

// ErrNotKilled is returned by RunUntil when the processes of a build outlived the end of its context, as far as can be told.
var ErrNotKilled = errors.New("the build could not be killed")

// killTimeout is how long an engine may take to kill what it started before we stop waiting for it.
const killTimeout = 20 * time.Second

// notRun is the exit code of a command that was not begun because its context had ended: that of one which SIGTERM ended.
const notRun = 128 + 15

// RunUntil is Run for as long as ctx lasts. When ctx ends first, the processes are told to terminate, have grace to
// do so, and are then killed; interrupted is true and the session may or may not have survived. When ctx has ended
// before, the command is not begun. However an engine behaves, RunUntil returns at most two times grace and 20 seconds
// after the end of ctx, if need be with ErrNotKilled and the session closed.
func (s *Session) RunUntil(ctx context.Context, command string, out io.Writer, grace time.Duration, stop Stopper, next ...string) (res Result, interrupted bool, err error) {
	if ctx.Err() != nil {
		if !s.isAhead(command) {
			return Result{Code: notRun, Dir: s.dir}, true, nil
		}
		s.stopping.Store(true)
	}
	done := make(chan struct{})
	stopped := make(chan error, 1)
	undisturbed := context.AfterFunc(ctx, func() { stopped <- s.stop(ctx, grace, stop, done, len(next) > 0) })
	res, err = s.Run(command, out, next...)
	close(done)
	if undisturbed() {
		return res, false, err
	}
	s.ahead, s.halt = nil, false
	notKilled := <-stopped
	s.stopping.Store(false)
	if notKilled != nil {
		return Result{Ended: true}, true, notKilled
	}
	return res, true, err
}

// stop ends the processes when ctx has ended, until the command has or is given up. Where the command had ended already there is
// nothing to stop, unless others were sent behind it.
func (s *Session) stop(ctx context.Context, grace time.Duration, stop Stopper, done <-chan struct{}, more bool) error {
	select {
	case <-done:
		if !more {
			return nil
		}
	default:
	}
	s.stopping.Store(true)
	terminated := s.terminate(ctx, grace, stop, done)
	select {
	case <-done:
		return nil
	default:
	}
	// The work is over, the clean-up is not: it has a deadline of its own.
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
	defer cancel()
	killed := stop.Kill(cleanup)
	select {
	case <-done:
		return nil
	case <-cleanup.Done():
		s.Close() // gives up on the streams, so that Run returns
		return fmt.Errorf("%w: %w", ErrNotKilled, errors.Join(terminated, killed, cleanup.Err()))
	}
}

// terminate asks the processes to end and gives them grace for it, less when they are done earlier or cannot be asked.
func (s *Session) terminate(ctx context.Context, grace time.Duration, stop Stopper, done <-chan struct{}) error {
	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := stop.Terminate(ask); err != nil {
		return err
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	return nil
}
