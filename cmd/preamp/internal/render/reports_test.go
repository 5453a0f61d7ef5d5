package render

import (
	"bytes"
	"encoding/xml"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/advice"
	"github.com/preamp-build/preamp/runner/engine"
)

func resultOf(status runner.Status) *runner.Result {
	return &runner.Result{
		Status: status, Took: 75 * time.Second, Branch: "main", Spec: "amplify.yml", AppRoot: "apps/web", Engine: docker,
		Source: runner.Source{Name: "site", Commit: commit, Subject: "Add a | <b>page</b> @owner"}, Image: runner.Image{Ref: "preamp/debian:latest"},
		Usage: engine.Usage{PeakMemory: 3 << 29},
		Sections: []runner.SectionResult{
			{Name: "backend", OK: true},
			{Name: "frontend", OK: true, Took: time.Minute, Phases: []runner.PhaseResult{
				{Name: "preBuild", OK: true, Took: 40 * time.Second, Commands: []runner.CommandResult{{Text: "npm ci", Line: 6, Took: 40 * time.Second}}},
				{Name: "build", OK: true, Took: 20 * time.Second, Commands: []runner.CommandResult{
					{Text: "true", Line: 9}, {Text: "if a | b; then\n  npm run build\nfi\n", Line: 10, Took: 20 * time.Second},
				}},
			}},
		},
	}
}

func passedResult() *runner.Result {
	r := resultOf(runner.StatusSucceeded)
	r.Cache = runner.CacheResult{
		Restore: &runner.CacheRestore{Hit: true, Reason: "saved by main", Files: 3, Bytes: 2048, Took: time.Second},
		Save:    &runner.CacheSave{Reason: "unchanged", Files: 3, Bytes: 2048},
	}
	r.Artifacts = &runner.Artifacts{Base: "dist", Files: 12, Bytes: 34567, ZipBytes: 9876, SHA256: strings.Repeat("ab", 32)}
	r.Warnings = []string{"something is odd"}
	r.Advice = []advice.Advice{{ID: "memory-near-limit", Message: "the build has used 7.5 GiB of the 8.0 GiB that the instance standard has", Help: "use less"}}
	return r
}

func failedResult() *runner.Result {
	r := resultOf(runner.StatusFailed)
	r.Failure = &runner.Failure{Class: runner.ClassCommand, Message: "amplify.yml:20: a command of test.test failed with exit code 3: npm test", Hint: "look\nthere"}
	r.Sections = append(r.Sections, runner.SectionResult{Name: "test", Took: 9 * time.Second, Phases: []runner.PhaseResult{
		{Name: "preTest", OK: true, Commands: []runner.CommandResult{{Text: "npm run serve &", Line: 18, Took: time.Second}}},
		{Name: "test", Took: 8 * time.Second, Commands: []runner.CommandResult{{Text: "npm test", Line: 20, Code: 3, Took: 8 * time.Second}}},
	}})
	r.Tests = &runner.Tests{Passed: 2, Failed: 1, Skipped: 1, Took: 7 * time.Second, Failing: []runner.TestCase{
		{Suite: "cart › sums", Name: "adds <1> & \"2\"", Message: "expected 2, got 1\nat \x1b line 3 ]]>", File: "cart.spec.js", Line: 3},
	}}
	return r
}

func specResult() *runner.Result {
	span := buildspec.Span{Start: buildspec.Pos{Line: 7, Column: 3}, End: buildspec.Pos{Line: 7, Column: 9}}
	return &runner.Result{
		Status: runner.StatusFailed, Source: runner.Source{Name: "site"},
		Failure: &runner.Failure{Class: runner.ClassSpec, Message: "amplify.yml: 1 error", Diagnostics: buildspec.Diagnostics{
			{Rule: "yaml-syntax", Severity: buildspec.Error, File: "amplify.yml", Span: span, Message: "a key is indented wrongly", Help: "indent it\nby two"},
		}},
		Skipped: []runner.Skipped{{What: "test", Why: "USER_DISABLE_TESTS is true"}},
	}
}

func TestReports(t *testing.T) {
	for name, r := range map[string]*runner.Result{"passed": passedResult(), "failed": failedResult(), "spec": specResult(), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			var md, junit bytes.Buffer
			if err := Summary(&md, r); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "summary_"+name+".md"), md.Bytes())
			if err := JUnit(&junit, r); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "junit_"+name+".xml"), junit.Bytes())
			var doc junitSuites
			if err := xml.Unmarshal(junit.Bytes(), &doc); err != nil {
				t.Errorf("it is no XML: %v", err)
			}
		})
	}
}

// However much a build has to say, a step's summary may not have more than a MiB.
func TestSummaryIsBounded(t *testing.T) {
	r := failedResult()
	long := strings.Repeat("|", 1<<16)
	for range 1000 {
		r.Warnings = append(r.Warnings, long)
		r.Tests.Failing = append(r.Tests.Failing, runner.TestCase{Name: long, Message: long})
		r.Failure.Diagnostics = append(r.Failure.Diagnostics, buildspec.Diagnostic{Message: long})
		r.Sections[1].Phases[0].Commands = append(r.Sections[1].Phases[0].Commands, runner.CommandResult{Text: long})
	}
	var md bytes.Buffer
	if err := Summary(&md, r); err != nil || md.Len() > 1<<19 {
		t.Errorf("%d bytes, %v", md.Len(), err)
	}
}
