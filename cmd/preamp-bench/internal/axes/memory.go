package axes

import (
	"context"
	"errors"
	"fmt"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
)

const (
	withoutCache = 32 << 20
	withCache    = 96 << 20
)

func memory() Axis {
	return Axis{
		Name: "memory",
		About: "The most memory that `preamp build` had resident, small and large: it must not depend on the size of logs, files and caches. " +
			"Portable caches are packed and unpacked; composed ones are mounted. The saves are of new caches.",
		Rows: []report.Row{
			{ID: "small", What: "three `true`", Unit: report.Bytes, Goal: report.AtMost(withoutCache)},
			{ID: "log", What: "a log of 100 MB", Unit: report.Bytes, Goal: report.AtMost(withoutCache)},
			{ID: "file", What: "an artifact of 500 MB in one file", Unit: report.Bytes, Goal: report.AtMost(withoutCache)},
			{ID: "composed-save-40k", What: "save 40,000 files, composed", Unit: report.Bytes, Goal: report.AtMost(withCache)},
			{ID: "composed-restore-40k", What: "restore 40,000 files, composed", Unit: report.Bytes, Goal: report.AtMost(withCache)},
			{ID: "save-1k", What: "save 1,000 files, portable", Unit: report.Bytes, Goal: report.AtMost(withCache)},
			{ID: "restore-1k", What: "restore 1,000 files, portable", Unit: report.Bytes, Goal: report.AtMost(withCache)},
			{ID: "save-40k", What: "save 40,000 files, portable", Unit: report.Bytes, Goal: report.AtMost(withCache)},
			{ID: "restore-40k", What: "restore 40,000 files, portable", Unit: report.Bytes, Goal: report.AtMost(withCache)},
			{ID: "save-160k", What: "save 160,000 files, portable", Unit: report.Bytes, Goal: report.AtMost(withCache)},
			{ID: "restore-160k", What: "restore 160,000 files, portable", Unit: report.Bytes, Goal: report.AtMost(withCache)},
		},
		Measure: measureMemory,
	}
}

func measureMemory(ctx context.Context, b *Bench, s *Sheet) error {
	if _, err := b.Docker(ctx); err != nil {
		return err
	}
	page := map[string]string{"public/index.html": "<p>Hello\n"}
	plain := map[string]string{
		"small": "true",
		"log":   fmt.Sprintf("yes 'a line of a log that has about eighty bytes, as lines of logs often have them.' | head -n %d", b.Scaled(1_200_000)),
		"file":  fmt.Sprintf("head -c %d /dev/urandom >public/large.html", b.Scaled(500<<20)),
	}
	rounds := min(b.Rounds, 3) // it hardly varies
	for _, id := range []string{"small", "log", "file"} {
		app, err := b.newRepository(ctx, []string{plain[id], "true", "true"}, nil, "public", page)
		if err != nil {
			return err
		}
		got, err := b.Race(ctx, Plan{Rounds: rounds}, app.side(ctx, "memory, "+id, app.dir))
		if err != nil {
			return err
		}
		if err := s.Alone(id, peaks(got[0])); err != nil {
			return err
		}
	}
	// A process begins with what its parent has, says the kernel.
	if err := s.Note("small", "the bench itself has %s, and less than that cannot be measured", report.Format(report.Bytes, float64(proc.Own()))); err != nil {
		return err
	}
	for _, c := range []struct {
		id    string
		files int
		env   []string
	}{
		{"40k", modulesFiles, nil},
		{"1k", 1000, []string{"PREAMP_LAYERS=off"}},
		{"40k", modulesFiles, []string{"PREAMP_LAYERS=off"}},
		{"160k", manyFiles, []string{"PREAMP_LAYERS=off"}},
	} {
		prefix := ""
		if c.env == nil {
			prefix = "composed-"
		}
		save, restore, err := b.cachePeaks(ctx, b.Scaled(c.files), c.env)
		if err != nil {
			return err
		}
		if err := errors.Join(s.Alone(prefix+"save-"+c.id, save), s.Alone(prefix+"restore-"+c.id, restore)); err != nil {
			return err
		}
	}
	return nil
}

// many is what makes so many files where the cache has brought none, without a program for each: of up to 20 KB, 10 KB on average.
const many = `export LC_ALL=C; [ -d node_modules ] || { text=$(head -c 40000 /dev/urandom | base64 -w 0); ` +
	`for ((i = 0; i < %d; i++)); do d=node_modules/p$((i / 64)); ((i %% 64)) || mkdir -p $d; ` +
	`printf '%%s' "${text:RANDOM:RANDOM %% 20000}$i" >$d/$i.js; done; }`

// cachePeaks are the most memory of builds that save a new cache of so many files, and of builds that restore it.
func (b *Bench) cachePeaks(ctx context.Context, files int, env []string) (save, restore []float64, err error) {
	app, err := b.newRepository(ctx, []string{fmt.Sprintf(many, files)}, []string{"node_modules/**/*"}, "public",
		map[string]string{"public/index.html": "<p>Hello\n", ".gitignore": "node_modules\n"})
	if err != nil {
		return nil, nil, err
	}
	first, built, err := app.Build(ctx, app.dir, env)
	if err == nil && (built.Cache.Save == nil || !built.Cache.Save.Saved || built.Cache.Save.Files != files) {
		err = fmt.Errorf("the cache was not saved: %+v", built.Cache.Save)
	}
	if err != nil {
		return nil, nil, err
	}
	got, err := b.Race(ctx, Plan{Rounds: 1}, Side{Name: fmt.Sprintf("memory, restore %d files", files), Run: func(int) (proc.Result, error) {
		res, built, err := app.Build(ctx, app.dir, env)
		if err == nil && (built.Cache.Restore == nil || !built.Cache.Restore.Hit || built.Cache.Restore.Files != files) {
			err = fmt.Errorf("the cache was not restored: %+v", built.Cache.Restore)
		}
		return res, err
	}})
	if err != nil {
		return nil, nil, err
	}
	return peaks([]proc.Result{first}), peaks(got[0]), nil
}
