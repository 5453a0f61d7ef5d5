package trees_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
	"github.com/preamp-build/preamp/testdata/need"
)

func TestHistory(t *testing.T) {
	git := need.Program(t, "git")
	dir := filepath.Join(t.TempDir(), "big.git")
	h, err := trees.NewHistory(t.Context(), dir, 40, 20, map[string]string{"amplify.yml": "version: 1\n"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(git, append([]string{"-C", dir}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	if got := ask("rev-list", "--count", "HEAD"); got != "20" {
		t.Errorf("%s commits", got)
	}
	if got := len(strings.Fields(ask("ls-tree", "-r", "--name-only", "main"))); got != 41 {
		t.Errorf("%d files", got)
	}
	before := ask("rev-parse", "main")
	if err := h.Grow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask("rev-parse", "main~1"); got != before {
		t.Errorf("the branch did not grow: %s, %s", got, before)
	}
}
