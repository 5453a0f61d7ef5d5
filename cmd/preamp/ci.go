package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

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

// stepSummary is the file in which GitHub Actions looks for a step's summary.
const stepSummary = "GITHUB_STEP_SUMMARY"

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

// appendTo adds to a file that other steps may have begun.
func appendTo(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
