package source

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

const token = "ghp_s3cr3t/+token%"

var headFiles = map[string]string{
	"amplify.yml": "version: 1\n", "src/index.js": "2\n", "bin/run": "x #!/bin/sh\n", "src/link.js": "->index.js",
	"README.md": "# Hello\n", "odd/-dash": "d", "odd/ü mlaut": "u",
}

func TestCloneOverHTTP(t *testing.T) {
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token})
	bothWays(t, func(t *testing.T, git gitProgram) {
		out, dest := mustPrepare(t, git, Request{URL: web.URL + "/shop.git", Auth: Auth{Token: token}})
		want := &Checkout{
			Name: "shop", Commit: repo.Head, Branch: "main", Subject: "Head of main", Message: "Head of main\n",
			CloneURL: web.URL + "/shop.git",
		}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(headFiles, files(t, dest)); diff != "" {
			t.Error(diff)
		}
		for command, want := range map[string]string{
			"describe --tags":                 "nightly-1-g" + repo.Head[:7],
			"describe":                        "v1.0.0-2-g" + repo.Head[:7],
			"tag":                             "nightly\nv1.0.0",
			"branch -a --format=%(refname)":   "refs/heads/main\nrefs/remotes/origin/HEAD\nrefs/remotes/origin/main",
			"rev-parse --abbrev-ref main@{u}": "origin/main",
			"config remote.origin.url":        web.URL + "/shop.git",
			"symbolic-ref HEAD":               "refs/heads/main",
			"rev-list --count HEAD":           "3",
		} {
			if got, _ := sourcetest.TryGit(t, dest, strings.Fields(command)...); got != want {
				t.Errorf("git %s: %q, want %q", command, got, want)
			}
		}
		if _, err := sourcetest.TryGit(t, dest, "cat-file", "-e", repo.Feature); err == nil {
			t.Error("a commit of another branch was cloned, too")
		}
	})
	if users := web.Users(); len(users) == 0 || users[0] != "x-access-token" {
		t.Errorf("the token was sent with the users %q", users)
	}
}

func TestCloneCommit(t *testing.T) {
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	sourcetest.Git(t, dir, "clone", "-q", "--mirror", repo.Bare, filepath.Join(dir, "strict.git"))
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	tests := []struct {
		name, repo, branch, commit string
		want                       string
		detached                   bool
	}{
		{"head of the branch", "shop.git", "main", repo.Head, repo.Head, false},
		{"older", "shop.git", "main", repo.First, repo.First, true},
		{"upper case", "shop.git", "", strings.ToUpper(repo.First), repo.First, true},
		{"abbreviated", "shop.git", "", repo.Second[:8], repo.Second, true},
		{"odd number of digits", "shop.git", "", repo.Second[:7], repo.Second, true},
		{"annotated tag", "shop.git", "", "v1.0.0", repo.First, true},
		{"tag in full", "shop.git", "", "refs/tags/nightly", repo.Second, true},
		{"tag beside the branch", "shop.git", "main", "side", repo.Feature, true},
		{"other branch by SHA", "shop.git", "main", repo.Feature, repo.Feature, true},
		{"other branch by abbreviation", "shop.git", "main", repo.Feature[:9], repo.Feature, true},
		{"on no branch", "shop.git", "main", repo.Lost, repo.Lost, true},
		{"other branch, strict server", "strict.git", "main", repo.Feature, repo.Feature, true},
		{"branch", "shop.git", "feature", "", repo.Feature, false},
		{"branch in full", "shop.git", "refs/heads/feature", "", repo.Feature, false},
	}
	for _, scheme := range []string{web.URL + "/", "file://" + dir + "/"} {
		for _, tt := range tests {
			t.Run(strings.SplitN(scheme, "/", 2)[0]+tt.name, func(t *testing.T) {
				out, dest := mustPrepare(t, findGit(), Request{URL: scheme + tt.repo, Branch: tt.branch, Commit: tt.commit})
				if out.Commit != tt.want {
					t.Errorf("commit %s, want %s", out.Commit, tt.want)
				}
				_, err := sourcetest.TryGit(t, dest, "symbolic-ref", "-q", "HEAD")
				if detached := err != nil; detached != tt.detached {
					t.Errorf("detached: %t, want %t", detached, tt.detached)
				}
				if tt.commit == "side" && sourcetest.Git(t, dest, "describe") != "side" {
					t.Error("the tag did not come along")
				}
			})
		}
	}
	t.Run("without git", func(t *testing.T) {
		for _, tt := range tests {
			mustPrepare(t, "", Request{URL: dir + "/" + tt.repo, Branch: tt.branch, Commit: tt.commit})
			mustPrepare(t, "", Request{URL: web.URL + "/" + tt.repo, Branch: tt.branch, Commit: tt.commit})
		}
	})
}

func TestCloneFailures(t *testing.T) {
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	sourcetest.Git(t, dir, "init", "-q", "--bare", "empty.git")
	sourcetest.Git(t, dir, "clone", "-q", "--mirror", repo.Bare, filepath.Join(dir, "strict.git"))
	private := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token})
	public := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	secure := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{TLS: true})
	page := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Wrap: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>\x1b[31mHi</html>")) })
	}})
	inURL := strings.Replace(private.URL, "http://", "http://me:"+url.QueryEscape("wrong-pass/word")+"@", 1)
	nobody := closedPort(t)
	unknown := strings.Repeat("1234567890", 4)
	tests := []struct {
		name  string
		r     Request
		kind  Kind
		words []string
	}{
		{"no token", Request{URL: private.URL + "/shop.git"}, KindAuth, []string{"needs credentials"}},
		{"wrong token", Request{URL: private.URL + "/shop.git", Auth: Auth{Token: "wr0ng-t0ken"}}, KindAuth, []string{"does not accept"}},
		{"wrong password", Request{URL: private.URL + "/shop.git", Auth: Auth{Username: "me", Password: "wr0ng-t0ken"}}, KindAuth, nil},
		{"in the URL", Request{URL: inURL + "/shop.git", Auth: Auth{}}, KindAuth, []string{private.URL}},
		{"no repository", Request{URL: public.URL + "/nope.git"}, KindNotRepository, []string{"/nope.git"}},
		{"web page", Request{URL: page.URL + "/shop"}, KindNotRepository, []string{"not the one of a web page"}},
		{"no TLS trust", Request{URL: secure.URL + "/shop.git"}, KindTLS, []string{"--ca-cert"}},
		{"bad CA file", Request{URL: secure.URL + "/shop.git", CACerts: []byte("nope")}, KindTLS, []string{"BEGIN CERTIFICATE"}},
		{"https to http", Request{URL: strings.Replace(public.URL, "http", "https", 1) + "/shop.git"}, KindTLS, []string{"does not speak TLS"}},
		{"refused", Request{URL: "http://" + nobody + "/shop.git"}, KindUnreachable, []string{nobody, "refused"}},
		{"no host", Request{URL: "http://host.invalid/shop.git"}, KindUnreachable, []string{"host.invalid"}},
		{"no branch", Request{URL: public.URL + "/shop.git", Branch: "featur"}, KindNoBranch, []string{"featur", "feature, main"}},
		{"branch is a tag", Request{URL: public.URL + "/shop.git", Branch: "v1.0.0"}, KindNoBranch, []string{"a tag of that name"}},
		{"empty", Request{URL: public.URL + "/empty.git"}, KindNoBranch, []string{"no commit yet"}},
		{"empty file", Request{URL: dir + "/empty.git"}, KindNoBranch, []string{"no commit yet"}},
		{"no commit", Request{URL: public.URL + "/shop.git", Commit: unknown}, KindNoCommit, []string{unknown, "main"}},
		{"no commit, strict", Request{URL: public.URL + "/strict.git", Commit: repo.Lost}, KindNoCommit, []string{"SHA alone"}},
		{"no commit, file", Request{URL: dir + "/shop.git", Commit: unknown}, KindNoCommit, []string{unknown}},
		{"no abbreviated", Request{URL: public.URL + "/shop.git", Commit: "12345678"}, KindNoCommit, []string{"12345678"}},
		{"no tag", Request{URL: public.URL + "/shop.git", Commit: "v1.0"}, KindNoCommit, []string{"v1.0.0"}},
		{"a tree", Request{URL: dir + "/shop.git", Commit: sourcetest.Git(t, repo.Dir, "rev-parse", "HEAD:src")}, KindNoCommit, nil},
		{"file of nothing", Request{URL: "file://" + dir + "/nope"}, KindNotRepository, []string{"/nope"}},
		{"helper", Request{URL: "ext::sh -c true"}, KindNotRepository, nil},
		{"git protocol", Request{URL: "git://example.com/x"}, KindNotRepository, []string{"https://"}},
		{"both", Request{URL: "https://example.com/x", Path: dir}, KindOther, []string{"exactly one"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, git gitProgram) {
				text := failPrepare(t, git, tt.r, tt.kind, tt.words...)
				if strings.Contains(text, "pass/word") || strings.Contains(text, "pass%2Fword") {
					t.Errorf("the password of the URL is in %q", text)
				}
			})
		})
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestCloneCredentials(t *testing.T) {
	dir := t.TempDir()
	sourcetest.NewRepo(t, dir, "shop")
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token, Username: "ada", Password: "p@ss:word/1"})
	withUser := func(u *url.Userinfo) string {
		return strings.Replace(web.URL, "http://", "http://"+u.String()+"@", 1) + "/shop.git"
	}
	tests := map[string]Request{
		"ada":    {URL: web.URL + "/shop.git", Auth: Auth{Username: "ada", Password: "p@ss:word/1"}},
		"robot":  {URL: web.URL + "/shop.git", Auth: Auth{Username: "robot", Token: token}},
		"oauth":  {URL: withUser(url.UserPassword("oauth", token))},
		"inline": {URL: withUser(url.UserPassword("other", "wrong")), Auth: Auth{Username: "inline", Token: token}},
	}
	for user, r := range tests {
		t.Run(user, func(t *testing.T) {
			out, dest := mustPrepare(t, findGit(), r)
			if out.CloneURL != web.URL+"/shop.git" {
				t.Errorf("CloneURL %s", out.CloneURL)
			}
			noSecrets(t, dest, token, url.PathEscape(token), "p@ss:word/1")
			if users := web.Users(); users[len(users)-1] != user {
				t.Errorf("user %q", users[len(users)-1])
			}
		})
	}
	t.Run("bare token in the URL", func(t *testing.T) {
		mustPrepare(t, findGit(), Request{URL: withUser(url.User(token))})
	})
}

func TestCloneTLS(t *testing.T) {
	dir := t.TempDir()
	sourcetest.NewRepo(t, dir, "shop")
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{TLS: true, Token: token})
	mustPrepare(t, findGit(), Request{URL: web.URL + "/shop.git", CACerts: web.CACert, Auth: Auth{Token: token}})
}

// A repository that was itself cloned with --depth serves a history that ends.
func TestCloneShallowServer(t *testing.T) {
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	sourcetest.Git(t, dir, "clone", "-q", "--bare", "--depth=2", "file://"+repo.Bare, filepath.Join(dir, "shallow.git"))
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	bothWays(t, func(t *testing.T, git gitProgram) {
		for _, u := range []string{web.URL + "/shallow.git", dir + "/shallow.git"} {
			_, dest := mustPrepare(t, git, Request{URL: u})
			if n := sourcetest.Git(t, dest, "rev-list", "--count", "HEAD"); n != "2" {
				t.Errorf("%s: %s commits", u, n)
			}
		}
	})
}

func TestCloneDefaultBranch(t *testing.T) {
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	sourcetest.Git(t, repo.Bare, "symbolic-ref", "HEAD", "refs/heads/feature")
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	for _, u := range []string{web.URL + "/shop.git", repo.Bare, dir + "/shop"} {
		out, _ := mustPrepare(t, findGit(), Request{URL: u})
		want := "feature"
		if u == dir+"/shop" {
			want = "main"
		}
		if out.Branch != want {
			t.Errorf("%s: branch %s", u, out.Branch)
		}
	}
}

func TestCloneProgress(t *testing.T) {
	dir := t.TempDir()
	sourcetest.NewRepo(t, dir, "shop")
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token})
	var lines []string
	mustPrepare(t, findGit(), Request{
		URL: strings.Replace(web.URL, "//", "//x:"+url.QueryEscape(token)+"@", 1) + "/shop.git", Progress: func(m string) { lines = append(lines, m) },
	})
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "cloning "+web.URL) || strings.Contains(text, "s3cr3t") {
		t.Errorf("progress:\n%s", text)
	}
}

// A cancelled clone ends at once, whatever the server is doing, and leaves neither files nor goroutines.
func TestCloneCancelled(t *testing.T) {
	dir := t.TempDir()
	sourcetest.NewRepo(t, dir, "shop")
	reached := make(chan struct{}, 1)
	hang := func(at string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.URL.Path, at) {
					next.ServeHTTP(w, r)
					return
				}
				if at == "git-upload-pack" { // in the middle of the answer
					w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
					_, _ = w.Write([]byte("0008NAK\n0016\x01PACK\x00\x00\x00\x02\x00\x00\x00\x09zz"))
					_ = http.NewResponseController(w).Flush()
				}
				reached <- struct{}{}
				<-r.Context().Done()
			})
		}
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			reached <- struct{}{}
		}
	}()
	key := filepath.Join(dir, "key")
	sourcetest.NewKey(t, key)
	known := filepath.Join(dir, "known")
	sourcetest.Write(t, dir, map[string]string{"known": ""})
	for name, r := range map[string]Request{
		"first answer": {URL: sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Wrap: hang("info/refs")}).URL + "/shop.git"},
		"pack":         {URL: sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Wrap: hang("git-upload-pack")}).URL + "/shop.git"},
		"ssh":          {URL: "ssh://git@" + silent.Addr().String() + "/x", Auth: Auth{SSHKeyFile: key, KnownHosts: []string{known}}},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, git gitProgram) {
				r := r
				r.Dest = filepath.Join(t.TempDir(), "dest")
				ctx, cancel := context.WithCancelCause(t.Context())
				stopped := errors.New("stopped by the user")
				go func() {
					<-reached
					cancel(stopped)
				}()
				_, err := prepare(ctx, r, git)
				if !errors.Is(err, stopped) {
					t.Errorf("error %v", err)
				}
				if _, err := os.Stat(r.Dest); !errors.Is(err, os.ErrNotExist) {
					t.Error("the destination is still there")
				}
				noGoroutines(t)
			})
		})
	}
}

// noGoroutines waits for the goroutines of this package and of the connections to end: the runtime takes a moment to
// notice a closed socket.
func noGoroutines(t *testing.T) {
	t.Helper()
	var left string
	for range 10_000 {
		buf := make([]byte, 1<<20)
		left = ""
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			ours := strings.Contains(stack, "runner/source.(") || strings.Contains(stack, "net/http.(*persistConn)") ||
				strings.Contains(stack, "x/crypto/ssh") || strings.Contains(stack, "go-git")
			if ours && !strings.Contains(stack, "testing.tRunner") {
				left = stack
			}
		}
		if left == "" {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("a goroutine is left:\n%s", left)
}
