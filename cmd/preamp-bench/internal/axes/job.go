package axes

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/stat"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
)

const dockerRun = "`docker run --rm`"

// short is how many times as often something is measured that takes less than a second: single runs of it differ by a tenth.
const short = 6

var threeTrue = []string{"true", "true", "true"}

func fiftyEchos() []string {
	var list []string
	for i := range 50 {
		list = append(list, fmt.Sprintf("echo line %d", i))
	}
	return list
}

func job() Axis {
	return Axis{
		Name: "job",
		About: "Three times `true`: whole processes of `preamp build`, against `docker run --rm` of the same script with the same image, " +
			"limits and folder. The small site has 100 pages, which are delivered as a folder and as a zip. All of it is done six times a round.",
		Rows: []report.Row{
			{ID: "here", What: "the repository is there", Against: dockerRun, Unit: report.Seconds, Goal: report.AtMost(1.15)},
			{ID: "cloned", What: "warm clone of a small site, artifact", Against: dockerRun, Unit: report.Seconds, Goal: report.AtMost(1.35)},
			{ID: "cloned-large", What: "warm clone of 2,800 files", Against: dockerRun, Unit: report.Seconds},
		},
		Measure: measureJob,
	}
}

func measureJob(ctx context.Context, b *Bench, s *Sheet) error {
	docker, err := b.Docker(ctx)
	if err != nil {
		return err
	}
	here, err := b.newRepository(ctx, threeTrue, nil, "public", map[string]string{"public/index.html": "<p>Hello\n"})
	if err != nil {
		return err
	}
	pages := map[string]string{}
	for i := range 100 {
		pages[fmt.Sprintf("public/page%d.html", i)] = strings.Repeat(fmt.Sprintf("<p>Page %d\n", i), 400)
	}
	site, err := b.newRepository(ctx, threeTrue, nil, "public", pages)
	if err != nil {
		return err
	}
	bare, err := b.Folder("repositories")
	if err != nil {
		return err
	}
	if _, err := proc.Run(ctx, proc.Cmd{Args: []string{"git", "clone", "--quiet", "--bare", site.dir, filepath.Join(bare, "site.git")}}); err != nil {
		return err
	}
	url, stop, err := Serve(ctx, bare)
	if err != nil {
		return err
	}
	defer stop()
	large, err := b.served(ctx)
	if err != nil {
		return err
	}
	got, err := b.Race(ctx, Plan{WarmUp: true, Rounds: short * b.Rounds},
		Side{Name: "docker run", Run: func(int) (proc.Result, error) {
			return proc.Run(ctx, b.FloorOf(docker, here.dir, strings.Join(threeTrue, "\n")))
		}},
		here.side(ctx, "preamp build", here.dir),
		site.side(ctx, "preamp build, from a URL", url+"/site.git"),
		site.side(ctx, "preamp build, from the URL of a large repository", large.url),
	)
	if err != nil {
		return err
	}
	for n, id := range []string{"here", "cloned", "cloned-large"} {
		if err := s.Pair(id, walls(got[n+1]), walls(got[0])); err != nil {
			return err
		}
	}
	return nil
}

// side builds the same again and again.
func (r *repository) side(ctx context.Context, name, what string, args ...string) Side {
	return Side{Name: name, Run: func(int) (proc.Result, error) {
		res, _, err := r.Build(ctx, what, nil, args...)
		return res, err
	}}
}

func command() Axis {
	return Axis{
		Name: "command",
		About: "What one more command costs: the times of 200 commands that do nothing, as result.json has them, and a job of 50 `echo` " +
			"against `docker run --rm` of the same script, six times a round.",
		Rows: []report.Row{
			{ID: "median", What: "one command, median", Unit: report.Seconds, Goal: report.AtMost(0.001)},
			{ID: "p95", What: "one command, 95 of 100 take less", Unit: report.Seconds, Goal: report.AtMost(0.002)},
			{ID: "echo", What: "50 × `echo`", Against: dockerRun, Unit: report.Seconds, Goal: report.AtMost(1.10)},
		},
		Measure: measureCommand,
	}
}

func measureCommand(ctx context.Context, b *Bench, s *Sheet) error {
	docker, err := b.Docker(ctx)
	if err != nil {
		return err
	}
	page := map[string]string{"public/index.html": "<p>Hello\n"}
	echos, err := b.newRepository(ctx, fiftyEchos(), nil, "public", page)
	if err != nil {
		return err
	}
	nothing, err := b.newRepository(ctx, strings.Split(strings.Repeat("true ", 199)+"true", " "), nil, "public", page)
	if err != nil {
		return err
	}
	var medians, highs []float64
	got, err := b.Race(ctx, Plan{WarmUp: true, Rounds: short * b.Rounds},
		Side{Name: "docker run, 50 echo", Run: func(int) (proc.Result, error) {
			return proc.Run(ctx, b.FloorOf(docker, echos.dir, strings.Join(fiftyEchos(), "\n")))
		}},
		echos.side(ctx, "preamp build, 50 echo", echos.dir),
		Side{Name: "preamp build, 200 true", Run: func(round int) (proc.Result, error) {
			res, built, err := nothing.Build(ctx, nothing.dir, nil)
			if all := built.took(); err == nil && round >= 0 {
				medians, highs = append(medians, stat.Median(all)), append(highs, stat.Percentile(all, 95))
			}
			return res, err
		}},
	)
	if err != nil {
		return err
	}
	if err := s.Alone("median", medians); err != nil {
		return err
	}
	if err := s.Alone("p95", highs); err != nil {
		return err
	}
	return s.Pair("echo", walls(got[1]), walls(got[0]))
}

func artifact() Axis {
	return Axis{
		Name:  "artifact",
		About: "A site of 5,000 files and 152 MB as a zip, with the hash of each file (package), against `zip -r -6`.",
		Rows: []report.Row{
			{ID: "time", What: "zip of the site", Against: "`zip -r -6`", Unit: report.Seconds, Goal: report.AtMost(0.25)},
			{ID: "bytes", What: "its size", Against: "`zip -r -6`", Unit: report.Bytes, Goal: report.AtMost(1.02)},
		},
		Measure: measureArtifact,
	}
}

func measureArtifact(ctx context.Context, b *Bench, s *Sheet) error {
	zip, err := b.Tool(ctx, "zip", "zip")
	if err != nil {
		return err
	}
	site, err := b.Site(ctx, b.Scaled(5000))
	if err != nil {
		return err
	}
	ours, theirs := &archives{b: b}, &archives{b: b}
	got, err := b.Race(ctx, Plan{},
		Side{Name: "zip", Run: theirs.into("site.zip", func(file string) (proc.Result, error) {
			return proc.Run(ctx, proc.Cmd{Args: []string{zip, "-q", "-r", "-6", file, "."}, Dir: filepath.Join(site.Root, "dist")})
		})},
		Side{Name: "artifacts", Run: ours.into("site.zip", func(file string) (proc.Result, error) {
			res, _, err := b.Work(ctx, work.Request{Do: "zip", Root: site.Root, To: file})
			return res, err
		})},
	)
	if err != nil {
		return err
	}
	if err := s.Pair("time", walls(got[1]), walls(got[0])); err != nil {
		return err
	}
	return s.Pair("bytes", ours.sizes, theirs.sizes)
}
