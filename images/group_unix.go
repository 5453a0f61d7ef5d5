//go:build unix

package images

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// runGroup runs cmd in a process group of its own. When ctx is cancelled the
// group gets SIGTERM, and SIGKILL once grace is over. It returns when the
// command has ended and no process of the group is left to write its output.
func runGroup(ctx context.Context, cmd *exec.Cmd, grace time.Duration) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	termErr := signalGroup(cmd, syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-done:
		return errors.Join(err, termErr)
	case <-timer.C:
	}
	// Wait returns only when every holder of the output pipes is gone.
	return errors.Join(signalGroup(cmd, syscall.SIGKILL), <-done)
}

// signalGroup reports no error for a group that has ended already.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) error {
	if err := syscall.Kill(-cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
