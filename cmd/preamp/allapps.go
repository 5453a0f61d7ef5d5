package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/preamp-build/preamp/runner"
)

// allApps builds every application of a monorepo, each as the build of its own that it is for the service.
type allApps struct {
	cmd   *cobra.Command
	flags buildFlags
	args  []string
	job   runner.Job // without an application
	r     *runner.Runner
	apps  []*appBuild
}

type appBuild struct {
	root   string
	job    runner.Job
	result *runner.Result
	err    error // of writing the log
}

func runAllApps(cmd *cobra.Command, g *global, b buildFlags, args []string) error {
	a := &allApps{cmd: cmd, flags: b, args: args}
	var err error
	if a.job, err = b.job(args); err != nil {
		return usage(err)
	}
	if a.job.AppRoot != "" {
		return usage(errors.New("--all-apps and --app-root exclude each other"))
	}
	if err := runner.PrepareOutput(a.job.Out); err != nil {
		return err
	}
	if err := b.mask(cmd.OutOrStdout(), &a.job); err != nil {
		return err
	}
	var closeEngine func()
	if a.r, closeEngine, err = g.runner(); err != nil {
		return err
	}
	defer closeEngine()
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	if err := a.list(ctx); err != nil {
		return err
	}
	defer watchReader(a.cmd.OutOrStdout(), cancel)()
	a.run(ctx, cancel)
	return a.summary()
}

// list finds the applications, and makes a job of each.
func (a *allApps) list(ctx context.Context) error {
	roots, src, err := a.r.Applications(ctx, a.job)
	if err != nil {
		return explainFailure(a.cmd, src, err)
	}
	var errs []error
	taken := map[string]bool{}
	for _, root := range roots {
		f := a.flags
		f.appRoot = root
		job, err := f.job(a.args)
		errs = append(errs, err)
		name := strings.ReplaceAll(strings.Trim(filepath.ToSlash(filepath.Clean("/"+root)), "/"), "/", "-")
		for name == "" || taken[name] {
			name += "_"
		}
		taken[name] = true
		job.Out = filepath.Join(a.job.Out, runner.AppsDir, name)
		a.apps = append(a.apps, &appBuild{root: root, job: job})
	}
	if err := errors.Join(errs...); err != nil {
		return usage(err)
	}
	return nil
}

// run builds them, --jobs at a time. One that fails does not keep the others from being built.
func (a *allApps) run(ctx context.Context, cancel context.CancelCauseFunc) {
	screen := &watched{w: a.cmd.OutOrStdout(), cancel: cancel}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(max(1, a.flags.jobs))
	for i, app := range a.apps {
		g.Go(func() error {
			var out io.Writer = screen
			switch {
			case a.flags.log == "json": // every line names its application
				out = &lockedLines{w: screen, mu: &mu}
			case a.flags.jobs > 1:
				out = &lockedLines{w: screen, mu: &mu, prefix: "[" + app.root + "] "}
			default:
				_, app.err = fmt.Fprintf(screen, "=== %s (%d of %d)\n", app.root, i+1, len(a.apps))
			}
			a.build(ctx, app, out, cancel)
			if l, ok := out.(*lockedLines); ok {
				app.err = errors.Join(app.err, l.flush())
			}
			return nil
		})
	}
	_ = g.Wait() // what failed is in the results
}

func (a *allApps) build(ctx context.Context, app *appBuild, out io.Writer, cancel context.CancelCauseFunc) {
	if err := runner.PrepareOutput(app.job.Out); err != nil {
		app.err = errors.Join(app.err, err)
		return
	}
	f := a.flags
	f.appRoot = app.root
	view, finish, err := f.renderer(out, app.job.Out, cancel)
	if err != nil {
		app.err = errors.Join(app.err, err)
		return
	}
	app.result = a.r.Run(ctx, app.job, view.Event)
	app.err = errors.Join(app.err, finish())
}

// appSummary is a line of the summary.
type appSummary struct {
	AppRoot  string        `json:"appRoot"`
	Status   runner.Status `json:"status"`
	ExitCode int           `json:"exitCode"`
	Took     time.Duration `json:"took"`
	Files    int           `json:"files"`
	Bytes    int64         `json:"bytes"`
	Why      string        `json:"why,omitempty"`
	Out      string        `json:"out"`
}

func (app *appBuild) summary() appSummary {
	s := appSummary{AppRoot: app.root, Status: runner.StatusFailed, ExitCode: int(runner.ClassOutput), Out: app.job.Out}
	if r := app.result; r != nil {
		s.Status, s.ExitCode, s.Took = r.Status, r.ExitCode, r.Took
		if r.Artifacts != nil {
			s.Files, s.Bytes = r.Artifacts.Files, r.Artifacts.Bytes
		}
		if r.Failure != nil {
			s.Why = r.Failure.Message
		} else if r.Status == runner.StatusSkipped && len(r.Skipped) > 0 {
			s.Why = r.Skipped[0].Why
		}
	}
	if app.err != nil {
		s.Status, s.Why = runner.StatusFailed, app.err.Error()
		if s.ExitCode == 0 {
			s.ExitCode = int(runner.ClassOutput)
		}
	}
	return s
}

// summary shows how the builds ended, and keeps it beside them. The exit code is that of the first that failed.
func (a *allApps) summary() error {
	var all []appSummary
	code := 0
	for _, app := range a.apps {
		s := app.summary()
		all = append(all, s)
		if code == 0 {
			code = s.ExitCode
		}
	}
	var results []*runner.Result
	for _, app := range a.apps {
		if app.result != nil {
			results = append(results, app.result)
		}
	}
	if err := a.flags.report(results...); err != nil {
		return &runner.Failure{Class: runner.ClassOutput, Message: err.Error()}
	}
	raw, err := runner.MarshalDocument(struct {
		Version string       `json:"version"`
		Apps    []appSummary `json:"apps"`
	}{runner.ResultVersion, all})
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, append(raw, '\n'), "", "  "); err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(a.job.Out, runner.SummaryFile), text.Bytes(), 0o644); err != nil {
		return &runner.Failure{Class: runner.ClassOutput, Message: err.Error()}
	}
	if err := a.print(all); err != nil {
		return err
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

func (a *allApps) print(all []appSummary) error {
	if a.flags.log == "json" {
		line, err := runner.MarshalDocument(struct {
			Time time.Time    `json:"time"`
			Type string       `json:"type"`
			Apps []appSummary `json:"apps"`
		}{time.Now().UTC(), "summary", all})
		if err != nil {
			return err
		}
		_, err = a.cmd.OutOrStdout().Write(append(line, '\n'))
		return err
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nAPPLICATION\tSTATUS\tTIME\tARTIFACTS\t\n")
	for _, s := range all {
		files := "-"
		if s.Files > 0 {
			files = fmt.Sprintf("%d files, %s", s.Files, humanize.Bytes(uint64(s.Bytes)))
		}
		fmt.Fprintf(w, "%s\t%s\t%.1fs\t%s\t%s\n", s.AppRoot, s.Status, s.Took.Seconds(), files, s.Why)
	}
	bad := slices.IndexFunc(all, func(s appSummary) bool { return s.ExitCode != 0 })
	if err := w.Flush(); err != nil {
		return err
	}
	if bad >= 0 {
		fmt.Fprintf(&b, "\nThe first that failed is %s; its log is in %s\n", all[bad].AppRoot, filepath.Join(all[bad].Out, runner.LogFile))
	}
	_, err := a.cmd.OutOrStdout().Write(b.Bytes())
	return err
}

// lockedLines writes whole lines, so that builds side by side do not write into each other's.
type lockedLines struct {
	w      io.Writer
	mu     *sync.Mutex
	prefix string
	part   []byte // a line whose end has not come yet
}

func (l *lockedLines) Write(p []byte) (int, error) {
	l.part = append(l.part, p...)
	i := bytes.LastIndexByte(l.part, '\n')
	if i < 0 {
		return len(p), nil
	}
	whole := l.part[:i+1]
	err := l.lines(whole)
	l.part = append([]byte(nil), l.part[i+1:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *lockedLines) lines(whole []byte) error {
	var b bytes.Buffer
	for line := range bytes.Lines(whole) {
		b.WriteString(l.prefix)
		b.Write(line)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(b.Bytes())
	return err
}

func (l *lockedLines) flush() error {
	if len(l.part) == 0 {
		return nil
	}
	return l.lines(append(l.part, '\n'))
}
