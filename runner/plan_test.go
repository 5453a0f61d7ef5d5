package runner

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/engine"
)

func compile(t *testing.T, spec string, job Job) *Plan {
	t.Helper()
	parsed, found := buildspec.Parse("amplify.yml", []byte(spec))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	app, notice, err := parsed.Select(job.AppRoot)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(parsed, app, notice, Facts{
		Job: &job, Source: Source{Branch: "feature/x", Commit: "c0ffee", URL: "https://example.com/o/r.git"},
		Build: "b1", AppID: "d123", Branch: "feature/x", JobID: "0000000042", Dir: "/codebuild/output/src1/src/r", Now: time.Unix(1700000000, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const single = `version: 1
env: { variables: { A: spec, B: spec, AWS_BRANCH: spec } }
backend: { phases: { build: { commands: [deploy] } } }
frontend:
  phases:
    build: { commands: [make] }
  artifacts: { baseDirectory: /dist, files: ['**/*'] }
  cache: { paths: ['node_modules/**/*'] }
test:
  phases: { test: { commands: [check] }, postTest: { commands: [clean] } }
  artifacts: { baseDirectory: reports, files: ['**/*.png'], configFilePath: '**/report.json' }
`

func TestCompileFolders(t *testing.T) {
	mono := func(frontend string, more ...string) string {
		return "version: 1\napplications:\n  - appRoot: apps/web\n    " + strings.Join(more, "\n    ") +
			"\n    frontend:\n      " + frontend + "\n      phases: { build: { commands: [make] } }\n" +
			"      artifacts: { baseDirectory: dist, files: ['**/*'] }\n"
	}
	for _, tc := range []struct {
		name, spec                 string
		start, project, base, move string
	}{
		{"single", single, "", "", "dist", ""},
		{"single with buildPath", strings.Replace(single, "frontend:\n", "frontend:\n  buildPath: site/\n", 1), "", "site", "site/dist", "site"},
		{"appRoot", mono("x-nothing: 1"), "apps/web", "apps/web", "apps/web/dist", ""},
		{"buildPath is the root", mono("buildPath: /"), "", "", "dist", ""},
		{"buildPath spelt otherwise", mono("buildpath: ./packages/x/"), "packages/x", "packages/x", "packages/x/dist", ""},
		{"buildPath and a backend", mono("buildPath: /", "backend: { phases: { build: { commands: [deploy] } } }"), "apps/web", "", "dist", "."},
		{"base above the appRoot", strings.Replace(mono("x-nothing: 1"), "baseDirectory: dist", "baseDirectory: ../../dist/web", 1), "apps/web", "apps/web", "dist/web", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := compile(t, tc.spec, Job{})
			got := []string{p.Start, p.Project, p.Artifact.Base, p.Sections[1].Dir}
			if diff := cmp.Diff([]string{tc.start, tc.project, tc.base, tc.move}, got); diff != "" {
				t.Errorf("start, project, base, change of folder (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompileSections(t *testing.T) {
	p := compile(t, single, Job{})
	want := []Section{
		{Name: "backend", Defined: true, Phases: []Phase{{Name: "build", Commands: []Command{{"deploy", buildspec.Pos{Line: 3, Column: 42}}}}}},
		{Name: "frontend", Defined: true, Phases: []Phase{{Name: "build", Commands: []Command{{"make", buildspec.Pos{Line: 6, Column: 25}}}}}},
		{Name: "test", Defined: true, Phases: []Phase{
			{Name: "test", Commands: []Command{{"check", buildspec.Pos{Line: 10, Column: 32}}}},
			{Name: "postTest", Always: true, Commands: []Command{{"clean", buildspec.Pos{Line: 10, Column: 65}}}},
		}},
	}
	if diff := cmp.Diff(want, p.Sections); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"**/*.png", "**/report.json"}, p.Tests.Files); diff != "" {
		t.Errorf("test artifacts (-want +got):\n%s", diff)
	}
	p = compile(t, single, Job{Env: []engine.Var{{Name: "USER_DISABLE_TESTS", Value: "TRUE"}}})
	if p.Sections[2].Skip == "" {
		t.Error("USER_DISABLE_TESTS does not skip the tests")
	}
}

func TestCompileEnvironment(t *testing.T) {
	p := compile(t, single, Job{
		Env: []engine.Var{
			{Name: "B", Value: "weaker"},
			{Name: "B", Value: "job"},
			{Name: "AWS_APP_ID", Value: "mine"},
			{Name: "AWS_REGION", Value: "eu-west-1"},
			{Name: "AWS_SESSION_TOKEN", Value: "given"},
			{Name: "no-name", Value: "x"},
		},
		Secrets: []engine.Var{{Name: "K", Value: `q"uote`}},
	})
	got := map[string]string{}
	for _, v := range p.env {
		got[v.Name] = v.Value // the last one wins, as in the session
	}
	want := map[string]string{
		"A": "spec", "B": "job", "secrets": `{"K":"q\"uote"}`,
		"AWS_APP_ID": "d123", "AWS_BRANCH": "feature/x", "AWS_COMMIT_ID": "c0ffee", "AWS_CLONE_URL": "https://example.com/o/r.git",
		"AWS_JOB_ID": "0000000042", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "given",
		"AWS_BRANCH_ARN":    "arn:aws:amplify:eu-west-1:000000000000:apps/d123/branches/feature%2Fx",
		"CODEBUILD_SRC_DIR": "/codebuild/output/src1/src/r", "CODEBUILD_BUILD_ID": "preamp:b1", "CODEBUILD_BUILD_NUMBER": "42",
		"CODEBUILD_BUILD_ARN":               "arn:aws:codebuild:eu-west-1:000000000000:build/preamp:b1",
		"CODEBUILD_RESOLVED_SOURCE_VERSION": "c0ffee", "CODEBUILD_SOURCE_REPO_URL": "https://example.com/o/r.git",
		"CODEBUILD_START_TIME": "1700000000000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if len(p.Warnings) != 2 || !strings.Contains(p.Warnings[0], "AWS_APP_ID") || !strings.Contains(p.Warnings[1], "no-name") {
		t.Errorf("warnings %q, want one about AWS_APP_ID, which the service sets, and one about no-name", p.Warnings)
	}
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "given") || !strings.Contains(string(raw), "AWS_SESSION_TOKEN") {
		t.Errorf("a plan names variables and shows no value: %s", raw)
	}
}

func TestCompileTimeout(t *testing.T) {
	for _, tc := range []struct {
		name, value string
		flag, want  time.Duration
		warns       bool
	}{
		{"default", "", 0, 30 * time.Minute, false},
		{"variable", "45", 0, 45 * time.Minute, false},
		{"too short", "1", 0, 5 * time.Minute, true},
		{"too long", "500", 0, 120 * time.Minute, true},
		{"nonsense", "soon", 0, 30 * time.Minute, true},
		{"flag wins", "45", 90 * time.Second, 90 * time.Second, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			job := Job{Timeout: tc.flag}
			if tc.value != "" {
				job.Env = []engine.Var{{Name: "_BUILD_TIMEOUT", Value: tc.value}}
			}
			p := compile(t, single, job)
			if p.Timeout != tc.want || (len(p.Warnings) > 0) != tc.warns {
				t.Errorf("timeout %s, warnings %q", p.Timeout, p.Warnings)
			}
		})
	}
}

func TestCompileOutside(t *testing.T) {
	spec := "version: 1\napplications:\n  - appRoot: ../../etc\n    frontend:\n      phases: { build: { commands: [] } }\n      artifacts: { baseDirectory: dist, files: ['**/*'] }\n"
	parsed, found := buildspec.Parse("amplify.yml", []byte(spec))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(parsed, &parsed.Apps[0], "", Facts{Job: &Job{}}); err == nil {
		t.Error("an appRoot outside the repository was taken")
	}
}
