package engine

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// processStart is the boot and the clock tick at which the process began; os.ErrNotExist when there is no such process.
func processStart(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The command name in parentheses may itself hold blanks and parentheses, so count from the last one.
	i := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[i+1:]))
	const state, startTime = 0, 19 // fields 3 and 22 of proc(5)
	if len(fields) <= startTime {
		return "", fmt.Errorf("read /proc/%d/stat: %d fields", pid, len(fields))
	}
	if fields[state] == "Z" {
		return "", fmt.Errorf("process %d is a zombie: %w", pid, os.ErrNotExist)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return fields[startTime], nil //nolint:nilerr // kernels without it have the tick still, which tells most processes apart
	}
	return strings.TrimSpace(string(boot))[:8] + "." + fields[startTime], nil
}
