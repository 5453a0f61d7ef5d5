package docker

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/preamp-build/preamp/runner/engine"
)

// usage is the highest of the samples that are taken about every second.
type usage struct {
	limit int64
	peak  atomic.Int64
	cpu   atomic.Int64 // nanoseconds

	oomKills int64 // how many were counted until the last failed command; of Run alone
}

// Usage implements engine.Container.
func (c *buildContainer) Usage() engine.Usage {
	return engine.Usage{
		PeakMemory: c.usage.peak.Load(), MemoryLimit: c.usage.limit, CPUTime: time.Duration(c.usage.cpu.Load()),
	}
}

// usagePoll is how often Podman is asked for its statistics.
const usagePoll = time.Second

// usageDelay is how long a build has to run for its use of the machine to be looked at.
const usageDelay = 300 * time.Millisecond

// watchUsage takes the engine's statistics until the container ends. The peak stays unknown where there are none; the
// build does not depend on it.
//
// Docker sends them every second by itself, and when it is asked for one sample sends an empty one (20.10). Podman sends
// the first at once and the others five seconds apart, in which a build can have had its peak, so it is asked again.
func (c *buildContainer) watchUsage(life context.Context) {
	ctx, cancel := context.WithCancel(life)
	defer cancel()
	go func() {
		select {
		case <-c.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	// The engine has better to do while a build begins.
	begin := time.NewTimer(usageDelay)
	defer begin.Stop()
	select {
	case <-begin.C:
	case <-ctx.Done():
		return
	}
	if !c.e.isPodman(ctx) {
		c.readUsage(ctx, math.MaxInt)
		return
	}
	tick := time.NewTicker(usagePoll)
	defer tick.Stop()
	for {
		c.readUsage(ctx, 1)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// readUsage takes as many samples as are wanted or come.
func (c *buildContainer) readUsage(ctx context.Context, samples int) {
	stats, err := c.e.api.ContainerStats(ctx, c.id, samples > 1)
	if err != nil {
		return
	}
	defer func() { _ = stats.Body.Close() }()
	dec := json.NewDecoder(stats.Body)
	for range samples {
		var s container.StatsResponse
		if err := dec.Decode(&s); err != nil {
			return
		}
		c.usage.add(s)
	}
}

func (u *usage) add(s container.StatsResponse) {
	if used := memoryInUse(s.MemoryStats); used > u.peak.Load() {
		u.peak.Store(used)
	}
	if total := int64(s.CPUStats.CPUUsage.TotalUsage); total > u.cpu.Load() {
		u.cpu.Store(total)
	}
}

// memoryInUse leaves out the page cache that the kernel would give back, as `docker stats` does.
func memoryInUse(m container.MemoryStats) int64 {
	cache := m.Stats["inactive_file"] // cgroup v2
	if v, ok := m.Stats["total_inactive_file"]; ok {
		cache = v // cgroup v1
	}
	if cache > m.Usage {
		return int64(m.Usage)
	}
	return int64(m.Usage - cache)
}

// oomScript prints how often the kernel killed something in this container's control group, under either version of them.
const oomScript = `cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null`

// oomCounted asks the living container whether the kernel has killed something since the last time; the engine itself
// only tells after the container's end. The session is not asked: the build may have redefined what it knows.
func (c *buildContainer) oomCounted(ctx context.Context) bool {
	out, err := c.exec(ctx, []string{"sh", "-c", oomScript})
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(out)) {
		name, count, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseInt(count, 10, 64); err == nil && name == "oom_kill" && n > c.usage.oomKills {
			c.usage.oomKills = n
			return true
		}
	}
	return false
}
