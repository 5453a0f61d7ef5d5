package axes

import (
	"context"
	"fmt"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/stat"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
)

// plotted are the sizes of the plot, in files.
var plotted = []int{1000, 10_000, modulesFiles, manyFiles}

// growth are the rows of the plot: the ID of a row, and the name of its line.
var growth = []struct {
	id, name string
	saves    bool
	peer     bool
}{
	{"restore-composed", "mounted", false, false},
	{"restore-portable", "unpacked", false, false},
	{"restore-tar", "tar xzf", false, true},
	{"save-composed-0", "unchanged, composed", true, false},
	{"save-composed-1", "1 % changed, composed", true, false},
	{"save-portable-0", "unchanged, portable", true, false},
	{"save-portable-1", "1 % changed, portable", true, false},
	{"save-portable-all", "everything", true, false},
	{"save-tar", "tar | gzip -6", true, true},
}

func sizes() Axis {
	a := Axis{
		Name: "size",
		About: "How times grow with the size of a cache: what the plot shows. The rows compare 160,000 files with 1,000; a way that does not depend " +
			"on the size has 1×.",
		Measure: measureSizes,
	}
	for _, g := range growth {
		verb := "restore"
		if g.saves {
			verb = "save"
		}
		a.Rows = append(a.Rows, report.Row{
			ID: g.id, What: fmt.Sprintf("%s, %s: 160,000 files", verb, g.name), Against: "1,000 files", Unit: report.Seconds,
		})
	}
	return a
}

func measureSizes(ctx context.Context, b *Bench, s *Sheet) error {
	lines := map[string][]report.Point{}
	for _, n := range plotted {
		files := b.Scaled(n)
		at, err := b.sizesOf(ctx, files, n)
		if err != nil {
			return err
		}
		for id, times := range at {
			lines[id] = append(lines[id], report.Point{Files: files, Seconds: stat.Median(times)})
		}
	}
	restore, save := report.Panel{Title: "Restore a cache"}, report.Panel{Title: "Save it again"}
	for _, g := range growth {
		points := lines[g.id]
		if err := s.Pair(g.id, []float64{points[len(points)-1].Seconds}, []float64{points[0].Seconds}); err != nil {
			return err
		}
		panel := &restore
		if g.saves {
			panel = &save
		}
		panel.Lines = append(panel.Lines, report.Line{Name: g.name, Peer: g.peer, Points: points})
	}
	s.Panels = []report.Panel{restore, save}
	return nil
}

// sizesOf are the times of every way at one size, in seconds. The largest is measured once.
func (b *Bench) sizesOf(ctx context.Context, files, size int) (map[string][]float64, error) {
	rounds := min(b.Rounds, 3)
	if size == manyFiles {
		rounds = 1
	}
	b.Say("  %d files", files)
	layered, err := b.composedOnce(ctx, files)
	if err != nil {
		return nil, err
	}
	p, err := b.pack(ctx, files)
	if err != nil {
		return nil, err
	}
	save := func(store string) (proc.Result, error) {
		res, _, err := b.Work(ctx, work.Request{Do: "save", Store: store, Root: p.tree.Root})
		return res, err
	}
	mounted := Side{Name: "mounted", Run: func(int) (proc.Result, error) { return layered.restore(ctx) }}
	restored, err := b.Race(ctx, Plan{Rounds: rounds}, append(p.sides(ctx, b), mounted)...)
	if err != nil {
		return nil, err
	}
	changed, err := b.Race(ctx, Plan{Rounds: rounds, Each: func(round int) error {
		_, _, err := b.Work(ctx, work.Request{Do: "change", Root: p.tree.Root, Files: files, Round: 50 + round})
		return err
	}},
		Side{Name: "everything", Run: func(int) (proc.Result, error) {
			store, err := b.New("store")
			if err != nil {
				return proc.Result{}, err
			}
			return save(store)
		}},
		Side{Name: "1 %, portable", Run: func(int) (proc.Result, error) { return save(p.store) }},
		Side{Name: "1 %, composed", Run: func(round int) (proc.Result, error) {
			res, _, err := layered.save(ctx, work.Percent, 50+round)
			return res, err
		}},
	)
	if err != nil {
		return nil, err
	}
	same, err := b.Race(ctx, Plan{Rounds: rounds},
		Side{Name: "unchanged, portable", Run: func(int) (proc.Result, error) { return save(p.store) }},
		Side{Name: "unchanged, composed", Run: func(round int) (proc.Result, error) {
			res, _, err := layered.save(ctx, work.Nothing, round)
			return res, err
		}},
	)
	if err != nil {
		return nil, err
	}
	return map[string][]float64{
		"restore-tar": walls(restored[0]), "restore-portable": walls(restored[1]), "restore-composed": walls(restored[2]),
		"save-portable-all": walls(changed[0]), "save-portable-1": walls(changed[1]), "save-composed-1": walls(changed[2]),
		"save-portable-0": walls(same[0]), "save-composed-0": walls(same[1]), "save-tar": {p.took.Seconds()},
	}, nil
}
