package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
)

var update = flag.Bool("update", false, "write the goldens anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func sample() report.Report {
	return report.Report{
		Started: time.Date(2026, 11, 21, 13, 5, 0, 0, time.UTC), Took: 21*time.Minute + 400*time.Millisecond, Preamp: "v1.2.3",
		Machine: report.Machine{CPUs: 2, CPU: "Some CPU", Memory: 24 << 30, System: "Linux 6.18", Disk: "ext4", Engine: "Docker 20.10"},
		Rounds:  3, Scale: 1, LoadBefore: "1.60 1.10 0.90", LoadAfter: "2.10 2.00 1.50", Installed: []string{"act v0.2.89"},
		Rows: []report.Row{
			{
				Axis: "job", ID: "plain", What: "three `true`", Against: "docker run", Unit: report.Seconds, Goal: report.AtMost(1.15),
				Ours: []float64{0.5, 0.6, 0.7}, Theirs: []float64{0.5, 0.5, 0.5}, Ratios: []float64{1, 1.2, 1.4}, Load: 1.25,
			},
			{Axis: "job", ID: "clone", What: "from a URL", Against: "a | b", Unit: report.Seconds, Goal: report.AtMost(1.35), Why: "there is no\nengine"},
			{
				Axis: "save", ID: "bytes", What: "bytes <kept>", Against: "tar | gzip", Unit: report.Bytes, Goal: report.AtMost(1), Note: "in pieces of 4 MiB",
				Ours: []float64{5 << 20}, Theirs: []float64{10 << 20}, Ratios: []float64{0.5},
			},
			{Axis: "save", ID: "nothing", What: "nothing changed", Unit: report.Bytes, Goal: report.AtMost(0), Ours: []float64{0, 0, 0}},
			{Axis: "save", ID: "info", What: "time", Unit: report.Seconds, Ours: []float64{0.0421, 0.05, 1.5}},
		},
		Panels: []report.Panel{
			{Title: "Restore a cache", Lines: []report.Line{
				{Name: "composed", Points: []report.Point{{1000, 0.011}, {10_000, 0.012}, {160_000, 0.0115}}},
				{Name: "unpacked", Points: []report.Point{{1000, 0.05}, {10_000, 0.5}, {160_000, 8}}},
				{Name: "tar <xzf>", Peer: true, Points: []report.Point{{1000, 0.1}, {10_000, 1}, {160_000, 9}}},
			}},
			{Title: "Save it"},
		},
	}
}

var document = report.Document{
	Axes: []report.Section{{"job", "A job, and nothing in it."}, {"save", "Saving."}, {"none", "Nothing was run of it."}},
	Plot: "performance.svg", Whole: true,
}

func TestMarkdown(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteMarkdown(&out, document); err != nil {
		t.Fatal(err)
	}
	golden(t, "performance.md", out.Bytes())
}

func TestMarkdownOfAPart(t *testing.T) {
	r := sample()
	r.Scale, r.LoadBefore = 0.025, "0.10 0.20 0.30"
	var out bytes.Buffer
	if err := r.WriteMarkdown(&out, report.Document{}); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"Only some of the axes were run.", "had 0.0250 of their size"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "other work") {
		t.Errorf("the machine was quiet:\n%s", text)
	}
}

func TestSVG(t *testing.T) {
	var out bytes.Buffer
	if err := report.WriteSVG(&out, sample().Panels); err != nil {
		t.Fatal(err)
	}
	golden(t, "performance.svg", out.Bytes())
	for dec := xml.NewDecoder(&out); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("it is not well-formed: %v", err)
		}
	}
}

func TestVerdicts(t *testing.T) {
	ratio := func(goal *report.Goal, ratios ...float64) report.Row {
		return report.Row{Against: "it", Goal: goal, Ratios: ratios, Ours: []float64{1000}}
	}
	tests := []struct {
		name string
		row  report.Row
		want report.Verdict
	}{
		{"below", ratio(report.AtMost(1), 0.9, 0.8, 0.7), report.Met},
		{"just so", ratio(report.AtMost(1), 1), report.Met},
		{"above", ratio(report.AtMost(1), 1.001), report.Missed},
		{"the median counts, not the worst", ratio(report.AtMost(1), 0.5, 0.6, 30), report.Met},
		{"the median counts, not the best", ratio(report.AtMost(1), 0.5, 1.6, 30), report.Missed},
		{"equal is not faster", ratio(report.LessThan(1), 1), report.Missed},
		{"faster", ratio(report.LessThan(1), 0.999), report.Met},
		{"by itself", report.Row{Goal: report.AtMost(5), Ours: []float64{5}}, report.Met},
		{"by itself, too much", report.Row{Goal: report.AtMost(5), Ours: []float64{6}}, report.Missed},
		{"nothing measured", ratio(report.AtMost(1)), report.NotRun},
		{"not run", report.Row{Goal: report.AtMost(5), Ours: []float64{1}, Why: "the engine went away"}, report.NotRun},
		{"not run and no goal", report.Row{Why: "why"}, report.NotRun},
		{"no goal", report.Row{Ours: []float64{1}}, report.Info},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.row.Verdict(); got != tt.want {
				t.Errorf("%s, not %s", got, tt.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	rows := sample().Rows
	want := []string{
		"job/plain: missed: three `true` 600 ms, docker run 500 ms, 1.20× (1.00–1.40), goal ≤ 1.15×",
		"job/clone: not run: there is no engine",
		"save/bytes: met: bytes <kept> 5.00 MiB, tar | gzip 10.0 MiB, 0.500× (0.500–0.500), goal ≤ 1×",
		"save/nothing: met: nothing changed 0 B, goal ≤ 0 B",
		"save/info: info: time 50.0 ms",
	}
	for i, row := range rows {
		if got := row.Line(); got != want[i] {
			t.Errorf("%q, not %q", got, want[i])
		}
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Preamp string
		Rows   []struct {
			Axis, ID, Verdict, Why string
			Spread                 *struct{ Median, Min, Max float64 }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Preamp != "v1.2.3" || len(got.Rows) != 5 {
		t.Fatalf("%+v", got)
	}
	first, second := got.Rows[0], got.Rows[1]
	if first.Verdict != "missed" || first.Spread == nil || first.Spread.Median != 1.2 || first.Spread.Max != 1.4 {
		t.Errorf("%+v", first)
	}
	if second.Verdict != "not run" || second.Spread != nil || second.Why == "" {
		t.Errorf("%+v", second)
	}
}
