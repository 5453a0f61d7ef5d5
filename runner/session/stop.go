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

// killTimeout is how long an engine may take to kill what it started before we stop waiting for it.
const killTimeout = 20 * time.Second

// RunUntil is Run for as long as ctx lasts. When ctx ends first, the processes are told to terminate, have grace to
// do so, and are then killed; interrupted is true and the session may or may not have survived.
func (s *Session) RunUntil(ctx context.Context, command string, out io.Writer, grace time.Duration, stop Stopper) (res Result, interrupted bool, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		res, err = s.Run(command, out)
	}()
	select {
	case <-done:
		return res, false, err
	case <-ctx.Done():
	}
	// The work is over, the clean-up is not: it has a deadline of its own.
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace+killTimeout)
	defer cancel()
	terminated := stop.Terminate(cleanup)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	if terminated == nil {
		select {
		case <-done:
			return res, true, err
		case <-timer.C:
		}
	}
	killed := stop.Kill(cleanup)
	select {
	case <-done:
		return res, true, err
	case <-cleanup.Done():
		s.Close() // gives up on the streams, so that Run returns
		<-done
		return Result{Ended: true}, true, fmt.Errorf("the build could not be killed: %w", errors.Join(terminated, killed, cleanup.Err()))
	}
}
