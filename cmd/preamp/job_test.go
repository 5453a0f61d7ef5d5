package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

// commandSpec runs what the job says.
const commandSpec = `version: 1
frontend:
  phases:
    build: { commands: ['eval "$COMMAND"'] }
  artifacts: { baseDirectory: /, files: ['*.html'] }
`

// A program in another language needs nothing but the published schemas to have builds done.
func TestDriver(t *testing.T) {
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "from jsonschema import Draft202012Validator").Run() == nil {
			python = name
			break
		}
	}
	if python == "" {
		need.Missing(t, "needs python3 with jsonschema")
	}
	exe, err := exec.LookPath("preamp") // put there by testscript: this test binary under another name
	if err != nil {
		t.Fatal(err)
	}
	onEngines(t, func(t *testing.T) {
		if os.Getenv("PREAMP_ENGINE") == "docker" {
			t.Setenv("IMAGE", dockertest.Image(t, dockertest.Engine(t, docker.Options{})))
		}
		cmd := exec.Command(python, "../../testdata/driver/driver.py", exe, "../../docs/schema", repoWith(t, commandSpec), t.TempDir())
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		if left := leftovers(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if left, err := filepath.Glob(filepath.Join(os.Getenv("PREAMP_HOME"), "slots", "*", "*")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}
