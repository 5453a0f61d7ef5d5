package runner

import (
	"context"
	"slices"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/engine"
)

// Preview is what a build of a job would do, found out without a container.
type Preview struct {
	Source      Source                `json:"source"`
	App         string                `json:"app"`
	Branch      string                `json:"branch"`
	Image       string                `json:"image"` // as named by the job; empty: the default one
	Diff        []Diff                `json:"diff,omitempty"`
	Plan        *Plan                 `json:"plan"`
	Diagnostics buildspec.Diagnostics `json:"diagnostics,omitempty"`
}

// Preview goes the way of a build up to its plan. emit gets the events until then; it may be nil. Nothing is left of it,
// and no build is counted. src is the specification that was read, for excerpts. A failure is a *Failure.
func (r *Runner) Preview(ctx context.Context, job Job, emit func(Stamped)) (p *Preview, src []byte, err error) {
	b := newBuild(r, job, emit)
	b.dry = true
	defer b.awaitSweep()
	defer b.cleanUp()
	ctx, cancel := context.WithTimeoutCause(ctx, b.jobTimeout(), errTimeout)
	defer cancel()
	if err := b.preview(ctx); err != nil {
		f := classify(ctx, err)
		b.maskFailure(f)
		return nil, b.specRaw, f
	}
	return mask(b.redactor, &Preview{
		Source: b.result.Source, App: b.result.App, Branch: b.result.Branch, Image: b.imageName(), Diff: b.result.Diff, Plan: b.plan, Diagnostics: b.found,
	}), b.specRaw, nil
}

// Applications lists the appRoot of every application in the specification of a job, in its order. What the job says about
// the application is not looked at. src is the specification, for excerpts. A failure is a *Failure; a repository that is
// no monorepo is one.
func (r *Runner) Applications(ctx context.Context, job Job) (roots []string, src []byte, err error) {
	job.AppRoot = ""
	job.Env = append(slices.Clone(job.Env), engine.Var{Name: "AMPLIFY_MONOREPO_APP_ROOT"})
	b := newBuild(r, job, nil)
	b.dry = true
	defer b.awaitSweep()
	defer b.cleanUp()
	ctx, cancel := context.WithTimeoutCause(ctx, b.jobTimeout(), errTimeout)
	defer cancel()
	if err := b.look(ctx); err != nil {
		f := classify(ctx, err)
		b.maskFailure(f)
		return nil, b.specRaw, f
	}
	if !b.spec.Monorepo {
		return nil, b.specRaw, &Failure{
			Class: ClassUsage, Message: b.spec.File + " has no applications to build all of", Hint: "leave --all-apps out: there is one application, and it is the repository",
		}
	}
	for i := range b.spec.Apps {
		roots = append(roots, b.spec.Apps[i].AppRoot.Value)
	}
	return roots, b.specRaw, nil
}

func (b *build) preview(ctx context.Context) error {
	if err := b.look(ctx); err != nil {
		return err
	}
	return b.makePlan(ctx)
}

// look goes the way of a build until the specification is known.
func (b *build) look(ctx context.Context) error {
	if b.job.Out == "" {
		b.job.Out = b.r.State // nothing is written; validate wants a folder
	}
	if err := b.job.Validate(); err != nil {
		return err
	}
	if err := b.makeWorkspace(false); err != nil {
		return err
	}
	if err := b.getSource(ctx); err != nil {
		return err
	}
	return b.readSpec()
}
