package runner

import (
	"archive/tar"
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cache/layers"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
	"github.com/preamp-build/preamp/testdata/need"
)

// watched is an engine that counts how containers are started.
type watched struct {
	*docker.Engine
	ahead, opened, plain int
}

func (w *watched) StartAhead(ctx context.Context, spec engine.Spec) (engine.Started, error) {
	s, err := w.Engine.StartAhead(ctx, spec)
	if err != nil {
		return nil, err
	}
	w.ahead++
	return counted{s, w}, nil
}

func (w *watched) Start(ctx context.Context, spec engine.Spec) (engine.Container, error) {
	w.plain++
	return w.Engine.Start(ctx, spec)
}

type counted struct {
	engine.Started
	w *watched
}

func (c counted) Open(ctx context.Context, spec engine.Spec) (engine.Container, error) {
	c.w.opened++
	return c.Started.Open(ctx, spec)
}

const keeping = `  cache: { paths: ['kept/**/*'] }
`

func watchedRunner(t *testing.T, e *docker.Engine) (*Runner, *watched) {
	t.Helper()
	state := t.TempDir()
	store, err := cache.NewLocal(filepath.Join(state, "cache"), cache.Options{})
	must(t, err)
	kept, err := layers.Open(filepath.Join(state, "layers"), layers.Limits{})
	must(t, err)
	w := &watched{Engine: e}
	return &Runner{Engine: w, Images: &Images{Engine: e, Builder: e}, State: state, Cache: store, Layers: kept}, w
}

// Whether a URL's workspace will be composed is only known of its last build, before there is anything of it.
func TestAheadOfClone(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	if err := e.Composes(t.Context(), t.TempDir()); err != nil {
		t.Skip("needs an engine that can compose workspaces: " + err.Error())
	}
	dir := t.TempDir()
	repo, bare := filepath.Join(dir, "app"), filepath.Join(dir, "served", "app.git")
	sourcetest.Write(t, repo, map[string]string{"amplify.yml": earlySpec, "src/page": "1\n"})
	sourcetest.Git(t, repo, "init", "-q", "-b", "main")
	commit(t, repo, "one")
	sourcetest.Git(t, dir, "clone", "-q", "--bare", repo, bare)
	web := sourcetest.HTTP(t, filepath.Dir(bare), sourcetest.HTTPOptions{})
	r, w := watchedRunner(t, e)
	for _, step := range []struct {
		spec          string
		opened, plain int
		wasPlain      bool
	}{
		{earlySpec, 1, 0, true}, // by what the mirror holds
		{earlySpec, 1, 0, true}, // by the last build
		{earlySpec + keeping, 0, 1, false},
		{earlySpec + keeping, 0, 1, false},
		{earlySpec, 1, 0, true},
	} {
		sourcetest.Write(t, repo, map[string]string{"amplify.yml": step.spec})
		sourcetest.Git(t, repo, "commit", "-q", "-a", "--allow-empty", "-m", "next")
		sourcetest.Git(t, repo, "push", "-q", bare, "main")
		*w = watched{Engine: e}
		job := Job{URL: web.URL + "/app.git", Out: t.TempDir(), Image: dockertest.Image(t, e)}
		if res := r.Run(t.Context(), job, nil); res.Status != StatusSucceeded || w.opened != step.opened || w.plain != step.plain {
			t.Errorf("%s with %+v, want %+v (%v)", res.Status, *w, step, res.Failure)
		}
		b := newBuild(r, job, nil)
		if got := b.wasPlain(); got != step.wasPlain {
			t.Errorf("remembered as plain: %v, want %v", got, step.wasPlain)
		}
	}
}

// A build starts in the image that the name stood for the last time, and in the one that it stands for now.
func TestAheadOfImage(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	known, err := e.Image(t.Context(), dockertest.Image(t, e), engine.Pull{Policy: engine.PullNever}, nil)
	must(t, err)
	tag := "preamp-test/moved-" + engine.NewBuildID() + ":1"
	must(t, e.TagImage(t.Context(), known.ID, tag))
	t.Cleanup(func() { must(t, exec.Command(need.Program(t, "docker"), "rmi", tag).Run()) })
	repo := filepath.Join(t.TempDir(), "app")
	sourcetest.Write(t, repo, map[string]string{"amplify.yml": earlySpec, "src/page": "1\n"})
	sourcetest.Git(t, repo, "init", "-q", "-b", "main")
	commit(t, repo, "one")
	r, w := watchedRunner(t, e)
	job := Job{Path: repo, Image: tag}
	for _, step := range []struct {
		name, last string
		ahead      int
	}{
		{name: "the first time", ahead: 1},
		{name: "the same image", last: known.ID, ahead: 1},
		{name: "an image that is gone", last: "sha256:" + strings.Repeat("0", 64), ahead: 1},
		{name: "another image that is there", last: otherImage(t, e), ahead: 2},
	} {
		*w = watched{Engine: e}
		if step.last != "" {
			newBuild(r, job, nil).rememberImage(step.last)
		}
		job.Out = t.TempDir()
		res := r.Run(t.Context(), job, nil)
		if res.Status != StatusSucceeded || res.Image.ID != known.ID || w.ahead != step.ahead || w.opened != 1 {
			t.Errorf("%s: %s in %s with %+v, want %d ahead (%v)", step.name, res.Status, res.Image.ID, *w, step.ahead, res.Failure)
		}
		if got := newBuild(r, job, nil).lastImage(); got != known.ID {
			t.Errorf("%s: remembered %q", step.name, got)
		}
		left, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o.Build == res.Build })
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", step.name, left, err)
		}
	}
}

// otherImage makes an image that differs from the tests' own by a label.
func otherImage(t *testing.T, e *docker.Engine) string {
	t.Helper()
	tag := "preamp-test/other-" + engine.NewBuildID() + ":1"
	t.Cleanup(func() { must(t, exec.Command(need.Program(t, "docker"), "rmi", tag).Run()) })
	return buildFrom(t, e, "FROM "+dockertest.Image(t, e)+"\nLABEL other=1\n", tag)
}

// buildFrom makes an image from a Dockerfile.
func buildFrom(t *testing.T, e *docker.Engine, dockerfile, tag string) string {
	t.Helper()
	var context bytes.Buffer
	tw := tar.NewWriter(&context)
	file := []byte(dockerfile)
	must(t, tw.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(file)), Typeflag: tar.TypeReg}))
	_, err := tw.Write(file)
	must(t, err)
	must(t, tw.Close())
	img, err := e.BuildImage(t.Context(), &context, tag, nil, func(string) {})
	must(t, err)
	return img.ID
}

// A container that is started ahead is the one that is built in when everything is as expected, and is gone otherwise.
func TestAhead(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, e)
	known, err := e.Image(t.Context(), image, engine.Pull{Policy: engine.PullNever}, nil)
	must(t, err)
	id := known.ID // another name for the same
	composes := e.Composes(t.Context(), t.TempDir()) == nil
	type starts struct{ ahead, opened, plain int }
	cases := []struct {
		name   string
		spec   string
		change func(*Job)
		want   starts
		status Status
	}{
		{name: "as expected", spec: earlySpec, want: starts{1, 1, 0}, status: StatusSucceeded},
		{name: "with certificates", spec: earlySpec, change: func(j *Job) { j.CACerts = []byte("x\n") }, want: starts{1, 1, 0}, status: StatusSucceeded},
		{
			name: "another image for the branch", spec: earlySpec, status: StatusSucceeded, want: starts{0, 0, 1},
			change: func(j *Job) {
				j.Image = ""
				j.Console = Console{
					Env:      []engine.Var{{Name: "_CUSTOM_IMAGE", Value: image}},
					Branches: []BranchEnv{{Pattern: "main", Env: []engine.Var{{Name: "_CUSTOM_IMAGE", Value: id}}}},
				}
			},
		},
		{name: "something that is kept", spec: earlySpec + keeping, want: starts{0, 0, 1}, status: StatusSucceeded},
		{name: "something that is kept, without a cache", spec: earlySpec + keeping, change: func(j *Job) { j.NoCache = true }, want: starts{1, 1, 0}, status: StatusSucceeded},
		{name: "a specification that is broken", spec: "version: [\n", status: StatusFailed},
		{name: "a command that fails", spec: "version: 1\nfrontend: {phases: {build: {commands: ['false']}}, artifacts: {baseDirectory: src, files: ['**/*']}}\n", want: starts{1, 1, 0}, status: StatusFailed},
		{name: "no such folder to start in", spec: earlySpec, change: func(j *Job) { j.AppRoot = "nope" }, status: StatusFailed},
		{name: "no such image", spec: earlySpec, change: func(j *Job) { j.Image, j.Pull = "preamp.test/none:1", engine.PullNever }, status: StatusFailed},
		{name: "something that may be skipped", spec: earlySpec, change: func(j *Job) { j.Trigger = TriggerPush }, want: starts{0, 0, 1}, status: StatusSucceeded},
		{
			name: "something that was not skipped", spec: earlySpec, want: starts{1, 1, 0}, status: StatusSucceeded,
			change: func(j *Job) { j.Trigger, j.Commit = TriggerPush, "HEAD" },
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if !composes && tc.spec == earlySpec+keeping && tc.change == nil {
				t.Skip("needs an engine that can compose workspaces")
			}
			t.Parallel()
			repo := filepath.Join(t.TempDir(), "app")
			sourcetest.Write(t, repo, map[string]string{"amplify.yml": tc.spec, "src/page": "1\n"})
			sourcetest.Git(t, repo, "init", "-q", "-b", "main")
			commit(t, repo, "one")
			r, w := watchedRunner(t, e)
			job := Job{Path: repo, Out: t.TempDir(), Image: image}
			if tc.change != nil {
				tc.change(&job)
			}
			res := r.Run(t.Context(), job, nil)
			if w.opened == 0 {
				w.ahead = 0 // whether there was one already is a matter of luck
			}
			if got := (starts{w.ahead, w.opened, w.plain}); got != tc.want || res.Status != tc.status {
				t.Errorf("%s with %+v, want %s with %+v (%v)", res.Status, got, tc.status, tc.want, res.Failure)
			}
			left, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o.Build == res.Build })
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
