// Package cachetest is what every cache.Store has to pass.
//
// A test of a store calls [Suite], and one that keeps its entries as files calls [Damage] too:
//
//	func TestLocal(t *testing.T) { cachetest.Suite(t, open) }
//
// The number of cases of the property test is 300, or the value of PREAMP_PROPERTY_CASES.
package cachetest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cache"
)

// Opener opens the store whose content belongs to the folder dir. Opened twice with the same folder, also by another
// process, it has to be the same store. What the store needs to be closed, the Opener registers with t.Cleanup.
type Opener func(t testing.TB, dir string) cache.Store

// Suite runs all tests on stores made by open. Call it from a top-level test: it starts the test binary again to kill
// it in the middle of a save.
func Suite(t *testing.T, open Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Opener)
	}{
		{"round trip", roundTrip},
		{"selection", selection},
		{"project root", projectRoot},
		{"special files", specialFiles},
		{"too deep", tooDeep},
		{"nothing to save", nothingToSave},
		{"keys are apart", keysAreApart},
		{"default branch", defaultBranch},
		{"miss reasons", missReasons},
		{"last save wins", lastSaveWins},
		{"unchanged tree", unchangedTree},
		{"unchanged after restore", unchangedAfterRestore},
		{"hidden changes", hiddenChanges},
		{"small change", smallChange},
		{"many small changes", manySmallChanges},
		{"appended file", appendedFile},
		{"base of another branch", otherBranchesBase},
		{"overwritten files", overwrittenFiles},
		{"links in the workspace", linksInTheWorkspace},
		{"project root is a link", projectRootIsALink},
		{"folders in the way", foldersInTheWay},
		{"cancelled save", cancelledSave},
		{"cancelled restore", cancelledRestore},
		{"changing tree", changingTree},
		{"missing workspace", missingWorkspace},
		{"concurrency", concurrency},
		{"killed save", killedSave},
		{"edits of content", editsOfContent},
		{"failed build", failedBuild},
		{"killed build", killedBuild},
		{"content with a wrong name", wrongContent},
		{"restores at once", restoresAtOnce},
		{"random trees", randomTrees},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) { test.run(t, open) })
	}
}

// fixture is a store and a key for one test.
type fixture struct {
	t     testing.TB
	store cache.Store
	dir   string
	key   cache.Key
}

func newFixture(t testing.TB, open Opener, patterns ...string) *fixture {
	t.Helper()
	dir := t.TempDir()
	return &fixture{t: t, store: open(t, dir), dir: dir, key: cache.Key{
		App: "shop", Branch: "main", Image: "sha256:1111", Arch: "amd64", Paths: patterns,
	}}
}

func (f *fixture) compile() cache.Paths {
	f.t.Helper()
	p, problems := cache.Compile(f.key.Dir, f.key.Paths)
	if len(problems) > 0 {
		f.t.Fatalf("Compile(%q): %v", f.key.Paths, problems)
	}
	return p
}

func (f *fixture) save(root string) cache.Saved {
	f.t.Helper()
	s, err := f.store.Save(f.t.Context(), f.key, f.compile(), root)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *fixture) restore(root string) cache.Restored {
	f.t.Helper()
	r, err := f.store.Restore(f.t.Context(), f.key, root)
	if err != nil {
		f.t.Fatal(err)
	}
	if r.Reason == "" {
		f.t.Error("Restore gave no reason")
	}
	return r
}

// mustHit restores into an empty folder and answers what is there then.
func (f *fixture) mustHit() map[string]string {
	f.t.Helper()
	root := workspace(f.t)
	if f.key.Dir != "" {
		mkdir(f.t, root, f.key.Dir)
	}
	if r := f.restore(root); !r.Hit {
		f.t.Fatalf("miss: %s", r.Reason)
	}
	return snapshot(f.t, root)
}

func (f *fixture) mustMiss(words ...string) {
	f.t.Helper()
	root := workspace(f.t)
	before := snapshot(f.t, root)
	r := f.restore(root)
	if r.Hit {
		f.t.Fatalf("a hit, want a miss: %s", r.Reason)
	}
	for _, w := range words {
		if !strings.Contains(r.Reason, w) {
			f.t.Errorf("reason %q does not mention %q", r.Reason, w)
		}
	}
	equal(f.t, before, snapshot(f.t, root))
}

func equal(t testing.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func roundTrip(t *testing.T, open Opener) {
	f := newFixture(t, open, "node_modules/**/*")
	root := workspace(t)
	nasty(t, filepath.Join(root, "node_modules"))
	write(t, root, "package.json", "not cached")

	start := time.Now()
	saved := f.save(root)
	want := snapshot(t, filepath.Join(root, "node_modules"))
	if !saved.Written || saved.Reason != "" || saved.Stored <= 0 || len(saved.Skipped) > 0 || len(saved.Notices) > 0 {
		t.Errorf("Save: %+v", saved)
	}

	fresh := workspace(t)
	r := f.restore(fresh)
	if !r.Hit || r.From != "main" || r.Overwritten != 0 || len(r.Notices) > 0 {
		t.Fatalf("Restore: %+v", r)
	}
	if r.Files != saved.Files || r.Bytes != saved.Bytes || r.Files == 0 || r.Bytes == 0 {
		t.Errorf("saved %d files, %d bytes; restored %d, %d", saved.Files, saved.Bytes, r.Files, r.Bytes)
	}
	if r.Created.Before(start.Add(-time.Second)) || r.Created.After(time.Now().Add(time.Second)) {
		t.Errorf("Created is %v", r.Created)
	}
	equal(t, want, snapshot(t, filepath.Join(fresh, "node_modules")))
	equal(t, []string{"node_modules"}, names(t, fresh))

	// The same store opened anew has the same entry.
	f.store = open(t, f.dir)
	f.mustHit()
}

func selection(t *testing.T, open Opener) {
	tree := []string{
		"package.json", "node_modules/a/index.js", "node_modules/.bin/tsc", "node_modules/.cache/babel/x",
		"node_modules/a/node_modules/.cache/y", "node_modules/a/.cache/z", "node_modules/a/.git/config",
		"packages/web/node_modules/b/i.js", "packages/web/src/main.ts", "packages/api/node_modules/c/i.js",
		".npm/_cacache/index", ".next/cache/webpack/1.pack", ".next/server/page.js", ".git/config",
		"with[brackets]/f", "a b/ü/f",
	}
	for _, c := range []struct {
		patterns string // separated by spaces, % stands for one
		want     []string
	}{
		{"node_modules/**/*", []string{"node_modules/.bin/tsc", "node_modules/a/.cache/z", "node_modules/a/index.js"}},
		{"node_modules/**", []string{"node_modules/.bin/tsc", "node_modules/a/.cache/z", "node_modules/a/index.js"}},
		{"node_modules/", []string{"node_modules/.bin/tsc", "node_modules/a/.cache/z", "node_modules/a/index.js"}},
		{"./node_modules", []string{"node_modules/.bin/tsc", "node_modules/a/.cache/z", "node_modules/a/index.js"}},
		{"node_modules/*", []string{"node_modules/.bin/tsc", "node_modules/a/.cache/z", "node_modules/a/index.js"}},
		{"!node_modules/a node_modules/**/*", []string{"node_modules/.bin/tsc"}},
		{"node_modules/**/* !node_modules/a/**/*", []string{"node_modules/.bin/tsc"}},
		{"node_modules/**/* !**/*.js", []string{"node_modules/.bin/tsc", "node_modules/a/.cache/z"}},
		{"node_modules/.cache/**/*", []string{"node_modules/.cache/babel/x"}},
		{"node_modules node_modules/.cache/babel", []string{
			"node_modules/.bin/tsc", "node_modules/.cache/babel/x", "node_modules/a/.cache/z", "node_modules/a/index.js",
		}},
		{"node_modules/**/.cache", []string{
			"node_modules/.cache/babel/x", "node_modules/a/.cache/z", "node_modules/a/node_modules/.cache/y",
		}},
		{"packages/*/node_modules/**/* .npm", []string{
			".npm/_cacache/index", "packages/api/node_modules/c/i.js", "packages/web/node_modules/b/i.js",
		}},
		{"packages/**/node_modules", []string{"packages/api/node_modules/c/i.js", "packages/web/node_modules/b/i.js"}},
		{"{.npm,.next/cache}/**/*", []string{".next/cache/webpack/1.pack", ".npm/_cacache/index"}},
		{`with\[brackets\] a%b`, []string{"a b/ü/f", "with[brackets]/f"}},
		{"a%b/[à-ÿ]/*", []string{"a b/ü/f"}},
		{"package.json", []string{"package.json"}},
		{"**/*.ts package.json", []string{"package.json", "packages/web/src/main.ts"}},
		{"**/* !node_modules !packages", []string{
			".next/cache/webpack/1.pack", ".next/server/page.js", ".npm/_cacache/index", "a b/ü/f", "package.json",
			"with[brackets]/f",
		}},
	} {
		t.Run(strings.NewReplacer("/", "|", " ", "+").Replace(c.patterns), func(t *testing.T) {
			patterns := strings.Fields(c.patterns)
			for i := range patterns {
				patterns[i] = strings.ReplaceAll(patterns[i], "%", " ")
			}
			f := newFixture(t, open, patterns...)
			root := workspace(t)
			for _, name := range tree {
				write(t, root, name, name)
			}
			f.save(root)
			var got []string
			for name, what := range f.mustHit() {
				if strings.HasPrefix(what, "file") {
					got = append(got, name)
				}
			}
			equal(t, c.want, sorted(got))
		})
	}
}

func projectRoot(t *testing.T, open Opener) {
	f := newFixture(t, open, "node_modules/**/*")
	f.key.Dir = "apps/web"
	root := workspace(t)
	write(t, root, "node_modules/root.js", "root")
	write(t, root, "apps/web/node_modules/web.js", "web")
	f.save(root)

	fresh := workspace(t)
	mkdir(t, fresh, "apps/web")
	if r := f.restore(fresh); !r.Hit || r.Files != 1 {
		t.Errorf("Restore: %+v", r)
	}
	equal(t, "web", read(t, fresh, "apps/web/node_modules/web.js"))
	equal(t, []string{"apps"}, names(t, fresh))

	f.mustMiss("apps/web") // a checkout without the project root
	r, err := f.store.Save(t.Context(), f.key, f.compile(), workspace(t))
	if err != nil || r.Written || !strings.Contains(r.Reason, "apps/web") {
		t.Errorf("Save without the project root: %+v, %v", r, err)
	}
	if r := f.restore(fresh); !r.Hit {
		t.Errorf("the entry is gone: %s", r.Reason)
	}
}

func nothingToSave(t *testing.T, open Opener) {
	f := newFixture(t, open, "node_modules/**/*")
	root := workspace(t)
	write(t, root, "node_modules/a", "a")
	f.save(root)
	// The build has removed what was cached: that is what the next one gets.
	saved := f.save(workspace(t))
	if !saved.Written || saved.Files != 0 || len(saved.Notices) != 1 || !strings.Contains(saved.Notices[0], "node_modules/**/*") {
		t.Errorf("Save: %+v", saved)
	}
	if got := f.mustHit(); len(got) != 0 {
		t.Errorf("restored %v", got)
	}

	f.key.Paths = nil
	if s := f.save(root); s.Written || s.Reason == "" {
		t.Errorf("Save without paths: %+v", s)
	}
	f.mustMiss("no usable cache paths")

	f.key.Paths = []string{"node_modules"}
	other, _ := cache.Compile("", []string{".npm"})
	if _, err := f.store.Save(t.Context(), f.key, other, root); err == nil {
		t.Error("Save took paths that are not the key's")
	}
}

func lastSaveWins(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	for _, content := range []string{"one", "two", "three"} {
		root := workspace(t)
		write(t, root, "x/"+content, content)
		f.save(root)
		if got := f.mustHit(); got["x/"+content] == "" || len(got) != 2 {
			t.Errorf("after saving %s: %v", content, got)
		}
	}
}

func missingWorkspace(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	root := workspace(t)
	write(t, root, "x", "x")
	f.save(root)
	gone := filepath.Join(root, "gone")
	if _, err := f.store.Restore(t.Context(), f.key, gone); err == nil {
		t.Error("Restore into a folder that is not there: no error")
	}
	if _, err := f.store.Save(t.Context(), f.key, f.compile(), gone); err == nil {
		t.Error("Save of a folder that is not there: no error")
	}
	f.mustHit()
}

// hookContext is a context whose Err is a hook: it stands for the moments at which a store looks whether to go on.
type hookContext struct {
	context.Context
	hook func() error
}

func (c hookContext) Err() error { return c.hook() }

// leftovers are the files of the store's folder; the same set before and after means that nothing was left behind. What
// a store knows of workspaces, in folders called stat, comes and goes with those.
func leftovers(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "stat" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	must(t, err)
	return list
}
