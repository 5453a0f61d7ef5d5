package runner

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

// ahead is the part of a build that needs the source's name only: bringing the image, and starting a container around the
// folder that the source is just being put into. It goes on beside that, because it takes as long as most sources do.
//
// It is a guess. Whatever turns out otherwise, the container is given up, and the build starts another.
type ahead struct {
	name     string // of the image
	guess    string // the id that it had the last time
	spec     engine.Spec
	cancel   context.CancelFunc
	progress chan engine.Progress // gets what is told while somebody listens
	ensured  chan struct{}        // closed when image is known
	image    ensured
	ended    chan struct{} // closed when started and err are known
	started  engine.Started
	err      error
}

// ensured is an image that was asked for.
type ensured struct {
	img     engine.Image
	built   bool
	notices []string
	err     error
}

func (b *build) ensure(ctx context.Context, name string, progress func(engine.Progress)) (e ensured) {
	pull := engine.Pull{Policy: b.job.Pull, Login: b.job.RegistryLogin}
	e.img, e.built, e.notices, e.err = b.r.Images.Ensure(ctx, name, pull, progress)
	return e
}

// askEngine asks the engine who it is. Where it is certain enough how the build will begin, that has begun when it answers.
func (b *build) askEngine(ctx context.Context) (engine.Info, error) {
	starter, ok := b.r.Engine.(engine.Starter)
	if !ok {
		return b.r.Engine.Info(ctx)
	}
	if err := b.makeWorkspace(false); err != nil {
		return engine.Info{}, err
	}
	info, known := starter.Remembered(ctx)
	if err := b.startAhead(ctx, true); err != nil || known {
		return info, err
	}
	if a := b.ahead; a != nil {
		// The engine does one after the other no slower than both at once.
		select {
		case <-a.ended:
		case <-time.After(headStart):
		}
	}
	return b.r.Engine.Info(ctx)
}

const headStart = 40 * time.Millisecond

// startAhead begins where it is likely that there will be something to build: with the image and, in a workspace that is one
// folder, the container. At once is what it does only where nothing has to be found out for that.
func (b *build) startAhead(ctx context.Context, atOnce bool) error {
	if b.ahead != nil || b.dry || b.r.Images == nil || b.maySkip() && !b.wanted {
		return nil
	}
	id, err := source.Identify(b.sourceRequest())
	if err != nil {
		return nil //nolint:nilerr // getting the source tells what is wrong with it
	}
	// What could be known at once was looked at then; since then only the head can have said more.
	plain := !b.mayCompose() || (atOnce || b.head != nil) && b.cachesNothing(ctx, id)
	if atOnce && !plain {
		return nil
	}
	b.workspace = filepath.Join(b.scratch.dir, folderName(id.Name))
	if err := os.Mkdir(b.workspace, 0o755); err != nil {
		return fail(ClassOutput, err)
	}
	repoID := b.job.AppID
	if repoID == "" {
		repoID = appID(id.CloneURL, b.job)
	}
	a := &ahead{
		name: b.imageName(), guess: b.lastImage(), progress: make(chan engine.Progress), ensured: make(chan struct{}), ended: make(chan struct{}),
		spec: engine.Spec{
			Owner: b.owner, Workspace: b.workspace, Dir: containerDir(repoID, folderName(id.Name)), CACerts: b.job.CACerts, Limits: b.job.Limits,
		},
	}
	starter, ok := b.r.Engine.(engine.Starter)
	if ok && !plain && b.composes(ctx) == nil {
		starter = nil // of what it is composed, is known only when all of it is there
	}
	job := &build{r: b.r, job: b.job} // which the build changes meanwhile
	// The time limit is not for the image; whoever waits for this minds it.
	ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	b.ahead = a
	go a.run(ctx, job, starter)
	return nil
}

// run starts with the image that the name stood for the last time while it is looked for, and again if it stands for another now.
func (a *ahead) run(ctx context.Context, b *build, starter engine.Starter) {
	defer close(a.ended)
	var early sync.WaitGroup
	if starter != nil && a.guess != "" && b.job.Pull != engine.PullAlways {
		a.spec.Image = a.guess
		early.Go(func() { a.started, a.err = starter.StartAhead(ctx, a.spec) })
	}
	a.image = b.ensure(ctx, a.name, func(p engine.Progress) {
		select {
		case a.progress <- p:
		default:
		}
	})
	close(a.ensured)
	early.Wait()
	id := a.image.img.ID
	if a.image.err != nil || starter == nil || id == a.spec.Image {
		return
	}
	if a.started != nil {
		if a.err = a.started.Close(); a.err != nil {
			return
		}
	}
	a.spec.Image = id
	a.started, a.err = starter.StartAhead(ctx, a.spec)
}

// awaitImage waits for the image, and lets progress be told of meanwhile.
func (a *ahead) awaitImage(ctx context.Context, progress func(engine.Progress)) ensured {
	for {
		select {
		case p := <-a.progress:
			progress(p)
		case <-a.ensured:
			return a.image
		case <-ctx.Done():
			return ensured{err: context.Cause(ctx)}
		}
	}
}

// startContainer opens the container that was started ahead, if it is the one that is wanted, or starts one.
func (b *build) startContainer(ctx context.Context, spec engine.Spec) (engine.Container, error) {
	if a := b.ahead; a != nil {
		select {
		case <-a.ended:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if a.err == nil && a.started != nil && a.fits(spec) {
			b.ahead = nil
			defer a.cancel()
			c, err := a.started.Open(ctx, spec)
			if !engine.IsKind(err, engine.KindNotAhead) {
				return c, err
			}
			return b.r.Engine.Start(ctx, spec)
		}
		b.r.Log.Debug().Err(a.err).Msg("the container that was started ahead is not used")
		if err := b.dropAhead(); err != nil {
			return nil, err
		}
	}
	return b.r.Engine.Start(ctx, spec)
}

// fits reports whether a container is wanted as it was started.
func (a *ahead) fits(spec engine.Spec) bool {
	spec.Start, spec.Env, spec.Kit, spec.Init = "", nil, nil, ""
	return reflect.DeepEqual(spec, a.spec)
}

// dropAhead gives up what was begun.
func (b *build) dropAhead() error {
	a := b.ahead
	if a == nil {
		return nil
	}
	b.ahead = nil
	a.cancel()
	<-a.ended
	if a.started == nil {
		return nil
	}
	return a.started.Close()
}
