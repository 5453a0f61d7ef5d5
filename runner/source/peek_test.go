package source

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// countRequests counts what a server is asked.
func countRequests(n *atomic.Int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			next.ServeHTTP(w, r)
		})
	}
}

// Whether there is anything to build is known after one answer of the server, and the clone then needs no other.
func TestPeek(t *testing.T) {
	hermetic(t)
	bothWays(t, func(t *testing.T, git gitProgram) {
		var asked atomic.Int64
		dir := t.TempDir()
		repo := sourcetest.NewRepo(t, dir, "shop")
		web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Wrap: countRequests(&asked)})
		r := Request{URL: web.URL + "/shop.git", Mirror: t.TempDir()}
		look := func(want int64) *Head {
			t.Helper()
			asked.Store(0)
			h, err := peek(t.Context(), r, git)
			if err != nil {
				t.Fatal(err)
			}
			if got := asked.Load(); got != want {
				t.Errorf("%d requests, want %d", got, want)
			}
			return h
		}
		look(2)
		h := look(1)
		if h.Commit != repo.Head || h.Branch != "main" || h.Name != "shop" || h.Subject != "Head of main" || h.CloneURL != r.URL {
			t.Errorf("%+v", h)
		}
		testView(t, h)
		r.Head, r.Dest = h, filepath.Join(t.TempDir(), "src")
		asked.Store(0)
		out, err := prepare(t.Context(), r, git)
		if err != nil || out.Commit != h.Commit || asked.Load() != 0 {
			t.Errorf("%+v, %v, %d requests", out, err, asked.Load())
		}
		r.Head, r.Commit = nil, "v1.0.0"
		if h := look(1); h.Commit != repo.First {
			t.Errorf("the tag is %s", h.Commit)
		}
		for commit, want := range map[string]string{repo.Second: repo.Second, repo.Lost: "", repo.Second[:8]: ""} {
			r.Commit = commit
			h, err := peek(t.Context(), r, git)
			if (want == "") != errors.Is(err, ErrNoPeek) || (h != nil && h.Commit != want) {
				t.Errorf("%s: %+v, %v", commit, h, err)
			}
		}
	})
}

// testView looks at the repository of sourcetest.
func testView(t *testing.T, h *Head) {
	t.Helper()
	v, err := h.View(t.Context())
	must(t, err)
	defer func() { must(t, v.Close()) }()
	for name, want := range map[string]string{"amplify.yml": "version: 1\n", "src/index.js": "2\n", "bin/run": "#!/bin/sh\n"} {
		if got, err := fs.ReadFile(v, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	sub, err := fs.Sub(v, "bin")
	must(t, err)
	if err := fstest.TestFS(sub, "run"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"package.json", "amplify.yml/x", "nope/x"} {
		if _, err := fs.Stat(v, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !v.Exact() {
		t.Error("a link was looked through that nobody has asked for")
	}
	if _, err := fs.ReadFile(v, "src/link.js"); !errors.Is(err, ErrNoPeek) || v.Exact() {
		t.Errorf("the link: %v, exact is %v", err, v.Exact())
	}
}

// A commit of a repository on this machine needs no mirror.
func TestPeekHere(t *testing.T) {
	hermetic(t)
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	for commit, want := range map[string]string{"HEAD": repo.Head, "v1.0.0": repo.First, repo.Second[:8]: repo.Second} {
		h, err := peek(t.Context(), Request{Path: repo.Dir, Commit: commit}, findGit())
		must(t, err)
		if h.Commit != want {
			t.Errorf("%s is %s, want %s", commit, h.Commit, want)
		}
		if commit == "HEAD" {
			testView(t, h)
		}
	}
	if _, err := peek(t.Context(), Request{Path: repo.Dir, Commit: "nope"}, findGit()); err == nil || errors.Is(err, ErrNoPeek) {
		t.Errorf("no such commit: %v", err)
	}
}

// What a source is called is known before it is there.
func TestIdentify(t *testing.T) {
	hermetic(t)
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	for _, r := range []Request{{Path: repo.Dir}, {Path: repo.Dir, Commit: "v1.0.0"}, {URL: repo.Dir}} {
		id, err := Identify(r)
		must(t, err)
		r.Dest = filepath.Join(t.TempDir(), "src")
		co, err := Prepare(t.Context(), r)
		must(t, err)
		if id.Name != co.Name || id.CloneURL != co.CloneURL {
			t.Errorf("%+v is called %+v, want %s, %s", r, id, co.Name, co.CloneURL)
		}
	}
	if _, err := Identify(Request{Path: t.TempDir()}); err == nil {
		t.Error("a folder without a repository has a name")
	}
}

// A head that is told about another remote is not believed.
func TestPeekOfAnother(t *testing.T) {
	hermetic(t)
	one, other := newUpstream(t), newUpstream(t)
	other.commit("more")
	other.push()
	h, err := peek(t.Context(), Request{URL: one.url, Mirror: t.TempDir()}, findGit())
	must(t, err)
	if out := other.clone(findGit(), Request{Mirror: t.TempDir(), Head: h}); out.Commit == h.Commit {
		t.Error("the commit is the other remote's")
	}
}

func TestPeekFailures(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	sourcetest.NewRepo(t, dir, "shop")
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token})
	url, auth, mirror := web.URL+"/shop.git", Auth{Token: token}, t.TempDir()
	for name, r := range map[string]Request{
		"work tree": {Path: dir, Mirror: mirror}, "no mirror": {URL: url, Auth: auth}, "file": {URL: dir + "/shop.git", Mirror: mirror},
	} {
		if h, err := peek(t.Context(), r, findGit()); !errors.Is(err, ErrNoPeek) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	for name, tt := range map[string]struct {
		r    Request
		kind Kind
	}{
		"no token": {Request{URL: url, Mirror: mirror}, KindAuth}, "no branch": {Request{URL: url, Auth: auth, Branch: "nope", Mirror: mirror}, KindNoBranch},
		"refused": {Request{URL: "http://" + closedPort(t) + "/x", Mirror: mirror}, KindUnreachable},
	} {
		_, err := peek(t.Context(), tt.r, findGit())
		var known *Error
		if !errors.As(err, &known) || known.Kind != tt.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := peek(ctx, Request{URL: url, Auth: auth, Mirror: mirror}, findGit()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	h, err := peek(t.Context(), Request{URL: url, Auth: auth, Mirror: mirror}, findGit())
	must(t, err)
	must(t, os.RemoveAll(mirror))
	if _, err := h.View(t.Context()); !errors.Is(err, ErrNoPeek) {
		t.Errorf("after the mirror went: %v", err)
	}
}

func compareView(t *testing.T, h *Head, base string, watches []Watch) (*Comparison, error) {
	t.Helper()
	v, err := h.View(t.Context())
	must(t, err)
	defer func() { must(t, v.Close()) }()
	return v.Compare(t.Context(), base, watches, 0)
}

// Comparing in the mirror says what comparing in a checkout says.
func TestPeekCompare(t *testing.T) {
	hermetic(t)
	start, base := newHistory(t)
	watches := []Watch{webRoot, specFile, lockFile, shared}
	for _, tt := range histories {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := start.again(t)
			tt.change(h)
			bare := filepath.Join(h.dir, "bare.git")
			sourcetest.Git(t, h.dir, "clone", "-q", "--bare", h.work, bare)
			url := sourcetest.HTTP(t, h.dir, sourcetest.HTTPOptions{}).URL + "/bare.git"
			head, err := peek(t.Context(), Request{URL: url, Mirror: t.TempDir()}, findGit())
			if err != nil {
				t.Fatal(err)
			}
			got, err := compareView(t, head, base, watches)
			if err != nil {
				t.Fatal(err)
			}
			if tt.name == "force-push to a sibling" {
				if got.Unknown != BaseGone || got.Watches != nil {
					t.Errorf("%+v", got)
				}
				return
			}
			var said []string
			for _, w := range got.Watches {
				for _, c := range w.First {
					said = append(said, string(c.Kind)+" "+c.Path)
				}
			}
			if diff := cmp.Diff(tt.want, said); diff != "" || got.Unknown != "" {
				t.Errorf("%s %s\n%s", got.Unknown, got.Why, diff)
			}
		})
	}
	h, err := peek(t.Context(), Request{URL: newUpstream(t).url, Mirror: t.TempDir()}, findGit())
	must(t, err)
	for base, want := range map[string]Unknown{"": NoBase, "abc": BaseInvalid, strings.Repeat("1", 40): BaseGone} {
		if got, err := compareView(t, h, base, watches); err != nil || got.Unknown != want {
			t.Errorf("%q: %+v, %v", base, got, err)
		}
	}
	if _, err := compareView(t, h, h.Commit, []Watch{{Roots: []string{"../x"}}}); err == nil {
		t.Error("a folder outside was watched")
	}
}

func TestPruneMirrors(t *testing.T) {
	hermetic(t)
	u, folder := newUpstream(t), t.TempDir()
	for _, branch := range []string{"main", "feature"} {
		u.clone(findGit(), Request{Mirror: folder, Branch: branch})
	}
	j := &job{Request: Request{Mirror: folder}}
	from, _, err := parseRemote(u.url)
	must(t, err)
	main, feature := j.mirrorDir(from, "main"), j.mirrorDir(from, "feature")
	object := filepath.Join(j.mirrorFolder(from), mirrorLFS, "objects", "aa", "bb", "x")
	sourcetest.Write(t, filepath.Dir(object), map[string]string{"x": "0123456789"})
	sourcetest.Write(t, main+mirrorNew, map[string]string{"HEAD": "x"})
	now := time.Now()
	for path, age := range map[string]time.Duration{main: time.Hour, feature: 2 * time.Hour} {
		must(t, os.Chtimes(filepath.Join(path, mirrorList), now.Add(-age), now.Add(-age)))
	}
	must(t, os.Chtimes(object, now.Add(-3*time.Hour), now.Add(-3*time.Hour)))
	must(t, os.Chtimes(main+mirrorNew, now, now))
	prune := func(limits MirrorLimits, want ...string) {
		t.Helper()
		gone, err := PruneMirrors(t.Context(), folder, limits, now)
		must(t, err)
		var got []string
		for _, p := range gone {
			if _, err := os.Lstat(p.Path); !errors.Is(err, os.ErrNotExist) || p.Bytes == 0 || p.Used.After(now) {
				t.Errorf("%+v: %v", p, err)
			}
			got = append(got, p.Path)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	prune(MirrorLimits{}, main+mirrorNew)
	prune(MirrorLimits{Age: 5 * time.Hour, Bytes: 1 << 30})
	prune(MirrorLimits{Age: 150 * time.Minute}, object)
	lock, err := takeLock(t.Context(), feature+".lock")
	must(t, err)
	prune(MirrorLimits{Bytes: 1}, main) // the other one is in use
	must(t, lock.Unlock())
	u.clone(findGit(), Request{Mirror: folder, Branch: "main"})
	prune(MirrorLimits{Age: 90 * time.Minute}, feature)
	u.clone(findGit(), Request{Mirror: folder, Branch: "feature"})
	if _, err := PruneMirrors(t.Context(), filepath.Join(folder, "nothing"), MirrorLimits{}, now); err != nil {
		t.Error(err)
	}
}
