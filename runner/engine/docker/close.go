package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	apicontainer "github.com/docker/docker/api/types/container"

	"github.com/preamp-build/preamp/runner/engine"
)

const (
	// stopTimeout is how long an engine may take to end a container.
	stopTimeout = 30 * time.Second
	// removeTimeout is how long an engine may take to remove a container.
	removeTimeout = 30 * time.Second
	// removePoll is how often the removal of a container that is busy ending is tried again.
	removePoll = 100 * time.Millisecond
)

// Stop implements engine.Container. When it fails it may be tried again.
func (c *buildContainer) Stop(ctx context.Context) error {
	c.stopping.Lock()
	defer c.stopping.Unlock()
	if c.stopped {
		return nil
	}
	c.hangUp()
	if err := c.end(ctx); err != nil {
		return err
	}
	// Only now: nothing of the build runs any more that could write another file, or play with those being changed.
	if c.giveTo != "" {
		if err := c.e.reclaim(ctx, c.spec.Owner.Build, c.spec.Image, c.spec.Workspace, c.giveTo); err != nil {
			return err
		}
	}
	c.stopped = true
	return nil
}

// end kills the container and waits until it has ended.
func (c *buildContainer) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := c.Kill(ctx); err != nil {
		return err
	}
	select {
	case <-c.exited:
		return nil
	case <-ctx.Done():
		return &engine.Error{Message: fmt.Sprintf("wait for the end of the container %.12s", c.id), Err: ctx.Err()}
	}
}

// hangUp lets go of the session. Nobody reads its output from now on, so the connection goes too: the engine would wait
// for a reader before it tells that the container has ended.
func (c *buildContainer) hangUp() {
	c.hungUp.Store(true)
	c.ended.Store(true)
	if c.session != nil {
		c.session.Close()
	}
	if c.stream.Conn != nil {
		c.stream.Close()
	}
}

// Close implements engine.Container. With an engine that does not answer it takes stopTimeout and removeTimeout at most.
func (c *buildContainer) Close() error {
	c.close.Do(func() {
		if c.giveTo != "" && c.started { // a workspace that its owner cannot remove is something left behind
			c.err = c.Stop(context.Background())
		}
		c.hangUp()
		c.err = errors.Join(c.err, c.e.remove(c.id))
		c.release()
	})
	return c.err
}

// remove removes a container, running or not; one that is gone already is what was wanted.
func (e *Engine) remove(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	tick := time.NewTicker(removePoll)
	defer tick.Stop()
	for {
		err := e.api.ContainerRemove(ctx, id, apicontainer.RemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || gone(err) {
			return nil
		}
		if !busy(err) {
			return e.removeFailed(id, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return e.removeFailed(id, err)
		}
	}
}

func (e *Engine) removeFailed(id string, err error) error {
	return &engine.Error{Message: fmt.Sprintf("remove the container %.12s", id), Hint: "preamp gc tries again", Err: err}
}

// Podman has a state between running and exited, in which it refuses to kill and to remove a container with a plain
// server error: what it then says is all there is to know it by.
const podmanState = "container state improper"

// gone recognises that there is no such container; Podman says so in words when it vanishes while it is being looked at.
func gone(err error) bool {
	return cerrdefs.IsNotFound(err) || err != nil && strings.Contains(err.Error(), "no such container")
}

// notRunning recognises the refusal to kill a container that is gone or not running, which is what was wanted.
func notRunning(err error) bool {
	return gone(err) || cerrdefs.IsConflict(err) || strings.Contains(err.Error(), podmanState)
}

// busy recognises the refusal to remove a container that is just ending, or that someone else is removing.
func busy(err error) bool {
	return strings.Contains(err.Error(), podmanState) ||
		cerrdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress")
}
