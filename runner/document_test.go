package runner_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/preamp-build/preamp/runner"
)

// A result that is written and read again is the same, and says its durations in seconds.
func TestResultDocument(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	want := runner.Result{
		Version: runner.ResultVersion, Build: "b1", Status: runner.StatusFailed, ExitCode: 1, Started: at, Ended: at,
		Took: 1500 * time.Millisecond, Timeout: 30 * time.Minute,
		Failure:  &runner.Failure{Class: runner.ClassCommand, Message: "m", Command: &runner.FailedCommand{Code: 3}},
		Sections: []runner.SectionResult{{Name: "frontend", Took: 1, Phases: []runner.PhaseResult{{Took: 90 * time.Hour}}}},
		Cache:    runner.CacheResult{Restore: &runner.CacheRestore{Took: time.Microsecond}},
	}
	want.Usage.CPUTime = 123456789
	raw, err := json.Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`"version":"1.0"`, `"took":1.5,`, `"timeout":1800,`, `"took":0.000000001,`, `"took":324000}`, `"cpuTime":0.123456789`, `"class":"command"`,
	} {
		if !strings.Contains(string(raw), text) {
			t.Errorf("no %s in %s", text, raw)
		}
	}
	var got runner.Result
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(runner.Failure{})); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

func TestResultVersions(t *testing.T) {
	for _, tc := range []struct{ doc, want string }{
		{`{"version":"1.0"}`, ""},
		{`{"version":"1.7","surprise":{"took":"x"}}`, ""},
		{`{"version":"2.0"}`, "another preamp is needed"},
		{`{"version":"0.9"}`, "another preamp is needed"},
		{`{"version":1}`, "read a result"},
		{`{}`, `the version is ""`},
		{`{"version":"1.00"}`, `the version is "1.00"`},
		{`{"version":"1.0","took":"soon"}`, "no number of seconds"},
		{`{"version":"1.0","took":1e30}`, "no number of seconds"},
	} {
		var r runner.Result
		err := json.Unmarshal([]byte(tc.doc), &r)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.doc, err, tc.want)
		}
	}
}

func TestEventLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))
	for _, tc := range []struct {
		event runner.Event
		want  string
	}{
		{runner.Output{Text: "a<b\n"}, `{"time":"2026-01-02T03:04:05Z","type":"output","text":"a\u003cb\n"}`},
		{
			runner.PhaseEnded{Section: "s", Phase: "p", OK: true, Took: 2500 * time.Microsecond},
			`{"time":"2026-01-02T03:04:05Z","type":"phase-ended","section":"s","phase":"p","ok":true,"took":0.0025}`,
		},
	} {
		raw, err := json.Marshal(runner.Stamped{Time: at, Event: tc.event})
		if err != nil || string(raw) != tc.want {
			t.Errorf("%s, %v\nwant %s", raw, err, tc.want)
		}
	}
}
