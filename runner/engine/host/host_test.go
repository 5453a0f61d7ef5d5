package host_test

import (
	"testing"

	"github.com/preamp-build/preamp/runner/engine/enginetest"
	"github.com/preamp-build/preamp/runner/engine/host"
	"github.com/preamp-build/preamp/testdata/need"
)

func TestEngine(t *testing.T) {
	need.Program(t, "bash")
	t.Setenv("PREAMP_TEST_LEAK", "leaked") // a build must not see it
	enginetest.Run(t, enginetest.Subject{Engine: host.New(t.TempDir())})
}
