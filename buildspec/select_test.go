package buildspec

import (
	"errors"
	"strings"
	"testing"
)

const (
	singleSpec = "frontend:\n  artifacts: {baseDirectory: dist}\n"
	monoSpec   = `applications:
  - appRoot: apps/web
    frontend: {artifacts: {baseDirectory: web}}
  - appRoot: ./apps/docs/
    frontend: {artifacts: {baseDirectory: docs}}
  - appRoot: apps/docs
    frontend: {artifacts: {baseDirectory: second}}
`
	rootSpec = `applications:
  - appRoot: apps/web
    frontend: {artifacts: {baseDirectory: web}}
  - appRoot: .
    frontend: {artifacts: {baseDirectory: root}}
`
)

func mustParse(t *testing.T, text string) *Spec {
	t.Helper()
	spec, ds := Parse("amplify.yml", []byte(text))
	if err := ds.Err(); err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestSelect(t *testing.T) {
	for _, tt := range []struct {
		name, spec, appRoot string
		want                string // the base directory of the application
		notice              string // a part of it
		errs                []string
	}{
		{name: "single", spec: singleSpec, want: "dist"},
		{name: "single, slash is no root", spec: singleSpec, appRoot: "/", want: "dist"},
		{name: "single, dot is no root", spec: singleSpec, appRoot: ".", want: "dist"},
		{
			name: "single with a root", spec: singleSpec, appRoot: "apps/web",
			errs: []string{"no applications", "AMPLIFY_MONOREPO_APP_ROOT", `"apps/web"`},
		},
		{name: "match", spec: monoSpec, appRoot: "apps/web", want: "web"},
		{name: "slashes and dots", spec: monoSpec, appRoot: "/./apps//web/", want: "web"},
		{name: "slashes and dots in the file, first of two", spec: monoSpec, appRoot: "apps/docs", want: "docs"},
		{name: "unset takes the first", spec: monoSpec, want: "web", notice: `no app root is given: building the first application of amplify.yml, "apps/web" (there are 3`},
		{name: "slash falls back to the first", spec: monoSpec, appRoot: "/", want: "web", notice: `no application has the app root "/"`},
		{name: "slash finds the root", spec: rootSpec, appRoot: "/", want: "root"},
		{name: "unset doesn't look for the root", spec: rootSpec, want: "web", notice: "first application"},
		{
			name: "misspelt", spec: monoSpec, appRoot: "apps/wbe",
			errs: []string{`no application with the appRoot "apps/wbe"`, `"apps/web", "./apps/docs/", "apps/docs"`, `did you mean "apps/web"?`},
		},
		{name: "wrong folder", spec: monoSpec, appRoot: "packages/web", errs: []string{`did you mean "apps/web"?`}},
		{name: "too long a path", spec: monoSpec, appRoot: "dashboard/apps/docs", errs: []string{`did you mean "./apps/docs/"?`}},
		{name: "outside is not inside", spec: monoSpec, appRoot: "other", errs: []string{`it has "apps/web"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, notice, err := mustParse(t, tt.spec).Select(tt.appRoot)
			if len(tt.errs) > 0 {
				checkSelectError(t, err, tt.appRoot, tt.errs)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := app.Frontend.Artifacts.BaseDirectory.Value; got != tt.want {
				t.Errorf("selected %q, want %q", got, tt.want)
			}
			if (notice == "") != (tt.notice == "") || !strings.Contains(notice, tt.notice) {
				t.Errorf("notice %q, want %q in it", notice, tt.notice)
			}
		})
	}
}

func checkSelectError(t *testing.T, err error, appRoot string, parts []string) {
	t.Helper()
	var selectErr *SelectError
	if !errors.As(err, &selectErr) {
		t.Fatalf("error is %v, want a SelectError", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
	want := "Invalid monorepo spec, no appRoot matching " + appRoot + " found"
	if selectErr.Have == nil {
		want = `CustomerError: Monorepo spec provided without "applications" key`
	}
	if selectErr.Amplify != want {
		t.Errorf("Amplify text %q, want %q", selectErr.Amplify, want)
	}
}
