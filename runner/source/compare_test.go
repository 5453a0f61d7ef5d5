package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// Each history is compared in the user's repository, in a clone over http, and as the work tree before it is committed.
func TestCompare(t *testing.T) {
	hermetic(t)
	template, base := newHistory(t)
	for _, tt := range histories {
		t.Run(tt.name, func(t *testing.T) {
			h := template.again(t)
			tt.change(h)
			bare := filepath.Join(h.dir, "bare.git")
			sourcetest.Git(t, h.dir, "init", "-q", "--bare", bare)
			h.git("push", "-q", bare, "HEAD:refs/heads/main", base+":refs/heads/old")
			sourcetest.Git(t, bare, "update-ref", "-d", "refs/heads/old")
			sourcetest.Git(t, bare, "config", "uploadpack.allowAnySHA1InWant", "true")
			web := sourcetest.HTTP(t, h.dir, sourcetest.HTTPOptions{Token: token})
			head := h.git("rev-parse", "HEAD")
			for _, r := range []Request{
				{Path: h.work, Commit: "HEAD"},
				{Path: h.work},
				{URL: web.URL + "/bare.git", Auth: Auth{Token: token}, Submodules: "none"},
				{URL: bare, Submodules: "none"},
			} {
				got := mustCompare(t, r, base)
				if got.Unknown != "" || got.Base != base || got.Head != head {
					t.Fatalf("%+v", got)
				}
				if diff := cmp.Diff(tt.want, told(got)); diff != "" {
					t.Errorf("%+v: %s", r, diff)
				}
			}
		})
	}
}

// mustCompare prepares a request, compares, and checks that nothing is left over.
func mustCompare(t *testing.T, r Request, base string) *Comparison {
	t.Helper()
	r.Dest = filepath.Join(t.TempDir(), "src")
	co, err := Prepare(t.Context(), r)
	must(t, err)
	unchanged, scratch := freeze(t, r.Dest), t.TempDir()
	var first *Comparison
	bothWays(t, func(t *testing.T, git gitProgram) {
		got, err := compare(t.Context(), CompareRequest{
			Request: r, Checkout: co, Base: base, Scratch: scratch, Watches: []Watch{webRoot, specFile, lockFile, shared},
		}, git)
		must(t, err)
		unchanged()
		if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
			t.Errorf("left over: %v, %v", left, err)
		}
		if first != nil {
			if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("with and without git: %s", diff)
			}
		}
		first = got
	})
	return first
}

// told lists the changes of all watches.
func told(c *Comparison) (out []string) {
	for _, w := range c.Watches {
		for _, change := range w.First {
			out = append(out, string(change.Kind)+" "+change.Path)
		}
	}
	return out
}

// What a work tree has on top of its commit counts, and what it takes back does not.
func TestCompareWorkTree(t *testing.T) {
	hermetic(t)
	template, base := newHistory(t)
	for _, tt := range []struct {
		name   string
		change func(h history)
		want   []string
	}{
		{"clean", func(history) {}, nil},
		{"dirty inside", func(h history) { h.write(map[string]string{"apps/web/src/index.js": "dirty\n"}) }, []string{"modified apps/web/src/index.js"}},
		{"dirty outside", func(h history) { h.write(map[string]string{"docs/guide.md": "dirty\n"}) }, nil},
		{"untracked", func(h history) { h.write(map[string]string{"apps/web/new/x\xff": "x", "docs/x": "x"}) }, []string{"added apps/web/new/x\xff"}},
		{"ignored", func(h history) {
			h.write(map[string]string{".git/info/exclude": "*.log\n", "apps/web/x.log": "x"})
		}, nil},
		{"staged", func(h history) {
			h.write(map[string]string{"apps/web/staged": "x"})
			h.git("add", "-A")
		}, []string{"added apps/web/staged"}},
		{"deleted", func(h history) { must(h.t, os.Remove(filepath.Join(h.work, "amplify.yml"))) }, []string{"deleted amplify.yml"}},
		{"mode", func(h history) { must(h.t, os.Chmod(filepath.Join(h.work, "apps/web/run.sh"), 0o755)) }, []string{"mode apps/web/run.sh"}},
		{"folder becomes a file", func(h history) {
			must(h.t, os.RemoveAll(filepath.Join(h.work, "apps/web/src")))
			h.write(map[string]string{"apps/web/src": "x"})
		}, []string{"added apps/web/src", "deleted apps/web/src/index.js", "deleted apps/web/src/main.js"}},
		{"file becomes a folder", func(h history) {
			must(h.t, os.Remove(filepath.Join(h.work, "apps/web/run.sh")))
			h.write(map[string]string{"apps/web/run.sh/x": "x"})
		}, []string{"deleted apps/web/run.sh", "added apps/web/run.sh/x"}},
		{"committed and taken back", func(h history) {
			h.write(map[string]string{"apps/web/src/index.js": "2\n", "amplify.yml": "x"})
			h.commit("Change")
			h.write(map[string]string{"apps/web/src/index.js": "1\n"})
		}, []string{"modified amplify.yml"}},
		{"changes in the submodule", func(h history) {
			h.write(map[string]string{"apps/web/theme/README.md": "dirty"})
			h.write(map[string]string{"vendor/theme/README.md": "dirty"})
		}, []string{"submodule apps/web/theme"}},
		{"another commit in the submodule", func(h history) {
			sourcetest.Git(h.t, filepath.Join(h.work, "apps/web/theme"), "checkout", "-q", "HEAD~1")
		}, []string{"submodule apps/web/theme"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := template.again(t)
			tt.change(h)
			if diff := cmp.Diff(tt.want, told(mustCompare(t, Request{Path: h.work}, base))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompareUnknown(t *testing.T) {
	hermetic(t)
	h, base := newHistory(t)
	lost := h.git("commit-tree", "-m", "Lost", "HEAD^{tree}")
	blob := h.git("rev-parse", "HEAD:amplify.yml")
	head := h.commit("Head")
	bare, shallow := filepath.Join(h.dir, "bare.git"), filepath.Join(h.dir, "shallow.git")
	sourcetest.Git(t, h.dir, "clone", "-q", "--bare", "file://"+h.work, bare)
	sourcetest.Git(t, h.dir, "clone", "-q", "--bare", "--depth=1", "file://"+h.work, shallow)
	sourcetest.Git(t, h.dir, "clone", "-q", "--depth=1", "file://"+h.work, filepath.Join(h.dir, "shallow"))
	unborn := filepath.Join(h.dir, "unborn")
	sourcetest.Git(t, h.dir, "init", "-q", unborn)
	sourcetest.Write(t, unborn, map[string]string{"amplify.yml": "x"})
	web := sourcetest.HTTP(t, h.dir, sourcetest.HTTPOptions{})
	nowhere := strings.Repeat("12", 20)
	for _, tt := range []struct {
		name string
		r    Request
		base string
		want Unknown
	}{
		{"first build", Request{Path: h.work}, "", NoBase},
		{"not a SHA", Request{Path: h.work}, "main", BaseInvalid},
		{"a file", Request{Path: h.work}, blob, BaseInvalid},
		{"never seen", Request{Path: h.work}, nowhere, BaseGone},
		{"never seen there", Request{URL: web.URL + "/bare.git"}, nowhere, BaseGone},
		{"force-pushed away there", Request{URL: web.URL + "/bare.git"}, lost, BaseGone},
		{"force-pushed away in a file", Request{URL: bare}, lost, BaseGone},
		{"shallow server", Request{URL: web.URL + "/shallow.git"}, base, BaseShallow},
		{"shallow clone", Request{Path: filepath.Join(h.dir, "shallow")}, base, BaseShallow},
		{"unborn", Request{Path: unborn}, base, HeadUnborn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.r.Submodules = "none"
			got := mustCompare(t, tt.r, tt.base)
			if got.Unknown != tt.want || got.Watches != nil || got.Why == "" {
				t.Errorf("%+v, want %s", got, tt.want)
			}
			t.Log(got.Why)
		})
	}
	if got := mustCompare(t, Request{Path: h.work, Commit: head}, lost); got.Unknown != "" {
		t.Errorf("the user's own repository has the commit still: %+v", got)
	}
	gone := sourcetest.HTTP(t, h.dir, sourcetest.HTTPOptions{Token: token})
	r := Request{URL: gone.URL + "/bare.git", Auth: Auth{Token: token}, Submodules: "none", Dest: filepath.Join(t.TempDir(), "src")}
	co, err := Prepare(t.Context(), r)
	must(t, err)
	r.Auth.Token = "expired-token"
	got, err := Compare(t.Context(), CompareRequest{Request: r, Checkout: co, Base: nowhere})
	if err != nil || got.Unknown != BaseUnreachable || strings.Contains(got.Why, "expired-token") {
		t.Errorf("%+v, %v", got, err)
	}
}

// The commit of the last build is on no branch any more; the server still gives it out.
func TestCompareOverSSH(t *testing.T) {
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	server := sourcetest.SSH(t, dir)
	r := Request{URL: server.URL("shop.git"), Auth: Auth{SSHKeyFile: server.KeyFile, KnownHosts: []string{server.KnownHosts}}}
	got := mustCompare(t, r, repo.Lost)
	if got.Unknown != "" {
		t.Fatalf("%+v", got)
	}
	for n, w := range got.Watches {
		if w.Count != 0 {
			t.Errorf("watch %d: %+v", n, w)
		}
	}
	noGoroutines(t)
}

func TestCompareAnswers(t *testing.T) {
	hermetic(t)
	h, base := newHistory(t)
	files := map[string]string{}
	for _, name := range []string{"e", "d", "c", "b", "a"} {
		files["new/"+name] = name
	}
	h.write(files)
	h.commit("New")
	r := Request{Path: h.work, Commit: "HEAD", Dest: filepath.Join(t.TempDir(), "src")}
	co, err := Prepare(t.Context(), r)
	must(t, err)
	got, err := Compare(t.Context(), CompareRequest{
		Request: r, Checkout: co, Base: base, Limit: 2,
		Watches: []Watch{{Roots: []string{""}}, {Roots: []string{"./new/", "nwe", "docs", "apps/web/theme/src"}}, {Roots: []string{"."}, Globs: []string{"**"}}, {}},
	})
	must(t, err)
	two := []Change{{"new/a", Added}, {"new/b", Added}}
	want := []Changes{{Count: 5, First: two}, {Count: 5, First: two, Absent: []string{"nwe"}}, {Count: 5, First: two}, {First: []Change{}}}
	if diff := cmp.Diff(want, got.Watches, cmp.Transformer("empty", func(c []Change) []Change { return append([]Change{}, c...) })); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []Watch{{Roots: []string{"../x"}}, {Roots: []string{"/etc"}}, {Globs: []string{"[a"}}, {Globs: []string{"/x"}}, {Globs: []string{""}}} {
		if _, err := Compare(t.Context(), CompareRequest{Request: r, Checkout: co, Base: base, Watches: []Watch{bad}}); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compare(ctx, CompareRequest{Request: r, Checkout: co, Base: base, Watches: []Watch{webRoot}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Where folders are equal nothing below them is read, however much that is, and neither is what nobody watches.
func TestCompareReadsOnlyChanges(t *testing.T) {
	hermetic(t)
	h, base := newHistory(t)
	h.write(map[string]string{"apps/web/src/index.js": "2\n", "docs/guide.md": "2\n"})
	h.commit("Change")
	r := Request{Path: h.work, Commit: "HEAD", Dest: filepath.Join(t.TempDir(), "src")}
	_, err := Prepare(t.Context(), r)
	must(t, err)
	s, err := openStore(filepath.Join(r.Dest, ".git"), filepath.Join(r.Dest, ".git"), nil)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	watches, err := compileWatches([]Watch{webRoot})
	must(t, err)
	d := &differ{store: s, watches: watches}
	from, err := treeOf(s, base)
	must(t, err)
	to, err := treeOf(s, h.git("rev-parse", "HEAD"))
	must(t, err)
	must(t, d.trees(t.Context(), "", from, to, 0))
	entries := 0
	for _, tree := range []string{"", "apps", "apps/web", "apps/web/src"} {
		for _, commit := range []string{base, "HEAD"} {
			entries += len(strings.Split(h.git("ls-tree", commit+":"+tree), "\n"))
		}
	}
	if d.visited != entries {
		t.Errorf("%d entries were read, and %d are in the folders that differ", d.visited, entries)
	}
}

func FuzzWatch(f *testing.F) {
	f.Add("packages/ui/**", "packages/ui/src/x.ts")
	f.Add("{a,b/c}/*", "b/c/d")
	f.Add("**/[!a]*\\**", "x/\xff")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		list, err := compileWatches([]Watch{{Globs: []string{pattern}}})
		if err != nil || path == "" || strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") || strings.Contains(path, "//") {
			return
		}
		w := list[0]
		if !w.covers(path, false) {
			return
		}
		for dir := parent(path); dir != ""; dir = parent(dir) {
			if !w.below(dir) {
				t.Errorf("%q matches %q, but is not looked for in %q", pattern, path, dir)
			}
		}
	})
}
