package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync"

	"github.com/preamp-build/preamp/images"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/kit"
)

// Images is the ImageProvider for engines that have images: names are resolved as package images says, our own recipes
// are built on first use, everything else is pulled. It is safe for concurrent use.
type Images struct {
	Engine  engine.Engine
	Builder engine.ImageBuilder

	building sync.Mutex // builds side by side want the same image
}

var _ ImageProvider = (*Images)(nil)

// Ensure implements ImageProvider.
func (p *Images) Ensure(ctx context.Context, name string, pull engine.Pull, progress func(engine.Progress)) (engine.Image, bool, []string, error) {
	var notices []string
	why := ""
	seen := map[string]engine.Image{}
	if name == "" {
		var recipe images.Recipe
		recipe, why = images.Default(p.host(ctx, seen))
		name = recipe.Name
	}
	ref, err := images.Resolve(name)
	notices = append(notices, ref.Notices...)
	if err != nil {
		return engine.Image{}, false, notices, &Failure{Class: ClassEngine, Message: err.Error(), err: err}
	}
	if ref.Recipe == "" {
		if ref.Local {
			pull.Policy = engine.PullNever
		}
		img, err := p.Engine.Image(ctx, ref.Image, pull, progress)
		return img, false, notices, err
	}
	recipe, ok := images.Lookup(ref.Recipe)
	if !ok {
		return engine.Image{}, false, notices, fmt.Errorf("there is no recipe %q", ref.Recipe)
	}
	if img, ok := seen[ref.Image]; ok {
		return img, false, notices, nil
	}
	p.building.Lock()
	defer p.building.Unlock()
	img, err := p.Engine.Image(ctx, ref.Image, engine.Pull{Policy: engine.PullNever}, nil)
	var ee *engine.Error
	if err == nil || !errors.As(err, &ee) || ee.Kind != engine.KindImageMissing {
		return img, false, notices, err
	}
	if why != "" {
		notices = append(notices, fmt.Sprintf("the image is not named, so the build runs in %s: %s", recipe.Name, why))
	}
	img, err = p.Build(ctx, recipe, progress)
	return img, err == nil, notices, err
}

// Recipe is the recipe of that name, or the default one where name is empty.
func (p *Images) Recipe(ctx context.Context, name string) (images.Recipe, error) {
	if name == "" {
		recipe, _ := images.Default(p.host(ctx, map[string]engine.Image{}))
		return recipe, nil
	}
	recipe, ok := images.Lookup(name)
	if !ok {
		return recipe, &Failure{Class: ClassUsage, Message: fmt.Sprintf("there is no recipe %q", name), Hint: "preamp image list shows them"}
	}
	return recipe, nil
}

// Current is the image of a recipe, if the engine has one that was made from the recipe as it is now.
func (p *Images) Current(ctx context.Context, recipe images.Recipe) (engine.Image, bool) {
	img, err := p.Engine.Image(ctx, recipe.Tag, engine.Pull{Policy: engine.PullNever}, nil)
	return img, err == nil
}

// host is what the choice of the default image depends on. The images that it finds are put into seen, by their references.
func (p *Images) host(ctx context.Context, seen map[string]engine.Image) images.Host {
	return images.Host{
		OS: runtime.GOOS, LookPath: exec.LookPath,
		HasImage: func(ref string) bool {
			img, err := p.Engine.Image(ctx, ref, engine.Pull{Policy: engine.PullNever}, nil)
			if err == nil {
				seen[ref] = img
			}
			return err == nil
		},
	}
}

// Build makes the image of a recipe anew, whether it is there or not.
func (p *Images) Build(ctx context.Context, recipe images.Recipe, progress func(engine.Progress)) (engine.Image, error) {
	if progress == nil {
		progress = func(engine.Progress) {}
	}
	line := func(s string) { progress(engine.Progress{Message: s}) }
	line(fmt.Sprintf("building the image %s (once, it takes a minute or two)", recipe.Tag))
	var img engine.Image
	var err error
	switch recipe.Kind {
	case images.Rootfs:
		img, err = p.importRootfs(ctx, recipe, line)
	default:
		img, err = p.buildDockerfile(ctx, recipe, line)
	}
	if err == nil {
		img = p.withKit(ctx, img, recipe.Tag, line)
		err = p.Builder.TagImage(ctx, img.ID, recipe.Latest)
	}
	return img, err
}

// withKit puts the programs of a build into an image, which is given the name. Builds in it begin some milliseconds sooner; where it
// cannot be done, they begin as in any other image.
func (p *Images) withKit(ctx context.Context, img engine.Image, name string, line func(string)) engine.Image {
	dir := p.Engine.KitDir(engine.Spec{})
	from, err := kit.Context(img.ID, dir)
	if err == nil {
		var with engine.Image
		with, err = p.Builder.BuildImage(ctx, bytes.NewReader(from), name, map[string]string{kit.Label: kit.Sum(dir)}, nil)
		if err == nil {
			return with
		}
	}
	line(fmt.Sprintf("the image is used without programs of its own: %v", err))
	return img
}

func (p *Images) importRootfs(ctx context.Context, recipe images.Recipe, line func(string)) (engine.Image, error) {
	info, err := p.Engine.Info(ctx)
	if err != nil {
		return engine.Image{}, err
	}
	r, w := io.Pipe()
	built := make(chan error, 1)
	go func() {
		err := images.BuildRootfs(ctx, recipe, info.Arch, w, line)
		w.CloseWithError(err) // an engine that reads an error does not keep what it has read so far
		built <- err
	}()
	img, err := p.Builder.ImportImage(ctx, r, recipe.Tag, recipe.Changes())
	_ = r.CloseWithError(err) // lets go of the writer when the engine stopped reading
	if err = errors.Join(<-built, err); err != nil {
		return engine.Image{}, &engine.Error{Message: "build the image " + recipe.Tag, Err: err}
	}
	return img, nil
}

func (p *Images) buildDockerfile(ctx context.Context, recipe images.Recipe, line func(string)) (engine.Image, error) {
	tarball, err := recipe.Context()
	if err != nil {
		return engine.Image{}, err
	}
	return p.Builder.BuildImage(ctx, tarball, recipe.Tag, recipe.Labels(), line)
}
