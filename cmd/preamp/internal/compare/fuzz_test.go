package compare

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/preamp-build/preamp/cmd/preamp/internal/buildlog"
)

// FuzzCompare holds that every log equals itself, and that any two can be compared and written.
func FuzzCompare(f *testing.F) {
	var logs [][]byte
	for _, name := range []string{"cloud.log", "out/build.log", "events.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		logs = append(logs, raw)
	}
	for i := range logs {
		f.Add(logs[i], logs[(i+1)%len(logs)])
	}
	f.Add([]byte("# Executing command: a\n(...)\nb\n...\n!!! Build failed"), []byte("# Executing command: a\nb\nc\n"))
	f.Fuzz(func(t *testing.T, x, y []byte) {
		a, err := buildlog.Parse("a", x)
		if err != nil {
			return
		}
		if r := Compare(a, a); !r.Equal {
			t.Errorf("a log differs from itself: %+v", r.Differences)
		}
		b, err := buildlog.Parse("b", y)
		if err != nil {
			return
		}
		r := Compare(a, b)
		for _, d := range r.Differences {
			if d.Message == "" || d.Cloud.Line == 0 && d.Build.Line == 0 {
				t.Errorf("a difference without words or place: %+v", d)
			}
		}
		var out bytes.Buffer
		if err := r.Text(&out, Options{All: true}); err != nil {
			t.Error(err)
		}
		if err := r.JSON(&out); err != nil {
			t.Error(err)
		}
	})
}
