package runner

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/kit"
)

// restoreEnvCache gets the values that builds before this one have set with envCache. They enter the container with the
// kit. That there are none, or none that can be read, costs the build nothing of ours.
func (b *build) restoreEnvCache(ctx context.Context) error {
	if b.r.EnvCache == nil {
		return nil
	}
	got, err := b.r.EnvCache.RestoreEnv(ctx, b.result.App, b.result.Branch)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		got.Reason = err.Error()
	}
	b.envBefore = got.Values
	b.result.EnvCache = &EnvCacheResult{Restored: len(got.Values), Keys: len(got.Values)}
	b.send(EnvCacheRestored{Found: got.Found, Keys: slices.Sorted(maps.Keys(got.Values)), Why: got.Reason})
	return nil
}

// envCacheTimeout bounds the saving, which a cancelled build waits for too.
const envCacheTimeout = 30 * time.Second

// askEnvCache finds out whether the build has set anything, while its shell can still say so. It is a hint only: where
// there is no answer the values are read.
func (b *build) askEnvCache(ctx context.Context) {
	if b.r.EnvCache == nil || b.result.EnvCache == nil || ctx.Err() != nil {
		return
	}
	said := 0
	exit, err := b.container.Run(ctx, kit.Changed(b.r.Engine.KitDir(b.containerSpec())), writerFunc(func(p []byte) { said += len(p) }))
	b.envUnchanged = err == nil && exit == (engine.Exit{Dir: exit.Dir}) && said == 0
}

// readEnvCache takes what the build has set with envCache, however it ended. Its processes have been stopped.
func (b *build) readEnvCache(ctx context.Context) {
	if b.r.EnvCache == nil || b.result.EnvCache == nil || b.envUnchanged || b.envRead {
		return
	}
	b.envRead = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), envCacheTimeout)
	defer cancel()
	files, err := b.container.ReadKit(ctx, kit.Values, kit.Limits)
	if err != nil {
		b.envErr = err
		return
	}
	var foreign int
	b.envAfter, foreign = kit.Keys(files)
	if foreign > 0 {
		b.warn("%d files beside the values of envCache are not kept: only envCache may write there", foreign)
	}
}

// saveEnvCache keeps the values that the build has changed.
func (b *build) saveEnvCache() {
	if b.r.EnvCache == nil || b.result.EnvCache == nil {
		return
	}
	if b.envUnchanged {
		b.envAfter = b.envBefore
	}
	saved, changed, err := b.storeValues()
	e := EnvCacheSaved{Saved: changed && err == nil, Keys: saved.Keys, Bytes: saved.Bytes}
	if err != nil {
		e.Why = err.Error()
		b.result.Warnings = append(b.result.Warnings, "the values of envCache are not saved: "+e.Why)
	} else {
		b.result.EnvCache.Saved, b.result.EnvCache.Keys = e.Saved, e.Keys
	}
	b.send(e)
}

// storeValues stores those values that the build has changed.
func (b *build) storeValues() (saved cache.EnvSaved, changed bool, err error) {
	if b.envErr != nil {
		return saved, false, b.envErr
	}
	change := cache.Changes(b.envBefore, b.envAfter)
	if change.Empty() {
		for _, v := range b.envAfter {
			saved.Bytes += int64(len(v))
		}
		saved.Keys = len(b.envAfter)
		return saved, false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), envCacheTimeout)
	defer cancel()
	saved, err = b.r.EnvCache.SaveEnv(ctx, b.result.App, b.result.Branch, change)
	return saved, true, err
}
