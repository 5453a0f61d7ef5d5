package docker

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// deathPoll is how often a watcher looks whether it is still wanted.
const deathPoll = 200 * time.Millisecond

// watchDeath closes c.dead once every process of the container is gone, where the kernel that runs it is ours: when the
// first process of a process namespace ends, the kernel has ended all others before. The engine tells of a container's
// end only when it has taken down its network, too, some 80 ms later.
func (c *buildContainer) watchDeath(life context.Context) {
	if !strings.HasPrefix(c.e.endpoint.String(), "unix:") {
		return
	}
	in, err := c.e.api.ContainerInspect(life, c.id)
	if err != nil || in.State == nil || in.State.Pid <= 1 || in.HostConfig != nil && in.HostConfig.PidMode.IsHost() {
		return
	}
	fd, err := unix.PidfdOpen(in.State.Pid, 0)
	if err != nil {
		return // an engine in a virtual machine, or an old kernel
	}
	defer func() { _ = unix.Close(fd) }()
	// The number may be another process's here. Its control group names the container, if it is the one.
	if raw, err := os.ReadFile("/proc/" + strconv.Itoa(in.State.Pid) + "/cgroup"); err != nil || !strings.Contains(string(raw), c.id) {
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
