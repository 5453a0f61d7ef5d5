package axes

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
)

const tarGzipName = "`tar | gzip -6`"

func saveFull() Axis {
	return Axis{
		Name:  "save-full",
		About: "The first save of 40,000 files into an empty store (package), against packing them all.",
		Rows: []report.Row{
			{ID: "time", What: "save everything", Against: tarGzipName, Unit: report.Seconds, Goal: report.AtMost(0.10)},
			{ID: "bytes", What: "what is stored", Against: tarGzipName, Unit: report.Bytes, Goal: report.AtMost(1.0)},
		},
		Measure: measureSaveFull,
	}
}

func measureSaveFull(ctx context.Context, b *Bench, s *Sheet) error {
	t, err := b.Tree(ctx, b.Scaled(modulesFiles))
	if err != nil {
		return err
	}
	theirs := &archives{b: b}
	var stored []float64
	got, err := b.Race(ctx, Plan{},
		Side{Name: "tar | gzip -6", Run: theirs.into("tree.tgz", func(file string) (proc.Result, error) { return tarGzip(ctx, t, file) })},
		Side{Name: "cache.Local", Run: func(int) (proc.Result, error) {
			store, err := b.New("store")
			if err != nil {
				return proc.Result{}, err
			}
			res, _, err := b.Work(ctx, work.Request{Do: "save", Store: store, Root: t.Root})
			if err != nil {
				return res, err
			}
			size, err := sizeOf(store)
			stored = append(stored, float64(size))
			return res, err
		}},
	)
	if err != nil {
		return err
	}
	if err := s.Pair("time", walls(got[1]), walls(got[0])); err != nil {
		return err
	}
	return s.Pair("bytes", stored, theirs.sizes)
}

func saveDelta() Axis {
	return Axis{
		Name: "save-delta",
		About: "Saving 40,000 files again, after 1 % of them have changed and after none has. Portable: into the store that can be carried " +
			"elsewhere (package; the whole process). Composed: what a build on this machine does (package; the saving alone).",
		Rows: []report.Row{
			{ID: "restic", What: "1 % changed, portable", Against: "restic", Unit: report.Seconds, Goal: report.AtMost(0.25)},
			{ID: "gzip", What: "1 % changed, portable", Against: tarGzipName, Unit: report.Seconds, Goal: report.AtMost(0.03)},
			{ID: "bytes", What: "what is new in the store", Against: "the changed files", Unit: report.Bytes, Goal: report.AtMost(1.2)},
			{ID: "composed-restic", What: "1 % changed, composed", Against: "restic", Unit: report.Seconds, Goal: report.AtMost(0.25)},
			{ID: "composed-gzip", What: "1 % changed, composed", Against: tarGzipName, Unit: report.Seconds, Goal: report.AtMost(0.03)},
			{ID: "composed-bytes", What: "what is new in the layers", Against: "the changed files", Unit: report.Bytes, Goal: report.AtMost(1.2)},
			{ID: "unchanged", What: "nothing changed, portable: bytes written", Unit: report.Bytes, Goal: report.AtMost(0)},
			{ID: "unchanged-time", What: "nothing changed, portable", Unit: report.Seconds},
			{ID: "composed-unchanged", What: "nothing changed, composed: bytes new", Unit: report.Bytes, Goal: report.AtMost(0)},
			{ID: "composed-unchanged-time", What: "nothing changed, composed", Unit: report.Seconds},
		},
		Measure: measureSaveDelta,
	}
}

// again saves a changed tree again and again, in both of preamp's ways.
type again struct {
	b      *Bench
	tree   trees.Tree
	store  string
	layers *composed

	changed, added             []float64 // bytes
	layersChanged, layersAdded []float64
}

func measureSaveDelta(ctx context.Context, b *Bench, s *Sheet) error {
	a, err := newAgain(ctx, b)
	if err != nil {
		return err
	}
	sides := []Side{
		{Name: "tar | gzip -6", Run: (&archives{b: b}).into("tree.tgz", func(file string) (proc.Result, error) {
			return tarGzip(ctx, a.tree, file)
		})},
		{Name: "cache.Local", Run: a.portable(ctx)},
		{Name: "layers", Run: a.composed(ctx)},
	}
	restic, resticErr := a.restic(ctx)
	if resticErr == nil {
		sides = append(sides, restic)
	}
	got, err := b.Race(ctx, Plan{Each: a.change(ctx)}, sides...)
	if err != nil {
		return err
	}
	err = errors.Join(
		s.Pair("gzip", walls(got[1]), walls(got[0])), s.Pair("composed-gzip", walls(got[2]), walls(got[0])),
		s.Pair("bytes", a.added, a.changed), s.Pair("composed-bytes", a.layersAdded, a.layersChanged),
	)
	for n, id := range []string{"restic", "composed-restic"} {
		if resticErr != nil {
			err = errors.Join(err, s.NotRun(id, resticErr))
		} else {
			err = errors.Join(err, s.Pair(id, walls(got[n+1]), walls(got[3])))
		}
	}
	return errors.Join(err, a.unchanged(ctx, s))
}

func newAgain(ctx context.Context, b *Bench) (*again, error) {
	t, err := b.Tree(ctx, b.Scaled(modulesFiles))
	if err != nil {
		return nil, err
	}
	a := &again{b: b, tree: t}
	if a.store, err = b.New("store"); err != nil {
		return nil, err
	}
	if _, _, err := b.Work(ctx, work.Request{Do: "save", Store: a.store, Root: a.tree.Root}); err != nil {
		return nil, err
	}
	a.layers, err = b.newComposed(ctx, t.Files)
	return a, err
}

// change changes the tree before each round; the layers' tree is changed in each of their builds.
func (a *again) change(ctx context.Context) func(int) error {
	return func(round int) error {
		_, answer, err := a.b.Work(ctx, work.Request{Do: "change", Root: a.tree.Root, Files: a.tree.Files, Round: round})
		a.changed = append(a.changed, float64(answer.Changed))
		return err
	}
}

func (a *again) portable(ctx context.Context) func(int) (proc.Result, error) {
	return func(int) (proc.Result, error) {
		res, answer, err := a.b.Work(ctx, work.Request{Do: "save", Store: a.store, Root: a.tree.Root})
		if err == nil && answer.Known {
			err = errors.New("the changes were not seen")
		}
		a.added = append(a.added, float64(answer.Added))
		return res, err
	}
}

func (a *again) composed(ctx context.Context) func(int) (proc.Result, error) {
	return func(round int) (proc.Result, error) {
		res, answer, added, err := a.layers.grow(ctx, work.Percent, round)
		if err == nil && answer.Known {
			err = errors.New("the changes were not seen")
		}
		a.layersAdded, a.layersChanged = append(a.layersAdded, added), append(a.layersChanged, float64(answer.Changed))
		return res, err
	}
}

// restic saves the same tree, which it has saved before.
func (a *again) restic(ctx context.Context) (Side, error) {
	restic, err := a.b.Tool(ctx, "restic", "restic")
	if err != nil {
		return Side{}, err
	}
	dir, err := a.b.Folder("restic")
	if err != nil {
		return Side{}, err
	}
	run := func(args ...string) (proc.Result, error) {
		return proc.Run(ctx, proc.Cmd{
			Args: append([]string{restic, "--quiet", "--repo", filepath.Join(dir, "repo"), "--cache-dir", filepath.Join(dir, "cache")}, args...),
			Env:  []string{"RESTIC_PASSWORD=bench"},
		})
	}
	backup := func(int) (proc.Result, error) { return run("backup", filepath.Join(a.tree.Root, "node_modules")) }
	if _, err := run("init"); err != nil {
		return Side{}, err
	}
	a.b.Say("  saving %d files with restic", a.tree.Files)
	if _, err := backup(0); err != nil {
		return Side{}, err
	}
	return Side{Name: "restic", Run: backup}, nil
}

func (a *again) unchanged(ctx context.Context, s *Sheet) error {
	var portableAdded, layersAdded []float64
	got, err := a.b.Race(ctx, Plan{},
		Side{Name: "cache.Local, unchanged", Run: func(int) (proc.Result, error) {
			before, err := contentOf(a.store)
			if err != nil {
				return proc.Result{}, err
			}
			res, answer, err := a.b.Work(ctx, work.Request{Do: "save", Store: a.store, Root: a.tree.Root})
			if err == nil && !answer.Known {
				err = errors.New("changes were seen where there were none")
			}
			if err != nil {
				return res, err
			}
			added, err := written(a.store, before)
			portableAdded = append(portableAdded, float64(added))
			return res, err
		}},
		Side{Name: "layers, unchanged", Run: func(round int) (proc.Result, error) {
			res, answer, added, err := a.layers.grow(ctx, work.Nothing, round)
			if err == nil && !answer.Known {
				err = errors.New("changes were seen where there were none")
			}
			layersAdded = append(layersAdded, added)
			return res, err
		}},
	)
	if err != nil {
		return err
	}
	return errors.Join(
		s.Alone("unchanged", portableAdded), s.Alone("unchanged-time", walls(got[0])),
		s.Alone("composed-unchanged", layersAdded), s.Alone("composed-unchanged-time", walls(got[1])),
	)
}
