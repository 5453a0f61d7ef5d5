package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
)

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
