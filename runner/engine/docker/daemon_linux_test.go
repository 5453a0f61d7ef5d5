package docker_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

// daemon is a dockerd of our own, which may be killed. It has its own namespaces: a dockerd removes the network bridge of
// another one, and what it leaves behind when it is killed (mounts, processes) ends with it.
type daemon struct {
	dir    string
	args   []string
	starts int
	cmd    *exec.Cmd
	done   chan struct{}
}

// inNamespaces prepares them: a process file system that fits, and sub-ids for user namespaces without a change to /etc.
const inNamespaces = `mount --make-rprivate / && mount -t proc proc /proc &&
mount --bind "$0/subid" /etc/subuid && mount --bind "$0/subid" /etc/subgid && exec "$@"`

func newDaemon(t *testing.T, args ...string) *daemon {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a dockerd of its own")
	}
	for _, program := range []string{"dockerd", "ldd", "mount"} {
		need.Program(t, program)
	}
	dir, err := os.MkdirTemp("", "preamp-d-") //nolint:usetesting // short: the paths of sockets are limited
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil { // a mapped root has to get through
		t.Fatal(err)
	}
	d := &daemon{dir: dir, args: args}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("dockerd said:\n%s", log[max(0, len(log)-4000):])
		}
		removeCgroups(filepath.Base(dir))
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove what dockerd left: %v", err)
		}
	})
	for name, content := range map[string]string{"none.json": "{}", "subid": "nobody:100000:65536\nnogroup:100000:65536\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d.start(t)
	t.Cleanup(func() { d.end(t, syscall.SIGKILL) })
	return d
}

// removeCgroups removes the control groups of a daemon's containers; the kernel keeps those that are in use.
func removeCgroups(parent string) {
	for _, pattern := range []string{"/sys/fs/cgroup/*/" + parent, "/sys/fs/cgroup/" + parent} {
		dirs, _ := filepath.Glob(pattern)
		for _, dir := range dirs {
			inner, _ := os.ReadDir(dir)
			for _, d := range inner {
				if d.IsDir() {
					_ = syscall.Rmdir(filepath.Join(dir, d.Name()))
				}
			}
			_ = syscall.Rmdir(dir)
		}
	}
}

func (d *daemon) host() string { return "unix://" + d.dir + "/sock" }

func (d *daemon) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(d.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	d.starts++
	run := d.dir + "/run" + strings.Repeat("x", d.starts) // what lies there tells of processes that have gone with their namespace
	d.cmd = exec.Command("sh", append([]string{
		"-c", inNamespaces, d.dir, "dockerd", "--host=" + d.host(), "--data-root=" + d.dir + "/data", "--exec-root=" + run,
		"--pidfile=" + run + ".pid", "--bridge=none", "--iptables=false", "--ip6tables=false", "--config-file=" + d.dir + "/none.json",
		"--storage-driver=vfs", "--exec-opt=native.cgroupdriver=cgroupfs", "--cgroup-parent=/" + filepath.Base(d.dir), "--log-level=warn", "--shutdown-timeout=1",
	}, d.args...)...)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET}
	if err := d.cmd.Start(); err != nil {
		t.Skip("needs namespaces for a dockerd: " + err.Error())
	}
	d.done = make(chan struct{})
	go func() {
		_ = d.cmd.Wait()
		close(d.done)
	}()
	d.await(t)
}

// await waits until the daemon answers.
func (d *daemon) await(t *testing.T) {
	t.Helper()
	e, err := docker.New(docker.Options{Host: d.host()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := e.Info(t.Context()); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-d.done:
			log, _ := os.ReadFile(filepath.Join(d.dir, "log"))
			t.Skipf("needs a dockerd that starts: %s", log[max(0, len(log)-1000):])
		case <-t.Context().Done():
			t.Fatal("dockerd does not answer")
		}
	}
}

func (d *daemon) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	<-d.done
}

// smallImage makes an image out of a few programs of this machine.
func smallImage(t *testing.T, e *docker.Engine) string {
	t.Helper()
	files := map[string]bool{}
	for _, program := range []string{"sh", "bash", "sleep", "cat"} {
		path := need.Program(t, program)
		files[path] = true
		out, _ := exec.Command("ldd", path).Output() // fails for a static program, which needs none
		for _, lib := range regexp.MustCompile(`/\S+`).FindAllString(string(out), -1) {
			files[lib] = true
		}
	}
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	dirs := map[string]bool{}
	for path := range files {
		for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := tw.WriteHeader(&tar.Header{Name: strings.TrimPrefix(dir, "/") + "/", Mode: 0o755, Typeflag: tar.TypeDir}); err != nil {
			t.Fatal(err)
		}
	}
	for path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		hdr := &tar.Header{Name: strings.TrimPrefix(path, "/"), Mode: 0o755, Size: int64(len(raw)), Typeflag: tar.TypeReg}
		if err := tw.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	img, err := e.ImportImage(t.Context(), &buf, "preamp-test/small:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	return img.ID
}

// An engine that goes away takes the build with it, and that is an error of ours and no exit code of the build's.
func TestEngineIsLost(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	e := dockertest.Engine(t, docker.Options{Host: d.host()})
	image := smallImage(t, e)
	for _, tc := range []struct {
		name string
		end  syscall.Signal
		want string // a daemon that is being stopped may still answer that its container was killed
	}{{"killed", syscall.SIGKILL, "was lost"}, {"stopped", syscall.SIGTERM, "was "}} {
		t.Run(tc.name, func(t *testing.T) {
			sp := engine.Spec{Owner: engine.NewOwner(engine.NewBuildID()), Image: image, Workspace: t.TempDir(), Dir: "/codebuild/app"}
			c, err := e.Start(t.Context(), sp)
			if err != nil {
				t.Fatal(err)
			}
			var ending sync.WaitGroup // the daemon is started again below, which must not be while it is being ended
			_, err = c.Run(t.Context(), "echo ready; sleep 600", onWrite(func() { ending.Go(func() { d.end(t, tc.end) }) }))
			ending.Wait()
			var ee *engine.Error
			if !errors.As(err, &ee) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("run: %v, want that the engine or the container %s", err, tc.want)
			}
			if _, err := c.Run(t.Context(), "echo more", io.Discard); !errors.Is(err, engine.ErrEnded) {
				t.Errorf("a command afterwards: %v, want ErrEnded", err)
			}
			// A daemon that is stopped ends its containers, and may have told of it.
			if err := c.Stop(t.Context()); err == nil && tc.end == syscall.SIGKILL {
				t.Error("stop: no error, though nobody could stop anything")
			}
			if first, second := c.Close(), c.Close(); first == nil || first != second { //nolint:errorlint // the very same
				t.Errorf("close: %v, then %v", first, second)
			}
			d.start(t)
			if reaped, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o == sp.Owner }); err != nil || len(reaped) != 1 {
				t.Errorf("reaped afterwards: %v, %v", reaped, err)
			}
		})
	}
}

// What a daemon said of itself holds as long as it is the same run of it.
func TestRemembered(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	facts := filepath.Join(t.TempDir(), "state", "engine.json")
	open := func(host string) *docker.Engine {
		t.Helper()
		e, err := docker.New(docker.Options{Host: host, Facts: facts})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		return e
	}
	ask := func() engine.Info {
		t.Helper()
		info, err := open(d.host()).Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	expect := func(when, host string, want engine.Info, known bool) {
		t.Helper()
		if got, ok := open(host).Remembered(t.Context()); ok != known || got != want {
			t.Errorf("%s: %v, %+v; want %v, %+v", when, ok, got, known, want)
		}
	}
	expect("before it is asked", d.host(), engine.Info{}, false)
	said := ask()
	expect("when it was asked", d.host(), said, true)
	expect("another engine", "unix://"+d.dir+"/another", engine.Info{}, false)

	e := open(d.host())
	if _, ok := e.Remembered(t.Context()); !ok {
		t.Error("not known any more")
	}
	c, err := e.Start(t.Context(), engine.Spec{
		Owner: engine.NewOwner(engine.NewBuildID()), Image: smallImage(t, e), Workspace: t.TempDir(), Dir: "/codebuild/app", Limits: limits,
	})
	if err != nil {
		t.Fatalf("start by what is remembered: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}

	d.end(t, syscall.SIGKILL)
	expect("when it was killed", d.host(), engine.Info{}, false)
	d.start(t)
	expect("when it was started again", d.host(), engine.Info{}, false)
	ask()
	expect("when it was asked again", d.host(), said, true)

	raw, err := os.ReadFile(facts)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"of another version": strings.Replace(string(raw), `"version":1,`, `"version":0,`, 1),
		"of another process": strings.Replace(string(raw), `"process":"`, `"process":"0`, 1),
		"damaged":            string(raw[:len(raw)/2]),
	} {
		if content == string(raw) {
			t.Fatalf("%s: the file has not been changed", name)
		}
		if err := os.WriteFile(facts, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		expect(name, d.host(), engine.Info{}, false)
	}
}

// Where the engine maps root to a user without rights, a mounted workspace could not be written.
func TestUserNamespaces(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, "--userns-remap=65534:65534")
	e := dockertest.Engine(t, docker.Options{Host: d.host()})
	sp := engine.Spec{Owner: engine.NewOwner(engine.NewBuildID()), Image: smallImage(t, e), Workspace: t.TempDir(), Dir: "/codebuild/app"}
	if err := os.WriteFile(filepath.Join(sp.Workspace, "in"), []byte("in"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := e.Start(t.Context(), sp)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	if out := output(t, c, "cat in && echo out > out && cat /proc/self/uid_map"); !strings.HasPrefix(out, "in") || !strings.Contains(out, "100000") {
		t.Errorf("printed %q", out)
	}
	if err := errors.Join(c.Stop(t.Context()), c.Fetch(t.Context(), "out")); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(filepath.Join(sp.Workspace, "out")); err != nil || string(raw) != "out\n" {
		t.Errorf("fetched %q, %v", raw, err)
	}
}
