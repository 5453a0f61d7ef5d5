package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
)

// A process group loses what calls setsid or changes its group, so every process of a build also carries the build's id
// and owner in its environment, which children inherit. Reap finds the left-overs of a dead preamp by the same marks.
const (
	buildVar      = "PREAMP_BUILD_ID"
	ownerHostVar  = "PREAMP_OWNER_HOST"
	ownerPIDVar   = "PREAMP_OWNER_PID"
	ownerStartVar = "PREAMP_OWNER_START"
)

func ownerOf(env map[string]string) engine.Owner {
	pid, err := strconv.Atoi(env[ownerPIDVar])
	if err != nil {
		return engine.Owner{}
	}
	return engine.Owner{Build: env[buildVar], Host: env[ownerHostVar], PID: pid, Start: env[ownerStartVar]}
}

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// terminateBuild sends SIGTERM to the build's processes but its two shells.
func terminateBuild(build string, parent, shell int) error {
	for _, pid := range buildProcesses(build, parent) {
		if pid == parent || pid == shell {
			continue
		}
		if err := signal(pid, syscall.SIGTERM); err != nil {
			return err
		}
	}
	return nil
}

const (
	// killTimeout bounds how long we look for processes that are being made, or that the kernel cannot end at once.
	killTimeout = 5 * time.Second
	killPoll    = 5 * time.Millisecond
)

// killBuild ends the build's processes, and the group where it is not 0. It looks again until there are none: a process
// that was being made while we looked is found the next time.
func killBuild(ctx context.Context, build string, group int) error {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	if group > 0 {
		if err := signal(-group, syscall.SIGKILL); err != nil {
			return err
		}
	}
	tick := time.NewTicker(killPoll)
	defer tick.Stop()
	for {
		pids := buildProcesses(build, 0)
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := signal(pid, syscall.SIGKILL); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("processes %v of build %s do not end: %w", pids, build, ctx.Err())
		}
	}
}

func signal(pid int, sig syscall.Signal) error {
	err := syscall.Kill(pid, sig)
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EPERM) { // gone, or become another user: not ours any more
		return nil
	}
	return err
}

// buildProcesses are the living processes that carry the build's mark, and the group of its shell.
func buildProcesses(build string, group int) []int {
	var pids []int
	for pid, env := range managedProcesses() {
		if env[buildVar] == build {
			pids = append(pids, pid)
		}
	}
	return append(pids, groupMembers(group, pids)...)
}

func exitCode(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}

func (p *process) recordUsage() {
	s := p.cmd.ProcessState
	if s == nil {
		return
	}
	p.cpu.Store(int64(s.UserTime() + s.SystemTime()))
	if ru, ok := s.SysUsage().(*syscall.Rusage); ok {
		p.peak.Store(maxRSSBytes(ru))
	}
}

// parseEnviron picks our marks out of a NUL-separated environment.
func parseEnviron(raw string) map[string]string {
	env := map[string]string{}
	for kv := range strings.SplitSeq(raw, "\x00") {
		if name, value, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(name, "PREAMP_") {
			env[name] = value
		}
	}
	return env
}
