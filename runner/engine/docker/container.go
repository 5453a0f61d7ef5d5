package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// buildContainer is one build container; see engine.Container. This file starts it, run.go runs commands in it, close.go
// ends it.
type buildContainer struct {
	e      *Engine
	id     string
	spec   engine.Spec
	grace  time.Duration
	copied bool   // the workspace went in as an archive
	merged bool   // the workspace is composed, and mounted at Spec.Workspace too
	giveTo string // to whom the files in the mounted workspace go in the end; see filesGoTo

	starting chan struct{} // closed when the engine has answered to the start; nil before it is asked
	startErr error         // valid then

	stream  types.HijackedResponse
	session *session.Session
	watch   func()             // begins to follow what the container takes, and when it dies
	release context.CancelFunc // ends the requests that follow the container all its life
	exited  chan struct{}      // closed when the container has ended or was lost
	dead    chan struct{}      // closed when no process of it is left; it may be closed earlier than exited, or never
	code    int                // valid once exited is closed
	lost    error              // the same: why nothing is known of the container's end
	ended   atomic.Bool        // no further command can run
	hungUp  atomic.Bool        // we ended the session
	usage   usage

	stopping sync.Mutex
	stopped  bool
	close    sync.Once
	err      error // of close
}

// Start implements engine.Engine.
func (e *Engine) Start(ctx context.Context, spec engine.Spec) (engine.Container, error) {
	c, err := e.start(ctx, spec, func(c *buildContainer, life context.Context) error {
		info, err := c.e.info(ctx)
		if err != nil {
			return err
		}
		if err := c.create(ctx, info); err != nil {
			return err
		}
		if err := c.fill(ctx); err != nil {
			return c.stackError(err)
		}
		if err := c.settleStack(); err != nil {
			return err
		}
		if err := c.attach(ctx, life); err != nil {
			return err
		}
		return c.openSession(ctx)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// start makes a container in steps, of which nothing is left when one of them fails.
func (e *Engine) start(ctx context.Context, spec engine.Spec, steps func(c *buildContainer, life context.Context) error) (*buildContainer, error) {
	if ctx.Err() != nil {
		return nil, startStopped(ctx)
	}
	c := &buildContainer{e: e, spec: spec, grace: spec.Grace, copied: e.copy, exited: make(chan struct{}), dead: make(chan struct{})}
	if c.grace == 0 {
		c.grace = engine.DefaultGrace
	}
	var life context.Context
	life, c.release = context.WithCancel(context.WithoutCancel(ctx))
	return c.within(ctx, func() error { return steps(c, life) })
}

// within does a part of the start. What follows the container through its life outlives ctx, unless ctx ends before the
// life has begun.
func (c *buildContainer) within(ctx context.Context, part func() error) (*buildContainer, error) {
	begun := context.AfterFunc(ctx, c.release)
	defer begun()
	err := part()
	if err == nil && !begun() {
		err = startStopped(ctx)
	}
	if err == nil {
		return c, nil
	}
	if c.id == "" {
		c.release()
		return nil, err
	}
	return nil, errors.Join(err, c.Close())
}

func startStopped(ctx context.Context) error {
	return fmt.Errorf("start the build's container: %w", context.Cause(ctx))
}

// create makes the container. A bind mount is tried first where the engine may see our folders; an engine in a virtual
// machine does not, and gets an archive instead.
func (c *buildContainer) create(ctx context.Context, info hostFacts) (err error) {
	host := hostConfig(c.spec, info)
	if c.spec.Stack != nil {
		if host.Mounts, err = c.e.stackMount(c.spec); err != nil {
			return err
		}
		c.copied = false
	} else if !c.copied {
		c.copied = !c.e.sharesUsers(info) || !mountFolder(host, c.spec.Workspace, c.spec.Dir, c.e.mountTraits(ctx, c.spec.Workspace, info))
	}
	if !c.copied && c.spec.Stack == nil {
		c.giveTo = c.e.filesGoTo(info)
	}
	c.usage.limit = host.Memory
	id, err := c.e.create(ctx, c.config(), host, c.name())
	if err != nil && c.spec.Stack == nil && !c.copied && bindFailed(err) {
		c.copied, c.giveTo, host.Mounts, host.Binds = true, "", nil, nil
		id, err = c.e.create(ctx, c.config(), host, c.name())
	}
	if cerrdefs.IsNotFound(err) {
		return &engine.Error{Kind: engine.KindImageMissing, Message: "the image " + c.spec.Image + " is not there", Err: err}
	}
	if err != nil {
		return c.stackError(c.e.classify("make the build's container", err))
	}
	c.id = id
	return nil
}

func (c *buildContainer) name() string { return "preamp-" + c.spec.Owner.Build }

func (c *buildContainer) config() *apicontainer.Config {
	labels := c.spec.Owner.Labels()
	if c.giveTo != "" {
		labels[labelUser] = c.giveTo
	}
	return &apicontainer.Config{
		Image:       c.spec.Image,
		User:        "0:0", // as in the service: root, at home in /root
		Env:         []string{"HOME=/root"},
		Entrypoint:  session.Argv(),
		Labels:      labels,
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		OpenStdin: true, StdinOnce: true,
		// The main process, as any process 1, ignores what usually stops it; an engine that is stopped would wait in vain.
		StopSignal: "SIGKILL",
	}
}

// abandonTimeout is how long a container that is being made is waited for when nobody wants it any more.
const abandonTimeout = 5 * time.Second

// create makes a container. An engine goes on making one when its caller has hung up, and nobody would know of it; so
// the answer is waited for a little longer than ctx lasts, and what was made is removed. What a still slower engine
// makes carries our labels, which lead Reap to it.
func (e *Engine) create(ctx context.Context, config *apicontainer.Config, host *apicontainer.HostConfig, name string) (string, error) {
	making, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(abandonTimeout)
		defer timer.Stop()
		select {
		case <-timer.C:
			hangUp()
		case <-making.Done():
		}
	})
	defer stop()
	created, err := e.api.ContainerCreate(making, config, host, nil, nil, name)
	if ctx.Err() == nil {
		return created.ID, err
	}
	if err == nil {
		err = e.remove(created.ID)
	}
	return "", errors.Join(startStopped(ctx), err)
}

// hijack opens a two-way stream. The library does not mind ctx while it waits for the engine's answer to such a
// request; we do, and close what comes too late.
func hijack(ctx context.Context, open func(context.Context) (types.HijackedResponse, error)) (types.HijackedResponse, error) {
	type answer struct {
		stream types.HijackedResponse
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		// The stream outlives this call's context: a build that is cancelled still has something to say.
		stream, err := open(context.WithoutCancel(ctx))
		answered <- answer{stream, err}
	}()
	select {
	case a := <-answered:
		return a.stream, a.err
	case <-ctx.Done():
		go func() {
			if a := <-answered; a.err == nil {
				a.stream.Close()
			}
		}()
		return types.HijackedResponse{}, context.Cause(ctx)
	}
}

// attach connects to the streams, and asks for the start of the container once nothing of it can be missed. What is written
// to it meanwhile waits for its shell.
func (c *buildContainer) attach(ctx, life context.Context) (err error) {
	c.stream, err = hijack(ctx, func(ctx context.Context) (types.HijackedResponse, error) {
		return c.e.api.ContainerAttach(ctx, c.id, apicontainer.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	})
	if err != nil {
		return c.e.attachError(ctx, c.id, c.spec.Image, err)
	}
	wait, waitErr := c.e.api.ContainerWait(life, c.id, apicontainer.WaitConditionNextExit)
	go c.awaitExit(life, wait, waitErr)
	// Both ask the engine for something, which has enough to do until the shell is there.
	c.watch = func() {
		go c.watchUsage(life)
		go c.watchDeath(life)
	}
	c.starting = make(chan struct{})
	go func() {
		defer close(c.starting)
		if err := c.e.api.ContainerStart(life, c.id, apicontainer.StartOptions{}); err != nil {
			c.startErr = c.stackError(startError(c.spec.Image, err))
		}
	}()
	return nil
}

func (c *buildContainer) openSession(ctx context.Context) error {
	copyStreams := func(output, control io.Writer) error {
		_, err := stdcopy.StdCopy(output, control, c.stream.Reader)
		return err
	}
	type opened struct {
		s   *session.Session
		err error
	}
	done := make(chan opened, 1)
	go func() {
		s, err := session.Open(session.Pipes{Input: input{c.stream}, Copy: copyStreams}, c.setup())
		done <- opened{s, err}
	}()
	starting := c.starting
	for {
		var err error
		select {
		case o := <-done:
			if o.err != nil {
				if <-c.starting; c.startErr != nil { // which is why
					return c.startErr
				}
				return c.sessionError(o.err)
			}
			c.session = o.s // it can answer before the engine does
			c.watch()
			return nil
		case <-starting:
			starting, err = nil, c.startErr
		case <-ctx.Done():
			err = startStopped(ctx)
		}
		if err != nil {
			c.stream.Close() // ends the streams, and Open with them
			<-done
			return err
		}
	}
}

func (c *buildContainer) sessionError(err error) error {
	said := err.Error()
	switch {
	case strings.Contains(said, "bash: not found") || strings.Contains(said, "not found: bash"):
		return &engine.Error{
			Kind: engine.KindImageUnfit, Message: "the image " + c.spec.Image + " has no bash",
			Hint: "preamp image check says what a build image needs", Err: err,
		}
	case strings.Contains(said, "cd: "):
		return &engine.Error{Message: "the build cannot begin in its folder " + c.setup().Dir, Err: err}
	}
	return &engine.Error{Kind: engine.KindImageUnfit, Message: "start the build's shell in " + c.spec.Image, Err: err}
}

func (c *buildContainer) ID() string { return c.id }

// input is the writing half of the attached connection.
type input struct{ stream types.HijackedResponse }

func (i input) Write(p []byte) (int, error) { return i.stream.Conn.Write(p) }
func (i input) Close() error                { return i.stream.CloseWrite() }
