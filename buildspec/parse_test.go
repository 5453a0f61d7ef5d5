package buildspec

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEquivalentForms checks that lenient spellings mean what the documented one means.
func TestEquivalentForms(t *testing.T) {
	want := []string{"npm ci", "npm run build"}
	for name, phase := range map[string]string{
		"block list":            "commands:\n  - npm ci\n  - npm run build",
		"list at the key":       "commands:\n- npm ci\n- npm run build",
		"flow list":             "commands: ['npm ci', \"npm run build\"]",
		"phase is a list":       "- npm ci\n- npm run build",
		"nulls between":         "commands:\n  -\n  - npm ci\n  - ~\n  - npm run build",
		"aliases":               "commands:\n  - &a npm ci\n  - npm run build\n\nx: *a",
		"folded over two lines": "commands:\n  - npm\n    ci\n  - npm run build",
		"carriage returns":      "commands:\r\n  - npm ci\r\n  - npm run build\r",
		"trailing comments":     "commands: # c\n  - npm ci # c\n  # c\n  - npm run build",
	} {
		t.Run(name, func(t *testing.T) {
			spec := mustParse(t, string(frontendOnly(phase)))
			var got []string
			for _, c := range spec.Apps[0].Frontend.Phases[0].Commands {
				got = append(got, c.Value)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestSpansCoverTheirText checks that cutting a text's span out of the file gives the text as it was written.
func TestSpansCoverTheirText(t *testing.T) {
	src := []byte(`version: "1"
env:
  variables: {名前: '👌', B: &b !!str x, C: *b}
frontend:
  phases:
    build:
      commands:
        - "a \" b"
        - 'it''s' # c
        - plain # c
        - [x]
        - | # c
          one
            two
        - >-
          three
  artifacts: {baseDirectory: dist/x, files: ["**/*", a]}
`)
	src = []byte(strings.Replace(string(src), "        - [x]\n", "", 1))
	spec, ds := Parse("amplify.yml", src)
	if err := ds.Err(); err != nil {
		t.Fatal(err)
	}
	source := newSource("", src)
	var got []string
	walkTexts(spec, func(_ string, text Text) {
		if text.Set() {
			got = append(got, source.slice(text.Span))
		}
	})
	want := []string{
		`"1"`, "名前", "'👌'", "B", "x", "C", "x", `"a \" b"`, `'it''s'`, "plain",
		"| # c\n          one\n            two", ">-\n          three", "dist/x", `"**/*"`, "a",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestFixes applies every fix of a file and checks that what it was offered for is gone.
func TestFixes(t *testing.T) {
	src := []byte(`version: 1
Frontend:
  phases:
    prebuild:
      commands:
        - echo "Branch: $BRANCH"
        - echo it's: "\n"
        - echo it's here:
        - 名前 👌: x
  artifact:
    base_directory: dist
`)
	for range 3 { // what stands below a renamed key is only seen afterwards
		_, ds := Parse("amplify.yml", src)
		var err error
		if src, _, err = ApplyFixes(src, ds); err != nil {
			t.Fatal(err)
		}
	}
	spec, ds := Parse("amplify.yml", src)
	if len(ds) > 0 {
		t.Fatalf("still wrong:\n%s\n%s", src, rendered(t, ds, src))
	}
	var got []string
	for _, c := range spec.Apps[0].Frontend.Phases[0].Commands {
		got = append(got, c.Value)
	}
	want := []string{`echo "Branch: $BRANCH"`, `echo it's: "\n"`, `echo it's here:`, "名前 👌: x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestAllProblemsAtOnce checks that one problem doesn't hide another.
func TestAllProblemsAtOnce(t *testing.T) {
	_, ds := Parse("amplify.yml", []byte(`version: 1
applications:
  - frontend:
      phases:
        build:
          commands:
            - echo "a: b"
            - - x
        build: {}
      artifacts:
        files: []
  - appRoot: docs
    env: {variables: {A: {}}}
    api: 1
`))
	var got []string
	for _, d := range ds {
		got = append(got, d.Span.Start.String()+" "+d.Rule)
	}
	want := []string{
		"3:5 missing-app-root", "7:15 command-is-a-map", "8:15 command-is-a-list", "9:9 duplicate-key",
		"10:7 missing-base-directory", "11:9 missing-artifact-files", "12:5 missing-frontend",
		"13:23 variable-not-a-scalar", "14:5 unknown-key",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestErr(t *testing.T) {
	warning := Diagnostic{Rule: "w", Severity: Warning, File: "f", Message: "m"}
	failure := Diagnostic{Rule: "e", File: "f", Span: Span{Start: Pos{2, 3}}, Message: "broken"}
	if err := (Diagnostics{warning}).Err(); err != nil {
		t.Errorf("a warning alone is an error: %v", err)
	}
	err := Diagnostics{warning, failure, failure}.Err()
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Diagnostics) != 3 {
		t.Fatalf("error is %#v, want an InvalidError with all findings", err)
	}
	if got, want := err.Error(), "f:2:3: broken [e] (and 1 more error)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"preBuild", "build", "postBuild"}
	for name, want := range map[string]string{
		"prebuild": "preBuild", "pre-build": "preBuild", "postbuidl": "postBuild", "biuld": "build",
		"buildd": "build", "install": "", "bld": "build", "x": "", "": "", strings.Repeat("b", 1<<20): "",
	} {
		if got := nearest(name, keys); got != want {
			t.Errorf("nearest(%q) = %q, want %q", quote(name), got, want)
		}
	}
}
