package cachetest

import (
	"strings"
	"testing"

	"github.com/preamp-build/preamp/cache"
)

func keysAreApart(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	base := f.key
	var keys []cache.Key
	for _, app := range []string{"shop", "SHOP", "sh", "", "a/b", "a-b", "..", strings.Repeat("a", 5000)} {
		for _, branch := range []string{
			"main", "Main", "feature/x", "feature-x", "feature%2Fx", "../main", "", ".", "ünï", "\xff", "\xfe", "a\nb", "a\x00b",
			strings.Repeat("b", 5000), strings.Repeat("b", 5001),
		} {
			k := base
			k.App, k.Branch = app, branch
			keys = append(keys, k)
		}
	}
	for _, change := range []func(*cache.Key){
		func(k *cache.Key) { k.Image = "other" },
		func(k *cache.Key) { k.Arch = "arm64" },
		func(k *cache.Key) { k.Paths = []string{"x", "y"} },
		func(k *cache.Key) { k.App, k.Branch = "sho", "pmain" },
	} {
		k := base
		change(&k)
		keys = append(keys, k)
	}
	for i, k := range keys {
		f.key = k
		if got := f.restore(workspace(t)); got.Hit {
			t.Fatalf("%+v has the entry of another key", short(k))
		}
		if i%3 == 0 {
			root := workspace(t)
			write(t, root, "x", k.ID())
			f.save(root)
		}
	}
	for i, k := range keys {
		f.key = k
		root := workspace(t)
		r := f.restore(root)
		if r.Hit != (i%3 == 0) {
			t.Errorf("%+v: hit is %v", short(k), r.Hit)
		}
		if r.Hit {
			equal(t, k.ID(), read(t, root, "x"))
		}
	}
}

func short(k cache.Key) cache.Key {
	k.App, k.Branch = k.App[:min(9, len(k.App))], k.Branch[:min(9, len(k.Branch))]
	return k
}

func defaultBranch(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	save := func(branch string) {
		f.key.Branch = branch
		root := workspace(t)
		write(t, root, "x", branch)
		f.save(root)
	}
	from := func(want string, words ...string) {
		t.Helper()
		root := workspace(t)
		r := f.restore(root)
		if !r.Hit || r.From != want {
			t.Errorf("hit %v from %q, want %q: %s", r.Hit, r.From, want, r.Reason)
			return
		}
		equal(t, want, read(t, root, "x"))
		for _, w := range words {
			if !strings.Contains(r.Reason, w) {
				t.Errorf("reason %q does not mention %q", r.Reason, w)
			}
		}
	}
	f.key.Branch, f.key.DefaultBranch = "feature/x", "main"
	f.mustMiss(`"feature/x"`, `"main"`)
	save("main")
	from("main", `"main"`)
	f.key.Branch = "feature/x"
	from("main", `"feature/x" has no cache yet`, `"main"`)
	save("feature/x")
	from("feature/x", `"feature/x"`)
	f.key.Branch = "feature/y"
	from("main")
	f.key.DefaultBranch = ""
	f.mustMiss(`"feature/y"`)
}

func missReasons(t *testing.T, open Opener) {
	f := newFixture(t, open, "x", "!x/y")
	f.mustMiss(`branch "main" has no cache yet`)
	root := workspace(t)
	write(t, root, "x", "x")
	f.save(root)
	saved := f.key

	f.key.Paths = []string{"!x/y", "x", "x"} // the order does not matter
	f.mustHit()

	f.key.Image = "sha256:2222"
	f.mustMiss(`"sha256:1111"`, `"sha256:2222"`, "image")
	f.key = saved
	f.key.Arch = "arm64"
	f.mustMiss(`"amd64"`, `"arm64"`)
	f.key = saved
	f.key.Paths = []string{"x", ".npm/**/*"}
	f.mustMiss("cache paths changed", `".npm/**/*" added`, `"!x/y" removed`)
	f.key = saved
	f.key.Dir = "apps/web"
	f.mustMiss("project root", `"/apps/web"`)
}
