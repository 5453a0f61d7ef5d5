package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/axes"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
	"github.com/preamp-build/preamp/testdata/need"
)

// The bench runs itself for what it does with preamp's packages; here it is the test that is run.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == work.Command {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

func TestCommandLine(t *testing.T) {
	tests := []struct {
		args string
		code int
		out  string // a regular expression
	}{
		{"-list", 0, `(?s)^job: .*\n    here: the repository is there against .docker run --rm.: ≤ 1.15×\n.*\ninstall: `},
		{"-list -only artifact,skip", 0, `(?s)^skip: .*\nartifact: `},
		{"-help", 0, `(?s)-check exits with 1.*-allow-missing`},
		{"-only nothing", 2, `there is no axis "nothing"; there are job, command,`},
		{"-rounds 0", 2, `rounds and scale are numbers above 0`},
		{"-rounds many", 2, `invalid value "many"`},
		{"-allow-missing", 2, `-allow-missing goes with -check`},
		{"job", 2, `what is "job"\?`},
		{"-fast", 2, `flag provided but not defined: -fast`},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var out bytes.Buffer
			if code := run(t.Context(), strings.Fields(tt.args), &out, &out); code != tt.code {
				t.Errorf("exit code %d, not %d", code, tt.code)
			}
			if !regexp.MustCompile(tt.out).Match(out.Bytes()) {
				t.Errorf("no %s in:\n%s", tt.out, out.String())
			}
		})
	}
}

func TestFilesAreWrittenOnPurpose(t *testing.T) {
	tests := []struct{ args, want string }{
		{"", "docs/performance.md"},
		{"-rounds 1", "docs/performance.md"},
		{"-check", ""},
		{"-json", ""},
		{"-only job", ""},
		{"-only job -o page.md", "page.md"},
		{"-check -o page.md", "page.md"},
	}
	for _, tt := range tests {
		o, err := parse(strings.Fields(tt.args), os.Stderr)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.ToSlash(o.out) != tt.want {
			t.Errorf("%q writes %q", tt.args, o.out)
		}
	}
}

func TestPassed(t *testing.T) {
	met := report.Row{Goal: report.AtMost(1), Ours: []float64{1}}
	missed := report.Row{Goal: report.AtMost(1), Ours: []float64{2}}
	missing := report.Row{Goal: report.AtMost(1), Why: "there is no engine"}
	info := report.Row{Ours: []float64{2}}
	tests := []struct {
		name                 string
		rows                 []report.Row
		strict, allowMissing bool
	}{
		{"all met", []report.Row{met, info}, true, true},
		{"one missed", []report.Row{met, missed}, false, false},
		{"one not run", []report.Row{met, missing}, false, true},
		{"one missed, one not run", []report.Row{missing, missed}, false, false},
	}
	for _, tt := range tests {
		r := report.Report{Rows: tt.rows}
		if got := passed(r, false); got != tt.strict {
			t.Errorf("%s: %v", tt.name, got)
		}
		if got := passed(r, true); got != tt.allowMissing {
			t.Errorf("%s, missing ones allowed: %v", tt.name, got)
		}
	}
}

// preamp is a program that only has a version.
func preamp(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "preamp")
	if err := os.WriteFile(file, []byte("#!/bin/sh\necho preamp version v0.0.1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// One axis for real: what is measured is too small to be judged, so nothing is said of the verdict.
func TestOneAxisForReal(t *testing.T) {
	need.Program(t, "zip")
	dir, page := t.TempDir(), filepath.Join(t.TempDir(), "not", "yet", "page.md")
	var out, log bytes.Buffer
	code := run(t.Context(), []string{
		"-only", "artifact", "-rounds", "2", "-scale", "0.004", "-dir", dir, "-preamp", preamp(t), "-json", "-o", page,
	}, &out, &log)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, log.String())
	}
	var got struct {
		Preamp string
		Rows   []report.Row
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Preamp != "v0.0.1" || len(got.Rows) != 2 {
		t.Fatalf("%+v", got)
	}
	for _, r := range got.Rows {
		if r.Verdict() == report.NotRun || len(r.Ours) != 2 || len(r.Theirs) != 2 || r.Ours[0] <= 0 {
			t.Errorf("%+v", r)
		}
	}
	if bytes := got.Rows[1]; bytes.Ratios[0] > 1.3 {
		t.Errorf("the zip is %v times as large", bytes.Ratios)
	}
	raw, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(raw), "| zip of the site |") || !strings.Contains(string(raw), "Only some of the axes were run.") {
		t.Errorf("%v: %s", err, raw)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// A goal that cannot be measured is not met.
func TestCheckOfWhatCannotBeRun(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent")
	args := []string{"-only", "command", "-rounds", "1", "-dir", t.TempDir(), "-preamp", preamp(t), "-check"}
	var out, log bytes.Buffer
	if code := run(t.Context(), args, &out, &log); code != exitMissed {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(out.String(), "command/median: not run: needs ") || !strings.Contains(out.String(), "0 goals met, 0 missed, 3 not run") {
		t.Errorf("%s", out.String())
	}
	if code := run(t.Context(), append(args, "-allow-missing"), &out, &log); code != 0 {
		t.Errorf("exit code %d with -allow-missing", code)
	}
}

// A disk that becomes full would spoil the rest of the run, and what others do on it.
func TestRoom(t *testing.T) {
	dir := t.TempDir()
	if err := roomFor(dir, 1); err != nil {
		t.Error(err)
	}
	if err := roomFor(dir, 1<<60); err == nil || !strings.Contains(err.Error(), "-dir names another folder") {
		t.Errorf("the error is %v", err)
	}
	if small, large := needed(1, 1), needed(5, 1); small >= large || needed(5, 0.5) >= large {
		t.Errorf("%d, %d", small, large)
	}
}

func TestAxesHaveDifferentNames(t *testing.T) {
	seen := map[string]int{}
	for _, a := range axes.All() {
		seen[a.Name]++
		for _, r := range a.Rows {
			seen[a.Name+"/"+r.ID]++
			if r.What == "" || r.Unit == "" {
				t.Errorf("%s/%s: %+v", a.Name, r.ID, r)
			}
		}
	}
	for name, n := range seen {
		if n > 1 {
			t.Errorf("there are %d %s", n, name)
		}
	}
	chosen, err := axes.Choose(axes.All(), []string{"skip", "job"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range chosen {
		names = append(names, a.Name)
	}
	if diff := cmp.Diff([]string{"job", "skip"}, names); diff != "" {
		t.Error(diff)
	}
}
