package runner

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/engine"
)

func TestConsoleEnv(t *testing.T) {
	t.Parallel()
	c := Console{
		Env: []engine.Var{{Name: "A", Value: "all"}},
		Branches: []BranchEnv{
			{Pattern: "feature/x", Env: []engine.Var{{Name: "A", Value: "exact"}}},
			{Pattern: "feature/*", Env: []engine.Var{{Name: "A", Value: "pattern"}, {Name: "B", Value: "pattern"}}},
			{Pattern: "main", Env: []engine.Var{{Name: "A", Value: "main"}}},
		},
	}
	for _, tc := range []struct {
		name, branch string
		pr           *PullRequest
		job          []engine.Var
		a, b         string
	}{
		{"no override", "dev", nil, nil, "all", ""},
		{"pattern", "feature/y", nil, nil, "pattern", "pattern"},
		{"a star stays in its part", "feature/y/z", nil, nil, "all", ""},
		{"the exact name wins over a later pattern", "feature/x", nil, nil, "exact", "pattern"},
		{"a preview gets what is for all branches", "feature/x", &PullRequest{ID: 3}, nil, "all", ""},
		{"the job's own win", "feature/x", nil, []engine.Var{{Name: "A", Value: "job"}}, "job", "pattern"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			j := Job{Console: c, Env: tc.job, PullRequest: tc.pr}
			j.settle(tc.branch)
			a, _ := j.env("A")
			b, _ := j.env("B")
			if a != tc.a || b != tc.b {
				t.Errorf("A=%q B=%q, want A=%q B=%q", a, b, tc.a, tc.b)
			}
		})
	}
}

func TestConsoleLimits(t *testing.T) {
	t.Parallel()
	p := compile(t, single, Job{Env: []engine.Var{
		{Name: "AWS_SOMETHING", Value: "x"},
		{Name: "AWS_ACCESS_KEY_ID", Value: "fine"},
		{Name: "FITS", Value: strings.Repeat("ö", 5500)},
		{Name: "LONG", Value: strings.Repeat("x", 5501)},
		{Name: strings.Repeat("N", 256), Value: "x"},
		{Name: "REPLACED", Value: strings.Repeat("x", 9999)},
		{Name: "REPLACED", Value: "short"},
	}})
	var got []string
	for _, w := range p.Warnings {
		if strings.Contains(w, "console") {
			got = append(got, strings.TrimPrefix(w, "the console takes "))
		}
	}
	want := []string{
		"names of up to 255 characters: that of " + strings.Repeat("N", 40) + "… has 256",
		"values of up to 5500 characters: that of LONG has 5501",
		"no variable whose name begins with AWS: AWS_SOMETHING could not be set there",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPrecedenceOfTheSpecification(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		wins bool
		want string
	}{{false, "job"}, {true, "spec"}} {
		p := compile(t, single, Job{Env: []engine.Var{{Name: "A", Value: "job"}}, SpecEnvWins: tc.wins})
		if got := lastOf(p.env, "A"); got != tc.want {
			t.Errorf("with SpecEnvWins %v A is %q, want %q", tc.wins, got, tc.want)
		}
		if got := lastOf(p.env, "AWS_BRANCH"); got != "feature/x" {
			t.Errorf("AWS_BRANCH is %q; nothing wins over the service", got)
		}
	}
}

func lastOf(vars []engine.Var, name string) string {
	value := ""
	for _, v := range vars {
		if v.Name == name {
			value = v.Value
		}
	}
	return value
}

// The service hands over one page of its parameter store: ten secrets.
func TestAllSecrets(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	var job Job
	for n := range 25 {
		name := fmt.Sprintf("K%02d", n)
		want[name] = "v" + name
		job.Secrets = append(job.Secrets, engine.Var{Name: name, Value: want[name]})
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(lastOf(compile(t, single, job).env, "secrets")), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

func TestPullRequestEnv(t *testing.T) {
	t.Parallel()
	p := compile(t, single, Job{PullRequest: &PullRequest{ID: 12, Source: "topic", Target: "main"}})
	for name, want := range map[string]string{
		"AWS_PULL_REQUEST_ID": "12", "AWS_PULL_REQUEST_SOURCE_BRANCH": "topic", "AWS_PULL_REQUEST_DESTINATION_BRANCH": "main",
	} {
		if got := lastOf(p.env, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := lastOf(compile(t, single, Job{}).env, "AWS_PULL_REQUEST_ID"); got != "" {
		t.Errorf("AWS_PULL_REQUEST_ID is %q without a pull request", got)
	}
}
