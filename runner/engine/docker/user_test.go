package docker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

// asUserVar is set in the process that TestOrdinaryUser starts.
const asUserVar = "PREAMP_TEST_AS_USER"

// TestOrdinaryUser runs the tests that ownership matters to again, as a user who has nothing but the group of the engine's
// socket: the usual case on a developer's machine, and not what CI runs as.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 || os.Getenv(asUserVar) != "" {
		t.Skip("needs root, to become an ordinary user of the engine")
	}
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	dockertest.Image(t, e)
	info, err := e.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	socket, ok := strings.CutPrefix(info.Endpoint, "unix://")
	if !ok {
		t.Skip("needs an engine on a unix socket, not " + info.Endpoint)
	}
	stat, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if stat.Mode()&0o060 != 0o060 {
		t.Skipf("needs an engine's socket that a group may use; %s is %v", socket, stat.Mode())
	}
	const user = 23456
	home, err := os.MkdirTemp("", "preamp-user-") //nolint:usetesting // outside of t.TempDir, whose parents are root's alone
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(home) }()
	if err := os.Chown(home, user, user); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.timeout=5m",
		"-test.run=^(TestEngine|TestIsolation|TestReclaim|TestGitInTheWorkspace|TestUnpack)$", "-test.skip=^TestEngine$/^(Shell|Output|End|Interrupt|Parallel)$")
	cmd.Dir = home
	cmd.Env = append(os.Environ(), asUserVar+"=1", "HOME="+home, "TMPDIR="+home, "DOCKER_HOST="+info.Endpoint)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{
		Uid: user, Gid: user, Groups: []uint32{stat.Sys().(*syscall.Stat_t).Gid},
	}}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestReclaim")) {
		t.Errorf("as an ordinary user: %v", err)
	}
}

// litter leaves in the workspace what only root could read, change or remove.
const litter = `mkdir -p d/locked d/closed e && echo x > d/locked/f && echo y > d/closed/f && echo z > e/secret && ln -s /etc/passwd e/link &&
echo s > e/suid && chmod 4755 e/suid && ln e/secret e/hard && chmod 000 e/secret d/closed && chmod 555 d/locked && chown -R 1234:1234 e && chmod 700 e; `

// However a build ends, its user can read and remove afterwards what it wrote.
func TestReclaim(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, e)
	spec := func(t *testing.T) engine.Spec {
		return engine.Spec{
			Owner: engine.NewOwner(engine.NewBuildID()), Image: image, Workspace: t.TempDir(), Dir: "/codebuild/output/src1/src/app",
			Grace: 200 * time.Millisecond,
		}
	}
	run := func(t *testing.T, c engine.Container, command string) engine.Exit {
		t.Helper()
		exit, err := c.Run(t.Context(), command, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return exit
	}
	stop := func(t *testing.T, c engine.Container) {
		t.Helper()
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for name, end := range map[string]func(t *testing.T, c engine.Container, owner engine.Owner){
		"stopped": func(t *testing.T, c engine.Container, _ engine.Owner) {
			run(t, c, litter)
			stop(t, c)
		},
		"stopped while it writes": func(t *testing.T, c engine.Container, _ engine.Owner) {
			run(t, c, litter+`(while :; do mkdir -p w/$RANDOM; done) & sleep 0.2`)
			stop(t, c)
		},
		"ended by itself": func(t *testing.T, c engine.Container, _ engine.Owner) {
			if exit := run(t, c, litter+"exit 3"); exit.Code != 3 || !exit.Ended {
				t.Errorf("exit %+v", exit)
			}
			stop(t, c)
		},
		"killed": func(t *testing.T, c engine.Container, _ engine.Owner) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			exit, err := c.Run(ctx, litter+`trap '' TERM; echo ready; while :; do :; done`, onWrite(cancel))
			if err != nil || !exit.Ended {
				t.Errorf("exit %+v, %v", exit, err)
			}
			stop(t, c)
		},
		"only closed": func(t *testing.T, c engine.Container, _ engine.Owner) {
			run(t, c, litter)
		},
		"left by a dead process": func(t *testing.T, c engine.Container, owner engine.Owner) {
			run(t, c, litter)
			reaped, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o == owner })
			if err != nil || len(reaped) != 1 {
				t.Errorf("reaped %v, %v", reaped, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sp := spec(t)
			untouched := filepath.Join(sp.Workspace, "untouched")
			if err := os.WriteFile(untouched, []byte("ours"), 0o644); err != nil {
				t.Fatal(err)
			}
			before := changed(t, untouched)
			c, err := e.Start(t.Context(), sp)
			if err != nil {
				t.Fatal(err)
			}
			end(t, c, sp.Owner)
			if changed(t, untouched) != before {
				t.Error("a file that was ours all the time was changed")
			}
			if name != "only closed" {
				wantOurs(t, sp.Workspace)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			wantOurs(t, sp.Workspace)
			if err := engine.RemoveTree(sp.Workspace); err != nil {
				t.Errorf("remove the workspace: %v", err)
			}
		})
	}
}

// changed is when a file, its mode and owner included, was changed for the last time.
func changed(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ctim.Nano()
}

type onWrite func()

func (f onWrite) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

// wantOurs checks that everything below dir is our user's and can be read, and that the litter is all there.
func wantOurs(t *testing.T, dir string) {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if stat := info.Sys().(*syscall.Stat_t); int(stat.Uid) != os.Getuid() && os.Getuid() != 0 {
			return fmt.Errorf("%s belongs to user %d", rel, stat.Uid)
		}
		if info.Mode().IsRegular() {
			raw, err := os.ReadFile(path)
			found[rel] = strings.TrimSpace(string(raw))
			return err
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"d/locked/f": "x", "d/closed/f": "y", "e/secret": "z", "e/hard": "z", "e/suid": "s"} {
		if found[name] != want {
			t.Errorf("%s holds %q, want %q", name, found[name], want)
		}
	}
}

// git refuses to work in a folder of another user; a build's folder is the build's own.
func TestGitInTheWorkspace(t *testing.T) {
	t.Parallel()
	need.Program(t, "git")
	for name, copied := range map[string]bool{"mounted": false, "copied": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := dockertest.Engine(t, docker.Options{Copy: copied})
			sp := engine.Spec{
				Owner: engine.NewOwner(engine.NewBuildID()), Image: dockertest.Image(t, e), Workspace: t.TempDir(), Dir: "/codebuild/output/src1/src/app",
			}
			git := exec.CommandContext(t.Context(), "git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", sp.Workspace, "init", "-q")
			if out, err := git.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
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
			if out := output(t, c, "git status --short && touch f && git add f && git status --short"); out != "A  f" {
				t.Errorf("git said %q", out)
			}
		})
	}
}

// Engines take paths apart at the strangest characters.
func TestStrangePaths(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, e)
	for _, name := range []string{"a,b", "a b", "a:b", "a=b", `a"b`, "a,ro,b:c", "ä%20$HOME", "a\\b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sp := engine.Spec{
				Owner: engine.NewOwner(engine.NewBuildID()), Image: image, Workspace: filepath.Join(t.TempDir(), name), Dir: "/codebuild/output/src1/src/app",
			}
			if err := os.Mkdir(sp.Workspace, 0o755); err != nil {
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
			output(t, c, "echo made > file")
			if err := c.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if err := c.Fetch(t.Context(), "file"); err != nil {
				t.Error(err)
			}
			if raw, err := os.ReadFile(filepath.Join(sp.Workspace, "file")); err != nil || string(raw) != "made\n" {
				t.Errorf("the file holds %q, %v", raw, err)
			}
		})
	}
}
