package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/preamp-build/preamp/runner/source"
)

// decideEarly reports whether it can be seen without a checkout that there is nothing to do, and then does what is left of
// the build: to say so. It looks only where the job has asked for a decision, and goes the same way as a build, up to its
// plan, on what the commit holds. Whatever is not as clear as in a checkout is left to the checkout.
//
// What it finds out about the remote on the way, the clone need not ask again.
func (b *build) decideEarly(ctx context.Context, began time.Time) (idle bool, err error) {
	if b.dry || !b.maySkip() && !b.wantsHead(ctx) {
		return false, nil
	}
	if b.head, err = source.Peek(ctx, b.sourceRequest()); err != nil {
		var known *source.Error
		if errors.As(err, &known) && known.Kind != source.KindOther || ctx.Err() != nil {
			return false, err
		}
		return false, nil // it can only be looked at in a checkout, or that may mend what is wrong
	}
	if !b.maySkip() {
		return false, nil
	}
	view, err := b.head.View(ctx)
	if err != nil {
		return false, nil //nolint:nilerr // the checkout finds out what is wrong
	}
	t, told := b.trial(view)
	idle = t.idle(ctx, began) && view.Exact()
	if err := view.Close(); err != nil || !idle {
		b.r.Log.Debug().Err(err).Msg("what there is to do is decided in a checkout")
		b.wanted = true
		b.wanted = true
		return false, nil
	}
	b.job, b.result, b.plan, b.spec, b.app, b.specRaw, b.checkout = t.job, t.result, t.plan, t.spec, t.app, t.specRaw, t.checkout
	for _, e := range *told {
		b.emit(e)
	}
	return true, nil
}

// maySkip reports whether something may turn out to make a build of this job unnecessary.
func (b *build) maySkip() bool {
	if b.job.Trigger == TriggerPush {
		return true
	}
	for _, name := range []string{"AMPLIFY_DIFF_DEPLOY", "AMPLIFY_DIFF_BACKEND"} {
		if v, _ := b.job.env(name); isTrue(v) {
			return true
		}
	}
	return false
}

// trial is a build on what a commit holds, of which nobody hears yet.
func (b *build) trial(view *source.View) (t *build, told *[]Stamped) {
	told = new([]Stamped)
	t = newBuild(b.r, b.job, func(e Stamped) { *told = append(*told, e) })
	t.id, t.owner, t.redactor, t.numbers, t.scratch, t.workspace, t.view = b.id, b.owner, b.redactor, b.numbers, b.scratch, b.workspace, view
	result := *b.result
	result.Notices, result.Warnings = slices.Clone(result.Notices), slices.Clone(result.Warnings)
	t.result, t.head = &result, b.head
	return t, told
}

// idle goes the way of a build and reports whether it ends before anything is run. What goes wrong on it is for the build
// itself to tell.
func (b *build) idle(ctx context.Context, began time.Time) bool {
	h := b.head
	co := &source.Checkout{Name: h.Name, Branch: h.Branch, Commit: h.Commit, Subject: h.Subject, Message: h.Message, CloneURL: h.CloneURL}
	if b.arrived(co, time.Since(began)) != nil {
		return false
	}
	if b.unwanted() {
		return true
	}
	if b.readSpec() != nil || b.makePlan(ctx) != nil || !b.plan.Idle() {
		return false
	}
	b.skipAll()
	return true
}
