package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// deathPoll is how often a watcher looks whether it is still wanted.
const deathPoll = 200 * time.Millisecond

// pidFiles are where the engine's runtime writes the number of a container's first process, by the container's id. To ask the engine
// for it costs a build that begins two milliseconds.
var pidFiles = []string{
	"/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/%s/init.pid",
	"/run/containerd/io.containerd.runtime.v2.task/moby/%s/init.pid",
}

// firstProcess is most likely the number of the container's first process; 0 when nobody tells.
func (c *buildContainer) firstProcess(ctx context.Context) int {
	for _, file := range pidFiles {
		raw, err := os.ReadFile(fmt.Sprintf(file, c.id))
		if err != nil {
			continue
		}
		if pid, err := strconv.Atoi(string(raw)); err == nil {
			return pid
		}
	}
	in, err := c.e.api.ContainerInspect(ctx, c.id)
	if err != nil || in.State == nil || in.HostConfig != nil && in.HostConfig.PidMode.IsHost() {
		return 0
	}
	return in.State.Pid
}

// watchDeath closes c.dead once every process of the container is gone, where the kernel that runs it is ours: when the
// first process of a process namespace ends, the kernel has ended all others before. The engine tells of a container's
// end only when it has taken down its network, too, some 80 ms later.
func (c *buildContainer) watchDeath(life context.Context) {
	if !strings.HasPrefix(c.e.endpoint.String(), "unix:") {
		return
	}
	pid := c.firstProcess(life)
	if pid <= 1 {
		return
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // an engine in a virtual machine, or an old kernel
	}
	defer func() { _ = unix.Close(fd) }()
	// The number may be another process's here. Its control group names the container, if it is the one.
	if raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup"); err != nil || !strings.Contains(string(raw), c.id) {
		return
	}
	for life.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(deathPoll/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if n > 0 {
			close(c.dead)
			return
		}
	}
}
