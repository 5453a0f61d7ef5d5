package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

// _LIVE_UPDATES brings packages from a real registry before the first command, and a Node.js for all commands after it.
func TestLiveUpdates(t *testing.T) {
	if testing.Short() {
		t.Skip("needs time: npm installs, left out by -short")
	}
	if os.Getenv("PREAMP_CA_CERT") == "" {
		t.Setenv("PREAMP_CA_CERT", os.Getenv("NODE_EXTRA_CA_CERTS"))
	}
	t.Run("docker", func(t *testing.T) {
		dockertest.Image(t, dockertest.Engine(t, docker.Options{}))
		t.Setenv("PREAMP_ENGINE", "docker")
		t.Setenv("PREAMP_HOME", t.TempDir())
		repo := repoWith(t, liveSpec)
		code, log, res := liveBuild(t, repo, `[
			{"name":"Is number","pkg":"semver","type":"npm","version":"7.6.0"},
			{"name":"Yarn","pkg":"yarn","type":"npm","version":"1.22.19"},
			{"name":"None","pkg":"@preamp-build/no-such-package","type":"npm","version":"1.0.0"},
			{"name":"Ruby","pkg":"ruby","type":"rvm","version":"3"},
			{"name":"Node.js version","pkg":"node","type":"nvm","version":20}]`)
		if code != 0 {
			t.Fatalf("exit code %d:\n%s", code, log)
		}
		node := res.LiveUpdates[0]
		if node.Type != "nvm" || !node.OK || !strings.HasPrefix(node.To, "20.") || !strings.HasPrefix(node.From, "22.") {
			t.Errorf("node: %+v", node)
		}
		want := []runner.LiveUpdateResult{
			{LiveUpdate: runner.LiveUpdate{Name: "Is number", Pkg: "semver", Type: "npm", Version: "7.6.0"}, To: "7.6.0", OK: true},
			{LiveUpdate: runner.LiveUpdate{Name: "Yarn", Pkg: "yarn", Type: "npm", Version: "1.22.19"}, To: "1.22.19", OK: true},
			{LiveUpdate: runner.LiveUpdate{Name: "None", Pkg: "@preamp-build/no-such-package", Type: "npm", Version: "1.0.0"}, Why: "npm ended with exit code 1"},
		}
		if diff := cmp.Diff(want, res.LiveUpdates[1:], cmpopts.IgnoreFields(runner.LiveUpdateResult{}, "Took")); diff != "" {
			t.Errorf("packages (-want +got):\n%s", diff)
		}
		for _, line := range []string{
			"node v" + node.To, "in a script v" + node.To, "semver 7.6.0", "yarn 1.22.19", "values kept",
			"Now using node v" + node.To, "entry 4 is left out: the type \"rvm\" is not known", "no-such-package",
		} {
			if !strings.Contains(log, line) {
				t.Errorf("%q is not in the log:\n%s", line, log)
			}
		}
		if strings.Index(log, "Now using node") > strings.Index(log, "== frontend") {
			t.Errorf("the update came after the first section began:\n%s", log)
		}
	})
	// Where there is no nvm, nothing changes, and the build goes on. Only packages of this machine would be changed by npm.
	t.Run("host", func(t *testing.T) {
		need.Program(t, "node")
		t.Setenv("PREAMP_ENGINE", "host")
		t.Setenv("PREAMP_HOME", t.TempDir())
		repo := repoWith(t, "version: 1\nfrontend:\n  phases: { build: { commands: [echo built] } }\n  artifacts: { baseDirectory: /, files: ['*.html'] }\n")
		code, log, res := liveBuild(t, repo, `[{"pkg":"node","type":"nvm","version":"20"}]`)
		if code != 0 || len(res.LiveUpdates) != 1 || res.LiveUpdates[0].OK || res.LiveUpdates[0].Why != "the image has no nvm" || res.LiveUpdates[0].From == "" {
			t.Errorf("exit code %d, %+v:\n%s", code, res.LiveUpdates, log)
		}
	})
}

const liveSpec = `version: 1
frontend:
  phases:
    preBuild:
      commands:
        - echo "node $(node --version)"
        - sh -c 'echo "in a script $(node --version)"'
        - source ~/.bashrc
    build:
      commands:
        - echo "semver $(semver 7.6.0)"
        - echo "yarn $(yarn --version)"
        - envCache --set k v && nvm use 20 && test "$(sh -c 'envCache --get k')" = v && test "$(PATH=/usr/local/bin:/usr/bin:/bin sh -c 'envCache --get k')" = v && echo "values kept"
  artifacts: { baseDirectory: /, files: ['*.html'] }
`

func liveBuild(t *testing.T, repo, updates string) (code int, log string, res runner.Result) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	code, log = preamp(t, "build", repo, "--out", out, "--env", "_LIVE_UPDATES="+updates)
	raw, err := os.ReadFile(filepath.Join(out, "result.json"))
	if err != nil {
		t.Fatalf("%v:\n%s", err, log)
	}
	if err := json.Unmarshal(raw, &res); err != nil {
		t.Fatal(err)
	}
	return code, log, res
}
