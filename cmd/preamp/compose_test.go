package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

// composing skips unless builds of this test compose their workspaces of layers.
func composing(t *testing.T) {
	t.Helper()
	e := dockertest.Engine(t, docker.Options{})
	dockertest.Image(t, e)
	t.Setenv("PREAMP_ENGINE", "docker")
	t.Setenv("PREAMP_HOME", t.TempDir())
	if err := e.Composes(t.Context(), os.Getenv("PREAMP_HOME")); err != nil {
		t.Skip("needs an engine that can compose workspaces: " + err.Error())
	}
}

// project is a repository that is built again and again.
type project struct{ dir, out string }

func newProject(t *testing.T, files map[string]string) *project {
	t.Helper()
	p := &project{dir: filepath.Join(t.TempDir(), "site"), out: filepath.Join(t.TempDir(), "out")}
	p.write(t, files)
	initRepo(t, p.dir)
	return p
}

func (p *project) write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *project) build(t *testing.T, args ...string) (*runner.Result, string) {
	t.Helper()
	code, log := preamp(t, append([]string{"build", p.dir, "--out", p.out}, args...)...)
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, log)
	}
	if left := leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	raw, err := os.ReadFile(filepath.Join(p.out, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var res runner.Result
	if err := json.Unmarshal(raw, &res); err != nil {
		t.Fatal(err)
	}
	return &res, log
}

func mounted(res *runner.Result) bool {
	return res.Cache.Restore != nil && res.Cache.Restore.Hit && strings.HasSuffix(res.Cache.Restore.Reason, "is mounted")
}

// Package managers work on a restored node_modules as on one of their own: they find nothing to do, update, remove, and
// throw all away and begin anew.
func TestPackageManagers(t *testing.T) {
	if testing.Short() {
		t.Skip("needs time: npm installs, left out by -short")
	}
	need.Program(t, "npm")
	if os.Getenv("PREAMP_CA_CERT") == "" {
		t.Setenv("PREAMP_CA_CERT", os.Getenv("NODE_EXTRA_CA_CERTS"))
	}
	for name, tc := range map[string]struct{ install, again, nothingToDo, paths string }{
		"npm":  {"npm install --no-audit --no-fund", "npm ci --no-audit --no-fund", "up to date", "node_modules/**/*"},
		"yarn": {"npx --yes yarn@1.22.22 install --non-interactive", "rm -rf node_modules && npx --yes yarn@1.22.22 install --frozen-lockfile --non-interactive", "Already up-to-date", "node_modules/**/*, yarn.lock"},
		"pnpm": {"npx --yes pnpm@9.15.9 install --no-frozen-lockfile --store-dir .pnpm-store", "rm -rf node_modules && npx --yes pnpm@9.15.9 install --no-frozen-lockfile --store-dir .pnpm-store", "Already up to date", ".pnpm-store, node_modules"},
	} {
		t.Run(name, func(t *testing.T) {
			composing(t)
			spec := func(install string) string {
				return fmt.Sprintf(`version: 1
frontend:
  phases:
    build:
      commands:
        - %s
        - node -p "'versions ' + ['is-odd', 'semver', 'is-number'].map(n => { try { return require(n + '/package.json').version } catch { return 'none' } })"
        - node_modules/.bin/semver 1.2.3
        - git status --porcelain
        - mkdir -p dist && echo hi > dist/index.html
  artifacts: {baseDirectory: dist, files: ['**/*']}
  cache: {paths: [%s]}
`, install, strings.Join(quoted(strings.Split(tc.paths, ", ")), ", "))
			}
			pkg := func(deps string) string {
				return `{"name": "site", "version": "1.0.0", "private": true, "dependencies": {` + deps + `}}`
			}
			ignore := "node_modules\n.pnpm-store\ndist\n*.lock\n*-lock.*\n"
			p := newProject(t, map[string]string{
				"amplify.yml": spec(tc.install), "package.json": pkg(`"is-odd": "2.0.0", "semver": "7.6.0", "is-number": "7.0.0"`), ".gitignore": ignore,
			})
			expect := func(hit bool, versions string) string {
				t.Helper()
				res, log := p.build(t)
				if !strings.Contains(log, "\nversions "+versions+"\n") || mounted(res) != hit {
					t.Fatalf("want versions %s, mounted %v:\n%s", versions, hit, log)
				}
				if _, dirty, _ := strings.Cut(log, "$ git status --porcelain\n"); !strings.HasPrefix(dirty, "$ ") && !strings.Contains(dirty, " M ") {
					t.Errorf("the repository is not clean:\n%s", log)
				}
				return log
			}
			expect(false, "2.0.0,7.6.0,7.0.0")
			if log := expect(true, "2.0.0,7.6.0,7.0.0"); !strings.Contains(log, tc.nothingToDo) {
				t.Errorf("there was something to do:\n%s", log)
			}
			p.write(t, map[string]string{"package.json": pkg(`"semver": "7.6.3", "is-number": "6.0.0"`)})
			expect(true, "none,7.6.3,6.0.0")
			if log := expect(true, "none,7.6.3,6.0.0"); !strings.Contains(log, tc.nothingToDo) {
				t.Errorf("there was something to do:\n%s", log)
			}
			p.write(t, map[string]string{"amplify.yml": spec(tc.install + " && " + tc.again)})
			expect(true, "none,7.6.3,6.0.0")
			expect(true, "none,7.6.3,6.0.0")
		})
	}
}

func quoted(list []string) []string {
	for i := range list {
		list[i] = "'" + list[i] + "'"
	}
	return list
}

const composedSpec = `version: 1
frontend:
  phases:
    build:
      commands:
        - cat cached/n 2>/dev/null || true
        - mkdir -p cached dist && date +%N > cached/n && cp cached/n dist/index.html
  artifacts: {baseDirectory: dist, files: ['**/*']}
  cache: {paths: [cached]}
`

// Where cache paths name files of the checkout, the cache replaces them, as in the service: that takes another way.
func TestTrackedCache(t *testing.T) {
	composing(t)
	p := newProject(t, map[string]string{"amplify.yml": composedSpec, "cached/n": "tracked\n"})
	for i := range 2 {
		res, log := p.build(t)
		if mounted(res) || res.Cache.Restore.Hit != (i == 1) || strings.Contains(log, "\ntracked\n") != (i == 0) {
			t.Errorf("build %d:\n%s", i, log)
		}
	}
}

// A build that fails, in whatever way, leaves the cache as it was.
func TestComposedFailure(t *testing.T) {
	composing(t)
	p := newProject(t, map[string]string{"amplify.yml": composedSpec})
	p.build(t)
	saved := pageOf(t, p)
	for _, spec := range []string{
		strings.Replace(composedSpec, "cp cached/n dist/index.html", "false", 1),
		strings.Replace(composedSpec, "baseDirectory: dist", "baseDirectory: missing", 1),
		strings.Replace(composedSpec, "cp cached/n dist/index.html", "exit 3", 1),
	} {
		p.write(t, map[string]string{"amplify.yml": spec})
		if code, log := preamp(t, "build", p.dir, "--out", p.out); code == 0 || !strings.Contains(log, saved) {
			t.Errorf("exit code %d, want a failure that has seen %q:\n%s", code, saved, log)
		}
		if left := leftovers(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	p.write(t, map[string]string{"amplify.yml": composedSpec})
	if res, log := p.build(t); !mounted(res) || !strings.Contains(log, "\n"+saved) {
		t.Errorf("not the cache of the first build, %q:\n%s", saved, log)
	}
}

// A build that is killed while it has layers mounted leaves them as they were. Nothing collects them before its container
// is gone, and afterwards nothing is left of it.
func TestComposedKilled(t *testing.T) {
	composing(t)
	p := newProject(t, map[string]string{"amplify.yml": composedSpec})
	p.build(t)
	saved := pageOf(t, p)
	slow := strings.Replace(composedSpec, "- mkdir -p", "- rm -rf cached; echo ready; sleep 600\n        - mkdir -p", 1)
	p.write(t, map[string]string{"amplify.yml": slow})
	for _, when := range []string{"cache ", "\nready"} {
		child := startProcess(t, when, "build", p.dir, "--out", filepath.Join(t.TempDir(), "out"))
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := child.exitCodeOf(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(20 * time.Second)
		for left := []string{""}; len(left) > 0; left = append(leftovers(t), mounts(t)...) {
			if code, log := preamp(t, "gc"); code != 0 {
				t.Fatalf("gc: exit code %d: %s", code, log)
			}
			if time.Now().After(deadline) {
				t.Fatalf("left behind: %v", left)
			}
		}
	}
	p.write(t, map[string]string{"amplify.yml": composedSpec})
	if res, log := p.build(t); !mounted(res) || !strings.Contains(log, "\n"+saved) {
		t.Errorf("not the cache of the first build, %q:\n%s", saved, log)
	}
}

// mounts are those that have to do with this test's builds.
func mounts(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, os.Getenv("PREAMP_HOME")) {
			list = append(list, line)
		}
	}
	return list
}

func pageOf(t *testing.T, p *project) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.out, "artifacts", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
