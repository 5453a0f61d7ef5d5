package docker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/cli/cli/config"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/runner/engine/enginetest"
)

var limits = engine.Limits{Memory: 2 << 30, CPUs: 2, PIDs: 512}

func TestEngine(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	enginetest.Run(t, enginetest.Subject{Engine: e, Image: dockertest.Image(t, e), Limits: limits})
}

// The same with workspaces that are composed of layers.
func TestComposed(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	if err := e.Composes(t.Context(), t.TempDir()); err != nil {
		t.Skip("needs an engine that can compose workspaces: " + err.Error())
	}
	enginetest.Run(t, enginetest.Subject{Engine: e, Image: dockertest.Image(t, e), Limits: limits, Compose: true})
}

// The same with containers that start before their workspace is filled.
func TestAhead(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	started, err := e.StartAhead(t.Context(), engine.Spec{
		Owner: engine.NewOwner(engine.NewBuildID()), Image: dockertest.Image(t, e), Workspace: t.TempDir(), Dir: "/codebuild/app",
	})
	if engine.IsKind(err, engine.KindNotAhead) {
		t.Skip("needs an engine that sees our folders: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := started.Close(); err != nil {
		t.Error(err)
	}
	enginetest.Run(t, enginetest.Subject{Engine: e, Image: dockertest.Image(t, e), Limits: limits, Ahead: true})
}

// An engine that gets copies has to wait for the files, and says so.
func TestAheadNot(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{Copy: true})
	spec := engine.Spec{
		Owner: engine.NewOwner(engine.NewBuildID()), Image: dockertest.Image(t, e), Workspace: t.TempDir(), Dir: "/codebuild/app",
	}
	if _, err := e.StartAhead(t.Context(), spec); !engine.IsKind(err, engine.KindNotAhead) {
		t.Errorf("started ahead: %v, want KindNotAhead", err)
	}
	if reaped, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o == spec.Owner }); err != nil || len(reaped) > 0 {
		t.Errorf("left behind: %v, %v", reaped, err)
	}
}

// A stack that the engine cannot mount is told from everything else that may be wrong, and the engine is not asked again.
func TestComposeFails(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	dir := t.TempDir()
	if err := e.Composes(t.Context(), dir); err != nil {
		t.Skip("needs an engine that can compose workspaces: " + err.Error())
	}
	spec := engine.Spec{
		Owner: engine.NewOwner(engine.NewBuildID()), Image: dockertest.Image(t, e), Workspace: t.TempDir(), Dir: "/codebuild/app",
		Stack: enginetest.Stack(t, filepath.Join(dir, "missing")), CACerts: []byte("x"),
	}
	if _, err := e.Start(t.Context(), spec); !engine.IsKind(err, engine.KindNotComposed) {
		t.Errorf("started with a layer that is missing: %v, want KindNotComposed", err)
	}
	if err := e.Composes(t.Context(), dir); err == nil {
		t.Error("it still says that it composes")
	}
	spec.Stack = nil
	c, err := e.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if reaped, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o == spec.Owner }); err != nil || len(reaped) > 0 {
		t.Errorf("left behind: %v, %v", reaped, err)
	}
}

// An engine elsewhere cannot mount our folders.
func TestComposesNot(t *testing.T) {
	e, err := docker.New(docker.Options{Host: "tcp://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if err := e.Composes(t.Context(), t.TempDir()); err == nil {
		t.Error("an engine elsewhere says that it composes")
	}
}

// An engine that is reached over TCP is taken for one elsewhere: the workspace travels as an archive.
func TestRemoteEngine(t *testing.T) {
	t.Parallel()
	local := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, local)
	info, err := local.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	socket, ok := strings.CutPrefix(info.Endpoint, "unix://")
	if !ok {
		t.Skip("needs an engine on a unix socket to put a TCP port before, not " + info.Endpoint)
	}
	remote := dockertest.Engine(t, docker.Options{Host: "tcp://" + forward(t, socket)})
	enginetest.Run(t, enginetest.Subject{Engine: remote, Image: image, Limits: limits})
}

// forward listens on a loopback port and connects each caller to the socket.
func forward(t *testing.T, socket string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go join(in.(*net.TCPConn), socket)
		}
	}()
	return l.Addr().String()
}

func join(in *net.TCPConn, socket string) {
	defer func() { _ = in.Close() }()
	c, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	out := c.(*net.UnixConn)
	defer func() { _ = out.Close() }()
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(out, in); _ = out.CloseWrite() })
	wg.Go(func() { _, _ = io.Copy(in, out); _ = in.CloseWrite() })
	wg.Wait()
}

func start(t *testing.T, e *docker.Engine, spec engine.Spec) engine.Container {
	t.Helper()
	spec.Owner = engine.NewOwner(engine.NewBuildID())
	spec.Workspace, spec.Dir = t.TempDir(), "/codebuild/output/src1/src/app"
	c, err := e.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func output(t *testing.T, c engine.Container, command string) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := c.Run(t.Context(), command, &out); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

// What an untrusted build finds in its container.
func TestIsolation(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	c := start(t, e, engine.Spec{
		Image: dockertest.Image(t, e), Limits: limits, Env: []engine.Var{{Name: "secrets", Value: `{"K":"sec-ret-1"}`}},
	})
	for _, tc := range []struct{ what, command, want string }{
		{"user", "id -u; echo $HOME", "0\n/root"},
		{"no engine's socket", "ls /var/run/docker.sock /run/docker.sock /run/podman 2>/dev/null | wc -l", "0"},
		{"no new privileges", "grep NoNewPrivs /proc/self/status | tr -d '\\t'", "NoNewPrivs:1"},
		{"no devices can be made", "mknod /tmp/sda b 8 0 2>/dev/null; echo $?", "1"},
		{"no mounts can be made", "unshare --mount true 2>/dev/null; echo $?", "1"},
		{"no raw sockets", "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)' 2>&1 | tail -1", "PermissionError: [Errno 1] Operation not permitted"},
		{"one mount of the host, the workspace", "grep -c ' /codebuild/output/src1/src/app ' /proc/self/mountinfo; awk '$4 != \"/\" && $9 !~ /^(overlay|tmpfs|proc|sysfs|cgroup|mqueue|devpts)/ && $5 !~ /^.etc.(resolv.conf|hostname|hosts)$|^.run..containerenv$|^.(proc.[a-z_-]+|sys.firmware|dev.(null|zero|full|tty|u?random))?$/ {print $5}' /proc/self/mountinfo", "1\n/codebuild/output/src1/src/app"},
		{"a batch for the scheduler", "awk '{print $41}' /proc/self/stat", "3"},
		{"process limit", "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null", "512"},
		{"memory limit", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null", "2147483648"},
		{"secrets are not in the environment of process 1", "tr '\\0' '\\n' < /proc/1/environ | grep -c sec-ret-1", "0"},
		{"but in the build's", "bash -c 'echo $secrets'", `{"K":"sec-ret-1"}`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			if got := output(t, c, tc.command); got != tc.want {
				t.Errorf("%s printed %q, want %q", tc.command, got, tc.want)
			}
		})
	}
	t.Run("secrets are not in the engine's records", func(t *testing.T) {
		raw, err := exec.Command("docker", "inspect", c.ID()).CombinedOutput()
		if err != nil {
			t.Skip("needs the docker command: " + err.Error())
		}
		if bytes.Contains(raw, []byte("sec-ret-1")) {
			t.Error("docker inspect shows the secret")
		}
	})
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	c := start(t, e, engine.Spec{Image: dockertest.Image(t, e), Limits: engine.Limits{Memory: 64 << 20}})
	exit, err := c.Run(t.Context(), `bash -c 'x=$(head -c 400000000 /dev/zero | tr "\0" x); echo ${#x}'`, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if exit.Code == 0 || !exit.OOM {
		t.Errorf("exit %+v, want a failure for want of memory", exit)
	}
	if exit, err := c.Run(t.Context(), "exit 3", io.Discard); err != nil || !exit.Ended || exit.Code != 3 {
		t.Errorf("afterwards: %+v, %v", exit, err)
	}
}

func TestMissingImage(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	for _, policy := range []engine.PullPolicy{engine.PullMissing, engine.PullNever, engine.PullAlways} {
		_, err := e.Image(t.Context(), "127.0.0.1:1/no/such:image", engine.Pull{Policy: policy}, nil)
		var ee *engine.Error
		if !errors.As(err, &ee) || ee.Kind != engine.KindImageMissing {
			t.Errorf("%s: %v, want KindImageMissing", policy, err)
		}
	}
	_, err := e.Start(t.Context(), engine.Spec{
		Owner: engine.NewOwner(engine.NewBuildID()), Image: "no/such:image", Workspace: t.TempDir(), Dir: "/codebuild/app",
	})
	var ee *engine.Error
	if !errors.As(err, &ee) || ee.Kind != engine.KindImageMissing {
		t.Errorf("start: %v, want KindImageMissing", err)
	}
}

func TestUnreachable(t *testing.T) {
	for name, o := range map[string]docker.Options{
		"socket":  {Host: "unix:///nonexistent/docker.sock"},
		"port":    {Host: "tcp://127.0.0.1:1"},
		"context": {Context: "no-such-context"},
		"address": {Host: "gopher://x"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := docker.New(o)
			if err == nil {
				_, err = e.Info(t.Context())
			}
			var ee *engine.Error
			if !errors.As(err, &ee) || ee.Kind != engine.KindUnreachable {
				t.Errorf("%v, want KindUnreachable", err)
			}
		})
	}
}

// A docker context is a folder named by a hash; this one leads to the engine that the tests have.
func TestContext(t *testing.T) {
	local := dockertest.Engine(t, docker.Options{})
	info, err := local.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	before := config.Dir()
	config.SetDir(dir)
	defer config.SetDir(before)
	t.Setenv("DOCKER_HOST", "")
	const id = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" // sha256 of "test"
	meta := filepath.Join(dir, "contexts", "meta", id)
	if err := os.MkdirAll(meta, 0o755); err != nil {
		t.Fatal(err)
	}
	json := `{"Name":"test","Endpoints":{"docker":{"Host":"` + info.Endpoint + `","SkipTLSVerify":false}}}`
	if err := os.WriteFile(filepath.Join(meta, "meta.json"), []byte(json), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"currentContext":"test"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]docker.Options{"named": {Context: "test"}, "current": {}} {
		e, err := docker.New(o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := e.Info(t.Context())
		if err != nil || got.Endpoint != info.Endpoint {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	sp := engine.Spec{
		Owner: engine.NewOwner(engine.NewBuildID()), Image: dockertest.Image(t, e), Limits: limits, Workspace: t.TempDir(), Dir: "/codebuild/app",
	}
	c, err := e.Start(t.Context(), sp)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { // engines take samples when they like: the command waits until its own use has been seen
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for c.Usage().PeakMemory < 60_000_000 && ctx.Err() == nil {
			<-tick.C
		}
		_ = os.WriteFile(filepath.Join(sp.Workspace, "seen"), nil, 0o644)
	}()
	if out := output(t, c, `x=$(head -c 60000000 /dev/zero | tr "\0" x); while [ ! -e seen ]; do sleep 0.1; done; echo ${#x}`); out != "60000000" {
		t.Fatal(out)
	}
	if u := c.Usage(); u.PeakMemory < 60_000_000 || u.MemoryLimit != limits.Memory || u.CPUTime <= 0 {
		t.Errorf("usage %+v, want a peak above 60 MB, the limit and some processor time", u)
	}
}

func TestStartIsCancelled(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	owner := engine.NewOwner(engine.NewBuildID())
	cancel()
	_, err := e.Start(ctx, engine.Spec{Owner: owner, Image: dockertest.Image(t, e), Workspace: t.TempDir(), Dir: "/codebuild/app"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}
