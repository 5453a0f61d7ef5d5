package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

// maxPeak is how much memory preamp may take, in MiB, whatever a build prints, changes or leaves in its caches.
const maxPeak = 96

// Memory depends neither on the length of a file or a log nor on the number of cached files. There is more of file and log
// here than maxPeak could hold, and as many files as in a large node_modules.
func TestPeakMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("needs to write half a gigabyte")
	}
	exe := builtPreamp(t)
	t.Setenv("PREAMP_HOME", t.TempDir())
	t.Setenv("PREAMP_ENGINE", "host")
	repo := repoWith(t, `version: 1
frontend:
  phases:
    build:
      commands:
        - test -d node_modules || cp -a "$TREE" node_modules
        - test -e big || head -c 200000000 /dev/urandom > big
        - find node_modules -name 'again*' -exec touch {} +
        - date > node_modules/new
        - head -c 100000000 /dev/zero | tr '\0' x
        - head -c 100000000 /dev/zero | tr '\0' '\n'
  artifacts: { baseDirectory: /, files: ['*.html'] }
  cache: { paths: ['node_modules/**/*', big] }
`)
	tree := manyFiles(t, 40_000)
	for _, what := range []string{"save", "restore and save"} {
		peak := peakOf(t, exec.Command(exe, "build", repo, "-e", "TREE="+tree, "--out", filepath.Join(t.TempDir(), "out")))
		t.Logf("%s: %d MiB", what, peak)
		if peak > maxPeak {
			t.Errorf("%s: the peak is %d MiB, want at most %d", what, peak, maxPeak)
		}
	}
}

// builtPreamp is the program itself: this test binary under its name may have the race detector, which takes a multiple.
func builtPreamp(t *testing.T) string {
	t.Helper()
	need.Program(t, "go")
	exe := filepath.Join(t.TempDir(), "preamp")
	build := exec.Command("go", "build", "-o", exe, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return exe
}

// manyFiles makes a tree of n small files, a hundredth of which have names that begin with "again".
func manyFiles(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	for i := range n {
		folder := filepath.Join(dir, fmt.Sprint("package", i/1000), fmt.Sprint("lib", i/100%10))
		name := fmt.Sprint("file", i)
		if i%100 == 0 {
			name = "again" + name
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, name), fmt.Append(nil, "module.exports = ", i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// peakOf runs preamp and answers how much memory it has had at once, in MiB. The kernel's resource usage will not do: for a
// child it includes what its parent had when it was started.
func peakOf(t *testing.T, cmd *exec.Cmd) (mib int) {
	t.Helper()
	var tail bytes.Buffer
	cmd.Stdout = writerTo(func(b []byte) {
		tail.Write(b[max(0, len(b)-4096):])
		tail.Next(tail.Len() - min(tail.Len(), 4096))
	})
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v: %s", err, tail.String())
			}
			if !strings.Contains(tail.String(), "saved: 40") {
				t.Fatalf("no cache was saved: %s", tail.String())
			}
			return mib
		case <-look.C:
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if mib == 0 && errors.Is(err, fs.ErrNotExist) {
				_ = cmd.Process.Kill()
				t.Skip("needs /proc")
			}
			if _, high, ok := strings.Cut(string(status), "VmHWM:"); ok { // kept by the kernel; gone only when the process is
				var kib int
				if _, err := fmt.Sscan(high, &kib); err == nil {
					mib = max(mib, (kib+1023)>>10)
				}
			}
		}
	}
}

// oneImage is a provider of an image that the engine has.
type oneImage struct {
	engine engine.Engine
	ref    string
}

func (o oneImage) Ensure(ctx context.Context, _ string, _ engine.Pull, _ func(engine.Progress)) (engine.Image, bool, []string, error) {
	img, err := o.engine.Image(ctx, o.ref, engine.Pull{Policy: engine.PullNever}, nil)
	return img, false, nil, err
}

// A build that needs more memory than it has is told so, with how much it had used. The flags know the service's sizes only,
// which are too large to fill here.
func TestOutOfMemoryIsNamed(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	r := runner.Runner{Engine: e, Images: oneImage{e, dockertest.Image(t, e)}, State: t.TempDir()}
	repo := repoWith(t, `version: 1
frontend:
  phases:
    build:
      commands:
        - bash -c 'x=$(head -c 400000000 /dev/zero | tr "\0" x); echo ${#x}'
  artifacts: { baseDirectory: /, files: ['*.html'] }
`)
	job := runner.Job{Path: repo, Out: filepath.Join(t.TempDir(), "out"), Limits: runner.StandardLimits}
	job.Limits.Memory = 64 << 20
	res := r.Run(t.Context(), job, nil)
	f := res.Failure
	if f == nil || f.Class != runner.ClassCommand || f.Command == nil || !f.Command.OOM {
		t.Fatalf("%s, %+v", res.Status, f)
	}
	if !strings.Contains(f.Hint, "had used its 64 MiB of memory (peak ") || !strings.Contains(f.Hint, "or --size standard with NODE_OPTIONS=") {
		t.Errorf("the hint is %q", f.Hint)
	}
}
