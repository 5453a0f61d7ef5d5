package runner

import (
	"context"
	"errors"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
)

// reapDelay keeps the reaping out of the way of a build that has just begun, and asks much of the engine.
const reapDelay = 300 * time.Millisecond

// reap takes away what dead builds left, beside what this one does meanwhile; tellReaped waits for it.
func (b *build) reap(ctx context.Context) {
	if b.reaping != nil || b.dry {
		return
	}
	b.reaping, b.reapNow = make(chan func(), 1), make(chan struct{})
	info, now := b.result.Engine, b.reapNow
	go func() {
		delay := time.NewTimer(reapDelay)
		defer delay.Stop()
		select {
		case <-delay.C:
		case <-now:
		}
		reaped, err := b.r.reap(ctx, info)
		b.reaping <- func() {
			for _, x := range reaped {
				b.send(Reaped{What: x.What, ID: x.ID, Of: x.Owner.String()})
			}
			if err != nil && ctx.Err() == nil {
				b.warn("what a dead preamp left could not all be removed: %v", err)
			}
		}
	}()
}

// hurryReap ends the delay.
func (b *build) hurryReap() {
	if b.reapNow != nil {
		close(b.reapNow)
		b.reapNow = nil
	}
}

func (b *build) tellReaped() {
	b.hurryReap()
	if b.reaping != nil {
		(<-b.reaping)()
	}
}

// stopTimeout bounds the stopping of a build's processes.
const stopTimeout = 30 * time.Second

// release begins to remove the container, of which nothing is wanted any more; engines take their time for that.
func (b *build) release() {
	if b.closing != nil {
		return
	}
	b.closing = make(chan error, 1)
	go func() { b.closing <- b.container.Close() }()
}

// cleanUp takes away everything that is not the result. It runs whatever happened, without regard to the build's context.
func (b *build) cleanUp() {
	if b.result.Engine != (engine.Info{}) { // a build without a container cleans up, too
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		b.reap(ctx)
	}
	b.endTidying()
	errs := []error{b.dropAhead()}
	if b.container != nil {
		b.result.Usage = b.container.Usage()
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		// Stop before Close also when the build failed: it is what makes the workspace ours to remove, and what the build
		// has set with envCache can be read then.
		stopped := b.container.Stop(ctx)
		b.readEnvCache(ctx)
		b.release()
		b.hurryReap()
		b.saveEnvCache()
		if stopped == nil && b.composed == nil {
			errs = append(errs, b.removeWorkspace()) // no process is left, so the container may still be on its way out
		}
		errs = append(errs, stopped, <-b.closing)
	}
	b.tellReaped()
	if errors.Join(errs...) != nil && b.composed != nil {
		errs = append(errs, errors.New("the workspace stays, because it may still be mounted"))
	} else {
		errs = append(errs, b.removeWorkspace())
	}
	if err := errors.Join(errs...); err != nil {
		b.warn("clean up: %v", err) // it is no fault of the build, and the next start tries again
	}
}
