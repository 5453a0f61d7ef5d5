package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/testdata/need"
)

const appsDir = "../../testdata/apps"

// Each of our apps builds on each engine to the same list of artifact files: a real npm, a real registry.
func TestApps(t *testing.T) {
	if testing.Short() {
		t.Skip("needs time: npm installs, left out by -short")
	}
	need.Program(t, "npm")
	if os.Getenv("PREAMP_CA_CERT") == "" { // networks with a proxy of their own say so by these
		t.Setenv("PREAMP_CA_CERT", os.Getenv("NODE_EXTRA_CA_CERTS"))
	}
	onEngines(t, func(t *testing.T) {
		for _, app := range []struct {
			name, dir, want string
			args            []string
			tests           string
		}{
			{name: "vite-react", dir: "vite-react", want: "vite-react"},
			{name: "next-static", dir: "next-static", want: "next-static"},
			{name: "monorepo web", dir: "monorepo", want: "monorepo-web", args: []string{"--app-root", "apps/web"}},
			{name: "monorepo admin", dir: "monorepo", want: "monorepo-admin", args: []string{"--app-root", "apps/admin"}},
			{name: "html", dir: "html", want: "html"},
			{name: "with-tests", dir: "with-tests", want: "with-tests", tests: "with-tests-reports"},
		} {
			t.Run(app.name, func(t *testing.T) {
				repo := repoOf(t, filepath.Join(appsDir, app.dir))
				out := filepath.Join(t.TempDir(), "out")
				code, log := preamp(t, append([]string{"build", repo, "--out", out}, app.args...)...)
				if code != 0 {
					t.Fatalf("exit code %d:\n%s", code, log)
				}
				if diff := cmp.Diff(expected(t, app.want), files(t, filepath.Join(out, "artifacts"))); diff != "" {
					t.Errorf("artifacts (-want +got):\n%s", diff)
				}
				if app.tests != "" {
					if diff := cmp.Diff(expected(t, app.tests), files(t, filepath.Join(out, "test-artifacts"))); diff != "" {
						t.Errorf("test artifacts (-want +got):\n%s", diff)
					}
				}
				if left := leftovers(t); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	})
}

func expected(t *testing.T, name string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(appsDir, "expected", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}
