package enginetest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
)

// Stack is a stack of the folders, the topmost first, with a fresh upper one.
func Stack(t testing.TB, lower ...string) *engine.Stack {
	t.Helper()
	return &engine.Stack{Lower: lower, Upper: t.TempDir(), Work: t.TempDir()}
}

// composed is a container around a checkout above two layers of a cache.
type composed struct {
	engine.Container
	spec          engine.Spec
	checkout      string
	recent, older string
	before        string
}

// longAgo is the time of everything in the layers.
var longAgo = time.Date(2024, 2, 3, 4, 5, 6, 789_000_000, time.UTC)

func compose(t *testing.T, s Subject) *composed {
	t.Helper()
	c := &composed{checkout: t.TempDir(), recent: t.TempDir(), older: t.TempDir()}
	write(t, c.checkout, "src/main.js", "main\n")
	write(t, c.checkout, "README", "read me\n")
	must(t, os.Symlink("src/main.js", filepath.Join(c.checkout, "link")))
	write(t, c.recent, "node_modules/a/index.js", "a, the newer\n")
	write(t, c.older, "node_modules/a/index.js", "a, the older\n")
	write(t, c.older, "node_modules/a/old.js", "only there\n")
	write(t, c.older, "node_modules/b/run.sh", "#!/bin/sh\necho b\n")
	must(t, os.Chmod(filepath.Join(c.older, "node_modules/b/run.sh"), 0o755))
	must(t, os.Link(filepath.Join(c.older, "node_modules/b/run.sh"), filepath.Join(c.older, "node_modules/b/hard")))
	write(t, c.older, "node_modules/big", strings.Repeat("0123456789abcdef", 1<<18))
	for _, dir := range []string{c.recent, c.older} {
		must(t, filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
			must(t, err)
			return os.Chtimes(p, longAgo, longAgo)
		}))
	}
	c.before = c.layers(t)
	c.Container, c.spec = start(t, s, func(spec *engine.Spec) { spec.Stack = Stack(t, c.checkout, c.recent, c.older) })
	return c
}

// layers is everything that must not change.
func (c *composed) layers(t *testing.T) string {
	return tree(t, c.checkout) + tree(t, c.recent) + tree(t, c.older)
}

// testCompose does to a composed workspace what builds do, and looks at it from inside, from outside, and at the layers.
func testCompose(t *testing.T, s Subject) {
	for _, tc := range []struct {
		name  string
		steps []step
		want  map[string]string // files afterwards; "" = there is none
	}{
		{"one folder", []step{
			{"cat link node_modules/a/*.js; node_modules/b/run.sh", "main\na, the newer\nonly there\nb\n", 0},
			{"ls", "README\nlink\nnode_modules\nsrc\n", 0},
		}, map[string]string{"README": "read me\n", "node_modules/a/index.js": "a, the newer\n"}},
		{"a renamed folder of a layer", []step{
			{"mv node_modules/a node_modules/z && cat node_modules/z/*.js; ls node_modules", "a, the newer\nonly there\nb\nbig\nz\n", 0},
			{"perl -e 'rename(\"node_modules/b\", \"b\") or die $!' && b/run.sh", "b\n", 0},
			{"mv src elsewhere && mkdir src && echo new > src/x && cat elsewhere/main.js", "main\n", 0},
		}, map[string]string{
			"node_modules/z/index.js": "a, the newer\n", "node_modules/z/old.js": "only there\n", "node_modules/a/index.js": "",
			"b/run.sh": "#!/bin/sh\necho b\n", "elsewhere/main.js": "main\n", "src/x": "new\n", "src/main.js": "",
		}},
		{"hard links", []step{
			{"ln node_modules/b/run.sh here && echo more >> here && cat node_modules/b/run.sh", "#!/bin/sh\necho b\nmore\n", 0},
			{"stat -c %h here", "2\n", 0},
			{"ln README twice && cmp README twice", "", 0},
		}, map[string]string{"here": "#!/bin/sh\necho b\nmore\n", "twice": "read me\n"}},
		{"deletes", []step{
			{"rm node_modules/a/index.js README link && rm -r node_modules/b src; find . -type f | sort", "./node_modules/a/old.js\n./node_modules/big\n", 0},
			{"mkdir README && echo y > README/x && ls -A README", "x\n", 0},
		}, map[string]string{"node_modules/a/index.js": "", "node_modules/b/run.sh": "", "README/x": "y\n", "src/main.js": ""}},
		{"an opaque folder", []step{
			{"rm -rf node_modules && mkdir -p node_modules/a && echo fresh > node_modules/a/new.js && find node_modules -type f", "node_modules/a/new.js\n", 0},
		}, map[string]string{"node_modules/a/new.js": "fresh\n", "node_modules/a/index.js": "", "node_modules/big": ""}},
		{"modification times and modes", []step{
			{"stat -c '%Y %y' node_modules/a/index.js | cut -c1-34", "1706933106 2024-02-03 04:05:06.789\n", 0},
			{"chmod 600 node_modules/a/old.js && stat -c '%a %Y' node_modules/a/old.js", "600 1706933106\n", 0},
			{"mv node_modules/a/old.js node_modules/a/moved.js && stat -c '%a %Y' node_modules/a/moved.js", "600 1706933106\n", 0},
			{"touch -d @1000000000 node_modules/b && stat -c %Y node_modules/b; test node_modules/a/index.js -ot README && echo older", "1000000000\nolder\n", 0},
			{"stat -c %a node_modules/b/run.sh", "755\n", 0},
		}, map[string]string{"node_modules/a/moved.js": "only there\n"}},
		{"a big file appended to", []step{
			{"printf end >> node_modules/big; stat -c %s node_modules/big; tail -c 6 node_modules/big", "4194307\ndefend", 0},
			{": > node_modules/a/index.js; wc -c < node_modules/a/index.js", "0\n", 0},
		}, map[string]string{}},
		{"links", []step{
			{"ln -sfn node_modules/b dir && dir/run.sh && ln -sf README link && cat link", "b\nread me\n", 0},
			{"rm -rf node_modules/a && ln -s b node_modules/a && cat node_modules/a/run.sh | head -1", "#!/bin/sh\n", 0},
		}, map[string]string{"node_modules/a/run.sh": "#!/bin/sh\necho b\n", "node_modules/a/index.js": ""}},
		{"open files", []step{
			{"exec 5< node_modules/a/old.js; rm node_modules/a/old.js; cat <&5; exec 5<&-", "only there\n", 0},
			{"echo x > t && mv t node_modules/a/index.js && cat node_modules/a/index.js", "x\n", 0},
		}, map[string]string{"node_modules/a/index.js": "x\n"}},
		{"no ways around it", []step{
			{"mknod node_modules/w c 0 0 2>/dev/null; echo $?; ls node_modules", "1\na\nb\nbig\n", 0},
		}, map[string]string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := compose(t, s)
			runSteps(t, c, tc.steps)
			c.check(t, tc.want)
		})
	}
	t.Run("git", func(t *testing.T) { t.Parallel(); testComposedGit(t, s) })
	t.Run("two at once", func(t *testing.T) { t.Parallel(); testShared(t, s) })
	t.Run("a stack that is not there", func(t *testing.T) { t.Parallel(); testNoStack(t, s) })
	t.Run("composes", func(t *testing.T) {
		must(t, s.Engine.(engine.Composer).Composes(t.Context(), t.TempDir()))
	})
}

func (c *composed) check(t *testing.T, want map[string]string) {
	t.Helper()
	must(t, c.Stop(t.Context()))
	must(t, c.Fetch(t.Context(), "."))
	for name, content := range want {
		raw, err := os.ReadFile(filepath.Join(c.spec.Workspace, name))
		switch {
		case content == "" && err == nil:
			t.Errorf("%s is there", name)
		case content != "" && (err != nil || string(raw) != content):
			t.Errorf("%s holds %q (%v), want %q", name, raw, err, content)
		}
	}
	if err := os.WriteFile(filepath.Join(c.spec.Workspace, "mine"), nil, 0o600); err == nil {
		t.Error("what the build left can be written to")
	}
	must(t, c.Close())
	if got := c.layers(t); got != c.before {
		t.Errorf("the layers have changed:\n%s\nwere:\n%s", got, c.before)
	}
	if got := tree(t, c.spec.Workspace); got != ". d\n" {
		t.Errorf("after Close the workspace still shows %q", got)
	}
}

// testComposedGit works with a repository whose files lie below.
func testComposedGit(t *testing.T, s Subject) {
	base := t.TempDir()
	first, _ := start(t, Subject{Engine: s.Engine, Image: s.Image, Limits: s.Limits}, func(spec *engine.Spec) { spec.Workspace = base })
	runSteps(t, first, []step{{`git init -q -b main . && git config user.email a@b.c && git config user.name n &&
mkdir -p src/deep && echo one > src/deep/one && echo two > two && echo node_modules > .gitignore && git add -A && git commit -qm first &&
git checkout -qb side && echo three > three && git rm -q src/deep/one && git add -A && git commit -qm second && git checkout -q main`, "*", 0}})
	must(t, first.Stop(t.Context()))
	must(t, first.Close())
	before := tree(t, base)
	layer := t.TempDir()
	write(t, layer, "node_modules/a/index.js", "a\n")
	c, _ := start(t, s, func(spec *engine.Spec) { spec.Stack = Stack(t, base, layer) })
	runSteps(t, c, []step{
		{"git status --porcelain", "", 0},
		{"git checkout -q side && git status --porcelain && ls && test ! -e src && cat three", "node_modules\nthree\ntwo\nthree\n", 0},
		{"git checkout -q main && git status --porcelain && cat src/deep/one", "one\n", 0},
		{"echo changed > two && git commit -qam third && git status --porcelain && git log --format=%s", "third\nfirst\n", 0},
		{"git gc -q && git fsck && git stash list && git mv src moved && git commit -qm moved && git status --porcelain", "", 0},
		{"git reset -q --hard HEAD~2 && cat two src/deep/one && git clean -fdxq && ls", "two\none\nsrc\ntwo\n", 0},
	})
	must(t, c.Close())
	if got := tree(t, base); got != before {
		t.Error("the repository below has changed")
	}
}

// testShared has two builds change the same layers.
func testShared(t *testing.T, s Subject) {
	c := compose(t, s)
	other, spec := start(t, s, func(spec *engine.Spec) { spec.Stack = Stack(t, c.spec.Stack.Lower...) })
	runSteps(t, c, []step{{"rm -rf node_modules/a && echo one >> node_modules/b/hard && mv src lib", "", 0}})
	runSteps(t, other, []step{{"cat node_modules/a/index.js node_modules/b/hard src/main.js", "a, the newer\n#!/bin/sh\necho b\nmain\n", 0}, {"echo two >> node_modules/b/hard", "", 0}})
	must(t, other.Stop(t.Context()))
	must(t, other.Fetch(t.Context(), "."))
	raw, err := os.ReadFile(filepath.Join(spec.Workspace, "node_modules/b/hard"))
	must(t, err)
	if want := "#!/bin/sh\necho b\ntwo\n"; string(raw) != want {
		t.Errorf("the other build has %q, want %q", raw, want)
	}
	must(t, other.Close())
	c.check(t, map[string]string{"node_modules/b/hard": "#!/bin/sh\necho b\none\n", "lib/main.js": "main\n", "node_modules/a/index.js": ""})
}

// testNoStack starts with more than mount options can say.
func testNoStack(t *testing.T, s Subject) {
	owner := engine.NewOwner(engine.NewBuildID())
	stack := Stack(t, strings.Repeat("/long", 1000))
	_, err := s.Engine.Start(context.WithoutCancel(t.Context()), engine.Spec{
		Owner: owner, Image: s.Image, Workspace: t.TempDir(), Dir: "/codebuild/app", Stack: stack,
	})
	if !engine.IsKind(err, engine.KindNotComposed) {
		t.Errorf("started with %v, want an error of the kind KindNotComposed", err)
	}
	expectReaped(t, s, owner, 0)
}
