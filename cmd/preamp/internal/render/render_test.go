package render

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/advice"
	"github.com/preamp-build/preamp/runner/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const commit = "11f29bdbdd1833c078975f02aa01e7f60e4f8f5f"

var docker = engine.Info{Kind: "docker", Version: "28.5", CPUs: 16, Memory: 64 << 30, Isolated: true}

// opening is what every build begins with.
func opening(plan runner.Plan) []runner.Event {
	return []runner.Event{
		runner.BuildStarted{Build: "b1", Engine: docker, Limits: runner.StandardLimits, Timeout: 30 * time.Minute, Isolated: true},
		runner.SourceStarted{From: "git@git.example.com:owner/site.git"},
		runner.SourceReady{
			Source: runner.Source{Name: "site", Branch: "main", Commit: commit, Subject: "Add a page", Submodules: []string{"libs/css"}},
			Dir:    "/codebuild/output/src1234567890/src/site", Took: time.Second,
		},
		runner.SpecRead{File: "amplify.yml"},
		runner.Planned{Plan: &plan, App: "d1abcdefghijkl", Branch: "main"},
		runner.ImageReady{Image: runner.Image{Ref: "preamp/debian:latest", ID: "sha256:0123456789abcdef"}},
	}
}

func ran(section, phase, command, output string, code int) []runner.Event {
	return []runner.Event{
		runner.PhaseStarted{Section: section, Phase: phase},
		runner.CommandStarted{Section: section, Phase: phase, Text: command, File: "amplify.yml", Line: 7},
		runner.Output{Text: output},
		runner.CommandEnded{Section: section, Phase: phase, Code: code, Took: 1500 * time.Millisecond},
		runner.PhaseEnded{Section: section, Phase: phase, OK: code == 0},
	}
}

func ended(status runner.Status) []runner.Event {
	return []runner.Event{runner.BuildEnded{Result: &runner.Result{Status: status, Took: 90 * time.Second}}}
}

func concat(lists ...[]runner.Event) []runner.Event {
	var all []runner.Event
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// everything is a build with all that there is, in the order in which preamp does it.
func everything() []runner.Event {
	cli := runner.LiveUpdate{Name: "Amplify CLI", Pkg: "@aws-amplify/cli", Type: "npm", Version: "latest"}
	node := runner.LiveUpdate{Pkg: "node", Type: "nvm", Version: "22"}
	hugo := runner.LiveUpdate{Pkg: "hugo", Type: "hugo", Version: "0.1"}
	return concat(
		opening(runner.Plan{EnvNames: []string{"AWS_APP_ID", "secrets"}, Cache: []string{".npm/**/*"}}),
		[]runner.Event{
			runner.CacheRestored{CacheRestore: runner.CacheRestore{Hit: true, Reason: "saved by main", Files: 3, Bytes: 2048}},
			runner.EnvCacheRestored{Found: true, Keys: []string{"color", "stackInfo"}},
			runner.ContainerStarted{ID: "c1", Dir: "/codebuild/output/src1234567890/src/site"},
			runner.LiveUpdateStarted{Update: node, From: "20.1.0"},
			runner.LiveUpdateEnded{Update: runner.LiveUpdateResult{LiveUpdate: node, From: "20.1.0", To: "22.18.0", OK: true, Took: time.Second}},
			runner.LiveUpdateStarted{Update: cli},
			runner.LiveUpdateEnded{Update: runner.LiveUpdateResult{LiveUpdate: cli, To: "12.10.1", OK: true}},
			runner.LiveUpdateStarted{Update: hugo},
			runner.LiveUpdateEnded{Update: runner.LiveUpdateResult{LiveUpdate: hugo, Why: "there is no version 0.1"}},
			runner.DiffDecided{Diff: runner.Diff{What: "frontend", Root: "src", Base: "aaaa", Head: commit, Why: "files have changed", Changed: 3, First: []string{"src/a.js", "src/b.js"}}},
			runner.SectionStarted{Section: "backend"},
			runner.SectionEnded{Section: "backend", OK: true},
			runner.SectionStarted{Section: "frontend", Defined: true},
		},
		ran("frontend", "preBuild", "npm ci", "added 3 packages\n\n  indented\nno end", 0),
		ran("frontend", "build", "if true; then\n  npm run build\nfi\n", "built\n", 0),
		[]runner.Event{runner.SectionEnded{Section: "frontend", OK: true}, runner.SectionStarted{Section: "test", Defined: true}},
		ran("test", "test", "npm test", "ok\n", 0),
		[]runner.Event{
			runner.SectionEnded{Section: "test", OK: true},
			runner.TestsReported{Tests: runner.Tests{Passed: 3, Skipped: 1}},
			runner.HeadersRead{Headers: runner.Headers{File: "customHttp.yml", Rules: 2}},
			runner.EnvCacheSaved{Saved: true, Keys: 2, Bytes: 300},
			runner.CacheSaved{CacheSave: runner.CacheSave{Saved: true, Files: 3, Bytes: 2048, Stored: 1024}},
			runner.ArtifactsReady{Kind: "test", Artifacts: runner.Artifacts{Dir: "out/test-artifacts", Zip: "out/test-artifacts.zip", Files: 1}},
			runner.ArtifactsReady{Kind: "build", Artifacts: runner.Artifacts{Dir: "out/artifacts", Zip: "out/artifacts.zip", Hashes: "out/artifacts-hash.zip", Files: 5, Bytes: 4096}},
			runner.Notice{Message: "a link was left out"},
			runner.Warning{Message: "something is odd"},
			runner.Advised{Advice: advice.Advice{
				ID: "npm-ci-over-node-modules", Rule: "npm-ci-node-modules-cache", File: "amplify.yml", Line: 7, Column: 11,
				Message: "npm ci deleted the node_modules that the cache had brought (3 files, 2.0 kB) and installed them anew, in 1.5s",
				Help:    "cache .npm/**/* instead", Numbers: map[string]float64{"files": 3, "bytes": 2048, "commandSeconds": 1.5},
			}},
			runner.Advised{Advice: advice.Advice{ID: "cache-saves", Message: "the cache took 14ms and `npm\nci` 1.5s; without a cache that took 18.3s, on 2026-01-01"}},
		},
		ended(runner.StatusSucceeded))
}

func failedTest() []runner.Event {
	return concat(
		opening(runner.Plan{}),
		[]runner.Event{
			runner.EnvCacheRestored{},
			runner.SectionStarted{Section: "backend", Defined: true},
			runner.SectionEnded{Section: "backend", OK: true},
			runner.SectionStarted{Section: "frontend", Defined: true},
			runner.SectionEnded{Section: "frontend", OK: true},
			runner.SectionStarted{Section: "test", Defined: true},
		},
		ran("test", "test", "npm test", "1 of 2 failed", 3),
		[]runner.Event{
			runner.SectionEnded{Section: "test"},
			runner.TestsReported{Tests: runner.Tests{Passed: 1, Failed: 1, Failing: []runner.TestCase{
				{Suite: "cart", Name: "adds", Message: "expected 2, got 1\nat line 3", File: "cart.spec.js", Line: 3},
			}}},
			runner.EnvCacheSaved{Why: "the disk is full"},
			runner.Failed{Failure: &runner.Failure{
				Class: runner.ClassCommand, Message: "amplify.yml:7: a command of test.test failed with exit code 3: npm test",
				Service: "Error: Command failed with exit code 3", Hint: "look\nthere",
			}},
		},
		ended(runner.StatusFailed))
}

func unchanged() []runner.Event {
	backend := runner.Diff{What: "backend", Root: "amplify", Base: commit, Head: commit, Skip: true, Why: "nothing below amplify has changed"}
	frontend := backend
	frontend.What, frontend.Root = "frontend", "src"
	return concat(
		opening(runner.Plan{EnvNames: []string{"AMPLIFY_DIFF_DEPLOY_ROOT"}, Cache: []string{"x"}}),
		[]runner.Event{
			runner.DiffDecided{Diff: frontend},
			runner.DiffDecided{Diff: backend},
			runner.Skipped{What: "backend", Code: runner.SkipDiff, Why: "no changes"},
			runner.Skipped{What: "frontend", Code: runner.SkipDiff, Why: "no changes"},
			runner.Skipped{What: "test", Code: runner.SkipDiff, Why: "no changes"},
			runner.HeadersRead{},
		},
		ended(runner.StatusSkipped))
}

func specWrong(t *testing.T) []runner.Event {
	src := []byte(strings.Join([]string{
		"version: 1", "backend:", "  phases:", "    build:", "      commands:", "        - npm ci --cache .npm --prefer-offline --no-audit --loglevel=warn",
		"        - true", "frontend:", "  phases: {}", "  phases:", "    preBuild:", "      commands: []", "",
	}, "\n"))
	_, found := buildspec.Parse("amplify.yml", src)
	if !found.HasErrors() {
		t.Fatal("the specification is right")
	}
	return concat(opening(runner.Plan{})[:3],
		[]runner.Event{runner.Failed{Failure: &runner.Failure{Class: runner.ClassSpec, Message: "wrong", Diagnostics: found}, Source: src}},
		ended(runner.StatusFailed))
}

func timedOut() []runner.Event {
	return concat(opening(runner.Plan{}),
		[]runner.Event{
			runner.SectionStarted{Section: "backend", Backend: "production"},
			runner.SectionEnded{Section: "backend", OK: true, Took: 12 * time.Second},
			runner.SectionStarted{Section: "frontend", Defined: true},
		},
		ran("frontend", "build", "sleep 9999", "", 143),
		[]runner.Event{
			runner.SectionEnded{Section: "frontend"},
			runner.Failed{Failure: &runner.Failure{Class: runner.ClassTimeout, Message: "amplify.yml:7: the build timed out after 30m0s while it ran a command of frontend.build: sleep 9999"}},
		},
		ended(runner.StatusTimedOut))
}

func leftOut() []runner.Event {
	b := opening(runner.Plan{Cache: []string{"kept"}})
	b[2] = runner.SourceReady{Source: runner.Source{Name: "site", Commit: commit, WorkTree: true, Changed: 1, Untracked: 2}}
	return concat(b,
		[]runner.Event{
			runner.CacheRestored{CacheRestore: runner.CacheRestore{Reason: "no entry"}},
			runner.Skipped{What: "backend", Code: runner.SkipBackend, Why: "AMPLIFY_SKIP_BACKEND_BUILD is true"},
			runner.SectionStarted{Section: "frontend", Defined: true},
			runner.SectionEnded{Section: "frontend", OK: true},
			runner.Skipped{What: "test", Code: runner.SkipTestsDisabled, Why: "USER_DISABLE_TESTS is true"},
			runner.HeadersRead{Headers: runner.Headers{File: "amplify.yml", Rules: 1, Legacy: true}},
			runner.CacheSaved{CacheSave: runner.CacheSave{Reason: "nothing matches"}},
			runner.Failed{Failure: &runner.Failure{Class: runner.ClassOutput, Message: "amplify.yml:6: Artifact directory doesn't exist: dist", Service: "CustomerError: Artifact directory doesn't exist: dist"}},
		},
		ended(runner.StatusFailed))
}

func notAsked() []runner.Event {
	return concat(opening(runner.Plan{}),
		[]runner.Event{runner.Skipped{What: "build", Code: runner.SkipCD, Why: "the commit message ends with [skip-cd]"}},
		ended(runner.StatusSkipped))
}

// TestForms holds every form of the log. The times of the events are a second apart.
func TestForms(t *testing.T) {
	tests := []struct {
		name   string
		events []runner.Event
	}{
		{"everything", everything()},
		{"failed_test", failedTest()},
		{"unchanged", unchanged()},
		{"spec_wrong", specWrong(t)},
		{"timed_out", timedOut()},
		{"left_out", leftOut()},
		{"not_asked", notAsked()},
	}
	for _, tt := range tests {
		for _, form := range Formats {
			t.Run(tt.name+"/"+form, func(t *testing.T) {
				var got bytes.Buffer
				r, err := New(form, &got, Options{Random: func() string { return "RANDOM" }})
				if err != nil {
					t.Fatal(err)
				}
				at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
				for i, e := range tt.events {
					r.Event(runner.Stamped{Time: at.Add(time.Duration(i) * time.Second), Event: e})
				}
				golden(t, filepath.Join("testdata", tt.name+"."+form), got.Bytes())
			})
		}
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, got, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the log is not as in %s (-want +got):\n%s", file, diff)
	}
}

func TestFormatUnknown(t *testing.T) {
	if _, err := New("xml", nil, Options{}); err == nil || !strings.Contains(err.Error(), "plain, amplify, json, github, gitlab") {
		t.Errorf("New = %v, want an error that names the forms", err)
	}
}

// TestSnippet holds the excerpt to that of the service's parser, whose columns are cut around that of the place.
func TestSnippet(t *testing.T) {
	long := strings.Repeat("0123456789", 10)
	tests := []struct {
		name string
		src  string
		at   buildspec.Pos
		want []string
	}{
		{"first line", "a\nb\nc\nd", buildspec.Pos{Line: 1, Column: 1}, []string{" 1 | a", "-----^", " 2 | b", " 3 | c"}},
		{"last line", "a\nb\nc\nd\ne", buildspec.Pos{Line: 5, Column: 2}, []string{" 2 | b", " 3 | c", " 4 | d", " 5 | e", "------^"}},
		{"wide number", strings.Repeat("x\n", 10) + "y", buildspec.Pos{Line: 9, Column: 1}, []string{"  6 | x", "  7 | x", "  8 | x", "  9 | x", "------^", " 10 | x", " 11 | y"}},
		{"long", long, buildspec.Pos{Line: 1, Column: 1}, []string{" 1 | " + long[:32] + " ...", "-----^"}},
		{"long middle", long, buildspec.Pos{Line: 1, Column: 51}, []string{" 1 |  ... " + long[19:82] + " ...", "-----" + strings.Repeat("-", 36) + "^"}},
		{"nowhere", "a", buildspec.Pos{}, nil},
		{"beyond", "a", buildspec.Pos{Line: 9, Column: 1}, nil},
		{"beyond the line", "a", buildspec.Pos{Line: 1, Column: 99}, []string{" 1 | a", "------^"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, snippet([]byte(tt.src), tt.at)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
