package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	apicontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

// afterTimeout bounds what is asked of the engine after a command.
const afterTimeout = 10 * time.Second

// Run implements engine.Container.
func (c *buildContainer) Run(ctx context.Context, command string, out io.Writer) (engine.Exit, error) {
	if c.ended.Load() {
		return engine.Exit{}, engine.ErrEnded
	}
	res, interrupted, err := c.session.RunUntil(ctx, command, out, c.grace, c)
	if errors.Is(err, session.ErrClosed) || res.Ended && c.hungUp.Load() {
		return engine.Exit{}, engine.ErrEnded
	}
	exit := engine.Exit{Code: res.Code, Dir: res.Dir, Ended: res.Ended, Interrupted: interrupted}
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterTimeout)
	defer cancel()
	switch {
	case res.Ended && interrupted && err != nil:
		c.ended.Store(true) // it could not be killed, so its end is not waited for
	case res.Ended:
		c.ended.Store(true)
		err = errors.Join(err, c.learnEnd(cleanup, &exit))
	case exit.Code != 0 && !interrupted:
		exit.OOM = c.oomCounted(cleanup)
	}
	return exit, err
}

// killed is the exit code of a container that SIGKILL ended: the build's own, the kernel's, ours or a stranger's.
const killed = 128 + 9

// learnEnd completes exit with how the container ended. That somebody else ended it is an error: the build did not fail.
func (c *buildContainer) learnEnd(ctx context.Context, exit *engine.Exit) error {
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
	switch {
	case cerrdefs.IsNotFound(err) || err == nil && removing(in.State):
		return c.removed(err)
	case err != nil && c.code == killed:
		return c.engineLost(err) // an engine that is stopped kills its containers first
	}
	exit.OOM = err == nil && in.State != nil && in.State.OOMKilled
	return nil
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
	select {
	case r := <-wait:
		if r.Error == nil {
			c.code = int(r.StatusCode)
			return
		}
	case <-waitErr:
	}
	tick := time.NewTicker(exitPoll)
	defer tick.Stop()
	for {
		in, err := c.inspectOnce(life)
		switch {
		case cerrdefs.IsNotFound(err) || err == nil && removing(in.State):
			c.lost = c.removed(err)
			return
		case err != nil:
			c.lost = c.engineLost(err)
			return
		case in.State != nil && !in.State.Running:
			c.code = in.State.ExitCode
			return
		}
		select {
		case <-tick.C:
		case <-life.Done():
			c.lost = c.engineLost(life.Err())
			return
		}
	}
}

func (c *buildContainer) inspectOnce(ctx context.Context) (apicontainer.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, afterTimeout)
	defer cancel()
	return c.e.api.ContainerInspect(ctx, c.id)
}

// Terminate implements session.Stopper: engines cannot signal a process, so a small script beside the session does.
func (c *buildContainer) Terminate(ctx context.Context) error {
	_, err := c.exec(ctx, []string{"sh", "-c", session.TermScript, "sh", fmt.Sprint(c.session.PID())})
	return err
}

// Kill implements session.Stopper.
func (c *buildContainer) Kill(ctx context.Context) error {
	if err := c.e.api.ContainerKill(ctx, c.id, "KILL"); err != nil && !notRunning(err) {
		return fmt.Errorf("kill the container %.12s: %w", c.id, err)
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
