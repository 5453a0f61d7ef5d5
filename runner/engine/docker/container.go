package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	apicontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

// buildContainer is one build container; see engine.Container.
type buildContainer struct {
	e       *Engine
	id      string
	spec    engine.Spec
	grace   time.Duration
	copied  bool // the workspace went in as an archive
	foreign bool // what the build writes belongs to another user than ours

	stream  types.HijackedResponse
	session *session.Session
	exited  chan struct{} // closed when the container has ended
	code    int           // valid once exited is closed
	ended   atomic.Bool
	usage   usage

	stop  sync.Once
	close sync.Once
	err   error // of close
}

// Start implements engine.Engine.
func (e *Engine) Start(ctx context.Context, spec engine.Spec) (_ engine.Container, err error) {
	c := &buildContainer{e: e, spec: spec, grace: spec.Grace, copied: e.copy, exited: make(chan struct{})}
	if c.grace == 0 {
		c.grace = engine.DefaultGrace
	}
	if err := c.create(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := c.fill(ctx); err != nil {
		return nil, err
	}
	if err := c.attach(ctx); err != nil {
		return nil, err
	}
	if err := c.openSession(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// create makes the container. A bind mount is tried first where the engine may see our folders; an engine in a virtual
// machine does not, and gets an archive instead.
func (c *buildContainer) create(ctx context.Context) error {
	info, err := c.e.api.Info(ctx)
	if err != nil {
		return c.e.unreachable(err)
	}
	host := hostConfig(c.spec, info)
	if !c.copied {
		host.Mounts = bindWorkspace(c.spec)
		c.foreign = os.Geteuid() > 0 && !rootless(info)
	}
	c.usage.limit = host.Memory
	config := &apicontainer.Config{
		Image:       c.spec.Image,
		User:        "0:0", // as in the service: root, at home in /root
		Env:         []string{"HOME=/root"},
		Entrypoint:  session.Argv(),
		Labels:      c.spec.Owner.Labels(),
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		OpenStdin: true, StdinOnce: true,
	}
	name := "preamp-" + c.spec.Owner.Build
	created, err := c.e.api.ContainerCreate(ctx, config, host, nil, nil, name)
	if err != nil && !c.copied && bindFailed(err) {
		c.copied, c.foreign, host.Mounts = true, false, nil
		created, err = c.e.api.ContainerCreate(ctx, config, host, nil, nil, name)
	}
	if cerrdefs.IsNotFound(err) {
		return &engine.Error{Kind: engine.KindImageMissing, Message: "the image " + c.spec.Image + " is not there", Err: err}
	}
	if err != nil {
		return c.e.classify("make the build's container", err)
	}
	c.id = created.ID
	return nil
}

// attach connects to the streams, and starts the container once nothing of it can be missed.
func (c *buildContainer) attach(ctx context.Context) error {
	// The stream outlives this call's context: a build that is cancelled still has something to say.
	stream, err := c.e.api.ContainerAttach(context.WithoutCancel(ctx), c.id, apicontainer.AttachOptions{
		Stream: true, Stdin: true, Stdout: true, Stderr: true,
	})
	if err != nil {
		return c.e.classify("attach to the build's container", err)
	}
	c.stream = stream
	wait, waitErr := c.e.api.ContainerWait(context.WithoutCancel(ctx), c.id, apicontainer.WaitConditionNextExit)
	go c.awaitExit(wait, waitErr)
	if err := c.e.api.ContainerStart(ctx, c.id, apicontainer.StartOptions{}); err != nil {
		return startError(c.spec.Image, err)
	}
	go c.watchUsage(context.WithoutCancel(ctx))
	return nil
}

func (c *buildContainer) awaitExit(wait <-chan apicontainer.WaitResponse, waitErr <-chan error) {
	select {
	case r := <-wait:
		c.code = int(r.StatusCode)
	case <-waitErr:
		c.code = -1 // the engine went away or the container was removed under us
	}
	close(c.exited)
}

func (c *buildContainer) openSession(ctx context.Context) error {
	outR, outW := io.Pipe()
	ctlR, ctlW := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(outW, ctlW, c.stream.Reader)
		outW.CloseWithError(eof(err))
		ctlW.CloseWithError(eof(err))
	}()
	// A session that is closed stops reading; the copy must then end rather than wait for a reader.
	input := &inputCloser{w: c.stream.Conn, closeFn: func() error {
		_ = outR.Close()
		_ = ctlR.Close()
		return c.stream.CloseWrite()
	}}
	type opened struct {
		s   *session.Session
		err error
	}
	done := make(chan opened, 1)
	go func() {
		s, err := session.Open(session.Pipes{Input: input, Output: outR, Control: ctlR}, c.setup())
		done <- opened{s, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return c.sessionError(o.err)
		}
		c.session = o.s
		return nil
	case <-ctx.Done():
		c.stream.Close() // ends the streams, and Open with them
		<-done
		return fmt.Errorf("start the build's shell: %w", context.Cause(ctx))
	}
}

func (c *buildContainer) sessionError(err error) error {
	if strings.Contains(err.Error(), "bash: not found") || strings.Contains(err.Error(), "not found: bash") {
		return &engine.Error{
			Kind: engine.KindImageUnfit, Message: "the image " + c.spec.Image + " has no bash",
			Hint: "preamp image check says what a build image needs", Err: err,
		}
	}
	return &engine.Error{Kind: engine.KindImageUnfit, Message: "start the build's shell in " + c.spec.Image, Err: err}
}

func (c *buildContainer) ID() string { return c.id }

// Run implements engine.Container.
func (c *buildContainer) Run(ctx context.Context, command string, out io.Writer) (engine.Exit, error) {
	if c.ended.Load() {
		return engine.Exit{}, engine.ErrEnded
	}
	res, interrupted, err := c.session.RunUntil(ctx, command, out, c.grace, c)
	if errors.Is(err, session.ErrClosed) {
		return engine.Exit{}, engine.ErrEnded
	}
	exit := engine.Exit{Code: res.Code, Dir: res.Dir, Ended: res.Ended, Interrupted: interrupted}
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	switch {
	case res.Ended:
		c.ended.Store(true)
		select {
		case <-c.exited:
			exit.Code = c.code
		case <-cleanup.Done():
			return exit, errors.Join(err, &engine.Error{Message: "the engine does not say how the build's container ended", Err: cleanup.Err()})
		}
		if c.code < 0 {
			return exit, errors.Join(err, &engine.Error{Kind: engine.KindUnreachable, Message: "the build's container was lost", Hint: "was it removed, or the engine stopped?"})
		}
		exit.OOM = c.oomKilled(cleanup)
	case exit.Code != 0 && !interrupted:
		exit.OOM = c.oomCounted()
	}
	return exit, err
}

// Terminate implements session.Stopper: engines cannot signal a process, so a small script beside the session does.
func (c *buildContainer) Terminate(ctx context.Context) error {
	return c.exec(ctx, []string{"sh", "-c", session.TermScript, "sh", fmt.Sprint(c.session.PID())})
}

// Kill implements session.Stopper.
func (c *buildContainer) Kill(ctx context.Context) error {
	err := c.e.api.ContainerKill(ctx, c.id, "KILL")
	if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) { // gone or not running: that is what was wanted
		return fmt.Errorf("kill the container %.12s: %w", c.id, err)
	}
	return nil
}

// Stop implements engine.Container.
func (c *buildContainer) Stop(ctx context.Context) (err error) {
	c.stop.Do(func() {
		if c.foreign {
			err = c.reclaim(ctx)
		}
		c.ended.Store(true)
		if c.session != nil {
			c.session.Close()
		}
		err = errors.Join(err, c.Kill(ctx))
		select {
		case <-c.exited:
		case <-ctx.Done():
			err = errors.Join(err, ctx.Err())
		}
	})
	return err
}

// removeTimeout is how long an engine may take to remove a container.
const removeTimeout = 30 * time.Second

// Close implements engine.Container.
func (c *buildContainer) Close() error {
	c.close.Do(func() {
		c.ended.Store(true)
		if c.session != nil {
			c.session.Close()
		}
		if c.stream.Conn != nil {
			c.stream.Close()
		}
		c.err = c.e.remove(c.id)
	})
	return c.err
}

func (e *Engine) remove(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	err := e.api.ContainerRemove(ctx, id, apicontainer.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !cerrdefs.IsNotFound(err) {
		return &engine.Error{Message: fmt.Sprintf("remove the container %.12s", id), Hint: "preamp gc tries again", Err: err}
	}
	return nil
}

// exec runs a command beside the session and waits for its end; what it prints is dropped.
func (c *buildContainer) exec(ctx context.Context, argv []string) error {
	created, err := c.e.api.ContainerExecCreate(ctx, c.id, apicontainer.ExecOptions{
		User: "0:0", Cmd: argv, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return fmt.Errorf("run %s in the container: %w", argv[0], err)
	}
	att, err := c.e.api.ContainerExecAttach(ctx, created.ID, apicontainer.ExecAttachOptions{})
	if err != nil {
		return fmt.Errorf("run %s in the container: %w", argv[0], err)
	}
	defer att.Close()
	stop := context.AfterFunc(ctx, att.Close)
	defer stop()
	_, err = io.Copy(io.Discard, att.Reader)
	return err
}

// inputCloser closes the writing half of the attached connection, and lets go of the readers.
type inputCloser struct {
	w       io.Writer
	closeFn func() error
}

func (i *inputCloser) Write(p []byte) (int, error) { return i.w.Write(p) }
func (i *inputCloser) Close() error                { return i.closeFn() }

func eof(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}
