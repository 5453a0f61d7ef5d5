package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

// onEngines runs a test on the host engine and on Docker, each with a state folder of its own.
func onEngines(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Run("host", func(t *testing.T) {
		t.Setenv("PREAMP_ENGINE", "host")
		t.Setenv("PREAMP_HOME", t.TempDir())
		f(t)
	})
	t.Run("docker", func(t *testing.T) {
		e := dockertest.Engine(t, docker.Options{})
		dockertest.Image(t, e)
		t.Setenv("PREAMP_ENGINE", "docker")
		t.Setenv("PREAMP_HOME", t.TempDir())
		f(t)
	})
}

// repoOf copies a folder into a new git repository.
func repoOf(t *testing.T, src string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), filepath.Base(src))
	if err := os.CopyFS(dir, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
	return initRepo(t, dir)
}

// repoWith is a new git repository with one specification and a page.
func repoWith(t *testing.T, spec string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"amplify.yml": spec, "index.html": "hi\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return initRepo(t, dir)
}

func initRepo(t *testing.T, dir string) string {
	t.Helper()
	need.Program(t, "git")
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "First"}} {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		cmd.Env = os.Environ()
		for k, v := range gitEnv() {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return dir
}

// preamp runs one command line in this process.
func preamp(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var buf bytes.Buffer
	code = run(t.Context(), args, &buf, &buf)
	return code, buf.String()
}

// files are the regular files and links below dir, sorted.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		list = append(list, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// leftovers names what builds of dead processes, and of this one, have left.
func leftovers(t *testing.T) []string {
	t.Helper()
	left, err := leftInState(os.Getenv("PREAMP_HOME"))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("PREAMP_ENGINE") != "docker" {
		return left
	}
	self := engine.NewOwner("")
	e := dockertest.Engine(t, docker.Options{})
	_, err = e.Reap(t.Context(), func(o engine.Owner) bool {
		if o.Dead() || o.PID == self.PID {
			left = append(left, o.String())
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// laterName is the name of what lies in the trash to be removed later.
var laterName = regexp.MustCompile(`^layers/t/\d+-\d+-[0-9a-f]{16}$`)

// leftInState is what builds that have ended must not leave in a state folder.
func leftInState(state string) (left []string, err error) {
	for _, pattern := range []string{"builds/*", "home/*", "slots/*/*", "layers/u/*", "layers/t/*"} {
		found, err := filepath.Glob(filepath.Join(state, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if rel, err := filepath.Rel(state, path); err != nil || !laterName.MatchString(filepath.ToSlash(rel)) {
				left = append(left, path)
			}
		}
	}
	return left, nil
}

// hasRoom reports whether the disk of path is far from full: what could be removed later is removed at once otherwise.
func hasRoom(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Bavail > st.Blocks/9 && st.Bavail*uint64(st.Bsize) > 6<<30 && st.Ffree >= st.Files/9
}

// process is a preamp in a process of its own.
type process struct {
	*exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
	saw chan struct{} // closed once the output holds want
}

func startProcess(t *testing.T, want string, args ...string) *process {
	t.Helper()
	exe, err := exec.LookPath("preamp") // put there by testscript: this test binary under another name
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(exe, args...), saw: make(chan struct{})}
	w := writerTo(func(b []byte) {
		p.mu.Lock()
		defer p.mu.Unlock()
		before := strings.Contains(p.out.String(), want)
		p.out.Write(b)
		if !before && strings.Contains(p.out.String(), want) {
			close(p.saw)
		}
	})
	p.Stdout, p.Stderr = w, w
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	select {
	case <-p.saw:
	case <-time.After(60 * time.Second):
		_ = p.Process.Kill()
		_ = p.Wait()
		t.Fatalf("preamp did not print %q but %s", want, p.out.String())
	}
	return p
}

type writerTo func([]byte)

func (f writerTo) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// exitCodeOf waits for the end of a process.
func (p *process) exitCodeOf() (int, error) {
	err := p.Wait()
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) {
		return p.ProcessState.ExitCode(), nil
	}
	return 0, fmt.Errorf("wait: %w", err)
}
