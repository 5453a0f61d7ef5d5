package need_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/preamp-build/preamp/testdata/need"
)

// ending records how a test was ended; the real one would end this one.
type ending struct {
	testing.TB
	how string
}

func (e *ending) Helper() {}

func (e *ending) Skip(args ...any) {
	e.how = "skipped: " + fmt.Sprint(args...)
	runtime.Goexit()
}

func (e *ending) Fatalf(format string, args ...any) {
	e.how = "failed: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestProgram(t *testing.T) {
	for _, tc := range []struct{ name, program, require, want string }{
		{"there", "go", "1", ""},
		{"missing", "no-such-program", "", "skipped: needs no-such-program"},
		{"missing where nothing may be", "no-such-program", "1", "failed: PREAMP_REQUIRE_TOOLS is set, but this test needs no-such-program"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv(need.RequireTools, tc.require)
			e, done := &ending{TB: t}, make(chan struct{})
			go func() {
				defer close(done)
				if path := need.Program(e, tc.program); path == "" {
					e.how = "no path"
				}
			}()
			<-done
			if e.how != tc.want {
				t.Errorf("%q, want %q", e.how, tc.want)
			}
		})
	}
}
