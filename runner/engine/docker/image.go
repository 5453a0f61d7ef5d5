package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/dustin/go-humanize"

	"github.com/preamp-build/preamp/runner/engine"
)

// Image implements engine.Engine.
func (e *Engine) Image(ctx context.Context, ref string, pull engine.Pull, progress func(engine.Progress)) (engine.Image, error) {
	if progress == nil {
		progress = func(engine.Progress) {}
	}
	if pull.Policy != engine.PullAlways {
		img, err := e.inspect(ctx, ref)
		if err == nil || !cerrdefs.IsNotFound(err) {
			return img, e.classify("look for the image "+ref, err)
		}
		if pull.Policy == engine.PullNever {
			return engine.Image{}, &engine.Error{
				Kind: engine.KindImageMissing, Message: "the image " + ref + " is not there", Hint: "pull policy never",
			}
		}
	}
	if err := e.pull(ctx, ref, pull.Login, progress); err != nil {
		return engine.Image{}, err
	}
	img, err := e.inspect(ctx, ref)
	img.Pulled = true
	return img, e.classify("look for the pulled image "+ref, err)
}

func (e *Engine) inspect(ctx context.Context, ref string) (engine.Image, error) {
	in, err := e.api.ImageInspect(ctx, ref)
	if err != nil {
		return engine.Image{}, err
	}
	img := engine.Image{Ref: ref, ID: in.ID, OS: in.Os, Arch: in.Architecture, Size: in.Size, Tags: in.RepoTags}
	if in.Config != nil {
		img.Labels = in.Config.Labels
	}
	if t, err := time.Parse(time.RFC3339Nano, in.Created); err == nil {
		img.Created = t
	}
	if len(in.RepoDigests) > 0 {
		_, img.Digest, _ = strings.Cut(in.RepoDigests[0], "@")
	}
	return img, nil
}

// pull fetches ref and reports one line of progress at a time: the layers together, not each.
func (e *Engine) pull(ctx context.Context, ref string, login engine.RegistryLogin, progress func(engine.Progress)) error {
	body, err := e.api.ImagePull(ctx, ref, image.PullOptions{RegistryAuth: registryAuth(ref, login)})
	if client.IsErrConnectionFailed(err) {
		return e.unreachable(err)
	}
	if err != nil {
		return pullError(ref, err)
	}
	defer func() { _ = body.Close() }()
	layers := map[string]*jsonmessage.JSONProgress{}
	var last time.Time
	dec := json.NewDecoder(body)
	for {
		var m jsonmessage.JSONMessage
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return pullError(ref, err)
		}
		if m.Error != nil {
			return pullError(ref, m.Error)
		}
		if m.Progress != nil && m.ID != "" && m.Status == "Downloading" {
			layers[m.ID] = m.Progress
		}
		if now := time.Now(); now.Sub(last) > 500*time.Millisecond {
			last = now
			progress(pullProgress(ref, layers))
		}
	}
}

func pullProgress(ref string, layers map[string]*jsonmessage.JSONProgress) engine.Progress {
	p := engine.Progress{Message: "pulling " + ref}
	for _, l := range layers {
		p.Current += l.Current
		p.Total += l.Total
	}
	if p.Total > 0 {
		p.Message = fmt.Sprintf("pulling %s: %s of %s", ref, humanize.Bytes(uint64(p.Current)), humanize.Bytes(uint64(p.Total)))
	}
	return p
}

// pullError tells apart what a user can do something about. Engines answer a refused login with a plain server error, so
// that case is known by its words only.
func pullError(ref string, err error) error {
	text := strings.ToLower(err.Error())
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case cerrdefs.IsNotFound(err) || has("manifest unknown", "not found", "does not exist"):
		return &engine.Error{
			Kind: engine.KindImageMissing, Message: "the image " + ref + " does not exist, neither here nor in its registry",
			Hint: "preamp image list shows ours", Err: err,
		}
	case has("no basic auth credentials", "unauthorized", "authentication required", "denied"):
		return &engine.Error{
			Kind: engine.KindImageAuth, Message: "the registry does not let us pull " + ref, Hint: "docker login, then again", Err: err,
		}
	case has("http response to https client"):
		return &engine.Error{
			Kind: engine.KindImageMissing, Message: "the registry of " + ref + " speaks HTTP without TLS",
			Hint: "list it among the engine's insecure registries", Err: err,
		}
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return &engine.Error{Message: "pulling " + ref + " was stopped", Err: err}
	case has("no space left"):
		return &engine.Error{Message: "the engine has no room for " + ref, Hint: "docker system df", Err: err}
	}
	return &engine.Error{
		Kind: engine.KindImageMissing, Message: "the image " + ref + " is not here, and pulling it failed",
		Hint: "is the registry's name right and the network up?", Err: err,
	}
}
