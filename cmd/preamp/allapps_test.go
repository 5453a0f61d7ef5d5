package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// A monorepo of twelve applications, cloned with a token from git's own server, built three at a time.
func TestTwelveApplications(t *testing.T) {
	const apps = 12
	dir := t.TempDir()
	work := filepath.Join(dir, "mono")
	files := map[string]string{}
	var spec strings.Builder
	spec.WriteString("version: 1\napplications:\n")
	for n := range apps {
		root := fmt.Sprintf("apps/a%02d", n)
		files[root+"/src"] = fmt.Sprintf("page %d\n", n)
		fmt.Fprintf(&spec, `  - appRoot: %s
    frontend:
      phases:
        build: { commands: ['mkdir dist && cp src dist/index.html', 'echo $AMPLIFY_MONOREPO_APP_ROOT > dist/root'] }
      artifacts: { baseDirectory: dist, files: ['**/*'] }
`, root)
	}
	files["amplify.yml"] = spec.String()
	sourcetest.Write(t, work, files)
	initRepo(t, work)
	sourcetest.Git(t, dir, "clone", "-q", "--bare", work, "served/mono.git")
	s := sourcetest.HTTP(t, filepath.Join(dir, "served"), sourcetest.HTTPOptions{Token: token})
	onEngines(t, func(t *testing.T) {
		t.Setenv("PREAMP_GIT_TOKEN", token)
		out := filepath.Join(t.TempDir(), "out")
		code, log := preamp(t, "build", s.URL+"/mono.git", "--all-apps", "--jobs", "3", "--out", out)
		if code != 0 {
			t.Fatalf("exit code %d:\n%s", code, log)
		}
		var summary struct {
			Apps []struct {
				AppRoot, Out string
				Status       runner.Status
				Files        int
			}
		}
		raw, err := os.ReadFile(filepath.Join(out, runner.SummaryFile))
		if err == nil {
			err = json.Unmarshal(raw, &summary)
		}
		if err != nil || len(summary.Apps) != apps {
			t.Fatalf("%v: %s", err, raw)
		}
		ids := map[string]bool{}
		for n, a := range summary.Apps {
			root := fmt.Sprintf("apps/a%02d", n)
			if a.AppRoot != root || a.Status != runner.StatusSucceeded || a.Files != 2 {
				t.Errorf("application %d: %+v", n, a)
			}
			for name, want := range map[string]string{"index.html": fmt.Sprintf("page %d\n", n), "root": root + "\n"} {
				if got, err := os.ReadFile(filepath.Join(a.Out, "artifacts", name)); err != nil || string(got) != want {
					t.Errorf("%s of %s is %q, %v", name, root, got, err)
				}
			}
			var res runner.Result
			raw, err := os.ReadFile(filepath.Join(a.Out, runner.ResultFile))
			if err == nil {
				err = json.Unmarshal(raw, &res)
			}
			if err != nil || ids[res.App] {
				t.Errorf("%s: %v, app id %s: each application is one of its own", root, err, res.App)
			}
			ids[res.App] = true
		}
		if left := leftovers(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}
