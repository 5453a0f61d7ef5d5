package cache

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestProblems(t *testing.T) {
	var got strings.Builder
	for _, c := range []struct {
		dir      string
		patterns []string
	}{
		{"", []string{
			"node_modules/**/*", "", "~/.npm/**/*", "~/.pnpm-store/**", "/root/.cache/Cypress", "/node_modules/**/*", "/", "/opt/x",
			"$HOME/.bun/install/cache/**/*", "${HUGO_CACHEDIR}/**/*", "$(yarn cache dir)", "`pnpm store path`",
			"../node_modules/**/*", "a/../../b", "a/../b", "{../a,b}", "node_modules/[", ".git/**/*", "!/node_modules", "!~/x", "a\x00b",
			"[$]lib", "x$", "/root/.cache/ms-playwright",
		}},
		{"apps/web", []string{"../../node_modules/**/*", "../../../x", "..", "../api/.next/cache", "node_modules"}},
		{"apps/web", []string{"!node_modules"}},
	} {
		p, problems := Compile(c.dir, c.patterns)
		fmt.Fprintf(&got, "project root %q: %d paths, %d exclusions\n", "/"+p.Dir(), len(p.include), len(p.exclude))
		for _, pr := range problems {
			if c.patterns[pr.Index] != pr.Pattern {
				t.Errorf("problem %d is about %q, not %q", pr.Index, c.patterns[pr.Index], pr.Pattern)
			}
			fmt.Fprintf(&got, "%3d %q\n    %s\n", pr.Index, pr.Pattern, pr.Message)
		}
	}
	golden(t, "problems.golden", got.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got (go test -update rewrites it):\n%s", d)
	}
}

func TestMatch(t *testing.T) {
	p, problems := Compile("/apps/web/", []string{"node_modules/**/*", "!node_modules/out", "packages/*/dist", "/bad"})
	if len(problems) != 1 || p.Dir() != "apps/web" || p.Empty() {
		t.Errorf("Compile: %v, dir %q", problems, p.Dir())
	}
	for rel, want := range map[string]bool{
		"node_modules": true, "node_modules/a": true, "node_modules/a/b/.c": true, "node_modules2": false, "node_module": false,
		"node_modules/out": false, "node_modules/out/x": false, "node_modules/outer": true, "node_modules/.cache": false,
		"node_modules/a/node_modules/.cache/x": false, "node_modules/a/.cache": true, "node_modules/.git": false,
		"node_modules/a/.Git/config": false, "packages": false, "packages/a": false, "packages/a/dist": true,
		"packages/a/dist/b": true, "packages/a/b/dist": false, "": false, ".": false, "..": false, "../node_modules": false,
		"/node_modules": false, "bad": false, "./node_modules/x/": true,
	} {
		if got := p.Match(rel); got != want {
			t.Errorf("Match(%q) = %v", rel, got)
		}
	}
	if (Paths{}).Match("x") || !(Paths{}).Empty() {
		t.Error("the zero Paths caches something")
	}
}

// FuzzMatch checks that the shortcut of the walk never leaves out what matches: every folder on the way to a match is
// entered.
func FuzzMatch(f *testing.F) {
	f.Add("packages/*/node_modules/**/*", "packages/a/node_modules/b/c")
	f.Add("**/node_modules", "a/b/node_modules/c")
	f.Add("{a/b,c}/d", "a/b/d")
	f.Add("a[/]b", "a/b")
	f.Add("node_modules/*/.cache/[a-c]", "node_modules/x/.cache/b")
	f.Add(`a\*/b`, "a*/b")
	f.Fuzz(func(t *testing.T, pattern, rel string) {
		p, _ := Compile("", []string{pattern})
		if !localPath(rel) || !p.Match(rel) {
			return
		}
		s := p.top()
		for i := range len(rel) {
			if rel[i] != '/' {
				continue
			}
			var ok bool
			if s, ok = p.enter(s, rel[:i]); !ok || !s.included() && !p.leads(s, rel[:i]) {
				t.Fatalf("%q matches %q, but the walk does not enter %q", pattern, rel, rel[:i])
			}
		}
	})
}
