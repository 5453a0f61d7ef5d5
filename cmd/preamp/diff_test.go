package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// history is what happens to a repository between two builds of it with AMPLIFY_DIFF_DEPLOY.
type history struct {
	name string
	// script is run by bash in the work tree between the builds; in a clone's case its main is then pushed.
	script string
	// first and args are further arguments of the first and of the second build.
	first, args []string
	clone       bool   // build from a server, not from the folder
	skip        bool   // whether the second build is skipped
	why         string // part of the reason that is given
	before      string // script before the first build
}

const diffSpec = `version: 1
applications:
  - appRoot: apps/web
    frontend:
      phases:
        build: { commands: [test ! -e broken] }
      artifacts: { baseDirectory: /, files: ['**/*'] }
  - appRoot: apps/other
    frontend:
      phases:
        build: { commands: ["true"] }
      artifacts: { baseDirectory: /, files: ['**/*'] }
`

const commit = "git add -A && git commit -qm change\n"

var histories = []history{
	{name: "nothing at all", skip: true, why: "nothing has changed in apps/web since commit"},
	{name: "an empty commit", script: "git commit -q --allow-empty -m empty", skip: true, why: "nothing has changed"},
	{name: "outside of the application", script: "echo x > README.md\n" + commit, skip: true, why: "nothing has changed"},
	{name: "the other application", script: "echo x > apps/other/a\n" + commit, skip: true, why: "nothing has changed"},
	{name: "inside", script: "echo x > apps/web/page\n" + commit, why: "changed since commit"},
	{name: "a new file deep inside", script: "mkdir -p apps/web/a/b && echo x > apps/web/a/b/c\n" + commit, why: "apps/web/a/b/c"},
	{name: "a deleted file", script: "git rm -q apps/web/old\n" + commit, why: "apps/web/old"},
	{name: "only a mode", script: "chmod +x apps/web/page\n" + commit, why: "apps/web/page"},
	{name: "changed and changed back", script: "echo x > apps/web/page\n" + commit + "git revert --no-edit HEAD >/dev/null", skip: true, why: "nothing has changed"},
	{
		name:   "a merge that brings a change of the application",
		script: "git checkout -qb topic\necho x > apps/web/page\n" + commit + "git checkout -q main\necho y > README.md\n" + commit + "git merge -q --no-edit topic",
		why:    "apps/web/page",
	},
	{
		name:   "a merge that brings nothing for it",
		script: "git checkout -qb topic\necho x > apps/other/a\n" + commit + "git checkout -q main\necho y > README.md\n" + commit + "git merge -q --no-edit topic",
		skip:   true, why: "nothing has changed",
	},
	{name: "a lockfile above the application", script: "echo '{}' > package-lock.json\n" + commit, why: "package-lock.json"},
	{name: "another package's lockfile", script: "echo '{}' > apps/other/package-lock.json\n" + commit, skip: true, why: "nothing has changed"},
	{name: "the headers", script: "echo 'customHeaders: []' > customHttp.yml\n" + commit, why: "customHttp.yml"},
	{name: "only the specification", script: "echo '# more' >> amplify.yml\n" + commit, why: "the build specification has changed"},
	{name: "only the environment", args: []string{"--env", "API=2"}, first: []string{"--env", "API=1"}, why: "the environment has changed: API"},
	{name: "a variable that is gone", first: []string{"--env", "API=1"}, why: "the environment has changed: API"},
	{name: "a shared package that is watched", script: "echo x > packages/ui/index\n" + commit, args: []string{"--watch-paths", "packages/*/**"}, why: "packages/ui/index"},
	{name: "a shared package that is not watched", script: "echo x > packages/ui/index\n" + commit, skip: true, why: "nothing has changed"},
	{
		name:   "the root is renamed",
		script: "git mv apps/web apps/site\nsed -i s,apps/web,apps/site, amplify.yml\n" + commit, args: []string{"--app-root", "apps/site"},
		why: "this branch was not built successfully before", // it is another application then
	},
	{name: "a root that does not exist", args: []string{"--env", "AMPLIFY_DIFF_DEPLOY_ROOT=apps/wbe"}, why: "there is no folder apps/wbe"},
	{name: "another branch", script: "git checkout -qb other", args: []string{"--branch", "other"}, why: "this branch was not built successfully before"},
	{
		name: "a submodule moves", before: addSubmodule, script: "git -C ../lib commit -q --allow-empty -m two\ngit -C apps/web/lib pull -q\n" + commit,
		why: "apps/web/lib",
	},
	{name: "a submodule stays", before: addSubmodule, script: "git -C ../lib commit -q --allow-empty -m two\necho x > README.md\n" + commit, skip: true, why: "nothing has changed"},
	{name: "a commit that was forced away and is still here", script: "git commit -q --amend --allow-empty -m other", skip: true, why: "nothing has changed"},
	{
		name: "a commit that was forced away and is gone", script: "git commit -q --amend --allow-empty -m other\ngit reflog expire --expire=now --all\ngit gc -q --prune=now",
		why: "cannot be compared with",
	},
	{name: "a clone, unchanged", clone: true, script: "echo x > README.md\n" + commit, skip: true, why: "nothing has changed"},
	{name: "a clone, changed", clone: true, script: "echo x > apps/web/page\n" + commit, why: "apps/web/page"},
	{name: "a clone whose branch was forced", clone: true, script: "git commit -q --amend --allow-empty -m other", why: "cannot be compared with"},
	{name: "the last build failed", before: "touch apps/web/broken\n" + commit, script: "echo x > README.md\n" + commit, why: "this branch was not built successfully before"},
}

const addSubmodule = `git init -q -b main ../lib
git -C ../lib commit -q --allow-empty -m one
git -c protocol.file.allow=always submodule --quiet add "$PWD/../lib" apps/web/lib
git config protocol.file.allow always
git -C apps/web/lib config protocol.file.allow always
` + commit

// The history decides whether a build is needed, and the reason that is given for it is the true one.
func TestDiffHistories(t *testing.T) {
	sourcetest.NeedGit(t)
	onEngines(t, func(t *testing.T) {
		for _, h := range histories {
			t.Run(h.name, func(t *testing.T) { h.run(t) })
		}
	})
}

func (h history) run(t *testing.T) {
	dir := t.TempDir()
	repo := filepath.Join(dir, "mono")
	sourcetest.Write(t, repo, map[string]string{
		"amplify.yml": diffSpec, "apps/web/page": "1\n", "apps/web/old": "1\n", "apps/other/a": "1\n", "packages/ui/index": "1\n",
	})
	initRepo(t, repo)
	shell(t, repo, h.before)
	target, push := repo, func() {}
	if h.clone {
		sourcetest.Git(t, dir, "clone", "-q", "--bare", repo, "served/mono.git")
		bare := filepath.Join(dir, "served", "mono.git")
		target = sourcetest.HTTP(t, filepath.Join(dir, "served"), sourcetest.HTTPOptions{}).URL + "/mono.git"
		push = func() {
			sourcetest.Git(t, repo, "push", "-q", "--force", bare, "main")
			sourcetest.Git(t, bare, "gc", "-q", "--prune=now")
		}
	}
	home := t.TempDir()
	t.Setenv("PREAMP_HOME", home)
	build := func(args ...string) runner.Result {
		out := filepath.Join(t.TempDir(), "out")
		all := append([]string{"build", target, "--out", out, "--env", "AMPLIFY_DIFF_DEPLOY=true", "--app-root", "apps/web"}, args...)
		_, log := preamp(t, all...)
		var res runner.Result
		raw, err := os.ReadFile(filepath.Join(out, runner.ResultFile))
		if err == nil {
			err = json.Unmarshal(raw, &res)
		}
		if err != nil || len(res.Diff) != 1 {
			t.Fatalf("%v; result %s; log:\n%s", err, raw, log)
		}
		return res
	}
	first := build(h.first...)
	if first.Diff[0].Skip {
		t.Fatalf("the first build of a branch was skipped: %+v", first.Diff[0])
	}
	shell(t, repo, h.script)
	push()
	second := build(h.args...)
	d := second.Diff[0]
	if d.Skip != h.skip || !strings.Contains(d.Why, h.why) {
		t.Errorf("skip=%v why=%q, want %v %q", d.Skip, d.Why, h.skip, h.why)
	}
	if skipped := second.Status == runner.StatusSkipped; skipped != h.skip {
		t.Errorf("the build %s", second.Status)
	}
	if !h.skip && len(second.Sections) == 0 {
		t.Error("nothing was run")
	}
	if left := leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// shell runs a script in a folder.
func shell(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.Command("bash", "-euc", script)
	cmd.Dir, cmd.Env = dir, os.Environ()
	for k, v := range gitEnv() {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
}
