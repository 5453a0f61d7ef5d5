package source

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// history is a repository in the making.
type history struct {
	t    *testing.T
	dir  string // holds work, bare and the submodule's repository
	work string
}

func (h history) git(args ...string) string {
	h.t.Helper()
	return sourcetest.Git(h.t, h.work, args...)
}

func (h history) write(files map[string]string) {
	h.t.Helper()
	sourcetest.Write(h.t, h.work, files)
}

// commit commits the work tree as it is.
func (h history) commit(message string) string {
	h.t.Helper()
	h.git("add", "-A")
	h.git("commit", "-q", "--allow-empty", "-m", message)
	return h.git("rev-parse", "HEAD")
}

// newHistory makes a monorepo with two applications, a shared package and a submodule in the first application.
func newHistory(t *testing.T) (h history, base string) {
	dir := t.TempDir()
	sourcetest.NewRepo(t, dir, "theme")
	h = history{t: t, dir: dir, work: filepath.Join(dir, "work")}
	must(t, os.Mkdir(h.work, 0o755))
	h.git("init", "-q")
	h.write(map[string]string{
		"amplify.yml": "version: 1\n", "package-lock.json": "{}\n", "apps/web/src/index.js": "1\n", "apps/web/run.sh": "#!/bin/sh\n",
		"apps/admin/src/index.js": "1\n", "apps/web.md": "web\n", "packages/ui/src/button.tsx": "b\n", "packages/db/schema.sql": "s\n",
		"docs/guide.md": "g\n",
	})
	must(t, os.Symlink("index.js", filepath.Join(h.work, "apps/web/src/main.js")))
	h.git("submodule", "--quiet", "add", filepath.Join(dir, "theme.git"), "apps/web/theme")
	h.git("submodule", "--quiet", "add", filepath.Join(dir, "theme.git"), "vendor/theme")
	return h, h.commit("Base")
}

// again returns a copy of the history as it is.
func (h history) again(t *testing.T) history {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(h.dir)))
	return history{t: t, dir: dir, work: filepath.Join(dir, "work")}
}

var (
	webRoot  = Watch{Roots: []string{"apps/web"}}
	specFile = Watch{Roots: []string{"amplify.yml"}}
	lockFile = Watch{Globs: []string{"{package-lock,npm-shrinkwrap}.json", "{yarn.lock,pnpm-lock.yaml}", "bun.lock*"}}
	shared   = Watch{Globs: []string{"packages/ui/**/*.tsx", "packages/ui/package.json"}}
)

// histories are what may have happened since the last build, and what of it concerns the application apps/web.
var histories = []struct {
	name   string
	change func(h history)
	want   []string // kind, path; of all watches in their order
}{
	{"no commit since", func(history) {}, nil},
	{"an empty commit", func(h history) { h.commit("Nothing") }, nil},
	{"inside", func(h history) {
		h.write(map[string]string{"apps/web/src/index.js": "2\n"})
		h.commit("Change")
	}, []string{"modified apps/web/src/index.js"}},
	{"outside", func(h history) {
		h.write(map[string]string{"apps/admin/src/index.js": "2\n", "docs/new.md": "n", "apps/web.md": "2", "apps/website/x": "x"})
		h.commit("Change")
	}, nil},
	{"inside by a merge", func(h history) {
		h.git("checkout", "-q", "-b", "side")
		h.write(map[string]string{"apps/web/new.js": "n"})
		h.commit("Side")
		h.git("checkout", "-q", "main")
		h.write(map[string]string{"docs/guide.md": "2"})
		h.commit("Main")
		h.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
	}, []string{"added apps/web/new.js"}},
	{"outside by a merge", func(h history) {
		h.git("checkout", "-q", "-b", "side")
		h.write(map[string]string{"docs/new.md": "n"})
		h.commit("Side")
		h.git("checkout", "-q", "main")
		h.commit("Main")
		h.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
	}, nil},
	{"changed and reverted", func(h history) {
		h.write(map[string]string{"apps/web/src/index.js": "2\n"})
		h.commit("Change")
		h.git("revert", "--no-edit", "HEAD")
	}, nil},
	{"an earlier change followed by one outside", func(h history) {
		h.write(map[string]string{"apps/web/src/index.js": "2\n"})
		h.commit("Inside")
		h.write(map[string]string{"docs/guide.md": "2\n"})
		h.commit("Outside")
	}, []string{"modified apps/web/src/index.js"}},
	{"force-push to a sibling", func(h history) {
		h.git("commit", "-q", "--amend", "-m", "Amended")
		h.write(map[string]string{"apps/web/src/index.js": "2\n"})
		h.commit("Change")
	}, []string{"modified apps/web/src/index.js"}},
	{"renamed root", func(h history) {
		h.git("mv", "apps/web/src", "apps/web/lib")
		h.commit("Rename")
	}, []string{
		"added apps/web/lib/index.js", "added apps/web/lib/main.js", "deleted apps/web/src/index.js", "deleted apps/web/src/main.js",
	}},
	{"root deleted", func(h history) {
		h.git("rm", "-r", "-q", "--cached", "apps/web")
		h.git("commit", "-q", "-m", "Remove")
		must(h.t, os.RemoveAll(filepath.Join(h.work, "apps/web")))
	}, []string{
		"deleted apps/web/run.sh", "deleted apps/web/src/index.js", "deleted apps/web/src/main.js", "deleted apps/web/theme",
	}},
	{"only the specification", func(h history) {
		h.write(map[string]string{"amplify.yml": "version: 1 # 2\n"})
		h.commit("Spec")
	}, []string{"modified amplify.yml"}},
	{"only the lockfile outside", func(h history) {
		h.write(map[string]string{"package-lock.json": "{ }\n"})
		h.commit("Lock")
	}, []string{"modified package-lock.json"}},
	{"a lockfile that is new", func(h history) {
		h.write(map[string]string{"bun.lockb": "b", "apps/admin/bun.lock": "b"})
		h.commit("Lock")
	}, []string{"added bun.lockb"}},
	{"submodule bump inside", func(h history) {
		sourcetest.Git(h.t, filepath.Join(h.work, "apps/web/theme"), "checkout", "-q", "HEAD~1")
		h.commit("Bump")
	}, []string{"submodule apps/web/theme"}},
	{"submodule bump outside", func(h history) {
		sourcetest.Git(h.t, filepath.Join(h.work, "vendor/theme"), "checkout", "-q", "HEAD~1")
		h.commit("Bump")
	}, nil},
	{"only the mode", func(h history) {
		h.git("update-index", "--chmod=+x", "apps/web/run.sh")
		must(h.t, os.Chmod(filepath.Join(h.work, "apps/web/run.sh"), 0o755))
		h.git("commit", "-q", "-m", "Mode")
	}, []string{"mode apps/web/run.sh"}},
	{"link to another file", func(h history) {
		must(h.t, os.Remove(filepath.Join(h.work, "apps/web/src/main.js")))
		must(h.t, os.Symlink("other.js", filepath.Join(h.work, "apps/web/src/main.js")))
		h.commit("Link")
	}, []string{"modified apps/web/src/main.js"}},
	{"link becomes a file", func(h history) {
		must(h.t, os.Remove(filepath.Join(h.work, "apps/web/src/main.js")))
		h.write(map[string]string{"apps/web/src/main.js": "index.js"})
		h.commit("File")
	}, []string{"type apps/web/src/main.js"}},
	{"file becomes a folder", func(h history) {
		must(h.t, os.Remove(filepath.Join(h.work, "apps/web/run.sh")))
		h.write(map[string]string{"apps/web/run.sh/a": "a", "apps/web/run.s": "before", "apps/web/run.sh-x": "between"})
		h.commit("Folder")
	}, []string{
		"added apps/web/run.s", "deleted apps/web/run.sh", "added apps/web/run.sh-x", "added apps/web/run.sh/a",
	}},
	{"root becomes a link", func(h history) {
		h.git("rm", "-r", "-q", "--cached", "apps/web")
		must(h.t, os.RemoveAll(filepath.Join(h.work, "apps/web")))
		must(h.t, os.Symlink("admin", filepath.Join(h.work, "apps/web")))
		h.commit("Link")
	}, []string{
		"added apps/web", "deleted apps/web/run.sh", "deleted apps/web/src/index.js", "deleted apps/web/src/main.js", "deleted apps/web/theme",
	}},
	{"folder above the root becomes a link", func(h history) {
		h.git("rm", "-r", "-q", "--cached", "apps")
		must(h.t, os.RemoveAll(filepath.Join(h.work, "apps")))
		must(h.t, os.Symlink("docs", filepath.Join(h.work, "apps")))
		h.commit("Link")
	}, []string{
		"added apps", "deleted apps/web/run.sh", "deleted apps/web/src/index.js", "deleted apps/web/src/main.js", "deleted apps/web/theme",
	}},
	{"shared package by a glob", func(h history) {
		h.write(map[string]string{"packages/ui/src/button.tsx": "2\n", "packages/ui/deep/er/x.tsx": "x", "packages/ui/src/button.css": "c"})
		h.commit("Shared")
	}, []string{"added packages/ui/deep/er/x.tsx", "modified packages/ui/src/button.tsx"}},
	{"other package", func(h history) {
		h.write(map[string]string{"packages/db/schema.sql": "2\n", "packages/ui2/x.tsx": "x"})
		h.commit("Other")
	}, nil},
	{"names that are no UTF-8", func(h history) {
		h.write(map[string]string{"apps/web/\xff\xfe.js": "x", "packages/ui/caf\xe9/\xa0.tsx": "x", "docs/\xff": "x", "apps/web/a\nb": "n"})
		h.commit("Latin")
	}, []string{"added apps/web/a\nb", "added apps/web/\xff\xfe.js", "added packages/ui/caf\xe9/\xa0.tsx"}},
}
