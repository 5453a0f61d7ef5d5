package docker

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/docker/docker/client"
	"golang.org/x/sys/unix"
)

// daemonName is what Docker's daemon calls its process. Podman's service comes and goes with its clients.
const daemonName = "dockerd"

// process names the daemon that listens at the endpoint: where the name is the same, it is one run of one daemon on a machine
// of as many processors. It is "" where that cannot be told, as of engines elsewhere and behind proxies.
func (ep endpoint) process(ctx context.Context) string {
	socket, ok := strings.CutPrefix(ep.String(), "unix://")
	if !ok {
		return ""
	}
	pid := listener(ctx, socket)
	if pid == 1 && ep.String() == client.DefaultDockerHost { // systemd listens in the daemon's place
		pid = writtenDown("/var/run/docker.pid")
	}
	if pid <= 0 {
		return ""
	}
	return run(pid)
}

// listener is the process that began to listen at a socket; 0 when that is none of those that we can see.
func listener(ctx context.Context, socket string) int {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	var peer *unix.Ucred
	var peerErr error
	err = raw.Control(func(fd uintptr) { peer, peerErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil || peerErr != nil {
		return 0
	}
	return int(peer.Pid)
}

func writtenDown(file string) int {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(raw)))
	if err != nil {
		return 0
	}
	return pid
}

// run names one run of a daemon: process ids are given again, but not at the same moment since the machine was started.
func run(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	name, rest, ok := strings.Cut(string(stat), ") ") // the name is the only field that may hold anything
	fields := strings.Fields(rest)
	if !ok || !strings.HasSuffix(name, "("+daemonName) || len(fields) < 20 {
		return ""
	}
	boot, bootErr := os.ReadFile("/proc/sys/kernel/random/boot_id")
	cpus, cpuErr := os.ReadFile("/sys/devices/system/cpu/online")
	if bootErr != nil || cpuErr != nil {
		return ""
	}
	return fmt.Sprintf("%s/%d/%s/%s", bytes.TrimSpace(boot), pid, fields[19], bytes.TrimSpace(cpus))
}
