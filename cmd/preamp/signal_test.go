package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner"
)

const waitingSpec = `version: 1
frontend:
  phases:
    build:
      commands:
        - setsid sleep 500 & echo begun
        - echo ready; sleep 600
  artifacts: { baseDirectory: /, files: ['*.html'] }
`

// A signal stops the build within ten seconds, and nothing is left of it but the result.
func TestSignals(t *testing.T) {
	for _, tc := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}} {
		t.Run(tc.signal.String(), func(t *testing.T) {
			onEngines(t, func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out")
				p := startProcess(t, "\nready", "build", repoWith(t, waitingSpec), "--out", out)
				began := time.Now()
				if err := p.Process.Signal(tc.signal); err != nil {
					t.Fatal(err)
				}
				code, err := p.exitCodeOf()
				if err != nil || code != tc.code {
					t.Errorf("exit code %d, %v; want %d:\n%s", code, err, tc.code, p.out.String())
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %s to stop", took)
				}
				if left := leftovers(t); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
				res := readResult(t, out)
				if res.Status != runner.StatusCancelled || res.ExitCode != tc.code {
					t.Errorf("the result says %s, %d", res.Status, res.ExitCode)
				}
			})
		})
	}
}

// Whenever preamp is killed, the next start removes what it left.
func TestKilled(t *testing.T) {
	for _, when := range []string{"source ", "== frontend", "\nready"} {
		t.Run(strings.TrimSpace(when), func(t *testing.T) {
			onEngines(t, func(t *testing.T) {
				p := startProcess(t, when, "build", repoWith(t, waitingSpec), "--out", filepath.Join(t.TempDir(), "out"))
				if err := p.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				if _, err := p.exitCodeOf(); err != nil {
					t.Fatal(err)
				}
				// What the killed process had asked of the engine may only come into being now.
				deadline := time.Now().Add(20 * time.Second)
				for {
					if code, log := preamp(t, "gc"); code != 0 {
						t.Fatalf("gc: exit code %d: %s", code, log)
					}
					left := leftovers(t)
					if len(left) == 0 {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("left behind: %v", left)
					}
				}
			})
		})
	}
}

// A reader that goes away ends the build like a signal does.
func TestReaderGoesAway(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		spec := strings.ReplaceAll(waitingSpec, "sleep 600", "while echo more; do sleep 0.1; done")
		out := filepath.Join(t.TempDir(), "out")
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan int)
		go func() { done <- run(t.Context(), []string{"build", repoWith(t, spec), "--out", out}, w, os.Stderr) }()
		buf := make([]byte, 1<<16)
		for seen := ""; !strings.Contains(seen, "ready"); {
			n, err := r.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			seen += string(buf[:n])
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if code := <-done; code != 141 {
			t.Errorf("exit code %d, want 141", code)
		}
		if left := leftovers(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func readResult(t *testing.T, out string) runner.Result {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(out, runner.ResultFile))
	if err != nil {
		t.Fatal(err)
	}
	var res struct {
		Status   runner.Status `json:"status"`
		ExitCode int           `json:"exitCode"`
	}
	if err := json.Unmarshal(raw, &res); err != nil {
		t.Fatal(err)
	}
	return runner.Result{Status: res.Status, ExitCode: res.ExitCode}
}
