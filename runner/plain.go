package runner

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

// mayCompose reports whether there is a cache that the workspace might be composed with.
func (b *build) mayCompose() bool {
	return b.r.Layers != nil && b.r.Cache != nil && !b.job.NoCache && b.scratch.lock == nil
}

// wantsHead reports whether the specification decides over how to begin, and is not at hand.
func (b *build) wantsHead(ctx context.Context) bool {
	_, ok := b.r.Engine.(engine.Starter)
	return ok && b.job.URL != "" && b.mayCompose() && !b.wasPlain() && b.composes(ctx) == nil
}

// plainFile is there when the last build of what the job names had no cache: then the next one will hardly have one.
func (b *build) plainFile() string {
	url, _, _ := source.Clean(b.job.URL)
	return filepath.Join(b.r.State, "plain", safeName(url+"#"+b.appRoot()+"@"+b.job.Branch))
}

func (b *build) wasPlain() bool { return b.job.URL != "" && exists(b.plainFile()) }

// notePlain keeps that in mind. It is worth no more than some milliseconds, so nothing is said when it fails.
func (b *build) notePlain(plain bool) {
	if b.dry || b.job.URL == "" || !b.mayCompose() || plain == b.wasPlain() {
		return
	}
	err := os.Remove(b.plainFile())
	if plain {
		err = errors.Join(os.MkdirAll(filepath.Dir(b.plainFile()), 0o700), os.WriteFile(b.plainFile(), nil, 0o600))
	}
	b.r.Log.Debug().Err(err).Bool("plain", plain).Msg("noted whether the build has a cache")
}

// imageFile holds the id of the image that a name stood for when it was last built in.
func (b *build) imageFile() string {
	return filepath.Join(b.r.State, "images", safeName(b.imageName()))
}

// lastImage is that id, "" where there is none.
func (b *build) lastImage() string {
	id, _ := os.ReadFile(b.imageFile())
	return string(id)
}

// rememberImage keeps it, as notePlain does.
func (b *build) rememberImage(id string) {
	if b.dry || id == b.lastImage() {
		return
	}
	err := os.MkdirAll(filepath.Dir(b.imageFile()), 0o700)
	if err == nil {
		err = engine.ReplaceFile(b.imageFile(), []byte(id), 0o600)
	}
	b.r.Log.Debug().Err(err).Msg("noted which image it was")
}

// cachesNothing reports whether the build will have no cache, as far as the specification can be seen already.
func (b *build) cachesNothing(ctx context.Context, id source.Identity) bool {
	var files fs.FS
	switch {
	case b.head != nil:
		view, err := b.head.View(ctx)
		if err != nil {
			return false
		}
		defer func() { _ = view.Close() }() // it is only read from
		files = view
	case id.WorkTree != "":
		root, err := os.OpenRoot(id.WorkTree)
		if err != nil {
			return false
		}
		defer func() { _ = root.Close() }()
		files = root.FS()
	default:
		return b.wasPlain()
	}
	file, _, err := buildspec.Find(files, b.appRoot())
	if err != nil {
		return false // the service's own keeps something of most applications
	}
	raw, err := fs.ReadFile(files, file)
	if err != nil {
		return false
	}
	spec, found := buildspec.Parse(file, raw)
	if found.HasErrors() {
		return false
	}
	app, _, err := spec.Select(b.appRoot())
	return err == nil && (app.Frontend == nil || len(app.Frontend.CachePaths) == 0)
}
