package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/engine"
)

const frontendOnly = `version: 1
frontend:
  phases:
    build: { commands: [make] }
  artifacts: { baseDirectory: dist, files: ['**/*'] }
`

func TestImplicitBackend(t *testing.T) {
	const arn = "arn:aws:amplify:eu-west-1:1:apps/d1/backendenvironments/production"
	pull := []Phase{{Name: "build", Commands: []Command{{Text: "amplifyPush --pull"}}}}
	for name, tc := range map[string]struct {
		env  []string
		want Section
	}{
		"no association": {nil, Section{}},
		"switches alone": {[]string{"AMPLIFY_BACKEND_PULL_ONLY=true", "USER_BRANCH=x"}, Section{}},
		"environment":    {[]string{"AWS_BACKEND_ENVIRONMENT_ARN=" + arn}, Section{Backend: "production", Phases: pull}},
		"application":    {[]string{"AMPLIFY_BACKEND_APP_ID=d1"}, Section{Backend: "feature/x", Phases: pull}},
		"named by the user": {
			[]string{"AWS_BACKEND_ENVIRONMENT_ARN=" + arn, "USER_BRANCH=mine", "AMPLIFY_BACKEND_PULL_ONLY=true"},
			Section{Backend: "mine", PullOnly: true, Phases: pull},
		},
		"skipped": {
			[]string{"AMPLIFY_BACKEND_APP_ID=d1", "AMPLIFY_SKIP_BACKEND_BUILD=TRUE"},
			Section{Skip: "AMPLIFY_SKIP_BACKEND_BUILD is TRUE", SkipCode: SkipBackend},
		},
		"skipped by the other name": {
			[]string{"AMPLIFY_BACKEND_APP_ID=d1", "PROCESS_SKIP_BACKEND=true"},
			Section{Skip: "PROCESS_SKIP_BACKEND is true", SkipCode: SkipBackend},
		},
		"not skipped":     {[]string{"AMPLIFY_BACKEND_APP_ID=d1", "AMPLIFY_SKIP_BACKEND_BUILD=false"}, Section{Backend: "feature/x", Phases: pull}},
		"nothing to skip": {[]string{"AMPLIFY_SKIP_BACKEND_BUILD=true"}, Section{}},
	} {
		t.Run(name, func(t *testing.T) {
			var job Job
			for _, v := range tc.env {
				n, value, _ := strings.Cut(v, "=")
				job.Env = append(job.Env, engine.Var{Name: n, Value: value})
			}
			p := compile(t, frontendOnly, job)
			tc.want.Name = "backend"
			if diff := cmp.Diff(tc.want, p.Sections[0]); diff != "" {
				t.Errorf("backend (-want +got):\n%s", diff)
			}
			if len(p.Warnings) > 0 {
				t.Errorf("warnings %q", p.Warnings)
			}
			// A section of the specification's own is run as it is written.
			own := compile(t, single, job).Sections[0]
			if own.Skip != "" || own.Backend != "" || own.Phases[0].Commands[0].Text != "deploy" {
				t.Errorf("the specification's own section became %+v", own)
			}
		})
	}
}

// The backend's files lie in the application's folder, also when the frontend is built elsewhere.
func TestImplicitBackendFolder(t *testing.T) {
	spec := "version: 1\napplications:\n  - appRoot: apps/web\n    frontend:\n      buildPath: /\n      phases: { build: { commands: [make] } }\n" +
		"      artifacts: { baseDirectory: dist, files: ['**/*'] }\n"
	p := compile(t, spec, Job{Env: []engine.Var{{Name: "AMPLIFY_BACKEND_APP_ID", Value: "d1"}}})
	if p.Start != "apps/web" || p.Sections[1].Dir != "." {
		t.Errorf("starts in %q, then changes to %q", p.Start, p.Sections[1].Dir)
	}
}
