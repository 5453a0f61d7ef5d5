package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/testdata/need"
)

// A build of ours is run again from its result: one that failed fails at the same command with the same exit code, and one
// that did not gives the same artifacts.
func TestRepro(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		for _, app := range []string{"html", "broken/failing-command", "broken/missing-base", "vite-react"} {
			t.Run(app, func(t *testing.T) {
				if app == "vite-react" {
					needsNPM(t)
				}
				dir := t.TempDir()
				first, again := filepath.Join(dir, "first"), filepath.Join(dir, "again")
				code, log := preamp(t, "build", repoOf(t, filepath.Join(appsDir, app)), "--out", first)
				codeAgain, logAgain := preamp(t, "repro", first, "--out", again)
				if codeAgain != code || !strings.Contains(logAgain, "as it did the first time") {
					t.Fatalf("exit code %d, and %d the first time:\n%s\n%s", codeAgain, code, log, logAgain)
				}
				want, got := wholeResult(t, first), wholeResult(t, again)
				if diff := cmp.Diff(command(want), command(got)); diff != "" {
					t.Errorf("the failing command (-first +again):\n%s", diff)
				}
				if code == 0 {
					if diff := cmp.Diff(files(t, filepath.Join(first, "artifacts")), files(t, filepath.Join(again, "artifacts"))); diff != "" {
						t.Errorf("artifacts (-first +again):\n%s", diff)
					}
				}
				if left := leftovers(t); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	})
}

func command(r *runner.Result) *runner.FailedCommand {
	if r.Failure == nil {
		return nil
	}
	return r.Failure.Command
}

func wholeResult(t *testing.T, out string) *runner.Result {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(out, runner.ResultFile))
	if err != nil {
		t.Fatal(err)
	}
	r := &runner.Result{}
	if err := json.Unmarshal(raw, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func needsNPM(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs time: npm installs, left out by -short")
	}
	need.Program(t, "npm")
	if os.Getenv("PREAMP_CA_CERT") == "" { // networks with a proxy of their own say so by these
		t.Setenv("PREAMP_CA_CERT", os.Getenv("NODE_EXTRA_CA_CERTS"))
	}
}
