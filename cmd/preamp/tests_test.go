package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

// The tests of an application, by a real mocha in a container: they pass, fail, or never end. What they leave is kept in
// each case.
func TestTestSections(t *testing.T) {
	if testing.Short() {
		t.Skip("needs time: npm installs, left out by -short")
	}
	need.Program(t, "git")
	if os.Getenv("PREAMP_CA_CERT") == "" {
		t.Setenv("PREAMP_CA_CERT", os.Getenv("NODE_EXTRA_CA_CERTS"))
	}
	dockertest.Image(t, dockertest.Engine(t, docker.Options{}))
	t.Setenv("PREAMP_ENGINE", "docker")
	t.Setenv("PREAMP_HOME", t.TempDir()) // one for all: the first build fills npm's cache for the others

	reports := expected(t, "with-tests-reports")
	enough := time.Minute // for a build up to its last test; known better once one has passed
	for _, tc := range []struct {
		name   string
		args   []string
		hang   bool // the last test waits for ever
		code   int
		status runner.Status
		class  runner.Class
		tests  *runner.Tests
		kept   []string // test artifacts
		log    []string
	}{
		{
			name: "passing", status: runner.StatusSucceeded, tests: &runner.Tests{Passed: 3, Skipped: 1}, kept: reports,
			log: []string{"3 passed"},
		},
		{
			name: "failing", args: []string{"--env", "EXPECTED_TITLE=Another site"}, code: 1, status: runner.StatusFailed, class: runner.ClassCommand,
			tests: &runner.Tests{Passed: 2, Failed: 1, Skipped: 1, Failing: []runner.TestCase{{Suite: "the site", Name: "has the right title"}}},
			kept:  reports,
			log:   []string{"has the right title", "a command of test.test failed with exit code 1", "server ", "npm test"},
		},
		{
			name: "hanging", hang: true, code: 7, status: runner.StatusTimedOut, class: runner.ClassTimeout,
			kept: []string{"screenshots/logo.png"}, // its report is never written, and postTest is not begun
			log:  []string{"while it ran a command of test.test: npm test"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			repo := repoOf(t, filepath.Join(appsDir, "with-tests"))
			out := filepath.Join(t.TempDir(), "out")
			args := append([]string{"build", repo, "--out", out, "--app-id", "dtests"}, tc.args...)
			if tc.hang {
				hangs(t, repo)
				args = append(args, "--timeout", enough.String())
			}
			code, log := preamp(t, args...)
			var res runner.Result
			raw, err := os.ReadFile(filepath.Join(out, runner.ResultFile))
			if err == nil {
				err = json.Unmarshal(raw, &res)
			}
			if err != nil || code != tc.code || res.ExitCode != tc.code || res.Status != tc.status {
				t.Fatalf("exit code %d, %s, %v:\n%s", code, res.Status, err, log)
			}
			if tc.name == "passing" {
				enough = 5*time.Second + 2*res.Took
			}
			if tc.class != runner.ClassOK && (res.Failure == nil || res.Failure.Class != tc.class) {
				t.Errorf("failure %+v, want class %s", res.Failure, tc.class)
			}
			if diff := cmp.Diff(tc.tests, summary(res.Tests)); diff != "" {
				t.Errorf("tests (-want +got):\n%s", diff)
			}
			kept := files(t, filepath.Join(out, "test-artifacts"))
			if diff := cmp.Diff(tc.kept, kept); diff != "" {
				t.Errorf("test artifacts (-want +got):\n%s", diff)
			}
			for _, want := range tc.log {
				if !strings.Contains(log, want) {
					t.Errorf("%q is not in the log:\n%s", want, log)
				}
			}
			// What failed its tests is not deployed.
			if _, err := os.Stat(filepath.Join(out, "artifacts")); (err == nil) != (code == 0) {
				t.Errorf("artifacts: %v", err)
			}
			if left := leftovers(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// hangs makes a test of the application wait for ever, after the one that leaves a picture.
func hangs(t *testing.T, repo string) {
	t.Helper()
	file := filepath.Join(repo, "test", "site.spec.js")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const skipped = "it.skip('is translated', () => {})"
	if !strings.Contains(string(raw), skipped) {
		t.Fatalf("%s has no %s", file, skipped)
	}
	endless := "it('is translated', function () { this.timeout(0); setInterval(() => {}, 1000); return new Promise(() => {}) })"
	if err := os.WriteFile(file, []byte(strings.Replace(string(raw), skipped, endless, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// summary is t without what differs from run to run.
func summary(t *runner.Tests) *runner.Tests {
	if t == nil {
		return nil
	}
	s := runner.Tests{Passed: t.Passed, Failed: t.Failed, Skipped: t.Skipped}
	for _, c := range t.Failing {
		s.Failing = append(s.Failing, runner.TestCase{Suite: c.Suite, Name: c.Name})
	}
	slices.SortFunc(s.Failing, func(a, b runner.TestCase) int { return strings.Compare(a.Name, b.Name) })
	return &s
}
