package source

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
	"github.com/preamp-build/preamp/testdata/need"
)

var lfsFiles = map[string]string{
	".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "amplify.yml": "version: 1\n",
	"big.bin": strings.Repeat("0123456789", 100_000), "empty.bin": "", "tool.bin": "x #!/bin/sh\n", "a/b c/ü.bin": "content\n",
	"a/same.bin": "content\n", "plain/.gitattributes": "*.bin -filter\n", "plain/x.bin": "plain\n", "plain.txt": "text\n",
}

// newLFS makes the repository dir/name with files of Git LFS by the real git-lfs, pushes it to dir/name.git, and its
// objects to the server if there is one.
func newLFS(t *testing.T, dir, name string, server *sourcetest.LFSServer) (work string) {
	t.Helper()
	work = filepath.Join(dir, name)
	sourcetest.Git(t, dir, "init", "-q", work)
	if out, err := sourcetest.TryGit(t, work, "lfs", "install", "--local"); err != nil {
		need.Missing(t, "needs git-lfs: "+out)
	}
	for path, text := range lfsFiles {
		if rest, ok := strings.CutPrefix(text, "x "); ok {
			path, text = path+"*", rest
		}
		sourcetest.Write(t, work, map[string]string{path: text})
	}
	sourcetest.Git(t, work, "add", "-A")
	sourcetest.Git(t, work, "commit", "-q", "-m", "Large")
	sourcetest.Git(t, dir, "init", "-q", "--bare", filepath.Join(dir, name+".git"))
	if server == nil {
		sourcetest.Git(t, work, "push", "-q", "--no-verify", filepath.Join(dir, name+".git"), "main")
		return work
	}
	sourcetest.Git(t, work, "config", "lfs.url", server.Service(name))
	sourcetest.Git(t, work, "push", "-q", filepath.Join(dir, name+".git"), "main")
	return work
}

// checkLFS asks git-lfs in the checkout, which has no server and no credentials there.
func checkLFS(t *testing.T, dest string) {
	t.Helper()
	content := func() map[string]string {
		got := files(t, dest)
		delete(got, ".git") // the file in a submodule
		return got
	}
	if diff := cmp.Diff(lfsFiles, content()); diff != "" {
		t.Error(diff)
	}
	before := sourcetest.Git(t, dest, "lfs", "ls-files")
	for line := range strings.Lines(before) {
		if mark := strings.Fields(line)[1]; mark != "*" {
			t.Errorf("git lfs ls-files takes it for a pointer: %s", line)
		}
	}
	if n := strings.Count(before, "\n") + 1; n != 4 && n != 5 {
		t.Errorf("git lfs ls-files:\n%s", before)
	}
	sourcetest.Git(t, dest, "config", "remote.origin.url", "http://127.0.0.1:1/nowhere.git")
	for _, command := range []string{"lfs fsck", "lfs pull", "lfs install --local", "lfs pull", "status --porcelain"} {
		out := sourcetest.Git(t, dest, strings.Fields(command)...)
		if command == "status --porcelain" && out != "" {
			t.Errorf("git status: %s", out)
		}
	}
	if diff := cmp.Diff(lfsFiles, content()); diff != "" {
		t.Errorf("after git lfs pull: %s", diff)
	}
}

func TestLFSOverHTTP(t *testing.T) {
	server := sourcetest.LFS(t) // needs the home, where Go's modules are
	hermetic(t)
	dir := t.TempDir()
	newLFS(t, dir, "shop", server)
	withSubmodules(t, dir, "outer", map[string]string{"in/shop": "../shop.git"}, sourcetest.Git(t, filepath.Join(dir, "shop"), "rev-parse", "HEAD"))
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token, LFS: server})
	bothWays(t, func(t *testing.T, git gitProgram) {
		out, dest := mustPrepare(t, git, Request{URL: web.URL + "/shop.git", Auth: Auth{Token: token}})
		if len(out.Problems) > 0 || len(out.Notices) > 0 {
			t.Fatalf("%+v", out.Problems)
		}
		checkLFS(t, dest)
		out, dest = mustPrepare(t, git, Request{URL: web.URL + "/outer.git", Auth: Auth{Token: token}})
		if len(out.Problems) > 0 {
			t.Fatalf("%+v", out.Problems)
		}
		checkLFS(t, filepath.Join(dest, "in", "shop"))
		noGoroutines(t)
	})
	out, dest := mustPrepare(t, findGit(), Request{URL: web.URL + "/shop.git", Auth: Auth{Token: token}, LFS: "none"})
	if got := files(t, dest)["big.bin"]; !strings.HasPrefix(got, "version https://git-lfs") || len(out.Notices) != 1 {
		t.Errorf("%q, %+v", got, out)
	}
}

func TestLFSOverSSH(t *testing.T) {
	server := sourcetest.LFS(t) // needs the home, where Go's modules are
	hermetic(t)
	dir := t.TempDir()
	newLFS(t, dir, "shop", server)
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token, LFS: server})
	ssh := sourcetest.SSH(t, dir)
	r := Request{URL: ssh.URL("shop.git"), Auth: Auth{SSHKeyFile: ssh.KeyFile, KnownHosts: []string{ssh.KnownHosts}}}
	out, _ := mustPrepare(t, findGit(), r)
	if len(out.Problems) != 1 || !strings.Contains(out.Problems[0].Err.Message, "git-lfs-authenticate") || len(out.Problems[0].Paths) != 4 {
		t.Errorf("a server without git-lfs-authenticate: %+v", out.Problems)
	}
	login := base64.StdEncoding.EncodeToString([]byte("robot:" + token))
	ssh.Command(t, "git-lfs-authenticate", fmt.Sprintf(
		`[ "$1" = %q ] && [ "$2" = download ] || exit 3
echo '{"href": "%s/shop.git/info/lfs", "header": {"Authorization": "Basic %s"}, "expires_in": 600}'
`, filepath.Join(dir, "shop.git"), web.URL, login))
	out, dest := mustPrepare(t, findGit(), r)
	if len(out.Problems) > 0 {
		t.Fatalf("%+v", out.Problems)
	}
	checkLFS(t, dest)
	noSecrets(t, dest, token, login)
	noGoroutines(t)
}

func TestLFSWorkTree(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	work := newLFS(t, dir, "shop", nil)
	old := time.Now().Add(-time.Hour)
	for name := range lfsFiles { // git has noted other times, so that everybody has to look at the content
		must(t, os.Chtimes(filepath.Join(work, name), old, old))
	}
	lazy := filepath.Join(dir, "lazy") // pointers in the work tree, objects beside them
	sourcetest.Git(t, dir, "clone", "-q", filepath.Join(dir, "shop.git"), lazy)
	must(t, os.CopyFS(filepath.Join(lazy, ".git", "lfs"), os.DirFS(filepath.Join(work, ".git", "lfs"))))
	bothWays(t, func(t *testing.T, git gitProgram) {
		for _, r := range []Request{{Path: work}, {Path: work, Commit: "HEAD"}, {Path: lazy}, {Path: lazy, Commit: "HEAD"}, {URL: work}} {
			unchanged := freeze(t, r.Path+r.URL)
			out, dest := mustPrepare(t, git, r)
			unchanged()
			if len(out.Problems) > 0 || out.Changed > 0 {
				t.Fatalf("%+v: %+v", r, out)
			}
			if r.Path == work && r.Commit == "" { // its objects are not taken along: the files are there
				if diff := cmp.Diff(lfsFiles, files(t, dest)); diff != "" {
					t.Error(diff)
				}
				continue
			}
			checkLFS(t, dest)
		}
	})
	// A file that was changed is one, and an object that is damaged is none.
	sourcetest.Write(t, work, map[string]string{"big.bin": "changed"})
	out, dest := mustPrepare(t, findGit(), Request{Path: work})
	if diff := cmp.Diff([]Change{{"big.bin", Modified}}, out.Dirty); diff != "" || files(t, dest)["big.bin"] != "changed" {
		t.Error(diff)
	}
	sum := sha256.Sum256([]byte("content\n"))
	oid := hex.EncodeToString(sum[:])
	object := filepath.Join(lazy, ".git", "lfs", "objects", oid[:2], oid[2:4], oid)
	must(t, os.Chmod(object, 0o644))
	must(t, os.WriteFile(object, []byte("CONTENT\n"), 0o644))
	for _, r := range []Request{{Path: lazy}, {Path: lazy, Commit: "HEAD"}} {
		out, dest := mustPrepare(t, findGit(), r)
		if len(out.Problems) != 1 || !slices.Equal(out.Problems[0].Paths, []string{"a/b c/ü.bin", "a/same.bin"}) || !strings.Contains(out.Problems[0].Err.Hint, "git lfs") {
			t.Errorf("%+v", out.Problems)
		}
		if got := files(t, dest)["a/same.bin"]; !strings.Contains(got, oid) {
			t.Errorf("%q", got)
		}
	}
}

func TestAttributes(t *testing.T) {
	a := attributes{}
	a.add("", "*.psd filter=lfs diff=lfs -text\n# *.txt filter=lfs\n/top.bin filter=lfs\nassets/** filter=lfs\nassets/*.css !filter\n"+
		"\"a b.dat\" filter=lfs\n[attr]large filter=lfs -text\n*.mov large\n*.git filter=git-crypt\n!x filter=lfs\ndir/ filter=lfs\n")
	a.add("sub/dir", "*.psd -filter\nx.psd filter=lfs\n")
	for path, want := range map[string]bool{
		"a.psd": true, "deep/er/a.psd": true, "a.txt": false, "top.bin": true, "sub/top.bin": false, "assets/x/y": true, "assets/a.css": false,
		"assets/x/a.css": true, "a b.dat": true, "a": false, "x.mov": true, "y.git": false, "sub/dir/a.psd": false, "sub/dir/x.psd": true,
		"sub/dir/in/a.psd": false, "dir": false, "dir/x": false, "sub/a.psd": true,
	} {
		if got := a.lfs(path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}

func FuzzPointer(f *testing.F) {
	oid := strings.Repeat("0a", 32)
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:" + oid + "\nsize 12\n"))
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\next-0-x sha256:" + oid + "\noid sha256:" + oid + "\nsize 12\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, ok := parsePointer(text)
		if ok && (len(p.oid) != 64 || strings.Trim(p.oid, "0123456789abcdef") != "" || p.size < 0 || !filepath.IsLocal(p.object())) {
			t.Errorf("%q: %+v", text, p)
		}
	})
}
