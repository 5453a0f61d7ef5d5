// Package docker runs builds in containers of Docker Engine (20.10 and newer) or of Podman's compatible service.
//
// It is the only importer of github.com/docker/docker, whose last release is 28.5.2: no type of it leaves this folder,
// so that the move to its successor is a change of this folder alone. The API version is negotiated, never pinned.
package docker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"github.com/preamp-build/preamp/runner/engine"
)

// Options choose the engine. The zero value follows DOCKER_HOST, then the current docker context, then the usual sockets.
type Options struct {
	// Host is an address such as unix:///run/podman/podman.sock, tcp://host:2376 or ssh://user@host; empty = as above.
	Host string
	// Context names a docker context; it is ignored when Host is set.
	Context string
	// Copy makes the workspace travel as an archive even to an engine on this machine. Engines elsewhere always do so.
	Copy bool
	// Facts is a file in which is kept what the engine says of its host, so that containers can start ahead of its answer.
	// Empty: nothing is kept.
	Facts string
}

// Engine is a Docker or Podman engine. It is safe for concurrent use.
type Engine struct {
	api      *client.Client
	endpoint endpoint
	copy     bool
	host     atomic.Pointer[hostFacts] // see info
	kind     atomic.Pointer[string]    // "docker" or "podman", once Info has asked
	overlays overlays
	// factsFile is Options.Facts.
	factsFile string
}

var (
	_ engine.Engine       = (*Engine)(nil)
	_ engine.ImageBuilder = (*Engine)(nil)
	_ engine.Composer     = (*Engine)(nil)
	_ engine.Starter      = (*Engine)(nil)
)

// New finds the engine that o names. It does not talk to it yet: Info does.
func New(o Options) (*Engine, error) {
	ep, err := findEndpoint(o)
	if err != nil {
		return nil, &engine.Error{Kind: engine.KindUnreachable, Message: "no container engine can be used", Err: err}
	}
	opts, err := ep.clientOptions()
	if err != nil {
		return nil, &engine.Error{Kind: engine.KindUnreachable, Message: "use the engine at " + ep.String(), Err: err}
	}
	api, err := client.NewClientWithOpts(append(opts, client.WithAPIVersionNegotiation())...)
	if err != nil {
		return nil, &engine.Error{Kind: engine.KindUnreachable, Message: "use the engine at " + ep.String(), Err: err}
	}
	return &Engine{api: api, endpoint: ep, copy: o.Copy || !ep.local(), factsFile: o.Facts}, nil
}

// Info implements engine.Engine.
func (e *Engine) Info(ctx context.Context) (engine.Info, error) {
	// Both answers take the engine a while, so they are asked for at once.
	var v types.Version
	var i hostFacts
	e.host.Store(nil)
	process := e.endpoint.process(ctx) // before it is asked: what answers later may be another
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { v, err = e.api.ServerVersion(groupCtx); return err })
	group.Go(func() (err error) { i, err = e.info(groupCtx); return err })
	if err := group.Wait(); err != nil {
		return engine.Info{}, e.unreachable(err)
	}
	kind := kindOf(v)
	e.kind.Store(&kind)
	if kind == "docker" && tooOld(v.Version) {
		return engine.Info{}, &engine.Error{
			Kind: engine.KindUnreachable, Message: "Docker Engine " + v.Version + " is too old", Hint: "preamp needs 20.10 or newer",
		}
	}
	info := engine.Info{
		Kind: kind, Version: v.Version, Endpoint: e.endpoint.String(), OS: v.Os, Arch: v.Arch,
		CPUs: i.NCPU, Memory: i.MemTotal, Isolated: true,
	}
	e.remember(process, info, i)
	return info, nil
}

// info is what the engine says of its host. It is asked once for every Info, since nothing of it changes between that and
// the start of a container.
func (e *Engine) info(ctx context.Context) (hostFacts, error) {
	if i := e.host.Load(); i != nil {
		return *i, nil
	}
	i, err := e.api.Info(ctx)
	if err != nil {
		return hostFacts{}, e.unreachable(err)
	}
	known := factsOf(i)
	e.host.Store(&known)
	return known, nil
}

func kindOf(v types.Version) string {
	for _, c := range v.Components {
		if strings.Contains(c.Name, "Podman") {
			return "podman"
		}
	}
	return "docker"
}

// isPodman takes an engine that does not say what it is for Docker.
func (e *Engine) isPodman(ctx context.Context) bool {
	if kind := e.kind.Load(); kind != nil {
		return *kind == "podman"
	}
	v, err := e.api.ServerVersion(ctx)
	return err == nil && kindOf(v) == "podman"
}

func tooOld(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false // a development build
	}
	return major < 20 || major == 20 && minor < 10
}

// Dir implements engine.Engine: a container can have the workspace wherever it is wanted.
func (e *Engine) Dir(spec engine.Spec) string { return spec.Dir }

// Close lets go of the connections to the engine. Containers are not touched.
func (e *Engine) Close() error { return e.api.Close() }

func (e *Engine) unreachable(err error) error {
	hint := "start the engine, set DOCKER_HOST, or build without isolation with --engine host"
	switch text := err.Error(); {
	case strings.Contains(text, "permission denied"):
		hint = "this user may not use the engine: join the docker group, or use rootless Docker or Podman"
	case runtime.GOOS == "darwin":
		hint = "start Docker Desktop, colima or podman machine, or build without isolation with --engine host"
	}
	var ee *engine.Error
	if errors.As(err, &ee) {
		return err
	}
	return &engine.Error{
		Kind: engine.KindUnreachable, Message: "the container engine at " + e.endpoint.String() + " does not answer", Hint: hint, Err: err,
	}
}

// classify makes an error of the API one of ours, when it is not already.
func (e *Engine) classify(doing string, err error) error {
	if err == nil {
		return nil
	}
	if client.IsErrConnectionFailed(err) {
		return e.unreachable(err)
	}
	return &engine.Error{Kind: engine.KindOther, Message: doing, Err: err}
}
