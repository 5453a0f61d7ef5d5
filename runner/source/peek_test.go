package source

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
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
		got, err := h.ReadFiles(t.Context(), "amplify.yml", "src/index.js", "src/link.js", "src", "package.json", "bin/run", "amplify.yml/x", "")
		if diff := cmp.Diff(map[string][]byte{"amplify.yml": []byte("version: 1\n"), "src/index.js": []byte("2\n"), "bin/run": []byte("#!/bin/sh\n")}, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
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
	if _, err := h.ReadFiles(t.Context(), "amplify.yml"); !errors.Is(err, ErrNoPeek) {
		t.Errorf("after the mirror went: %v", err)
	}
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
			got, err := head.Compare(t.Context(), base, watches, 0)
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
		if got, err := h.Compare(t.Context(), base, watches, 0); err != nil || got.Unknown != want {
			t.Errorf("%q: %+v, %v", base, got, err)
		}
	}
	if _, err := h.Compare(t.Context(), h.Commit, []Watch{{Roots: []string{"../x"}}}, 0); err == nil {
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
