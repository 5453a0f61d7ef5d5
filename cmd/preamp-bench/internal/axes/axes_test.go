package axes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
)

func open(t *testing.T, rounds int) (*Bench, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	b := &Bench{Dir: t.TempDir(), Tools: t.TempDir(), Rounds: rounds, Scale: 1, Log: &log, sheet: &Sheet{}}
	if err := b.Open(); err != nil {
		t.Fatal(err)
	}
	return b, &log
}

// Who comes second may find files that the first has read, or a processor that is slower for being hot.
func TestRaceTakesTurns(t *testing.T) {
	b, _ := open(t, 3)
	var order []string
	side := func(name string) Side {
		return Side{
			Name:    name,
			Prepare: func(round int) error { order = append(order, fmt.Sprintf("(%s%d)", name, round)); return nil },
			Run: func(round int) (proc.Result, error) {
				order = append(order, fmt.Sprintf("%s%d", name, round))
				return proc.Result{Wall: time.Duration(round+10) * time.Second}, nil
			},
		}
	}
	got, err := b.Race(t.Context(), Plan{WarmUp: true, Each: func(int) error { order = append(order, "|"); return nil }}, side("a"), side("b"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "| (b-1) b-1 (a-1) a-1 | (a0) a0 (b0) b0 | (b1) b1 (a1) a1 | (a2) a2 (b2) b2"
	if diff := cmp.Diff(want, strings.Join(order, " ")); diff != "" {
		t.Error(diff)
	}
	for _, list := range got { // without the warm-up
		if diff := cmp.Diff([]float64{10, 11, 12}, walls(list)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRaceEndsWithTheFirstFailure(t *testing.T) {
	b, _ := open(t, 3)
	broken := errors.New("it broke")
	runs := 0
	_, err := b.Race(t.Context(), Plan{}, Side{Name: "peer", Run: func(int) (proc.Result, error) { runs++; return proc.Result{}, broken }})
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "peer: ") || runs != 1 {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestRowsThatCannotBeRun(t *testing.T) {
	b, _ := open(t, 1)
	rows := []report.Row{{ID: "a", What: "a", Goal: report.AtMost(1)}, {ID: "b", What: "b", Against: "peer"}, {ID: "c", What: "c"}}
	tests := []struct {
		name    string
		measure func(context.Context, *Bench, *Sheet) error
		want    []string // verdict: why
	}{
		{"all", func(context.Context, *Bench, *Sheet) error {
			return fmt.Errorf("start %s: \n no such thing", filepath.Join(b.Dir, "app", "x"))
		}, []string{"not run: start app/x: no such thing", "not run: start app/x: no such thing", "not run: start app/x: no such thing"}},
		{"what came after", func(_ context.Context, _ *Bench, s *Sheet) error {
			return errors.Join(s.Alone("a", []float64{1}), s.NotRun("c", errors.New("no peer")), errors.New("broke"))
		}, []string{"met: ", "not run: broke", "not run: no peer"}},
		{"forgotten", func(_ context.Context, _ *Bench, s *Sheet) error {
			return errors.Join(s.Alone("a", []float64{2}), s.Pair("b", []float64{1}, []float64{2}))
		}, []string{"missed: ", "info: ", "not run: nothing was measured"}},
		{"long", func(context.Context, *Bench, *Sheet) error { return errors.New(strings.Repeat("ä", 1000)) }, []string{
			"not run: " + strings.Repeat("ä", 150) + "…", "not run: " + strings.Repeat("ä", 150) + "…", "not run: " + strings.Repeat("ä", 150) + "…",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, r := range Run(t.Context(), b, Axis{Name: "axis", Rows: rows, Measure: tt.measure}).Rows {
				if r.Axis != "axis" {
					t.Errorf("the axis is %q", r.Axis)
				}
				got = append(got, fmt.Sprintf("%s: %s", r.Verdict(), r.Why))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	b, _ := open(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	a := Axis{Name: "axis", Rows: []report.Row{{ID: "a"}, {ID: "b"}}, Measure: func(_ context.Context, _ *Bench, s *Sheet) error {
		err := s.Alone("a", []float64{1})
		cancel()
		return err
	}}
	if rows := Run(ctx, b, a).Rows; rows[0].Verdict() != report.Info || rows[1].Why != errInterrupted.Error() {
		t.Errorf("%+v", rows)
	}
	if rows := Run(ctx, b, a).Rows; rows[0].Why != errInterrupted.Error() {
		t.Errorf("it was begun afterwards: %+v", rows)
	}
}

func TestSheetRefusesWhatDoesNotFit(t *testing.T) {
	s := &Sheet{Rows: []report.Row{{ID: "a"}}}
	for name, err := range map[string]error{
		"unknown pair": s.Pair("b", []float64{1}, []float64{1}), "unknown row": s.Alone("b", nil), "unknown note": s.Note("b", "x"),
		"unknown reason": s.NotRun("b", errors.New("x")), "lengths": s.Pair("a", []float64{1, 2}, []float64{1}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestWrittenCountsWhatIsNewOrOther(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string, at int64) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Unix(at, 0), time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	put("same", "12345", 1)
	put("again", "123", 1)
	put("gone", "1", 1)
	before, err := contentOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := written(dir, before); err != nil || sum != 0 {
		t.Errorf("%d bytes, %v, before anything was written", sum, err)
	}
	put("again", "321", 2) // of the same size
	put("new", "1234567", 1)
	if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	if sum, err := written(dir, before); err != nil || sum != 10 {
		t.Errorf("%d bytes, %v", sum, err)
	}
}

func TestSpecOf(t *testing.T) {
	const want = `version: 1
frontend:
  phases:
    build:
      commands:
        - "echo \"a: b\""
  artifacts:
    baseDirectory: public
    files: ['**/*.html']
  cache:
    paths:
      - "node_modules/**/*"
`
	if diff := cmp.Diff(want, specOf([]string{`echo "a: b"`}, []string{"node_modules/**/*"}, "public")); diff != "" {
		t.Error(diff)
	}
}

func TestProbeMakesFiles(t *testing.T) {
	b, _ := open(t, 1)
	took, err := b.probe()
	if err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
	made, err := filepath.Glob(filepath.Join(b.Dir, "probe-*", "probe", "*"))
	if err != nil || len(made) != probes*probeFiles {
		t.Errorf("%d files, %v", len(made), err)
	}
}
