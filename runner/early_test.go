package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/host"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

const earlySpec = `version: 1
frontend:
  phases: { build: { commands: ["true"] } }
  artifacts: { baseDirectory: src, files: ['**/*'] }
`

// decision is what a build and a look at the commit have to agree on.
func (b *build) decision() *Result {
	r := *b.result
	return &Result{Source: r.Source, App: r.App, Branch: r.Branch, Spec: r.Spec, SpecSHA256: r.SpecSHA256, Diff: r.Diff, Skipped: r.Skipped, Platform: r.Platform, Timeout: r.Timeout}
}

// What is decided without a checkout is what a checkout would have decided, and whatever is not clear without one is left
// to it.
func TestEarly(t *testing.T) {
	cases := []struct {
		name    string
		change  map[string]string // files of the second commit
		link    bool              // whether amplify.yml is one
		message string
		early   bool
		status  Status
	}{
		{name: "nothing that counts", change: map[string]string{"README.md": "x\n"}, early: true, status: StatusSkipped},
		{name: "something that counts", change: map[string]string{"src/page": "x\n"}, status: StatusSucceeded},
		{name: "the specification", change: map[string]string{"amplify.yml": earlySpec + "# more\n"}, status: StatusSucceeded},
		{name: "a broken specification", change: map[string]string{"amplify.yml": "version: [\n"}, status: StatusFailed},
		{name: "a specification behind a link", change: map[string]string{"README.md": "x\n"}, link: true, status: StatusSkipped},
		{name: "a commit that wants no build", change: map[string]string{"src/page": "x\n"}, message: "later [skip-cd]", early: true, status: StatusSkipped},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			repo := filepath.Join(dir, "app")
			sourcetest.Write(t, repo, map[string]string{"amplify.yml": earlySpec, "src/page": "1\n"})
			if tc.link {
				must(t, os.Rename(filepath.Join(repo, "amplify.yml"), filepath.Join(repo, "spec.yml")))
				must(t, os.Symlink("spec.yml", filepath.Join(repo, "amplify.yml")))
			}
			sourcetest.Git(t, repo, "init", "-q", "-b", "main")
			commit(t, repo, "one")
			bare := filepath.Join(dir, "served", "app.git")
			sourcetest.Git(t, dir, "clone", "-q", "--bare", repo, bare)
			web := sourcetest.HTTP(t, filepath.Dir(bare), sourcetest.HTTPOptions{})

			state := t.TempDir()
			r := &Runner{Engine: host.New(filepath.Join(state, "home")), State: state}
			run := func(job Job) *build {
				t.Helper()
				job.Out, job.Trigger, job.AppID = t.TempDir(), TriggerPush, "d1"
				job.Env = []engine.Var{{Name: "AMPLIFY_DIFF_DEPLOY", Value: "true"}}
				b := newBuild(r, job, nil)
				err := b.run(t.Context())
				b.cleanUp()
				b.awaitSweep()
				b.finish(t.Context(), err)
				return b
			}
			far, here := Job{URL: web.URL + "/app.git"}, Job{Path: repo, Commit: "HEAD"}
			if b := run(far); b.early || b.result.Status != StatusSucceeded {
				t.Fatalf("the first build: early %v, %s, %v", b.early, b.result.Status, b.result.Failure)
			}
			sourcetest.Write(t, repo, tc.change)
			commit(t, repo, firstOf(tc.message, "two"))
			sourcetest.Git(t, repo, "push", "-q", bare, "main")
			remembered := readFile(t, r.lastFile("d1", "main"))

			number := 1
			for name, job := range map[string]Job{"far": far, "here": here} {
				got := run(job)
				if got.early != tc.early || got.result.Status != tc.status {
					t.Errorf("%s: early %v, %s, want %v, %s (%v)", name, got.early, got.result.Status, tc.early, tc.status, got.result.Failure)
				}
				if number++; tc.status == StatusSkipped && tc.message == "" && got.result.Job != jobNumber(number) {
					t.Errorf("%s: the number is %s, want %s", name, got.result.Job, jobNumber(number))
				}
				if tc.status == StatusSkipped && exists(got.workspace) {
					t.Errorf("%s: there is a workspace", name)
				}
				must(t, os.WriteFile(r.lastFile("d1", "main"), remembered, 0o600))
				if !tc.early {
					continue
				}
				// A work tree cannot be looked at from afar: this one is taken and then decided on.
				want := run(Job{Path: repo})
				number++
				if want.early {
					t.Fatal("a work tree was decided on early")
				}
				if tc.message != "" {
					continue // a work tree is built whatever its commit says
				}
				ignore := cmpopts.IgnoreFields(Source{}, "URL", "Path", "WorkTree", "Head", "Name")
				if diff := cmp.Diff(want.decision(), got.decision(), ignore); diff != "" {
					t.Errorf("%s: a checkout decides otherwise (-checkout +early):\n%s", name, diff)
				}
			}
		})
	}
}

func jobNumber(n int) string { return fmt.Sprintf("%010d", n) }

func commit(t *testing.T, repo, message string) {
	t.Helper()
	sourcetest.Git(t, repo, "add", "-A")
	sourcetest.Git(t, repo, "commit", "-q", "-m", message)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	must(t, err)
	return raw
}

func firstOf(words ...string) string {
	return words[slices.IndexFunc(words, func(w string) bool { return w != "" })]
}
