package docker

import (
	"context"
	"errors"
	"reflect"

	"github.com/preamp-build/preamp/runner/engine"
)

// ahead is a container that runs, with nobody in it yet.
type ahead struct {
	c    *buildContainer
	host hostFacts // what it was made by
}

// StartAhead implements engine.Starter. The engine has to see our folder under our path: what it then sees in it is always
// what is there. A copy of a folder, and labels that SELinux wants on all that is in it, have to wait for the files.
func (e *Engine) StartAhead(ctx context.Context, spec engine.Spec) (engine.Started, error) {
	info, err := e.likely(ctx)
	switch {
	case err != nil:
		return nil, err
	case spec.Stack != nil:
		return nil, notAhead("the workspace is composed")
	case e.copy || !e.sharesUsers(info):
		return nil, notAhead("the engine gets a copy of the workspace")
	case hasOption(info, "selinux"):
		return nil, notAhead("SELinux wants labels on the files")
	}
	c, err := e.start(ctx, spec, func(c *buildContainer, life context.Context) error {
		if err := c.create(ctx, info); err != nil {
			return err
		}
		if c.copied { // as the engine has found out only now
			return notAhead("the engine gets a copy of the workspace")
		}
		return c.attach(ctx, life)
	})
	if err != nil {
		return nil, err
	}
	return &ahead{c: c, host: info}, nil
}

func notAhead(why string) error {
	return &engine.Error{Kind: engine.KindNotAhead, Message: "the container cannot start before the source is there", Err: errors.New(why)}
}

// Open implements engine.Started.
func (a *ahead) Open(ctx context.Context, spec engine.Spec) (engine.Container, error) {
	if info, err := a.c.e.info(ctx); err != nil || !reflect.DeepEqual(info, a.host) {
		if err == nil {
			err = notAhead("the engine is not as it was the last time")
		}
		return nil, errors.Join(err, a.Close())
	}
	// Only these: the rest is read by the start, which may not have ended.
	a.c.spec.Start, a.c.spec.Env, a.c.spec.Kit, a.c.spec.Init = spec.Start, spec.Env, spec.Kit, spec.Init
	c, err := a.c.within(ctx, func() error {
		if err := a.c.fill(ctx); err != nil {
			return err
		}
		return a.c.openSession(ctx)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Close implements engine.Started.
func (a *ahead) Close() error { return a.c.Close() }
