package runner

import (
	"context"
	"fmt"
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

// useKit makes the kit's programs known to the shell.
func (b *build) useKit(ctx context.Context, spec engine.Spec) error {
	setup := kit.Setup(b.r.Engine.KitDir(spec), b.result.Engine.Isolated)
	exit, err := b.container.Run(ctx, setup, writerFunc(func([]byte) {}))
	switch {
	case err != nil:
		return err
	case exit.Interrupted:
		return interrupted(ctx)
	case exit.Code != 0 || exit.Ended:
		return &Failure{Class: ClassEngine, Message: fmt.Sprintf("preamp's own programs cannot be set up in the container (code %d)", exit.Code)}
	}
	return nil
}

// envCacheTimeout bounds the saving, which a cancelled build waits for too.
const envCacheTimeout = 30 * time.Second

// saveEnvCache keeps what the build has set with envCache, however it ended. Its container has been stopped.
func (b *build) saveEnvCache() {
	if b.r.EnvCache == nil || b.result.EnvCache == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), envCacheTimeout)
	defer cancel()
	saved, changed, err := b.storeValues(ctx)
	e := EnvCacheSaved{Saved: changed && err == nil, Keys: saved.Keys, Bytes: saved.Bytes}
	if err != nil {
		e.Why = err.Error()
		b.result.Warnings = append(b.result.Warnings, "the values of envCache are not saved: "+e.Why)
	} else {
		b.result.EnvCache.Saved, b.result.EnvCache.Keys = e.Saved, e.Keys
	}
	b.send(e)
}

// storeValues reads the values that the build has left, and stores those that it has changed.
func (b *build) storeValues(ctx context.Context) (saved cache.EnvSaved, changed bool, err error) {
	files, err := b.container.ReadKit(ctx, kit.Values, kit.Limits)
	if err != nil {
		return saved, false, err
	}
	after, foreign := kit.Keys(files)
	if foreign > 0 {
		b.warn("%d files beside the values of envCache are not kept: only envCache may write there", foreign)
	}
	change := cache.Changes(b.envBefore, after)
	if change.Empty() {
		for _, v := range after {
			saved.Bytes += int64(len(v))
		}
		saved.Keys = len(after)
		return saved, false, nil
	}
	saved, err = b.r.EnvCache.SaveEnv(ctx, b.result.App, b.result.Branch, change)
	return saved, true, err
}
