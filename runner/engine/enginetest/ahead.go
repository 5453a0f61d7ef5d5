package enginetest

import (
	"context"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner/engine"
)

// early is an engine that does every start in two parts.
type early struct {
	engine.Engine
	engine.Starter
}

func (e early) Start(ctx context.Context, spec engine.Spec) (engine.Container, error) {
	started, err := e.StartAhead(ctx, known(spec))
	if err != nil {
		return nil, err
	}
	return started.Open(ctx, spec)
}

// known is the part of a spec that StartAhead needs.
func known(spec engine.Spec) engine.Spec {
	spec.Start, spec.Env, spec.Kit, spec.Init = "", nil, nil, ""
	return spec
}

func testAhead(t *testing.T, s Subject, starter engine.Starter) {
	ahead := func(t *testing.T) (engine.Started, engine.Spec) {
		t.Helper()
		spec := engine.Spec{
			Owner: engine.NewOwner(engine.NewBuildID()), Image: s.Image, Workspace: t.TempDir(), Dir: "/codebuild/output/src1/src/app", Limits: s.Limits,
		}
		started, err := starter.StartAhead(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		return started, spec
	}
	t.Run("files that come later are seen", func(t *testing.T) {
		t.Parallel()
		started, spec := ahead(t)
		write(t, spec.Workspace, "web/later", "came later\n")
		spec.Start, spec.Env = "web", []engine.Var{{Name: "A", Value: "b"}}
		c, err := started.Open(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		runSteps(t, c, []step{{`cat later; echo "$A"; basename "$PWD"`, "came later\nb\nweb\n", 0}, {"echo built > ../out", "", 0}})
		must(t, c.Stop(t.Context()))
		if got := tree(t, spec.Workspace); !strings.Contains(got, "out") || !strings.Contains(got, "web/later") {
			t.Errorf("the workspace holds\n%s", got)
		}
		must(t, c.Close())
		expectReaped(t, s, spec.Owner, 0)
	})
	t.Run("one that is not wanted leaves nothing", func(t *testing.T) {
		t.Parallel()
		started, spec := ahead(t)
		must(t, started.Close())
		expectReaped(t, s, spec.Owner, 0)
	})
	t.Run("one that cannot be opened leaves nothing", func(t *testing.T) {
		t.Parallel()
		started, spec := ahead(t)
		spec.Start = "no/such/folder"
		if _, err := started.Open(t.Context(), spec); err == nil {
			t.Error("opened in a folder that does not exist")
		}
		expectReaped(t, s, spec.Owner, 0)
	})
	t.Run("one that is opened too late leaves nothing", func(t *testing.T) {
		t.Parallel()
		started, spec := ahead(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := started.Open(ctx, spec); err == nil {
			t.Error("opened with a context that had ended")
		}
		expectReaped(t, s, spec.Owner, 0)
	})
	t.Run("a process that dies leaves what reap finds", func(t *testing.T) {
		t.Parallel()
		_, spec := ahead(t)
		expectReaped(t, s, spec.Owner, 1)
	})
}
