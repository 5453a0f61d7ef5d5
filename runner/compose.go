package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cache/layers"
	"github.com/preamp-build/preamp/runner/engine"
)

// composed is a workspace that is put together of layers. In the build's folder there are then
//
//	checkout/   what the source was put into
//	upper/      what the build changes
//	work/       what the kernel needs beside that
//	NAME/       where the engine shows what the build left: the workspace
type composed struct {
	lease                 *layers.Lease
	checkout, upper, work string
}

// restoreLayers restores the cache as layers, if this build can do with them. done is false when it is left to the store.
func (b *build) restoreLayers(ctx context.Context) (got cache.Restored, done bool, err error) {
	if b.r.Layers == nil || b.scratch.lock != nil {
		return got, false, nil
	}
	inWay, err := layers.Conflict(ctx, b.plan.cache, b.workspace)
	if err != nil {
		return got, false, err
	}
	if inWay != "" {
		b.r.Log.Debug().Msgf("not composed: the checkout has %s, which cache.paths name", inWay)
		return got, false, nil
	}
	req := layers.Request{Key: b.cacheKey(), Build: b.id, Engine: b.result.Engine.Endpoint, Store: b.r.Cache}
	why := b.composes(ctx)
	if why != nil {
		b.r.Log.Debug().Msgf("not composed: %v", why)
		req.Store = nil // it is asked if there are no layers, and unpacks into the workspace itself
	}
	lease, got, err := b.r.Layers.Restore(ctx, req)
	if err != nil && ctx.Err() == nil {
		b.notice("the cache is not restored as layers: %v", err)
		return cache.Restored{}, false, nil
	}
	if err != nil {
		return got, false, err
	}
	if why == nil {
		if err = b.compose(lease); err == nil {
			return got, true, nil
		}
		b.notice("the workspace is not composed of layers: %v", err)
	}
	defer func() { err = errors.Join(err, lease.Close()) }()
	if !got.Hit {
		return got, false, nil
	}
	return got, true, lease.CopyTo(ctx, b.workspace)
}

// composes says why the engine cannot compose this workspace; nil if it can.
func (b *build) composes(ctx context.Context) error {
	c, ok := b.r.Engine.(engine.Composer)
	if !ok {
		return errors.New("the engine never does")
	}
	return c.Composes(ctx, b.r.State)
}

// compose makes the folders. When it fails, the workspace is as it was.
func (b *build) compose(lease *layers.Lease) error {
	info, err := os.Stat(b.workspace)
	if err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(b.scratch.dir, ".stack", name) }
	c := &composed{lease: lease, checkout: in("checkout"), upper: in("upper"), work: in("work")}
	for _, dir := range []string{in(""), c.upper, c.work} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	// The build sees the upper folder's own permissions at its root.
	if err := os.Chmod(c.upper, info.Mode().Perm()); err != nil {
		return err
	}
	if err := os.Rename(b.workspace, c.checkout); err != nil {
		return err
	}
	if err := os.Mkdir(b.workspace, 0o700); err != nil {
		return errors.Join(err, os.Rename(c.checkout, b.workspace))
	}
	b.composed = c
	return nil
}

// decompose makes one folder of the workspace again, for an engine that turned out not to compose.
func (b *build) decompose(ctx context.Context, why error) error {
	c := b.composed
	b.notice("the workspace is not composed of layers, which takes longer: %v", why)
	if err := errors.Join(os.Remove(b.workspace), os.Rename(c.checkout, b.workspace)); err != nil {
		return fail(ClassOutput, err)
	}
	if err := c.lease.CopyTo(ctx, b.workspace); err != nil {
		return fail(ClassOutput, err)
	}
	return errors.Join(b.endLease(), os.RemoveAll(filepath.Dir(c.upper)))
}

// endLease gives the layers back.
func (b *build) endLease() error {
	if b.composed == nil {
		return nil
	}
	c := b.composed
	b.composed = nil
	return c.lease.Close()
}

// stack is what the engine is to compose; nil if it is not.
func (b *build) stack() *engine.Stack {
	if b.composed == nil {
		return nil
	}
	c := b.composed
	return &engine.Stack{Lower: append([]string{c.checkout}, c.lease.Layers()...), Upper: c.upper, Work: c.work}
}

// saveTree saves the cache, where it was restored from.
func (b *build) saveTree(ctx context.Context) (cache.Saved, error) {
	if b.composed != nil {
		return b.composed.lease.Save(ctx, b.plan.cache, layers.Tree{Upper: b.composed.upper, Merged: b.workspace})
	}
	got, err := b.r.Cache.Save(ctx, b.cacheKey(), b.plan.cache, b.workspace)
	if err == nil && got.Written && b.r.Layers != nil {
		// There is only one newest cache: the next build that can mount it gets it from the store.
		err = b.r.Layers.Forget(b.cacheKey())
	}
	return got, err
}

// tellReady tells of artifacts, at once or when the cache has been saved.
func (b *build) tellReady(e ArtifactsReady) {
	if b.composed == nil {
		b.send(e)
		return
	}
	b.later = append(b.later, e)
}

func (b *build) tellLater() {
	for _, e := range b.later {
		b.send(e)
	}
	b.later = nil
}

// tidyMeanwhile tidies the layers while the build's commands run.
func (b *build) tidyMeanwhile(ctx context.Context) {
	if b.r.Layers == nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.r.Layers.Relieve(ctx); err != nil && ctx.Err() == nil {
			b.r.Log.Warn().Err(err).Msg("the trash could not be emptied, and the disk is almost full")
		}
		if done, err := b.r.Layers.Tidy(ctx); err != nil && ctx.Err() == nil {
			b.r.Log.Warn().Err(err).Msg("the layers of caches could not be tidied")
		} else {
			b.r.Log.Debug().Int("removed", done.Layers).Int("flattened", done.Flattened).Msg("tidied the layers of caches")
		}
	})
	b.tidying = func() { cancel(); wg.Wait() }
}

func (b *build) endTidying() {
	if b.tidying != nil {
		b.tidying()
	}
}

// sweep removes the files of builds that have ended, as far as that disturbs no other build.
func (r *Runner) sweep(ctx context.Context) {
	if r.Layers == nil {
		return
	}
	if err := r.Layers.Sweep(ctx, r.building()); err != nil {
		r.Log.Warn().Err(err).Msg("what builds left could not be removed")
	}
}

// building reports whether any build has a workspace.
func (r *Runner) building() bool {
	for _, kind := range []string{"builds", "slots"} {
		if all, _ := filepath.Glob(filepath.Join(r.State, kind, "*", engine.OwnerFile)); len(all) > 0 {
			return true
		}
	}
	return false
}

// awaitSweep waits until the build's own files are gone, or in the trash to stay there for now.
func (b *build) awaitSweep() {
	if b.sweeping != nil {
		<-b.sweeping
	}
}

// Tidy does for caches and mirrors what builds do only while there is time, and removes what was not used for long and what
// lies in the trash. It may be stopped at any time, and may run beside builds.
func (r *Runner) Tidy(ctx context.Context) error {
	var errs []error
	if r.Layers != nil {
		_, err := r.Layers.Tidy(ctx)
		errs = append(errs, err, r.Layers.Empty(ctx))
	}
	if store, ok := r.Cache.(interface {
		GC(context.Context) (cache.Collected, error)
	}); ok {
		_, err := store.GC(ctx)
		errs = append(errs, err)
	}
	_, err := r.PruneMirrors(ctx)
	return errors.Join(append(errs, err)...)
}

// abandoned are the leases of dead builds of this engine; release ends them, after the engine was reaped.
func (r *Runner) abandoned(info engine.Info) ([]string, error) {
	if r.Layers == nil {
		return nil, nil
	}
	return r.Layers.Abandoned(info.Endpoint)
}

func (r *Runner) release(names []string) error {
	if r.Layers == nil {
		return nil
	}
	if err := r.Layers.Release(names); err != nil {
		return fmt.Errorf("end the leases of dead builds: %w", err)
	}
	return nil
}
