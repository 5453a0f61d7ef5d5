package host_test

import (
	"os/exec"
	"testing"

	"github.com/preamp-build/preamp/runner/engine/enginetest"
	"github.com/preamp-build/preamp/runner/engine/host"
)

func TestEngine(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash")
	}
	t.Setenv("PREAMP_TEST_LEAK", "leaked") // a build must not see it
	enginetest.Run(t, enginetest.Subject{Engine: host.New(t.TempDir())})
}
