package contract_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/contract"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

func full(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Everything that a document can say arrives in the job.
func TestRunnerJob(t *testing.T) {
	j, err := contract.Parse(full(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := j.Runner()
	if err != nil {
		t.Fatal(err)
	}
	env := func(name, value string) []engine.Var { return []engine.Var{{Name: name, Value: value}} }
	want := runner.Job{
		URL: "https://me:VALUE-url@git.example.com/team/shop.git", Branch: "main", Commit: "0123456789abcdef0123456789abcdef01234567", Submodules: "none", Depth: 3,
		Auth: source.Auth{
			Token: "VALUE-token", Username: "VALUEuser", SSHKey: "VALUE-key", SSHKeyPassphrase: "VALUE-phrase", SSHAgent: true,
			KnownHosts: []string{"/etc/hosts-of-ours"}, KnownHostsText: "git.example.com ssh-ed25519 AAAA",
		},
		AppID: "d1", AppRoot: "apps/web", Platform: "WEB_COMPUTE", DefaultBranch: "trunk",
		Console: runner.Console{Env: env("ALL", "VALUE-all"), Branches: []runner.BranchEnv{
			{Pattern: "feature/**", Env: env("F", "VALUE-f")}, {Pattern: "main"},
		}},
		Env: env("API", "VALUE-api"), SpecEnvWins: true, Secrets: env("KEY", "VALUE-secret"),
		Image: "registry.example.com/build:1", Pull: engine.PullAlways, RegistryLogin: engine.RegistryLogin{Username: "u", Password: "VALUE-login"},
		Limits: engine.Limits{Memory: 1 << 30, CPUs: 1.5, PIDs: 8192}, Timeout: 90500 * time.Millisecond,
		CACerts: []byte{}, Out: "/srv/out", DiffBase: "89abcdef0123456789abcdef0123456789abcdef", WatchPaths: []string{"packages/**"},
		PullRequest: &runner.PullRequest{ID: 12, Source: "topic", Target: "main"}, Trigger: runner.TriggerPush,
	}
	// Not cmp.Diff: it would go by the Format methods, which hide the values.
	if fmt.Sprintf("%+v", dump(got)) != fmt.Sprintf("%+v", dump(want)) {
		t.Errorf("got\n%+v\nwant\n%+v", dump(got), dump(want))
	}
	if err := got.Validate(); err != nil {
		t.Errorf("package runner refuses it: %v", err)
	}
	if j.Cache.Folder != "/var/cache/builds" {
		t.Errorf("the cache's folder is %q", j.Cache.Folder)
	}
}

// dump is a job without the methods that hide its values.
func dump(j runner.Job) any {
	type job runner.Job
	type auth source.Auth
	type login engine.RegistryLogin
	a, l := auth(j.Auth), login(j.RegistryLogin)
	pr := *j.PullRequest
	j.Auth, j.RegistryLogin, j.PullRequest = source.Auth{}, engine.RegistryLogin{}, nil
	return []any{job(j), a, l, pr}
}

// However a job is printed, no value of it is seen.
func TestValuesAreHidden(t *testing.T) {
	j, err := contract.Parse(full(t))
	if err != nil {
		t.Fatal(err)
	}
	run, err := j.Runner()
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{
			j, *j, j.Secrets, j.Environment, *j.Environment, *j.Environment.Console, j.Environment.Console.Branches[0], *j.Repository.Credentials,
			j.Repository.Credentials.Token, *j.Image.Login, *j.Image, j.Repository, run, &run, run.Auth, run.RegistryLogin,
		} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "VALUE-") || strings.Contains(text, "56414c55452d") {
				t.Errorf("%s of %T: %s", verb, v, text)
			}
		}
	}
	raw, err := json.Marshal(j)
	if err != nil || strings.Contains(string(raw), "VALUE-") || !strings.Contains(string(raw), `"KEY":"***"`) {
		t.Errorf("%v: %s", err, raw)
	}
}

func TestProblems(t *testing.T) {
	const repo = `"repository":{"path":"."}`
	for _, tc := range []struct {
		name, doc string
		want      []string // path, and part of the message
	}{
		{"nothing", ``, []string{"1:1: $: the document ends too early"}},
		{"not JSON", `{"version": 1.0.0}`, []string{"1:16: $: this is not JSON"}},
		{"cut off", `{"version":"1.0","repository":{"url":`, []string{"1:38: $.repository.url: the document ends too early"}},
		{"a second document", `{"version":"1.0",` + repo + `}{}`, []string{"$: something follows"}},
		{"not UTF-8", "{\"version\":\"\xff\"}", []string{"1:13: $: the document is not UTF-8 here"}},
		{"a list", `[]`, []string{"$: this must be an object, not a list"}},
		{"deep", `{"version":"1.0","app":` + strings.Repeat(`[`, 20), []string{"nested too deeply"}},
		{"no version", `{}`, []string{"$.version: the field is missing"}},
		{"a version as number", `{"version":1.0}`, []string{`$.version: this must be a string such as "1.0", not a number`}},
		{"a newer major version", "{\n  \"version\":\"2.0\",\"nope\":1}", []string{"2:13: $.version: it is of version 2.0, and this preamp knows 1.0 to 1.0"}},
		{"unknown field", `{"version":"1.0",` + repo + `,"app":{"idd":"x"}}`, []string{"1:51: $.app.idd: there is no such field; there are id, root,"}},
		{"case matters", `{"version":"1.0","Repository":{"path":"."}}`, []string{"$.repository: it needs a url or a path", "$.Repository: there is no such field"}},
		{"twice", `{"version":"1.0",` + repo + `,"trigger":"push","trigger":"manual"}`, []string{"$.trigger: the field is there twice"}},
		{"null", `{"version":"1.0",` + repo + `,"trigger":null}`, []string{"$.trigger: this must be a string, not null"}},
		{"empty", `{"version":"1.0","repository":{"path":".","url":""},"secrets":{"A":""},"trigger":""}`, []string{"$.repository.url: this is empty", "$.trigger: this is empty"}},
		{"wrong types", `{"version":"1.0","repository":{"path":7},"secrets":{"A":1},"watchPaths":"x","cache":{"off":"yes"},"limits":{"memory":1.5,"cpus":"x"}}`, []string{
			"$.repository: it needs a url or a path", "$.repository.path: this must be a string, not a number", "$.secrets.A: this must be a string",
			"$.watchPaths: this must be a list", "$.cache.off: this must be true or false", "$.limits.memory: this must be a whole number",
			"$.limits.cpus: this must be a number",
		}},
		{"no transport", `{"version":"1.0","repository":{"url":"ext://VALUE:VALUE@x/y"}}`, []string{"$.repository.url: preamp does not clone from ext:// URLs"}},
		{"both sources", `{"version":"1.0","repository":{"path":".","url":"https://x.test/y"}}`, []string{"$.repository.path: there is a url, too"}},
		{"credentials for a path", `{"version":"1.0","repository":{"path":".","credentials":{"token":"VALUE-1","password":"VALUE-2","sshKey":"VALUE-3","sshKeyFile":"f"}}}`, []string{
			"$.repository.credentials: they are for a url", "$.repository.credentials.password: there is a token, too", "$.repository.credentials.sshKeyFile: there is an sshKey, too",
		}},
		{"depth", `{"version":"1.0","repository":{"path":".","depth":2}}`, []string{"$.repository.depth: it is for a url"}},
		{"no depth", `{"version":"1.0","repository":{"url":"https://x.test/y","depth":-1}}`, []string{"$.repository.depth: it is a number of commits"}},
		{"words", `{"version":"1.0","repository":{"path":".","submodules":"some"},"trigger":"x","app":{"platform":"web"},"image":{"pull":"alwys"},"limits":{"size":"huge"}}`, []string{
			`$.repository.submodules: "some" is none of all, none`, `$.trigger: "x" is none of manual, push`, "$.app.platform", "$.image.pull", "$.limits.size",
		}},
		{"numbers", `{"version":"1.0",` + repo + `,"limits":{"size":"large","memory":1,"cpus":-1,"processes":-5,"timeout":0.5},"pullRequest":{"id":0}}`, []string{
			"$.limits.size: there are memory,", "$.limits.memory", "$.limits.cpus", "$.limits.processes", "$.limits.timeout", "$.pullRequest.id",
		}},
		{"huge numbers", `{"version":"1.0",` + repo + `,"limits":{"memory":1e400,"timeout":1e15}}`, []string{"$.limits.memory: the number is too large", "$.limits.timeout"}},
		{"variables", `{"version":"1.0",` + repo + `,"secrets":{"A=B":"VALUE"},"environment":{"variables":{"":"VALUE"},"console":{"branches":[{"pattern":"a"},{"pattern":"[","variables":{"N":"\u0000VALUE"}}]}}}`, []string{
			`$.secrets["A=B"]: a variable cannot have this name`, `$.environment.variables[""]`, "$.environment.console.branches[1].pattern", "$.environment.console.branches[1].variables.N",
		}},
		{"the rest", `{"version":"1.0","repository":{"path":".","branch":"a\nb"},"cache":{"off":true,"folder":"/x"},"diff":{"base":"main"},"watchPaths":["a","["],"caCertificates":"x","image":{"login":{"username":"u"}}}`, []string{
			"$.repository.branch: there is a control character", "$.cache.folder", `$.diff.base: "main" is no full id`, `$.watchPaths[1]: "[" is no glob`,
			"$.image.login: it needs", "$.caCertificates: there is no PEM",
		}},
		{"two kinds of login", `{"version":"1.0",` + repo + `,"image":{"login":{"username":"u","token":"t"}}}`, []string{"$.image.login.token"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := contract.Parse([]byte(tc.doc))
			var e *contract.Error
			if !errors.As(err, &e) {
				t.Fatalf("%v, want an *Error", err)
			}
			if strings.Contains(err.Error(), "VALUE") {
				t.Errorf("the error shows a value: %v", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in:\n%v", want, err)
				}
			}
			if len(e.Problems) != len(tc.want) {
				t.Errorf("%d problems, want %d:\n%v", len(e.Problems), len(tc.want), err)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	const rest = `"repository":{"path":".","tomorrow":1},"tomorrow":{"a":[1]}}`
	if _, err := contract.Parse([]byte(`{"version":"1.9",` + rest)); err != nil {
		t.Errorf("a newer minor version: %v", err)
	}
	if _, err := contract.Parse([]byte(`{"version":"1.0",` + rest)); err == nil {
		t.Error("unknown fields of a known version are taken")
	}
	// What is known stays checked.
	if _, err := contract.Parse([]byte(`{"version":"1.9","trigger":"x",` + rest)); err == nil || !strings.Contains(err.Error(), "$.trigger") {
		t.Errorf("a wrong field of a newer minor version: %v", err)
	}
}

func TestRead(t *testing.T) {
	if _, err := contract.Read(strings.NewReader(`{"version":"1.0","repository":{"path":"` + strings.Repeat("x", contract.MaxJob) + `"}}`)); err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Errorf("too large: %v", err)
	}
	broken := errors.New("broken")
	if _, err := contract.Read(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	j, err := contract.Read(strings.NewReader("\n" + `{"version":"1.0","repository":{"path":"."}}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&contract.Job{Version: "1.0", Repository: contract.Repository{Path: "."}}, j); diff != "" {
		t.Error(diff)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
