package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// The build writes down what it can see: of git, of its environment, of all files that it could search.
const partsSpec = `version: 1
frontend:
  phases:
    build:
      commands:
        - status=$(git status --porcelain) && mkdir seen && printf '%s' "$status" > seen/status
        - git submodule status > seen/submodules
        - cat vendor/theme/page > seen/page
        - if test -e big.bin; then cksum < big.bin > seen/big; fi
        - env > seen/env
        - find .git vendor -type f -exec cat {} + > seen/git
        - cat ~/.gitconfig ~/.netrc ~/.git-credentials /proc/self/mountinfo > seen/home 2>/dev/null || true
  artifacts: { baseDirectory: seen, files: ['**/*'] }
`

// partsRepos makes, below a folder, the private repositories theme and shop; shop has theme as a submodule, and with a
// server of Git LFS also a large file. It returns the folder, and what cksum says of the large file.
func partsRepos(t *testing.T, lfs *sourcetest.LFSServer) (dir, big string) {
	t.Helper()
	dir = t.TempDir()
	theme, shop := filepath.Join(dir, "theme"), filepath.Join(dir, "shop")
	sourcetest.Git(t, dir, "init", "-q", theme)
	sourcetest.Write(t, theme, map[string]string{"page": "a theme\n"})
	sourcetest.Git(t, theme, "add", "-A")
	sourcetest.Git(t, theme, "commit", "-q", "-m", "Theme")
	sourcetest.Git(t, dir, "clone", "-q", "--bare", theme, "theme.git")
	sourcetest.Git(t, dir, "init", "-q", shop)
	sourcetest.Write(t, shop, map[string]string{
		"amplify.yml": partsSpec, "index.html": "hi\n",
		".gitmodules": "[submodule \"theme\"]\n\tpath = vendor/theme\n\turl = ../theme.git\n",
	})
	if lfs != nil {
		sourcetest.Git(t, shop, "lfs", "install", "--local")
		sourcetest.Write(t, shop, map[string]string{".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "big.bin": strings.Repeat("0123456789", 100_000)})
		big = "2881818396 1000000\n"
	}
	sourcetest.Git(t, shop, "add", "-A")
	sourcetest.Git(t, shop, "update-index", "--add", "--cacheinfo", "160000,"+sourcetest.Git(t, theme, "rev-parse", "HEAD")+",vendor/theme")
	sourcetest.Git(t, shop, "commit", "-q", "-m", "Shop")
	sourcetest.Git(t, dir, "init", "-q", "--bare", "shop.git")
	if lfs != nil {
		sourcetest.Git(t, shop, "config", "lfs.url", lfs.Service("shop"))
	}
	sourcetest.Git(t, shop, "push", "-q", filepath.Join(dir, "shop.git"), "main")
	return dir, big
}

// A private submodule and a file of Git LFS over http with a token: the build has both, and no credential.
func TestPartsHTTP(t *testing.T) {
	lfs := sourcetest.LFS(t)
	dir, big := partsRepos(t, lfs)
	s := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token, LFS: lfs})
	onEngines(t, func(t *testing.T) {
		t.Setenv("PREAMP_GIT_TOKEN", token)
		before := len(s.Users())
		buildParts(t, big, func() []string {
			secrets := []string{token, lfs.URL.User.String()}
			for _, said := range s.Authorizations() {
				if _, login, ok := strings.Cut(said, " "); ok {
					secrets = append(secrets, login)
				}
			}
			return secrets
		}, s.URL+"/shop.git")
		if n := len(s.Users()) - before; n < 5 { // two repositories of at least two requests each, and the large file
			t.Errorf("%d requests had the token", n)
		}
	})
}

// The same over ssh with a key, for the submodule.
func TestPartsSSH(t *testing.T) {
	dir, _ := partsRepos(t, nil)
	s := sourcetest.SSH(t, dir)
	key, err := os.ReadFile(s.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Split(string(key), "\n")[2]
	onEngines(t, func(t *testing.T) {
		buildParts(t, "", func() []string { return []string{line, s.KeyFile} }, s.URL("shop.git"), "--ssh-key", s.KeyFile, "--known-hosts", s.KnownHosts)
	})
}

// buildParts builds and looks at what the build has seen, and then for the secrets in everything that is left.
func buildParts(t *testing.T, big string, secrets func() []string, args ...string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	code, log := preamp(t, append([]string{"build", "--out", out}, args...)...)
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, log)
	}
	want := map[string]string{"status": "" /* clean */, "page": "a theme\n"}
	if big != "" {
		want["big"] = big
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(out, "artifacts", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	submodules, err := os.ReadFile(filepath.Join(out, "artifacts", "submodules"))
	if err != nil || !strings.HasPrefix(string(submodules), " ") || !strings.Contains(string(submodules), " vendor/theme") {
		t.Errorf("git submodule status: %q, %v", submodules, err)
	}
	var res runner.Result
	raw, err := os.ReadFile(filepath.Join(out, runner.ResultFile))
	if err == nil {
		err = json.Unmarshal(raw, &res)
	}
	if err != nil || !slices.Equal(res.Source.Submodules, []string{"vendor/theme"}) || len(res.Warnings) > 0 {
		t.Errorf("%v, %+v, warnings %q", err, res.Source, res.Warnings)
	}
	for _, name := range files(t, out) { // git's files and the environment of the build are among them
		raw, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets() {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s holds a credential", name)
			}
		}
	}
	if left := leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
