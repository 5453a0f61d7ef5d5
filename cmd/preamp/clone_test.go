package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

const cloneSpec = `version: 1
frontend:
  phases:
    build:
      commands:
        - git log --format=%s > log.txt
        - git remote get-url origin > remote.txt
        - env > env.txt
        - cat .git/config >> remote.txt
  artifacts: { baseDirectory: /, files: ['*.txt'] }
`

const token = "tok-3f9a1c7e5b2d"

// served is a folder with a bare repository app.git that holds the specification above.
func served(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	work := repoWith(t, cloneSpec)
	sourcetest.Git(t, dir, "clone", "-q", "--bare", work, "app.git")
	return dir
}

// A clone over http from git's own http-backend with a token, and what goes wrong with it.
func TestCloneHTTP(t *testing.T) {
	s := sourcetest.HTTP(t, served(t), sourcetest.HTTPOptions{Token: token})
	url := s.URL + "/app.git"
	onEngines(t, func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out")
		t.Setenv("PREAMP_GIT_TOKEN", token)
		code, log := preamp(t, "build", url, "--out", out)
		if code != 0 {
			t.Fatalf("exit code %d:\n%s", code, log)
		}
		if got := files(t, filepath.Join(out, "artifacts")); strings.Join(got, " ") != "env.txt log.txt remote.txt" {
			t.Errorf("artifacts %v", got)
		}
		// The build was not given the token: it is nowhere in what the build could see.
		for _, name := range files(t, out) {
			raw, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(raw), token) {
				t.Errorf("%s holds the token", name)
			}
		}
	})
	t.Setenv("PREAMP_ENGINE", "host")
	t.Setenv("PREAMP_HOME", t.TempDir())
	for _, tc := range []struct {
		name, token string
		args        []string
		want        string
	}{
		{"wrong token", "wrong", nil, "credentials"},
		{"no token", "", nil, "credentials"},
		{"missing branch", token, []string{"--branch", "nope"}, "nope"},
		{"missing commit", token, []string{"--commit", strings.Repeat("ab", 20)}, "ababab"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("PREAMP_GIT_TOKEN", tc.token)
			expectSourceError(t, tc.want, append([]string{"build", url}, tc.args...)...)
		})
	}
}

// Only as much of the history is cloned as was asked for, where it is not all there already.
func TestCloneDepth(t *testing.T) {
	work := repoWith(t, cloneSpec)
	sourcetest.Git(t, work, "commit", "-q", "--allow-empty", "-m", "two")
	dir := t.TempDir()
	sourcetest.Git(t, dir, "clone", "-q", "--bare", work, "app.git")
	url := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{}).URL + "/app.git"
	t.Setenv("PREAMP_ENGINE", "host")
	t.Setenv("PREAMP_HOME", t.TempDir())
	commits := func(args ...string) int {
		t.Helper()
		out := filepath.Join(t.TempDir(), "out")
		if code, log := preamp(t, append([]string{"build", url, "--out", out}, args...)...); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, log)
		}
		raw, err := os.ReadFile(filepath.Join(out, "artifacts", "log.txt"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(raw), "\n")
	}
	for _, tc := range []struct {
		args []string
		want int
	}{{[]string{"--depth", "1"}, 1}, {nil, 2}, {[]string{"--depth", "1"}, 2}} {
		if got := commits(tc.args...); got != tc.want {
			t.Errorf("with %v the build sees %d commits, want %d", tc.args, got, tc.want)
		}
	}
	for _, args := range [][]string{{work, "--depth", "1"}, {url, "--depth", "-1"}} {
		if code, log := preamp(t, append([]string{"build", "--out", filepath.Join(t.TempDir(), "out")}, args...)...); code != 2 || !strings.Contains(log, "depth") {
			t.Errorf("%v: exit code %d:\n%s", args[1:], code, log)
		}
	}
}

// A token in the repository's address is shown nowhere: neither as an event, nor in the result, nor to the build.
func TestCloneTokenInURL(t *testing.T) {
	s := sourcetest.HTTP(t, served(t), sourcetest.HTTPOptions{Token: token})
	t.Setenv("PREAMP_ENGINE", "host")
	t.Setenv("PREAMP_HOME", t.TempDir())
	out := filepath.Join(t.TempDir(), "out")
	code, log := preamp(t, "build", strings.Replace(s.URL, "://", "://me:"+token+"@", 1)+"/app.git", "--events", "ndjson", "--out", out)
	if code != 0 || !strings.Contains(log, `"type":"source-started","from":"http://127.0.0.1`) || strings.Contains(log, token) {
		t.Errorf("exit code %d:\n%s", code, log)
	}
	for _, name := range files(t, out) {
		raw, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || strings.Contains(string(raw), token) {
			t.Errorf("%s holds the token, or cannot be read: %v:\n%s", name, err, raw)
		}
	}
}

// A clone over ssh from a real sshd with a key, and a host whose key nobody knows.
func TestCloneSSH(t *testing.T) {
	s := sourcetest.SSH(t, served(t))
	url := s.URL("app")
	onEngines(t, func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out")
		code, log := preamp(t, "build", url, "--ssh-key", s.KeyFile, "--known-hosts", s.KnownHosts, "--out", out)
		if code != 0 {
			t.Fatalf("exit code %d:\n%s", code, log)
		}
	})
	t.Setenv("PREAMP_ENGINE", "host")
	t.Setenv("PREAMP_HOME", t.TempDir())
	t.Run("unknown host key", func(t *testing.T) {
		empty := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(empty, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		expectSourceError(t, "key", "build", url, "--ssh-key", s.KeyFile, "--known-hosts", empty)
	})
}

// expectSourceError wants exit code 4 and one line about what failed.
func expectSourceError(t *testing.T, want string, args ...string) {
	t.Helper()
	code, log := preamp(t, append(args, "--out", filepath.Join(t.TempDir(), "out"))...)
	if code != 4 {
		t.Errorf("exit code %d, want 4", code)
	}
	var lines []string
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "failed     ") && !strings.HasPrefix(line, "failed     in ") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 || !strings.Contains(log, want) {
		t.Errorf("%d error lines, want one that speaks of %q:\n%s", len(lines), want, log)
	}
	if left := leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
