package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/preamp-build/preamp/runner/engine"
)

// ImportImage implements engine.ImageBuilder.
func (e *Engine) ImportImage(ctx context.Context, rootfs io.Reader, tag string, changes []string) (engine.Image, error) {
	body, err := e.api.ImageImport(ctx, image.ImportSource{Source: rootfs, SourceName: "-"}, tag, image.ImportOptions{Changes: changes})
	if err != nil {
		return engine.Image{}, e.classify("import the image "+tag, err)
	}
	defer func() { _ = body.Close() }()
	if err := eachMessage(body, func(jsonmessage.JSONMessage) {}); err != nil {
		return engine.Image{}, e.classify("import the image "+tag, err)
	}
	img, err := e.inspect(ctx, tag)
	return img, e.classify("look for the imported image "+tag, err)
}

// BuildImage implements engine.ImageBuilder, with the builder that every engine has.
func (e *Engine) BuildImage(ctx context.Context, buildContext io.Reader, tag string, labels map[string]string, line func(string)) (engine.Image, error) {
	res, err := e.api.ImageBuild(ctx, buildContext, build.ImageBuildOptions{
		Tags: []string{tag}, Labels: labels, Remove: true, ForceRemove: true,
	})
	if err != nil {
		return engine.Image{}, e.classify("build the image "+tag, err)
	}
	defer func() { _ = res.Body.Close() }()
	err = eachMessage(res.Body, func(m jsonmessage.JSONMessage) {
		text := strings.TrimRight(m.Stream+m.Status, "\r\n")
		if text != "" && line != nil {
			line(text)
		}
	})
	if err != nil {
		return engine.Image{}, e.classify("build the image "+tag, err)
	}
	img, err := e.inspect(ctx, tag)
	return img, e.classify("look for the built image "+tag, err)
}

// TagImage implements engine.ImageBuilder.
func (e *Engine) TagImage(ctx context.Context, id, tag string) error {
	return e.classify("name the image "+tag, e.api.ImageTag(ctx, id, tag))
}

func eachMessage(r io.Reader, f func(jsonmessage.JSONMessage)) error {
	dec := json.NewDecoder(r)
	for {
		var m jsonmessage.JSONMessage
		switch err := dec.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Error != nil:
			return m.Error
		}
		f(m)
	}
}

// ListImages implements engine.ImageBuilder.
func (e *Engine) ListImages(ctx context.Context, label string) ([]engine.Image, error) {
	list, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", label))})
	if err != nil {
		return nil, e.classify("list the images", err)
	}
	var out []engine.Image
	for _, s := range list {
		img := engine.Image{ID: s.ID, Size: s.Size, Created: time.Unix(s.Created, 0), Labels: s.Labels, Tags: s.RepoTags}
		if len(s.RepoTags) > 0 {
			img.Ref = s.RepoTags[0]
		}
		out = append(out, img)
	}
	return out, nil
}

// Probe implements engine.ImageBuilder.
func (e *Engine) Probe(ctx context.Context, ref, script string) ([]byte, error) {
	owner := engine.NewOwner("probe")
	res, err := e.once(ctx, &container.Config{
		Image: ref, User: "0:0", Entrypoint: []string{"sh", "-c", script}, Labels: owner.Labels(),
	}, &container.HostConfig{
		NetworkMode: "none", CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
		Resources: container.Resources{PidsLimit: ptr(int64(256))},
	})
	return res.stdout, err
}
