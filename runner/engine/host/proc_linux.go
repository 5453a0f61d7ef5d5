package host

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// managedProcesses are the living processes of builds, with their marks.
func managedProcesses() map[int]map[string]string {
	found := map[int]map[string]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well-formed, which is all that can fail
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(raw, []byte(buildVar+"=")) {
			continue // of another user, or gone
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || pid == os.Getpid() {
			continue // preamp may itself run inside a build
		}
		if env := parseEnviron(string(raw)); env[buildVar] != "" {
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
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw[bytes.LastIndexByte(raw, ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 3 || fields[0] == "Z" || fields[2] != strconv.Itoa(group) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && !slices.Contains(known, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func maxRSSBytes(ru *syscall.Rusage) int64 { return ru.Maxrss << 10 }
