package runner_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/runner/engine/host"
	"github.com/preamp-build/preamp/testdata/need"
)

// What the builds beside each other do: print what is theirs alone, read and write the cache that is all of theirs, and
// leave an artifact. Every third one fails.
const parallelSpec = `version: 1
frontend:
  phases:
    preBuild:
      commands:
        - mkdir -p kept && echo $WORD >> kept/words
        - for i in $(seq 50); do echo "$WORD $i $secrets"; done
    build:
      commands:
        - echo $WORD > page.html; test $FAILS = no
  artifacts: { baseDirectory: /, files: ['page.html'] }
  cache: { paths: ['kept/**/*'] }
`

const parallelBuilds = 20

// Twenty builds in one process share a Runner and nothing else.
func TestParallelBuilds(t *testing.T) {
	need.Program(t, "git")
	t.Run("host", func(t *testing.T) {
		state := t.TempDir()
		r := &runner.Runner{Engine: host.New(filepath.Join(state, "home")), State: state}
		buildInParallel(t, r, "")
	})
	t.Run("docker", func(t *testing.T) {
		e := dockertest.Engine(t, docker.Options{})
		image := dockertest.Image(t, e)
		r := &runner.Runner{Engine: e, Images: &runner.Images{Engine: e, Builder: e}, State: t.TempDir()}
		buildInParallel(t, r, image)
		self := engine.NewOwner("")
		if _, err := e.Reap(t.Context(), func(o engine.Owner) bool {
			if o.PID == self.PID {
				t.Errorf("left behind: %s", o)
			}
			return false
		}); err != nil {
			t.Error(err)
		}
	})
}

func buildInParallel(t *testing.T, r *runner.Runner, image string) {
	store, err := cache.NewLocal(filepath.Join(r.State, "cache"), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Cache = store
	src := filepath.Join(t.TempDir(), "src")
	if err := os.MkdirAll(src, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(src, "amplify.yml"), []byte(parallelSpec), 0o644); err != nil {
		t.Fatal(err)
	}
	repo, err := repository(filepath.Join(t.TempDir(), "site"), src)
	if err != nil {
		t.Fatal(err)
	}
	builds := make([]*parallelBuild, parallelBuilds)
	var wg sync.WaitGroup
	for i := range builds {
		b := &parallelBuild{n: i, out: t.TempDir()}
		builds[i] = b
		wg.Go(func() { b.run(t.Context(), r, repo, image) })
	}
	wg.Wait()
	ids, jobs := map[string]bool{}, map[string]bool{}
	for _, b := range builds {
		b.check(t)
		ids[b.result.Build], jobs[b.result.Job] = true, true
	}
	if len(ids) != parallelBuilds || len(jobs) != parallelBuilds {
		t.Errorf("%d ids and %d numbers for %d builds", len(ids), len(jobs), parallelBuilds)
	}
	for _, pattern := range []string{"builds/*", "home/*", "slots/*/*"} {
		if left, err := filepath.Glob(filepath.Join(r.State, pattern)); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// parallelBuild is one of them. Its fields belong to its own goroutine until that has ended: the race detector sees when
// events of another build come here.
type parallelBuild struct {
	n      int
	out    string
	events []runner.Stamped
	result *runner.Result
}

func (b *parallelBuild) word() string   { return fmt.Sprintf("word-%02d-of-one", b.n) }
func (b *parallelBuild) secret() string { return fmt.Sprintf("secret-%02d-of-one", b.n) }
func (b *parallelBuild) fails() bool    { return b.n%3 == 2 }

func (b *parallelBuild) run(ctx context.Context, r *runner.Runner, repo, image string) {
	fails := "no"
	if b.fails() {
		fails = "yes"
	}
	b.result = r.Run(ctx, runner.Job{
		Path: repo, Out: b.out, Image: image, Pull: engine.PullNever,
		Env:     []engine.Var{{Name: "WORD", Value: b.word()}, {Name: "FAILS", Value: fails}},
		Secrets: []engine.Var{{Name: "KEY", Value: b.secret()}},
	}, func(e runner.Stamped) { b.events = append(b.events, e) })
}

func (b *parallelBuild) check(t *testing.T) {
	t.Helper()
	want, code := runner.StatusSucceeded, 0
	if b.fails() {
		want, code = runner.StatusFailed, 1
	}
	if b.result.Status != want || b.result.ExitCode != code {
		t.Errorf("build %d: %s with exit code %d: %v", b.n, b.result.Status, b.result.ExitCode, b.result.Failure)
	}
	if first, ok := b.events[0].Event.(runner.BuildStarted); !ok || first.Build != b.result.Build {
		t.Errorf("build %d begins with %+v", b.n, b.events[0])
	}
	if last, ok := b.events[len(b.events)-1].Event.(runner.BuildEnded); !ok || last.Result.Build != b.result.Build {
		t.Errorf("build %d ends with %+v", b.n, b.events[len(b.events)-1])
	}
	var printed strings.Builder
	for _, e := range b.events {
		if out, ok := e.Event.(runner.Output); ok {
			printed.WriteString(out.Text)
		}
	}
	var lines strings.Builder
	for i := range 50 {
		fmt.Fprintf(&lines, "%s %d {\"KEY\":\"***\"}\n", b.word(), i+1)
	}
	if printed.String() != lines.String() {
		t.Errorf("build %d printed:\n%s", b.n, printed.String())
	}
	page, err := os.ReadFile(filepath.Join(b.out, "artifacts", "page.html"))
	if (err == nil) == b.fails() || err == nil && string(page) != b.word()+"\n" {
		t.Errorf("build %d left %q, %v", b.n, page, err)
	}
}
