package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/preamp-build/preamp/runner/engine"
)

// usage is the highest of the samples that the engine sends about every second.
type usage struct {
	limit int64
	peak  atomic.Int64
	cpu   atomic.Int64 // nanoseconds
}

// Usage implements engine.Container.
func (c *buildContainer) Usage() engine.Usage {
	return engine.Usage{
		PeakMemory: c.usage.peak.Load(), MemoryLimit: c.usage.limit, CPUTime: time.Duration(c.usage.cpu.Load()),
	}
}

// watchUsage follows the engine's statistics until the container ends.
func (c *buildContainer) watchUsage(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		<-c.exited
		cancel()
	}()
	stats, err := c.e.api.ContainerStats(ctx, c.id, true)
	if err != nil {
		return // the peak stays unknown; the build does not depend on it
	}
	defer func() { _ = stats.Body.Close() }()
	dec := json.NewDecoder(stats.Body)
	for {
		var s container.StatsResponse
		if err := dec.Decode(&s); err != nil {
			return
		}
		if used := memoryInUse(s.MemoryStats); used > c.usage.peak.Load() {
			c.usage.peak.Store(used)
		}
		if total := int64(s.CPUStats.CPUUsage.TotalUsage); total > c.usage.cpu.Load() {
			c.usage.cpu.Store(total)
		}
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

// oomScript prints how often the kernel killed something in this container's cgroup.
const oomScript = `cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null`

// oomCounted asks the living container; the engine itself only tells after the container's end.
func (c *buildContainer) oomCounted() bool {
	var out bytes.Buffer
	if _, err := c.session.Run(oomScript, &out); err != nil {
		return false
	}
	for line := range strings.Lines(out.String()) {
		if name, count, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == "oom_kill" && count != "0" {
			return true
		}
	}
	return false
}

func (c *buildContainer) oomKilled(ctx context.Context) bool {
	in, err := c.e.api.ContainerInspect(ctx, c.id)
	return err == nil && in.State != nil && in.State.OOMKilled
}
