package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	if err := c.settleStack(); err != nil {
		return err
	}
	c.letEngine()
	c.stopped = true
	return nil
}

// leaveTime is how long the shell has to end by itself once it has been hung up. That is quicker than to have it killed.
const leaveTime = 40 * time.Millisecond

// end waits until nothing of the container runs any more, and kills what does not end by itself. An engine tells of the
// end when it has taken the container down wholly, which is not waited for where the processes can be seen to be gone.
func (c *buildContainer) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	leave := time.NewTimer(leaveTime)
	defer leave.Stop()
	killed := make(chan error, 1)
	exited, dead := c.exited, c.dead
	if c.spec.Stack != nil {
		dead = nil // its folders may not be touched before the engine has unmounted them
	}
	for {
		select {
		case <-exited:
			if c.lost == nil {
				return nil
			}
			exited = nil // the engine is gone, which says nothing about the container
		case <-dead:
			return nil
		case <-leave.C:
			go func() { killed <- c.Kill(ctx) }()
		case err := <-killed:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return &engine.Error{Message: fmt.Sprintf("wait for the end of the container %.12s", c.id), Err: ctx.Err()}
		}
	}
}

// headStart is how long nothing is done when the last process is gone. To take a container down an engine runs programs first, and
// then waits much longer for the kernel: whoever competes with the first prolongs the whole, and has time enough during the second.
const headStart = 15 * time.Millisecond

func (c *buildContainer) letEngine() {
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	select {
	case <-c.exited:
	case <-timer.C:
	}
}

// settle waits for an engine to notice that the container's processes are gone. It refuses to remove a container that is
// just ending, and trying again takes longer.
func (c *buildContainer) settle() {
	select {
	case <-c.dead:
	default:
		return
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-c.exited:
	case <-timer.C:
	}
}

// hangUp lets go of the session. Nobody reads its output from now on, so the connection goes too: the engine would wait
// for a reader before it tells that the container has ended.
func (c *buildContainer) hangUp() {
	c.hungUp.Store(true)
	c.ended.Store(true)
	if c.session != nil {
		if c.stream.Conn.SetWriteDeadline(time.Now().Add(leaveTime)) == nil {
			_, _ = io.WriteString(c.stream.Conn, "exit\n") // for a shell that is busy the hanging up has to do
		}
		c.session.Close()
	}
	if c.stream.Conn != nil {
		c.stream.Close()
	}
}

// Close implements engine.Container. With an engine that does not answer it takes stopTimeout and removeTimeout at most.
func (c *buildContainer) Close() error {
	c.close.Do(func() {
		if c.starting != nil {
			<-c.starting // removing what is just being started goes wrong
		}
		if c.giveTo != "" && c.starting != nil && c.startErr == nil { // a workspace that its owner cannot remove is something left behind
			c.err = c.Stop(context.Background())
		}
		c.hangUp()
		c.settle()
		c.err = errors.Join(c.err, c.hideStack(), c.e.remove(c.id))
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
