package proc_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/testdata/need"
)

func TestRun(t *testing.T) {
	sh := need.Program(t, "sh")
	file := filepath.Join(t.TempDir(), "out")
	r, err := proc.Run(t.Context(), proc.Cmd{Args: []string{sh, "-c", "echo $X"}, Env: []string{"X=1", "X=2"}})
	if err != nil || string(r.Out) != "2\n" || r.Wall <= 0 || r.RSS < 1<<16 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := proc.Run(t.Context(), proc.Cmd{Args: []string{sh, "-c", "echo to the file"}, File: file}); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "to the file\n" {
		t.Errorf("%q, %v", raw, err)
	}
}

func TestRunTellsOfFailures(t *testing.T) {
	sh := need.Program(t, "sh")
	failing := proc.Cmd{Args: []string{sh, "-c", "echo what happened >&2; exit 3"}}
	if _, err := proc.Run(t.Context(), failing); err == nil || !strings.Contains(err.Error(), "exit status 3: what happened") {
		t.Errorf("the error is %v", err)
	}
	failing.OK = []int{3}
	if _, err := proc.Run(t.Context(), failing); err != nil {
		t.Error(err)
	}
	if _, err := proc.Run(t.Context(), proc.Cmd{}); err == nil {
		t.Error("no error without a program")
	}
	gone := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := proc.Run(ctx, proc.Cmd{Args: []string{sh, "-c", "exit 0"}}); !errors.Is(err, gone) {
		t.Errorf("the error is %v", err)
	}
}
