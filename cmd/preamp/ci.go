package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/google/renameio/v2"

	"github.com/preamp-build/preamp/cmd/preamp/internal/render"
	"github.com/preamp-build/preamp/cmd/preamp/internal/workflow"
	"github.com/preamp-build/preamp/runner"
)

// logFlags say how a build is shown, and what is kept of it for others to show.
func (b *buildFlags) logFlags(f *pflag.FlagSet) {
	f.StringVar(&b.log, "log", "", "form of the log: plain, amplify (the service's own), json (one event a line), github, gitlab (default: plain, or that of the CI that runs it)")
	f.StringVar(&b.summary, "summary", "", "file to write a summary to, in Markdown (default in GitHub Actions: the step's)")
	f.StringVar(&b.junit, "junit", "", "file to write the test section's results to, as JUnit XML")
}

// onGitHub reports whether a workflow of GitHub Actions runs us.
func onGitHub() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// The files in which GitHub Actions looks for a step's summary and outputs.
const (
	stepSummary = "GITHUB_STEP_SUMMARY"
	stepOutput  = "GITHUB_OUTPUT"
)

// chooseLog takes the form that the CI understands, where none was asked for. Builds side by side write into each other's
// groups, so they have none.
func (b *buildFlags) chooseLog() error {
	sideBySide := b.allApps && b.jobs > 1
	switch {
	case b.log != "":
	case onGitHub() && !sideBySide:
		b.log = "github"
	case os.Getenv("GITLAB_CI") == "true" && !sideBySide:
		b.log = "gitlab"
	default:
		b.log = "plain"
	}
	if !slices.Contains(render.Formats, b.log) {
		return fmt.Errorf("--log %s: there are %s", b.log, strings.Join(render.Formats, ", "))
	}
	if sideBySide && (b.log == "github" || b.log == "gitlab") {
		return fmt.Errorf("--log %s folds one build at a time; leave --jobs out, or take --log plain", b.log)
	}
	return nil
}

// mask tells GitHub Actions what it is not to show of other steps' output, too. Anywhere else that would show it.
func (b *buildFlags) mask(w io.Writer, j *runner.Job) error {
	if b.log != "github" || !onGitHub() {
		return nil
	}
	var all strings.Builder
	for _, value := range j.SecretValues() {
		for line := range strings.Lines(value) { // the runner masks what stands in one line
			if line = strings.TrimSpace(line); len(line) > 3 {
				all.WriteString(workflow.Command("add-mask", line))
			}
		}
	}
	_, err := io.WriteString(w, all.String())
	return err
}

// report writes what --summary and --junit ask for. Several results follow each other in one summary.
func (b *buildFlags) report(results ...*runner.Result) error {
	var summary, junit bytes.Buffer
	for _, r := range results {
		if err := render.Summary(&summary, r); err != nil {
			return err
		}
	}
	if err := render.JUnit(&junit, results...); err != nil {
		return err
	}
	var errs []error
	if file := os.Getenv(stepOutput); onGitHub() && file != "" && len(results) > 0 {
		errs = append(errs, appendTo(file, b.outputs(results)))
	}
	if file := os.Getenv(stepSummary); b.summary == "" && onGitHub() && file != "" {
		errs = append(errs, appendTo(file, summary.Bytes()))
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{b.summary, summary.Bytes()}, {b.junit, junit.Bytes()}} {
		if f.name != "" {
			errs = append(errs, renameio.WriteFile(f.name, f.text, 0o644))
		}
	}
	return errors.Join(errs...)
}

// outputs are what later steps of a workflow may want to know, one NAME=VALUE a line. Of several builds, it is the first that
// failed, or the first, and the folder and file that hold all.
func (b *buildFlags) outputs(results []*runner.Result) []byte {
	r := results[0]
	took := time.Duration(0)
	for _, x := range slices.Backward(results) {
		took += x.Took
		if x.ExitCode != 0 {
			r = x
		}
	}
	out, err := filepath.Abs(b.out)
	if err != nil {
		out = b.out
	}
	values := [][2]string{
		{"status", string(r.Status)},
		{"exit-code", fmt.Sprint(r.ExitCode)},
		{"duration", fmt.Sprintf("%.1f", took.Seconds())},
		{"cache-hit", fmt.Sprint(r.Cache.Restore != nil && r.Cache.Restore.Hit)},
		{"cache-saved", fmt.Sprint(slices.ContainsFunc(results, func(r *runner.Result) bool { return r.Cache.Save != nil && r.Cache.Save.Saved }))},
		{"skipped", fmt.Sprint(r.Status == runner.StatusSkipped)},
	}
	if len(r.Skipped) > 0 {
		values = append(values, [2]string{"skipped-why", r.Skipped[0].What + ": " + r.Skipped[0].Why})
	}
	switch {
	case b.allApps:
		values = append(values, [2]string{"artifact-path", filepath.Join(out, runner.AppsDir)}, [2]string{"result-file", filepath.Join(out, runner.SummaryFile)})
	case r.Artifacts != nil:
		values = append(values, [2]string{"artifact-path", r.Artifacts.Dir}, [2]string{"zip", r.Artifacts.Zip}, [2]string{"result-file", filepath.Join(out, runner.ResultFile)})
	default:
		values = append(values, [2]string{"result-file", filepath.Join(out, runner.ResultFile)})
	}
	var text bytes.Buffer
	for _, v := range values {
		fmt.Fprintf(&text, "%s=%s\n", v[0], strings.Map(oneLine, v[1])) // a second line would be another output
	}
	return text.Bytes()
}

// appendTo adds to a file that other steps may have begun.
func appendTo(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

func oneLine(r rune) rune {
	if r == '\n' || r == '\r' {
		return ' '
	}
	return r
}
