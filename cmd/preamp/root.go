package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cache/layers"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/host"
)

// version is set by the release build.
var version = ""

// global are the flags of every command.
type global struct {
	engine  string
	context string
	debug   bool
	stderr  io.Writer
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	g := &global{stderr: stderr}
	root := &cobra.Command{
		Use:   "preamp",
		Short: "Run AWS Amplify Hosting builds anywhere",
		Long: `preamp runs AWS Amplify Hosting builds anywhere: amplify.yml in, artifacts, caches and a log out.

Exit codes: 0 built or skipped, 1 a command of the build failed, 2 usage, 3 build specification,
4 source (repository, branch, commit), 5 image or engine, 6 artifacts or caches, 7 timeout,
70 a fault of preamp, 129/130/143 cancelled by a signal.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       versionText(),
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	f := root.PersistentFlags()
	f.StringVar(&g.engine, "engine", orDefault(os.Getenv("PREAMP_ENGINE"), "docker"), "what runs the build: docker (or Podman), or host: this machine, without isolation")
	f.StringVar(&g.context, "docker-context", "", "the docker context to use (default: DOCKER_HOST, then the current context)")
	f.BoolVar(&g.debug, "debug", false, "log what preamp itself does to standard error")
	root.AddCommand(newBuild(g), newRepro(g), newPlan(g), newValidate(), newExplain(), newInit(), newSchema(), newCompare(), newImage(g), newGC(g))
	return root
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// versionText is the release's version, or what the Go tool knows about the source.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// stateDir is where preamp keeps what outlasts a build: caches, counters, and the workspaces of running ones.
func stateDir() (string, error) {
	if dir := os.Getenv("PREAMP_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for caches: %w (PREAMP_HOME names one)", err)
	}
	return filepath.Join(dir, "preamp"), nil
}

// docker is the engine that the flags name, for commands that need images.
func (g *global) docker() (*docker.Engine, error) {
	o := docker.Options{Context: g.context}
	if state, err := stateDir(); err == nil {
		o.Facts = filepath.Join(state, "engine.json")
	}
	return docker.New(o)
}

// runner makes the runner that the flags describe. The caller calls closer at the end.
func (g *global) runner() (r *runner.Runner, closer func(), err error) {
	state, err := stateDir()
	if err != nil {
		return nil, nil, err
	}
	r = &runner.Runner{State: state, Version: versionText(), Log: g.logger()}
	if err := keepCaches(r, state, keeping{
		layers: os.Getenv("PREAMP_LAYERS") != "off", links: os.Getenv("PREAMP_LINKS") != "off", trash: os.Getenv("PREAMP_TRASH") != "off",
	}); err != nil {
		return nil, nil, err
	}
	switch g.engine {
	case "docker", "podman":
		e, err := g.docker()
		if err != nil {
			return nil, nil, engineError(err)
		}
		r.Engine, r.Images = e, &runner.Images{Engine: e, Builder: e}
		return r, func() { _ = e.Close() }, nil
	case "host":
		r.Engine = host.New(filepath.Join(state, "home"))
		return r, func() {}, nil
	}
	return nil, nil, &runner.Failure{
		Class: runner.ClassUsage, Message: fmt.Sprintf("there is no engine %q", g.engine), Hint: "there are docker, which is also Podman, and host",
	}
}

// keeping says what is kept of caches beside the entries, to have less to unpack, and whether what builds leave may be removed
// later than at their end. It lies in the state folder and cannot be carried to another machine.
type keeping struct{ layers, links, trash bool }

// keepCaches makes a folder keep all that outlasts a build for the sake of the next one.
func keepCaches(r *runner.Runner, dir string, beside keeping) (err error) {
	if r.Cache, err = cache.NewLocal(filepath.Join(dir, "cache"), cache.Options{Links: beside.links}); err == nil {
		r.EnvCache, err = cache.NewLocalEnv(filepath.Join(dir, "envcache"))
	}
	r.Layers = nil
	if err == nil && beside.layers {
		r.Layers, err = openLayers(dir, beside.trash)
	}
	if err != nil {
		return &runner.Failure{Class: runner.ClassOutput, Message: err.Error()}
	}
	return nil
}

func openLayers(dir string, trash bool) (*layers.Store, error) {
	var limits layers.Limits
	if !trash {
		limits.Trash = -1
	}
	return layers.Open(filepath.Join(dir, "layers"), limits)
}

func (g *global) logger() zerolog.Logger {
	if !g.debug {
		return zerolog.Nop()
	}
	return zerolog.New(zerolog.ConsoleWriter{Out: g.stderr, NoColor: !hasColor(g.stderr)}).With().Timestamp().Logger()
}

// engineError gives an engine's error the exit code of its class.
func engineError(err error) error {
	var f *runner.Failure
	if as(err, &f) {
		return err
	}
	var ee *engine.Error
	if as(err, &ee) {
		return &runner.Failure{Class: runner.ClassEngine, Message: err.Error()}
	}
	return err
}
