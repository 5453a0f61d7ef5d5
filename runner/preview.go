package runner

import (
	"context"

	"github.com/preamp-build/preamp/buildspec"
)

// Preview is what a build of a job would do, found out without a container.
type Preview struct {
	Source      Source                `json:"source"`
	App         string                `json:"app"`
	Branch      string                `json:"branch"`
	Image       string                `json:"image"` // as named by the job; empty: the default one
	Plan        *Plan                 `json:"plan"`
	Diagnostics buildspec.Diagnostics `json:"diagnostics,omitempty"`
}

// Preview goes the way of a build up to its plan. emit gets the events until then; it may be nil. Nothing is left of it,
// and no build is counted. src is the specification that was read, for excerpts. A failure is a *Failure.
func (r *Runner) Preview(ctx context.Context, job Job, emit func(Stamped)) (p *Preview, src []byte, err error) {
	b := newBuild(r, job, emit)
	b.dry = true
	defer b.cleanUp()
	ctx, cancel := context.WithTimeoutCause(ctx, b.jobTimeout(), errTimeout)
	defer cancel()
	if err := b.preview(ctx); err != nil {
		f := classify(ctx, err)
		b.maskFailure(f)
		return nil, b.specRaw, f
	}
	return mask(b.redactor, &Preview{
		Source: b.result.Source, App: b.result.App, Branch: b.result.Branch, Image: b.imageName(), Plan: b.plan, Diagnostics: b.found,
	}), b.specRaw, nil
}

func (b *build) preview(ctx context.Context) error {
	if b.job.Out == "" {
		b.job.Out = b.r.State // nothing is written; validate wants a folder
	}
	if err := b.job.validate(); err != nil {
		return err
	}
	if err := b.makeWorkspace(); err != nil {
		return fail(ClassOutput, err)
	}
	if err := b.getSource(ctx); err != nil {
		return err
	}
	if err := b.readSpec(); err != nil {
		return err
	}
	return b.makePlan()
}
