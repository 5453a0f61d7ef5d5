// Package sourcetest serves git repositories to tests by the real thing: git's own http-backend behind a Go web
// server, and OpenSSH's sshd. Nothing of it listens anywhere but on 127.0.0.1, and all of it ends with the test.
package sourcetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/testdata/need"
)

// Git runs git in dir and returns its output without the trailing newline. No configuration of the machine applies,
// and author, committer and dates are fixed, so that commits have the same SHA everywhere. A failure ends the test.
func Git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := TryGit(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TryGit is Git for calls that may fail. It skips the test when there is no git.
func TryGit(t testing.TB, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(NeedGit(t), args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.DevNull,
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=1700000000 +0000",
		"GIT_CONFIG_COUNT=2",
		"GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
		"GIT_CONFIG_KEY_1=protocol.file.allow", "GIT_CONFIG_VALUE_1=always",
	}
	out, err := cmd.CombinedOutput()
	return strings.TrimSuffix(string(out), "\n"), err
}

// NeedGit returns the path of git, or skips the test.
func NeedGit(t testing.TB) string {
	t.Helper()
	return need.Program(t, "git")
}

// Write writes files below dir; the keys are paths with slashes. A path that ends in a star is written without the
// star and executable.
func Write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		perm := os.FileMode(0o644)
		if plain, ok := strings.CutSuffix(name, "*"); ok {
			name, perm = plain, 0o755
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), perm); err != nil {
			t.Fatal(err)
		}
	}
}

// Repo is a repository with a small history.
type Repo struct {
	// Dir is the work tree, on branch main, and Bare a bare clone of it.
	Dir, Bare string
	// First, Second and Head are the commits of main. First has the annotated tag v1.0.0, Second the plain tag nightly.
	First, Second, Head string
	// Feature is the head of branch feature, which forks from Second.
	Feature string
	// Lost was committed on main once and is on no branch.
	Lost string
}

// NewRepo makes the repository reposDir/name.git and its work tree beside it. The bare one gives out any commit by its
// SHA, as GitHub does.
func NewRepo(t testing.TB, reposDir, name string) Repo {
	t.Helper()
	r := Repo{Dir: filepath.Join(reposDir, name), Bare: filepath.Join(reposDir, name+".git")}
	commit := func(message string, files map[string]string) string {
		Write(t, r.Dir, files)
		Git(t, r.Dir, "add", "-A")
		Git(t, r.Dir, "commit", "-q", "-m", message)
		return Git(t, r.Dir, "rev-parse", "HEAD")
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	Git(t, r.Dir, "init", "-q")
	r.First = commit("First\n\nWith a body.", map[string]string{"amplify.yml": "version: 1\n", "src/index.js": "1\n"})
	Git(t, r.Dir, "tag", "-a", "-m", "One", "v1.0.0")
	r.Second = commit("Second", map[string]string{"src/index.js": "2\n", "bin/run*": "#!/bin/sh\n"})
	Git(t, r.Dir, "tag", "nightly")
	Git(t, r.Dir, "checkout", "-q", "-b", "feature")
	r.Feature = commit("Feature", map[string]string{"feature.txt": "f\n"})
	Git(t, r.Dir, "tag", "-a", "-m", "Side", "side")
	Git(t, r.Dir, "checkout", "-q", "main")
	r.Lost = commit("Lost", map[string]string{"lost.txt": "l\n"})
	Git(t, r.Dir, "reset", "-q", "--hard", r.Second)
	if err := os.Symlink("index.js", filepath.Join(r.Dir, "src", "link.js")); err != nil {
		t.Fatal(err)
	}
	r.Head = commit("Head of main", map[string]string{"README.md": "# Hello\n", "odd/-dash": "d", "odd/ü mlaut": "u"})
	Git(t, reposDir, "init", "-q", "--bare", r.Bare)
	Git(t, r.Bare, "fetch", "-q", r.Dir, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*", r.Lost)
	Git(t, r.Bare, "config", "uploadpack.allowAnySHA1InWant", "true")
	return r
}
