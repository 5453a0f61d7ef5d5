package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/cmd/preamp/internal/render"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/contract"
)

// eventsFormat is the only form in which --events writes.
const eventsFormat = "ndjson"

// besideJob are the flags that a job document does not replace.
var besideJob = []string{"job", "events", "out", "log", "engine", "docker-context", "debug", "summary", "junit"}

// checkJobFlags reports flags that contradict each other.
func (b *buildFlags) checkJobFlags(f *pflag.FlagSet, args []string) error {
	var errs []error
	if b.events != "" && b.events != eventsFormat {
		errs = append(errs, fmt.Errorf("--events %s: there is %s", b.events, eventsFormat))
	}
	if b.jobFile == "" {
		return errors.Join(errs...)
	}
	var others []string
	f.Visit(func(flag *pflag.Flag) {
		if !slices.Contains(besideJob, flag.Name) {
			others = append(others, "--"+flag.Name)
		}
	})
	others = append(others, args...)
	if len(others) > 0 {
		errs = append(errs, fmt.Errorf("with --job, the document says what %s would", strings.Join(others, ", ")))
	}
	return errors.Join(errs...)
}

// request is what is to be built, from flags or from a document.
type request struct {
	job   runner.Job
	cache string // folder; "" = the usual one
}

// request reads the job's document, or makes the job of the flags. The error is one of usage, or that of ctx.
func (b buildFlags) request(ctx context.Context, cmd *cobra.Command, args []string) (request, error) {
	if b.jobFile == "" {
		job, err := b.job(args)
		if err != nil {
			return request{job: job}, usage(err)
		}
		return request{job: job}, nil
	}
	doc, err := b.readJob(ctx, cmd.InOrStdin())
	if err != nil {
		return request{}, err
	}
	var req request
	if req.job, err = doc.Runner(); err != nil {
		return request{}, usage(err)
	}
	if doc.Cache != nil {
		req.cache = doc.Cache.Folder
	}
	if req.job.Out == "" || cmd.Flags().Changed("out") {
		if req.job.Out, err = filepath.Abs(b.out); err != nil {
			return request{}, usage(err)
		}
	}
	return req, nil
}

// readJob reads the document that --job names. Whoever should send it may never do so, and a signal must still end us.
func (b buildFlags) readJob(ctx context.Context, stdin io.Reader) (*contract.Job, error) {
	if b.jobFile != "-" {
		raw, err := os.ReadFile(b.jobFile)
		if err != nil {
			return nil, usage(fmt.Errorf("--job: %w", err))
		}
		stdin = bytes.NewReader(raw)
	}
	type read struct {
		job *contract.Job
		err error
	}
	done := make(chan read, 1)
	go func() {
		job, err := contract.Read(stdin)
		done <- read{job, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case got := <-done:
		return got.job, b.explainJob(got.err)
	}
}

// explainJob makes a failure of what is wrong with a document, in which programs find each problem by itself.
func (b buildFlags) explainJob(err error) error {
	var e *contract.Error
	if !errors.As(err, &e) {
		if err != nil {
			return usage(fmt.Errorf("--job: %w", err))
		}
		return nil
	}
	f := &runner.Failure{Class: runner.ClassUsage, Message: e.Error()}
	for _, p := range e.Problems {
		at := buildspec.Pos{Line: p.Line, Column: p.Column}
		f.Diagnostics = append(f.Diagnostics, buildspec.Diagnostic{
			Rule: "job", Severity: buildspec.Error, File: b.jobFile, Span: buildspec.Span{Start: at, End: at}, Message: p.Path + ": " + p.Message,
		})
	}
	return f
}

// runEvents builds for a program: events on standard output as they happen, the result as the last of them, whatever goes
// wrong. The log for people goes to standard error, when it was asked for.
func runEvents(cmd *cobra.Command, g *global, b buildFlags, args []string) error {
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	defer watchReader(cmd.OutOrStdout(), cancel)()
	stream, err := render.New("json", &watched{w: cmd.OutOrStdout(), cancel: cancel}, render.Options{})
	if err != nil {
		return err
	}
	views := []render.Renderer{stream}
	if cmd.Flags().Changed("log") {
		log, err := render.New(b.log, cmd.ErrOrStderr(), render.Options{Color: hasColor(cmd.ErrOrStderr())})
		if err != nil {
			return usage(err)
		}
		views = append(views, log)
	}
	res := b.buildFor(ctx, cmd, g, args, views)
	if res.ExitCode != 0 {
		return exitCode(res.ExitCode)
	}
	return nil
}

// buildFor is a whole build, from reading the job to its result. What fails before a build can begin is a result, too.
func (b buildFlags) buildFor(ctx context.Context, cmd *cobra.Command, g *global, args []string, views []render.Renderer) *runner.Result {
	refuse := func(out string, err error) *runner.Result {
		return runner.Refuse(ctx, versionText(), out, err, render.Tee(views...).Event)
	}
	if err := b.checkJobFlags(cmd.Flags(), args); err != nil {
		return refuse("", usage(err))
	}
	req, err := b.request(ctx, cmd, args)
	if err != nil {
		return refuse("", err)
	}
	out := req.job.Out
	if err := runner.PrepareOutput(out); err != nil {
		return refuse("", err)
	}
	r, closeEngine, err := g.runner()
	if err != nil {
		return refuse(out, err)
	}
	defer closeEngine()
	if err := req.useCache(r); err != nil {
		return refuse(out, err)
	}
	log, finish, err := keepLog("plain", out)
	if err != nil {
		return refuse(out, err)
	}
	res := r.Run(ctx, req.job, render.Tee(append(views, log)...).Event)
	if err := errors.Join(finish(), b.report(res)); err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "preamp:", err)
	}
	return res
}

// useCache puts the caches where the job wants them.
func (q request) useCache(r *runner.Runner) error {
	if q.cache == "" {
		return nil
	}
	dir, err := filepath.Abs(q.cache)
	if err != nil {
		return usage(err)
	}
	return keepCaches(r, dir, keeping{})
}

// keepLog writes the log in the output folder.
func keepLog(format, dir string) (render.Renderer, func() error, error) {
	file, err := os.Create(filepath.Join(dir, runner.LogFile))
	if err != nil {
		return nil, nil, &runner.Failure{Class: runner.ClassOutput, Message: err.Error()}
	}
	buffered := bufio.NewWriterSize(file, 64<<10)
	log, err := render.New(format, buffered, render.Options{})
	if err != nil {
		return nil, nil, usage(errors.Join(err, file.Close()))
	}
	return log, func() error {
		if err := errors.Join(buffered.Flush(), file.Close()); err != nil {
			return fmt.Errorf("write the log: %w", err)
		}
		return nil
	}, nil
}
