//go:build !linux

package host

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// managedProcesses asks ps for the environments, which it shows for processes of the same user.
func managedProcesses() map[int]map[string]string {
	found := map[int]map[string]string{}
	out, err := exec.Command("ps", "-axEww", "-o", "pid=,command=").Output()
	if err != nil {
		return found
	}
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, buildVar+"=") {
			continue
		}
		fields := strings.Fields(line)
		pid, err := strconv.Atoi(fields[0])
		if err != nil {
			continue
		}
		if env := parseEnviron(strings.Join(fields[1:], "\x00")); env[buildVar] != "" {
			found[pid] = env
		}
	}
	return found
}

// groupMembers are the processes of a group that are not among known.
func groupMembers(group int, known []int) []int {
	if group <= 0 {
		return nil
	}
	out, err := exec.Command("ps", "-ax", "-o", "pid=,pgid=").Output()
	if err != nil {
		return nil
	}
	var pids []int
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) != 2 || f[1] != strconv.Itoa(group) {
			continue
		}
		if pid, err := strconv.Atoi(f[0]); err == nil && !slices.Contains(known, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func maxRSSBytes(ru *syscall.Rusage) int64 { return ru.Maxrss }
