package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/preamp-build/preamp/runner/engine"
)

// onceResult is how a throw-away container ended.
type onceResult struct {
	stdout, stderr []byte // their beginnings
	code           int
}

// What is kept of the output of a throw-away container: it runs what is in an image that anyone may have made.
const (
	maxOnceOutput = 1 << 20
	maxOnceErrors = 4 << 10
)

// once runs a throw-away container to its end and removes it, also when ctx ends first.
func (e *Engine) once(ctx context.Context, config *container.Config, host *container.HostConfig) (_ onceResult, err error) {
	config.AttachStdout, config.AttachStderr = true, true
	host.LogConfig = container.LogConfig{Type: "none"}
	id, err := e.create(ctx, config, host, "")
	if err != nil {
		return onceResult{}, e.classify("make a container of "+config.Image, err)
	}
	defer func() { err = errors.Join(err, e.remove(id)) }()

	stream, err := hijack(ctx, func(ctx context.Context) (types.HijackedResponse, error) {
		return e.api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	})
	if err != nil {
		return onceResult{}, e.attachError(ctx, id, config.Image, err)
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, stream.Close)
	defer stop()
	if err := e.api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return onceResult{}, startError(config.Image, err)
	}
	out, problems := &head{left: maxOnceOutput}, &head{left: maxOnceErrors}
	_, err = stdcopy.StdCopy(out, problems, stream.Reader)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return onceResult{}, e.classify("read what a container of "+config.Image+" says", err)
	}
	code, err := e.exitCode(ctx, id)
	return onceResult{stdout: out.Bytes(), stderr: problems.Bytes(), code: code}, err
}

func (e *Engine) exitCode(ctx context.Context, id string) (int, error) {
	wait, waitErr := e.api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case r := <-wait:
		return int(r.StatusCode), nil
	case err := <-waitErr:
		return 0, e.classify(fmt.Sprintf("wait for the end of the container %.12s", id), err)
	}
}

// attachError says why a container cannot be attached to. Podman prepares its process at that moment, and when it cannot,
// answers with nothing but a number; asked to start the container, it says why.
func (e *Engine) attachError(ctx context.Context, id, image string, err error) error {
	if strings.Contains(err.Error(), "unable to upgrade") {
		if why := e.api.ContainerStart(ctx, id, container.StartOptions{}); why != nil {
			return startError(image, why)
		}
	}
	return e.classify("attach to a container of "+image, err)
}

// startError recognises images that cannot even start a shell.
func startError(ref string, err error) error {
	text := err.Error()
	if strings.Contains(text, "executable file not found") || strings.Contains(text, "no such file or directory") {
		return &engine.Error{
			Kind: engine.KindImageUnfit, Message: "the image " + ref + " has no shell", Hint: "preamp image check says what a build image needs", Err: err,
		}
	}
	if strings.Contains(text, "exec format error") {
		return &engine.Error{
			Kind: engine.KindImageUnfit, Message: "the image " + ref + " is for another processor architecture", Err: err,
		}
	}
	return &engine.Error{Message: "start a container of " + ref, Err: err}
}

func ptr[T any](v T) *T { return &v }
