// Package need is what tests use to say what they cannot run without. A test that misses something is skipped, so that the
// tests pass on a bare machine. CI sets PREAMP_REQUIRE_TOOLS=1 after it has installed the programs: what would be a skip is a
// failure then, so that a green run has run them all. For a container engine there is dockertest, with a variable of its own.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// RequireTools names the variable that makes a missing program a failure.
const RequireTools = "PREAMP_REQUIRE_TOOLS"

// Program is the path of a program of this machine. The test is skipped when it is not there, or fails where nothing may be
// missing.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "needs "+name)
	}
	return path
}

// Missing ends a test that misses something which CI has: why begins with "needs ".
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(RequireTools) != "" {
		t.Fatalf("%s is set, but this test %s", RequireTools, why)
	}
	t.Skip(why)
}
