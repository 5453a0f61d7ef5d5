package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
)

// machine says where the measurements are made, as far as that can be known. It names nothing that identifies the machine.
func machine(ctx context.Context, dir string) report.Machine {
	m := report.Machine{CPUs: runtime.NumCPU(), CPU: "unknown CPU", System: runtime.GOOS + " " + runtime.GOARCH, Disk: "unknown file system", Engine: "no container engine"}
	if name := field("/proc/cpuinfo", "model name"); name != "" {
		m.CPU = name
	}
	if kib, _, ok := strings.Cut(field("/proc/meminfo", "MemTotal"), " "); ok {
		if n, err := strconv.ParseInt(kib, 10, 64); err == nil {
			m.Memory = n << 10
		}
	}
	if raw, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.System = "Linux " + strings.TrimSpace(string(raw))
	}
	if said := says(ctx, "stat", "-f", "-c", "%T", dir); said != "" {
		m.Disk = said
	}
	if said := says(ctx, "docker", "version", "--format", "{{.Server.Version}}"); said != "" {
		m.Engine = "Docker " + said
	}
	return m
}

// field is what a file of /proc has after "name:"; "" when it has not.
func field(file, name string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func says(ctx context.Context, args ...string) string {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
