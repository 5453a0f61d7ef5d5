package runner

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/preamp-build/preamp/artifacts"
	"github.com/preamp-build/preamp/artifacts/check"
	"github.com/preamp-build/preamp/artifacts/testreport"
	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/engine"
)

// checkOutput looks whether the service would deploy the artifacts. What it would refuse fails the build, as it does there.
func (b *build) checkOutput(chosen *artifacts.Selection) error {
	o := check.Options{
		Root: b.workspace, Selection: chosen, BaseAsWritten: b.plan.Artifact.Written, Project: b.plan.Project,
		AppRoot: b.plan.AppRoot, Platform: b.job.Platform, Framework: b.framework,
	}
	if b.nextSSR() { // what is proposed for other frameworks is too much of a guess to miss a server for
		o.Platform = check.Compute
	}
	report, err := check.Output(o)
	if err != nil {
		return fail(ClassOutput, err)
	}
	return b.judge(report.Findings, "the service would not deploy this output")
}

// judge warns of findings, and makes a failure of those that are errors.
func (b *build) judge(found buildspec.Diagnostics, what string) error {
	var bad buildspec.Diagnostics
	for _, d := range found {
		if d.Severity == buildspec.Error {
			bad = append(bad, d)
			continue
		}
		if d.Severity == buildspec.Warning {
			b.warn("%s", finding(d))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	f := &Failure{Class: ClassOutput, Message: what + ": " + bad[0].Message, Diagnostics: bad, err: bad.Err()}
	for _, d := range bad {
		if d.Amplify != "" {
			f.Service = d.Amplify
			break
		}
	}
	return f
}

func finding(d buildspec.Diagnostic) string {
	s := d.Message
	if d.File != "" && d.Span.Start.Line > 0 {
		s = fmt.Sprintf("%s:%s: %s", d.File, d.Span.Start, s)
	} else if d.File != "" {
		s = d.File + ": " + s
	}
	if d.Help != "" {
		s += " (" + d.Help + ")"
	}
	return s
}

// findHeaders looks for the deployment's custom headers and puts them beside the artifacts. The service refuses wrong ones.
func (b *build) findHeaders() error {
	spec := b.result.Spec
	if spec == generatedSpec {
		spec = ""
	}
	h, found, err := check.FindHeaders(check.HeaderOptions{Root: b.workspace, AppRoot: b.plan.AppRoot, Spec: spec})
	if err != nil {
		return fail(ClassOutput, err)
	}
	if err := b.judge(found, "the service would refuse the custom headers"); err != nil {
		return err
	}
	var read Headers
	if h != nil {
		read = Headers{File: h.File, Rules: len(h.App.Rules), Legacy: h.Legacy}
		b.result.Headers = &read
		if err := engine.ReplaceFile(filepath.Join(b.job.Out, HeadersFile), h.App.YAML(), 0o644); err != nil {
			return fail(ClassOutput, err)
		}
	}
	b.send(HeadersRead{Headers: read})
	return nil
}

// readReports adds up what the tests reported. That there is no report is no fault: most tests write none.
func (b *build) readReports(ctx context.Context) {
	o := testreport.Options{Root: b.workspace, Base: b.plan.Project, Dir: b.r.Engine.Dir(b.containerSpec())}
	if p := b.plan.Tests; p != nil {
		o.Base, o.Config = p.Base, p.Report
	}
	// An engine elsewhere has another clock.
	if e := b.result.Engine; e.SharesPaths || strings.HasPrefix(e.Endpoint, "unix:") {
		o.Since = b.testsBegan
	}
	sum, problems := testreport.Read(ctx, o)
	for _, p := range problems {
		b.warn("%s", p)
	}
	if sum == nil {
		return
	}
	t := Tests{Passed: sum.Passed, Failed: sum.Failed, Skipped: sum.Skipped, Took: sum.Duration}
	for _, c := range sum.Failing {
		t.Failing = append(t.Failing, TestCase(c))
	}
	for _, r := range sum.Reports {
		t.Reports = append(t.Reports, path.Clean(r.Path))
	}
	b.result.Tests = &t
	b.send(TestsReported{Tests: t})
}
