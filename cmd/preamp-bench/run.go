package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/axes"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
)

// run does what the command line says. ok is false when a goal was missed and somebody wants to know. When it is interrupted, it
// still tells what it has measured.
func (o *options) run(ctx context.Context, stdout, stderr io.Writer) (ok bool, err error) {
	if o.list {
		list(stdout, o.chosen)
		return true, nil
	}
	if o.out != "" { // what is measured for long shall find its place
		if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
			return false, err
		}
	}
	r, err := o.measure(ctx, stderr, func(r report.Report) error {
		if o.json {
			return r.WriteJSON(stdout)
		}
		summary(stdout, r)
		return nil
	})
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return !o.check || passed(r, o.allowMissing), err
}

// passed says whether every goal was met, as far as is known and asked for.
func passed(r report.Report, allowMissing bool) bool {
	return r.Count(report.Missed) == 0 && (allowMissing || r.Count(report.NotRun) == 0)
}

func list(w io.Writer, chosen []axes.Axis) {
	for _, a := range chosen {
		fmt.Fprintf(w, "%s: %s\n", a.Name, a.About)
		for _, row := range a.Rows {
			text := row.What
			if row.Against != "" {
				text += " against " + row.Against
			}
			if goal := row.GoalText(); goal != "" {
				text += ": " + goal
			}
			fmt.Fprintf(w, "    %s: %s\n", row.ID, text)
		}
	}
}

func summary(w io.Writer, r report.Report) {
	for _, row := range r.Rows {
		fmt.Fprintln(w, row.Line())
	}
	fmt.Fprintf(w, "%d goals met, %d missed, %d not run; load before %s, after %s\n",
		r.Count(report.Met), r.Count(report.Missed), r.Count(report.NotRun), r.LoadBefore, r.LoadAfter)
}

// measure runs the axes, and tells of the result before what was made for it is removed, which may take minutes.
func (o *options) measure(ctx context.Context, stderr io.Writer, tell func(report.Report) error) (r report.Report, err error) {
	b, err := o.bench(ctx, stderr)
	if err != nil {
		return r, err
	}
	defer func() {
		b.Say("removing what was made")
		err = errors.Join(err, b.Close(ctx))
	}()
	if len(o.only) == 0 {
		if err := b.Settle(ctx); err != nil {
			return r, err
		}
	}
	r = report.Report{Started: time.Now(), Rounds: o.rounds, Scale: o.scale, LoadBefore: axes.Loads(), Machine: machine(ctx, b.Dir)}
	if r.Preamp, err = b.Version(ctx); err != nil {
		return r, err
	}
	for _, a := range o.chosen {
		b.Say("%s", a.Name)
		s := axes.Run(ctx, b, a)
		for _, row := range s.Rows {
			b.Say("  %s", row.Line())
		}
		r.Rows, r.Panels = append(r.Rows, s.Rows...), append(r.Panels, s.Panels...)
	}
	r.Took, r.LoadAfter, r.Installed = time.Since(r.Started), axes.Loads(), b.Installed
	if err := tell(r); err != nil || o.out == "" {
		return r, err
	}
	return r, o.write(r, stderr)
}

func (o *options) bench(ctx context.Context, stderr io.Writer) (*axes.Bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if len(o.only) == 0 {
		if err := roomFor(o.dir, needed(o.rounds, o.scale)); err != nil {
			return nil, err
		}
	}
	kept, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find a folder for the peers: %w", err)
	}
	dir, err := os.MkdirTemp(o.dir, "preamp-bench-")
	if err != nil {
		return nil, err
	}
	b := &axes.Bench{
		Dir: dir, Tools: filepath.Join(kept, "preamp-bench"), Preamp: o.preamp, Self: self, Image: o.image, Rounds: o.rounds, Scale: o.scale, Log: stderr,
	}
	err = b.Open()
	if err == nil && b.Preamp == "" {
		b.Preamp, err = program(ctx, dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

const module = "github.com/preamp-build/preamp"

// program is what is measured: the program that the sources here make, or the one that is installed.
func program(ctx context.Context, dir string) (string, error) {
	here, err := exec.CommandContext(ctx, "go", "list", "-m").Output()
	if err == nil && strings.TrimSpace(string(here)) == module {
		file := filepath.Join(dir, "preamp")
		build := exec.CommandContext(ctx, "go", "build", "-o", file, module+"/cmd/preamp")
		build.Env = append(build.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build preamp: %w: %s", err, out)
		}
		return file, nil
	}
	file, err := exec.LookPath("preamp")
	if err != nil {
		return "", fmt.Errorf("there is no preamp: neither its sources are here, nor is it on the PATH; -preamp names it (%w)", errUsage)
	}
	return file, nil
}

// write writes the page and its plot.
func (o *options) write(r report.Report, stderr io.Writer) error {
	d := report.Document{Whole: len(o.only) == 0}
	for _, a := range o.chosen {
		d.Axes = append(d.Axes, report.Section{Name: a.Name, About: a.About})
	}
	if len(r.Panels) > 0 {
		plot := strings.TrimSuffix(o.out, filepath.Ext(o.out)) + ".svg"
		d.Plot = filepath.Base(plot)
		if err := writeFile(plot, func(w io.Writer) error { return report.WriteSVG(w, r.Panels) }); err != nil {
			return err
		}
	}
	if err := writeFile(o.out, func(w io.Writer) error { return r.WriteMarkdown(w, d) }); err != nil {
		return err
	}
	fmt.Fprintln(stderr, "preamp-bench: wrote", o.out)
	return nil
}

func writeFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}
