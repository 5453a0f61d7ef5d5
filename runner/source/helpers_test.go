package source

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// TestMain has the git program do its work however little that is, or most tests would never see it.
func TestMain(m *testing.M) {
	handful.files, handful.bytes = 0, 0
	m.Run()
}

func TestFewObjects(t *testing.T) {
	defer func(before int, bytes int64) { handful.files, handful.bytes = before, bytes }(handful.files, handful.bytes)
	dir, other := t.TempDir(), t.TempDir()
	for name, size := range map[string]int{"ab/one": 10, "ab/two": 20, "pack/three.pack": 30} {
		sourcetest.Write(t, dir, map[string]string{name: strings.Repeat("x", size)})
	}
	sourcetest.Write(t, other, map[string]string{"cd/four": "xxxx"})
	for _, tc := range []struct {
		dirs  []string
		files int
		bytes int64
		want  bool
	}{
		{[]string{dir}, 3, 60, true},
		{[]string{dir}, 2, 60, false},
		{[]string{dir}, 3, 59, false},
		{[]string{dir, other}, 4, 64, true},
		{[]string{dir, other}, 3, 64, false},
		{[]string{dir, filepath.Join(dir, "none")}, 9, 99, false},
	} {
		handful.files, handful.bytes = tc.files, tc.bytes
		if got := fewObjects(tc.dirs); got != tc.want {
			t.Errorf("of %v, %d files and %d bytes: %v", tc.dirs, tc.files, tc.bytes, got)
		}
	}
}

// bothWays runs a test with the git program and without it.
func bothWays(t *testing.T, test func(t *testing.T, git gitProgram)) {
	t.Helper()
	t.Run("git", func(t *testing.T) { test(t, gitProgram(sourcetest.NeedGit(t))) })
	t.Run("go-git", func(t *testing.T) { test(t, "") })
}

// mustPrepare prepares into a new folder and checks what holds for every result.
func mustPrepare(t *testing.T, git gitProgram, r Request) (*Checkout, string) {
	t.Helper()
	if r.Dest == "" {
		r.Dest = filepath.Join(t.TempDir(), "src")
	}
	out, err := prepare(t.Context(), r, git)
	if err != nil {
		t.Fatalf("prepare: %v\n%+v", err, errors.Unwrap(err))
	}
	checkSelfContained(t, r.Dest)
	noSecrets(t, r.Dest, r.Auth.Token, r.Auth.Password, r.Auth.SSHKeyPassphrase)
	if out.Commit != "" {
		sourcetest.Git(t, r.Dest, "fsck", "--strict", "--no-dangling")
		if got := sourcetest.Git(t, r.Dest, "rev-parse", "HEAD"); got != out.Commit {
			t.Errorf("HEAD is %s, Commit says %s", got, out.Commit)
		}
		if got := sourcetest.Git(t, r.Dest, "log", "-1", "--format=%s"); got != out.Subject {
			t.Errorf("git log says %q, Subject %q", got, out.Subject)
		}
	}
	status := sourcetest.Git(t, r.Dest, "status", "--porcelain", "-uno")
	changed := len(strings.FieldsFunc(status, func(r rune) bool { return r == '\n' }))
	untracked := strings.Count(sourcetest.Git(t, r.Dest, "ls-files", "--others", "-z"), "\x00")
	if changed != out.Changed || untracked != out.Untracked {
		t.Errorf("git status counts %d changed and %d untracked, Checkout %d and %d:\n%s",
			changed, untracked, out.Changed, out.Untracked, status)
	}
	alsoMirrored(t, git, r, out)
	return out, r.Dest
}

// alsoMirrored prepares a URL by way of a mirror, once when there is none yet and once when there is, and expects the very
// same as without one.
func alsoMirrored(t *testing.T, git gitProgram, r Request, want *Checkout) {
	t.Helper()
	if r.URL == "" || r.Mirror != "" || r.Depth != 0 {
		return
	}
	r.Mirror = t.TempDir()
	plain, objects := files(t, r.Dest), repositoryState(t, r.Dest)
	for _, state := range []string{"cold", "warm"} {
		r.Dest = filepath.Join(t.TempDir(), state)
		out, err := prepare(t.Context(), r, git)
		if err != nil {
			t.Fatalf("with a %s mirror: %v", state, err)
		}
		if diff := cmp.Diff(want, out, cmp.Comparer(sameError)); diff != "" {
			t.Errorf("with a %s mirror:\n%s", state, diff)
		}
		if diff := cmp.Diff(plain, files(t, r.Dest)); diff != "" {
			t.Errorf("files with a %s mirror:\n%s", state, diff)
		}
		if diff := cmp.Diff(objects, repositoryState(t, r.Dest)); diff != "" {
			t.Errorf("the repository with a %s mirror:\n%s", state, diff)
		}
		checkSelfContained(t, r.Dest)
	}
	noSecrets(t, r.Mirror, r.Auth.Token, r.Auth.Password, r.Auth.SSHKeyPassphrase)
}

func sameError(a, b *Error) bool {
	return a.Kind == b.Kind && a.Message == b.Message && a.Hint == b.Hint
}

// repositoryState is all that a build can see of a repository: its references, status and every object in it.
func repositoryState(t *testing.T, dir string) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		t.Fatal(err)
	}
	objects := strings.Split(sourcetest.Git(t, dir, "cat-file", "--batch-all-objects", "--batch-check", "--unordered"), "\n")
	slices.Sort(objects)
	return slices.Concat(slices.Compact(objects), []string{
		sourcetest.Git(t, dir, "for-each-ref"), sourcetest.Git(t, dir, "rev-parse", "HEAD"),
		sourcetest.Git(t, dir, "config", "--list", "--local"), sourcetest.Git(t, dir, "status", "--porcelain=v2", "--branch"),
	})
}

// checkSelfContained looks for anything in .git that leads elsewhere or runs something.
func checkSelfContained(t *testing.T, dest string) {
	t.Helper()
	dotGit := filepath.Join(dest, ".git")
	if info, err := os.Lstat(dotGit); err != nil || !info.IsDir() {
		t.Fatalf(".git is not a folder: %v, %v", info, err)
	}
	for _, name := range []string{"objects/info/alternates", "hooks", "logs", "commondir", "refs/stash"} {
		if _, err := os.Lstat(filepath.Join(dotGit, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf(".git/%s exists", name)
		}
	}
	err := filepath.WalkDir(dotGit, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !e.Type().IsRegular() {
			t.Errorf("%s is not a plain file", path)
		}
		if strings.Contains(e.Name(), "tmp_") {
			t.Errorf("%s was left behind", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// noSecrets greps all files for the secrets.
func noSecrets(t *testing.T, dir string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if s == "" {
			continue
		}
		out, err := exec.Command("grep", "-r", "-a", "-F", "-l", "-e", s, dir).CombinedOutput()
		if err == nil {
			t.Errorf("the secret is in %s", out)
		}
	}
}

// failPrepare expects a failure of the kind, and that nothing is left and nothing leaks.
func failPrepare(t *testing.T, git gitProgram, r Request, kind Kind, words ...string) (text string) {
	t.Helper()
	if r.Dest == "" {
		r.Dest = t.TempDir()
	}
	out, err := prepare(t.Context(), r, git)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %+v, error %v; want an *Error", out, err)
	}
	text = e.Error() + "\n" + e.Hint
	if e.Err != nil {
		text += "\n" + e.Err.Error()
	}
	t.Logf("%s: %s\n%s", e.Kind, e.Message, e.Hint)
	if e.Kind != kind {
		t.Errorf("kind %s, want %s: %s", e.Kind, kind, text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("the error does not say %q: %s", w, text)
		}
	}
	for _, secret := range []string{r.Auth.Token, r.Auth.Password, r.Auth.SSHKeyPassphrase} {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("the error has the secret %q in it: %s", secret, text)
		}
	}
	if strings.ContainsAny(e.Message, "\r\n\x1b") {
		t.Errorf("the message is not one clean line: %q", e.Message)
	}
	if left, _ := os.ReadDir(r.Dest); len(left) > 0 {
		t.Errorf("the destination was left with %v", left)
	}
	return text
}

// files lists what a folder holds, except .git: path → content, link target behind "->", or "x " before the content of
// an executable.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || e.IsDir() {
			if name == ".git" {
				return fs.SkipDir
			}
			return err
		}
		if e.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			out[name] = "->" + target
			return err
		}
		text, err := os.ReadFile(path)
		out[name] = string(text)
		if info, err := e.Info(); err == nil && info.Mode()&0o100 != 0 {
			out[name] = "x " + out[name]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
