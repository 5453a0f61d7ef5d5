package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

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
		version, _, _ := strings.Cut(strings.TrimSpace(string(raw)), "-") // without what a builder has added
		m.System = "Linux " + version
	}
	if words := strings.Fields(says(ctx, "df", "--output=fstype", dir)); len(words) == 2 { // a heading, then the type
		m.Disk = words[1]
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

// needed is about how many bytes a whole run writes, which are all kept until its end.
func needed(rounds int, scale float64) int64 { return int64(scale * float64(25+4*rounds) * 1e9) }

// roomFor says so when a folder's file system has no room for so many bytes: it would be full in the middle of the run.
func roomFor(dir string, bytes int64) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("how full is the disk? %w", err)
	}
	if free := int64(fs.Bavail) * int64(fs.Bsize); free < bytes { //nolint:unconvert // a macOS counts in 32 bits
		return fmt.Errorf("the trees need about %s, and %s has %s: -dir names another folder, -rounds and -only make them fewer",
			report.Format(report.Bytes, float64(bytes)), dir, report.Format(report.Bytes, float64(free)))
	}
	return nil
}
