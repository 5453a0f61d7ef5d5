package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types"
	apicontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

// afterTimeout bounds what is asked of the engine after a command.
const afterTimeout = 10 * time.Second

// Run implements engine.Container.
func (c *buildContainer) Run(ctx context.Context, command string, out io.Writer, next ...string) (engine.Exit, error) {
	if c.ended.Load() {
		return engine.Exit{}, engine.ErrEnded
	}
	res, interrupted, err := c.session.RunUntil(ctx, command, out, c.grace, c, next...)
	if errors.Is(err, session.ErrClosed) || res.Ended && c.hungUp.Load() {
		return engine.Exit{}, engine.ErrEnded
	}
	exit := engine.Exit{Code: res.Code, Dir: res.Dir, Ended: res.Ended, Interrupted: interrupted}
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterTimeout)
	defer cancel()
	switch {
	case errors.Is(err, session.ErrNotKilled):
		c.ended.Store(true) // but the container may run on, so its end is not waited for
		err = c.e.classify("stop the build", err)
	case res.Ended:
		c.ended.Store(true)
		err = errors.Join(err, c.learnEnd(cleanup, &exit, res.Killed && !interrupted))
	case exit.Code != 0 && !interrupted:
		exit.OOM = c.oomCounted(cleanup)
	}
	return exit, err
}

// learnEnd completes exit with how the container ended. killed says that nothing in the container ended it. That somebody
// else did is an error: the build has not failed.
func (c *buildContainer) learnEnd(ctx context.Context, exit *engine.Exit, killed bool) error {
	select {
	case <-c.exited:
	case <-ctx.Done():
		return &engine.Error{Message: "the engine does not say how the build's container ended", Err: ctx.Err()}
	}
	if c.lost != nil {
		return c.lost
	}
	exit.Code = c.code
	in, err := c.e.api.ContainerInspect(ctx, c.id)
	exit.OOM = err == nil && in.State != nil && in.State.OOMKilled
	switch {
	case gone(err) || err == nil && removing(in.State):
		return c.removed(err)
	case !killed || exit.OOM:
		return nil
	case err != nil:
		return c.engineLost(err) // it kills its containers before it ends itself
	}
	return &engine.Error{
		Message: fmt.Sprintf("the build's container %.12s was killed while the build ran", c.id),
		Hint:    "did someone run docker kill or docker stop, or is the engine being stopped?",
	}
}

func removing(s *apicontainer.State) bool {
	return s != nil && (s.Dead || s.Status == apicontainer.StateRemoving || s.Status == apicontainer.StateDead)
}

func (c *buildContainer) removed(err error) error {
	return &engine.Error{
		Message: fmt.Sprintf("the build's container %.12s was removed while the build ran", c.id),
		Hint:    "did someone run docker rm, or a clean-up job?", Err: err,
	}
}

func (c *buildContainer) engineLost(err error) error {
	return &engine.Error{
		Kind: engine.KindUnreachable, Message: "the container engine at " + c.e.endpoint.String() + " was lost while the build ran",
		Hint: "was it stopped or restarted?", Err: err,
	}
}

// exitPoll is how often the engine is asked for the container's state when it cannot be waited for.
const exitPoll = time.Second

// awaitExit learns the container's end. Proxies and tunnels cut connections on which nothing was said for long; that is
// no news of the container, so the engine is then asked again and again.
func (c *buildContainer) awaitExit(life context.Context, wait <-chan apicontainer.WaitResponse, waitErr <-chan error) {
	defer close(c.exited)
	var cut error
	select {
	case r := <-wait:
		if r.Error == nil {
			c.code = int(r.StatusCode)
			return
		}
	case cut = <-waitErr:
	}
	tick := time.NewTicker(exitPoll)
	defer tick.Stop()
	for {
		in, err := c.inspectOnce(life)
		switch {
		case gone(err) || err == nil && removing(in.State):
			c.lost = c.removed(err)
			return
		case err != nil:
			c.lost = c.engineLost(errors.Join(cut, err))
			return
		case hasEnded(in.State):
			c.code = in.State.ExitCode
			return
		}
		select {
		case <-tick.C:
		case <-life.Done():
			c.lost = c.engineLost(errors.Join(cut, life.Err()))
			return
		}
	}
}

// hasEnded tells a container that has ended from one that has not begun.
func hasEnded(s *apicontainer.State) bool {
	if s == nil || s.Running || s.Paused || s.Restarting {
		return false
	}
	finished, err := time.Parse(time.RFC3339Nano, s.FinishedAt)
	return err == nil && finished.Year() > 1
}

func (c *buildContainer) inspectOnce(ctx context.Context) (apicontainer.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, afterTimeout)
	defer cancel()
	return c.e.api.ContainerInspect(ctx, c.id)
}

// Terminate implements session.Stopper: engines cannot signal a process, so a small script beside the session does.
func (c *buildContainer) Terminate(ctx context.Context) error {
	_, err := c.exec(ctx, []string{"sh", "-c", session.TermScript, "sh", fmt.Sprint(c.session.PID()), haltFile})
	return err
}

// Kill implements session.Stopper.
func (c *buildContainer) Kill(ctx context.Context) error {
	if err := c.e.api.ContainerKill(ctx, c.id, "KILL"); err != nil && !notRunning(err) {
		return c.e.classify(fmt.Sprintf("kill the container %.12s", c.id), err)
	}
	return nil
}

// maxExecOutput is what is kept of the output of a command of ours: the build may have replaced the program.
const maxExecOutput = 64 << 10

// exec runs a command beside the session, waits for its end and gives the beginning of its standard output.
func (c *buildContainer) exec(ctx context.Context, argv []string) ([]byte, error) {
	created, err := c.e.api.ContainerExecCreate(ctx, c.id, apicontainer.ExecOptions{
		User: "0:0", Cmd: argv, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, fmt.Errorf("run %s in the container: %w", argv[0], err)
	}
	stream, err := hijack(ctx, func(ctx context.Context) (types.HijackedResponse, error) {
		return c.e.api.ContainerExecAttach(ctx, created.ID, apicontainer.ExecAttachOptions{})
	})
	if err != nil {
		return nil, fmt.Errorf("run %s in the container: %w", argv[0], err)
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, stream.Close)
	defer stop()
	out := &head{left: maxExecOutput}
	if _, err = stdcopy.StdCopy(out, io.Discard, stream.Reader); ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return out.Bytes(), err
}

// head keeps the beginning of what is written to it.
type head struct {
	bytes.Buffer
	left int
}

func (h *head) Write(p []byte) (int, error) {
	n := min(len(p), h.left)
	h.left -= n
	h.Buffer.Write(p[:n])
	return len(p), nil
}
