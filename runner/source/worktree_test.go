package source

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// hermetic keeps the ignore patterns of whoever runs the tests out of them.
func hermetic(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	return home
}

// freeze remembers everything about a folder, to see later that nobody wrote into it.
func freeze(t *testing.T, dir string) func() {
	t.Helper()
	state := func() map[string]string {
		out := map[string]string{}
		err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err == nil {
				out[path] = info.Mode().String() + info.ModTime().Format(time.RFC3339Nano)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := state()
	return func() {
		t.Helper()
		if diff := cmp.Diff(before, state()); diff != "" {
			t.Errorf("the repository was written to:\n%s", diff)
		}
	}
}

func TestWorkTree(t *testing.T) {
	home := hermetic(t)
	sourcetest.Write(t, home, map[string]string{".gitconfig": "[core]\n\texcludesFile = ~/mine\n", "mine": "*.swp\n"})
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	sourcetest.Git(t, repo.Dir, "remote", "add", "origin", "https://ada:hunter22@example.com/team/web-shop.git")
	sourcetest.Git(t, repo.Dir, "config", "http.extraHeader", "Authorization: hunter22")
	sourcetest.Write(t, repo.Dir, map[string]string{"README.md": "hunter22"})
	sourcetest.Git(t, repo.Dir, "stash", "push", "-q")
	sourcetest.Write(t, repo.Dir, map[string]string{
		".gitignore": "node_modules/\n*.log\n!keep.log\n/dist\n", "src/.gitignore": "*.tmp\n", ".git/info/exclude": "private\n",
		"src/index.js": "changed\n", "new.txt": "new", "src/deep/er/x": "x", "run.sh*": "#!/bin/sh\n", "keep.log": "k",
		"a\nb": "newline", "-rf": "dash", "x\xff\xfey": "bytes", ".env": "KEY=1", "vite.config.d/.hidden": "h", "a b": "space",
		// Ignored:
		"node_modules/x/index.js": "no", "src/node_modules/y": "no", "debug.log": "no", "dist/x": "no", "src/a.tmp": "no",
		"private": "no", "a.swp": "no", "out/result": "no",
		// Tracked although ignored:
		"node_modules/tracked.js": "t", "forced.log": "t",
	})
	sourcetest.Git(t, repo.Dir, "add", "-f", "node_modules/tracked.js", "forced.log")
	must(t, os.Remove(filepath.Join(repo.Dir, "README.md")))
	must(t, os.Remove(filepath.Join(repo.Dir, "src", "link.js")))
	must(t, os.Symlink("/etc/passwd", filepath.Join(repo.Dir, "src", "link.js")))
	must(t, os.Symlink("node_modules", filepath.Join(repo.Dir, "folder-link")))
	must(t, os.Chmod(filepath.Join(repo.Dir, "amplify.yml"), 0o755))
	must(t, syscall.Mkfifo(filepath.Join(repo.Dir, "pipe"), 0o644))
	must(t, os.Chtimes(filepath.Join(repo.Dir, "new.txt"), time.Unix(1600000000, 0), time.Unix(1600000000, 0)))
	want := map[string]string{
		".gitignore": "node_modules/\n*.log\n!keep.log\n/dist\n", "src/.gitignore": "*.tmp\n",
		"src/index.js": "changed\n", "new.txt": "new", "src/deep/er/x": "x", "run.sh": "x #!/bin/sh\n", "keep.log": "k",
		"a\nb": "newline", "-rf": "dash", "x\xff\xfey": "bytes", ".env": "KEY=1", "vite.config.d/.hidden": "h", "a b": "space",
		"node_modules/tracked.js": "t", "forced.log": "t", "amplify.yml": "x version: 1\n", "bin/run": "x #!/bin/sh\n",
		"src/link.js": "->/etc/passwd", "folder-link": "->node_modules", "odd/-dash": "d", "odd/ü mlaut": "u",
	}
	unchanged := freeze(t, repo.Dir)
	for _, path := range []string{repo.Dir, filepath.Join(repo.Dir, "src", "deep")} {
		bothWays(t, func(t *testing.T, git gitProgram) {
			out, dest := mustPrepare(t, git, Request{Path: path, Exclude: []string{filepath.Join(repo.Dir, "out")}})
			unchanged()
			if diff := cmp.Diff(want, files(t, dest)); diff != "" {
				t.Error(diff)
			}
			if out.Changed != 4 || out.Untracked != 15 || !out.WorkTree || out.Commit != repo.Head || out.Branch != "main" {
				t.Errorf("%+v", out)
			}
			if out.Name != "web-shop" || out.CloneURL != "https://example.com/team/web-shop.git" {
				t.Errorf("%+v", out)
			}
			if notices := strings.Join(out.Notices, "\n"); !strings.Contains(notices, "pipe") {
				t.Errorf("notices: %s", notices)
			}
			noSecrets(t, dest, "hunter22")
			if got := sourcetest.Git(t, dest, "symbolic-ref", "HEAD"); got != "refs/heads/main" {
				t.Error(got)
			}
			checkPathRepo(t, repo, dest)
			if info, err := os.Stat(filepath.Join(dest, "new.txt")); err != nil || info.ModTime().Unix() != 1600000000 {
				t.Errorf("the modification time is %v", info.ModTime())
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkPathRepo checks that only the history of main is in dest.
func checkPathRepo(t *testing.T, repo sourcetest.Repo, dest string) {
	t.Helper()
	if got := sourcetest.Git(t, dest, "describe", "--tags"); got != "nightly-1-g"+repo.Head[:7] {
		t.Errorf("describe: %s", got)
	}
	for _, other := range []string{repo.Lost, repo.Feature} {
		if _, err := sourcetest.TryGit(t, dest, "cat-file", "-e", other); err == nil {
			t.Errorf("%s, which HEAD does not reach, was taken", other)
		}
	}
	if got := sourcetest.Git(t, dest, "for-each-ref", "--format=%(refname)"); got != "refs/heads/main\nrefs/tags/nightly\nrefs/tags/v1.0.0" {
		t.Errorf("references:\n%s", got)
	}
}

// Without anything changed, git status in the snapshot trusts the index and reads no file.
func TestWorkTreeClean(t *testing.T) {
	hermetic(t)
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	// A repository with Git LFS has the real file in the work tree and a pointer in the commit. Stand in for that by
	// a file that git noted as unchanged.
	sourcetest.Git(t, repo.Dir, "config", "filter.up.clean", "tr A-Z a-z")
	sourcetest.Git(t, repo.Dir, "config", "filter.up.smudge", "tr a-z A-Z")
	sourcetest.Write(t, repo.Dir, map[string]string{".gitattributes": "*.up filter=up\n", "x.up": "HELLO\n"})
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(filepath.Join(repo.Dir, "x.up"), old, old))
	sourcetest.Git(t, repo.Dir, "add", ".")
	sourcetest.Git(t, repo.Dir, "commit", "-q", "-m", "Filtered")
	out, dest := mustPrepare(t, findGit(), Request{Path: repo.Dir})
	if out.Changed != 0 || out.Untracked != 0 || out.Name != "shop" || out.CloneURL != "" {
		t.Errorf("%+v", out)
	}
	if got := files(t, dest)["x.up"]; got != "HELLO\n" {
		t.Errorf("x.up: %q", got)
	}
}

// The same size and modification time as in the index do not hide a change made right after it was written.
func TestWorkTreeRacy(t *testing.T) {
	hermetic(t)
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	file, index := filepath.Join(repo.Dir, "amplify.yml"), filepath.Join(repo.Dir, ".git", "index")
	must(t, os.WriteFile(file, []byte("version: 2\n"), 0o644))
	info, err := os.Stat(index)
	must(t, err)
	must(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
	if out, _ := mustPrepare(t, findGit(), Request{Path: repo.Dir}); out.Changed != 1 {
		t.Errorf("%+v", out)
	}
}

func TestWorkTreeKinds(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	linked := filepath.Join(dir, "linked tree")
	sourcetest.Git(t, repo.Dir, "worktree", "add", "-q", linked, "feature")
	shallow := filepath.Join(dir, "shallow")
	sourcetest.Git(t, dir, "clone", "-q", "--depth=2", "file://"+repo.Bare, shallow)
	shared := filepath.Join(dir, "sh:ared \"x\"")
	sourcetest.Git(t, dir, "clone", "-q", "--shared", repo.Bare, shared)
	chained := filepath.Join(dir, "chained")
	sourcetest.Git(t, dir, "clone", "-q", "--shared", shared, chained)
	relative := filepath.Join(dir, "relative")
	sourcetest.Git(t, dir, "clone", "-q", "--shared", repo.Bare, relative)
	must(t, os.WriteFile(filepath.Join(relative, ".git/objects/info/alternates"), []byte("../../../shop.git/objects\n"), 0o644))
	detached := filepath.Join(dir, "detached")
	sourcetest.Git(t, dir, "clone", "-q", repo.Bare, detached)
	sourcetest.Git(t, detached, "checkout", "-q", "v1.0.0")
	packed := filepath.Join(dir, "packed")
	sourcetest.Git(t, dir, "clone", "-q", repo.Bare, packed)
	sourcetest.Git(t, packed, "gc", "-q")
	split := filepath.Join(dir, "split")
	sourcetest.Git(t, dir, "clone", "-q", repo.Bare, split)
	sourcetest.Git(t, split, "update-index", "--split-index")
	sparse := filepath.Join(dir, "sparse")
	sourcetest.Git(t, dir, "clone", "-q", repo.Bare, sparse)
	sourcetest.Git(t, sparse, "sparse-checkout", "set", "--no-cone", "/src")
	for _, tt := range []struct{ path, commit, branch, count string }{
		{linked, repo.Feature, "feature", "3"},
		{filepath.Join(linked, "src"), repo.Feature, "feature", "3"},
		{shallow, repo.Head, "main", "2"},
		{shared, repo.Head, "main", "3"},
		{chained, repo.Head, "main", "3"},
		{relative, repo.Head, "main", "3"},
		{detached, repo.First, "", "1"},
		{packed, repo.Head, "main", "3"},
		{split, repo.Head, "main", "3"},
		{sparse, repo.Head, "main", "3"},
	} {
		t.Run(filepath.Base(tt.path), func(t *testing.T) {
			bothWays(t, func(t *testing.T, git gitProgram) {
				unchanged := freeze(t, dir)
				out, dest := mustPrepare(t, git, Request{Path: tt.path})
				unchanged()
				if out.Commit != tt.commit || out.Branch != tt.branch || out.Changed+out.Untracked != 0 {
					t.Errorf("%+v", out)
				}
				if n := sourcetest.Git(t, dest, "rev-list", "--count", "HEAD"); n != tt.count {
					t.Errorf("%s commits", n)
				}
			})
		})
	}
}

func TestWorkTreeNested(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	inner := sourcetest.NewRepo(t, dir, "theme")
	repo := sourcetest.NewRepo(t, dir, "shop")
	sourcetest.Git(t, repo.Dir, "submodule", "--quiet", "add", inner.Bare, "theme")
	sourcetest.Git(t, repo.Dir, "submodule", "--quiet", "add", inner.Bare, "empty")
	sourcetest.Git(t, repo.Dir, "commit", "-q", "-m", "Submodules")
	sourcetest.Git(t, repo.Dir, "submodule", "--quiet", "deinit", "-f", "empty")
	embedded := filepath.Join(repo.Dir, "tools", "gen")
	sourcetest.Write(t, embedded, map[string]string{"main.go": "m", "x.o": "no", ".gitignore": "*.o\n", "forced.o": "yes"})
	sourcetest.Git(t, embedded, "init", "-q")
	sourcetest.Git(t, embedded, "add", "-f", "forced.o")
	sourcetest.Write(t, repo.Dir, map[string]string{"theme/more.css": "m"})
	bothWays(t, func(t *testing.T, git gitProgram) {
		out, dest := mustPrepare(t, git, Request{Path: repo.Dir})
		got := files(t, dest)
		for path, want := range map[string]string{
			"theme/README.md": "# Hello\n", "theme/more.css": "m", "tools/gen/main.go": "m", "tools/gen/forced.o": "yes", "tools/gen/x.o": "",
		} {
			if got[path] != want {
				t.Errorf("%s: %q, want %q", path, got[path], want)
			}
		}
		if text := got["theme/.git"]; text != "gitdir: ../.git/modules/theme\n" {
			t.Errorf("theme/.git: %q", text)
		}
		delete(got, "theme/.git")
		for path := range got {
			if strings.Contains(path, ".git/") || strings.HasSuffix(path, "/.git") {
				t.Errorf("%s was copied", path)
			}
		}
		if info, err := os.Stat(filepath.Join(dest, "empty")); err != nil || !info.IsDir() {
			t.Errorf("the folder of the submodule: %v", err)
		}
		if notices := strings.Join(out.Notices, "\n"); !strings.Contains(notices, "without their .git: tools/gen") {
			t.Errorf("notices: %s", notices)
		}
	})
	out, dest := mustPrepare(t, findGit(), Request{Path: repo.Dir, Commit: "HEAD", Submodules: "none"})
	if notices := strings.Join(out.Notices, "\n"); !strings.Contains(notices, "submodules are not checked out: empty, theme") {
		t.Errorf("notices: %s", notices)
	}
	if left, err := os.ReadDir(filepath.Join(dest, "theme")); err != nil || len(left) != 0 {
		t.Errorf("theme: %v, %v", left, err)
	}
}

func TestWorkTreeWithoutCommit(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	sourcetest.Git(t, dir, "init", "-q", "-b", "start")
	sourcetest.Write(t, dir, map[string]string{"amplify.yml": "version: 1\n", "node_modules/x": "no", ".gitignore": "node_modules\n"})
	sourcetest.Git(t, dir, "add", "amplify.yml")
	bothWays(t, func(t *testing.T, git gitProgram) {
		out, dest := mustPrepare(t, git, Request{Path: dir})
		if out.Commit != "" || out.Branch != "start" || out.Untracked != 2 || len(out.Notices) != 1 {
			t.Errorf("%+v", out)
		}
		if got := files(t, dest); len(got) != 2 {
			t.Errorf("%v", got)
		}
		failPrepare(t, git, Request{Path: dir, Commit: "HEAD"}, KindNoCommit)
	})
}

// The destination may lie inside the work tree, where preamp keeps its own things.
func TestWorkTreeIntoItself(t *testing.T) {
	hermetic(t)
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	own := filepath.Join(repo.Dir, ".preamp")
	sourcetest.Write(t, own, map[string]string{"cache": "x"})
	out, dest := mustPrepare(t, findGit(), Request{Path: repo.Dir, Dest: filepath.Join(own, "work", "src")})
	if got := files(t, dest)[".preamp/cache"]; got != "x" || out.Untracked != 1 {
		t.Errorf("%+v", out)
	}
	must(t, os.RemoveAll(filepath.Join(own, "work")))
	out, _ = mustPrepare(t, findGit(), Request{Path: repo.Dir, Dest: filepath.Join(own, "work", "src"), Exclude: []string{own}})
	if out.Untracked != 0 {
		t.Errorf("%+v", out)
	}
}

func TestPathCommit(t *testing.T) {
	hermetic(t)
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	sourcetest.Write(t, repo.Dir, map[string]string{"untracked": "no", "amplify.yml": "changed"})
	unchanged := freeze(t, repo.Dir)
	for rev, want := range map[string]string{
		"HEAD": repo.Head, "HEAD~1": repo.Second, "HEAD^": repo.Second, "v1.0.0": repo.First, "feature": repo.Feature,
		repo.Lost: repo.Lost, repo.First[:7]: repo.First, "main~2": repo.First, "refs/tags/nightly": repo.Second,
	} {
		t.Run(strings.ReplaceAll(rev, "/", "_"), func(t *testing.T) {
			bothWays(t, func(t *testing.T, git gitProgram) {
				out, dest := mustPrepare(t, git, Request{Path: filepath.Join(repo.Dir, "src"), Commit: rev})
				unchanged()
				if out.Commit != want || out.WorkTree {
					t.Errorf("%+v", out)
				}
				wantBranch := "main" // the one that the user is on, unless the revision names another
				if rev == "feature" {
					wantBranch = "feature"
				}
				if out.Branch != wantBranch {
					t.Errorf("branch %q, want %q", out.Branch, wantBranch)
				}
				if got := files(t, dest); got["untracked"] != "" || got["amplify.yml"] != "version: 1\n" {
					t.Errorf("%v", got)
				}
				if rev == "HEAD" {
					if diff := cmp.Diff(headFiles, files(t, dest)); diff != "" {
						t.Error(diff)
					}
				}
			})
		})
	}
	// Formats that git marks with an extension, and that change nothing for reading.
	sourcetest.Git(t, repo.Dir, "sparse-checkout", "set", "--no-cone", "/src")
	sourcetest.Git(t, repo.Dir, "config", "core.repositoryformatversion", "1")
	for _, git := range []gitProgram{findGit(), ""} {
		mustPrepare(t, git, Request{Path: repo.Dir, Commit: "HEAD"})
	}
	failPrepare(t, "", Request{Path: repo.Dir, Commit: "featur"}, KindNoCommit, "featur", "feature")
	failPrepare(t, "", Request{Path: repo.Dir, Commit: "HEAD~9"}, KindNoCommit)
	failPrepare(t, "", Request{Path: repo.Dir, Commit: "-x"}, KindNoCommit)
}

// Of a partial clone, the history may lack files. The commit that is checked out does not.
func TestPathPartialClone(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	sourcetest.Git(t, repo.Bare, "config", "uploadpack.allowFilter", "true")
	partial := filepath.Join(dir, "partial")
	sourcetest.Git(t, dir, "clone", "-q", "--filter=blob:none", "file://"+repo.Bare, partial)
	bothWays(t, func(t *testing.T, git gitProgram) {
		for _, commit := range []string{"", "HEAD"} {
			out, dest := mustPrepare(t, git, Request{Path: partial, Commit: commit})
			if n := sourcetest.Git(t, dest, "rev-list", "--count", "HEAD"); n != "1" || len(out.Notices) != 1 {
				t.Errorf("%s commits, notices %q", n, out.Notices)
			}
		}
		failPrepare(t, git, Request{Path: partial, Commit: "v1.0.0"}, KindNotRepository, "partial clone", "--refetch")
	})
}

func TestAmbiguousAbbreviation(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	sourcetest.Git(t, dir, "init", "-q")
	// Author, date and tree being fixed, these two always get SHAs that begin with the same four digits.
	tree := sourcetest.Git(t, dir, "write-tree")
	a := sourcetest.Git(t, dir, "commit-tree", "-m", "c87", tree)
	b := sourcetest.Git(t, dir, "commit-tree", "-m", "c502", tree)
	prefix := a[:4]
	if b[:4] != prefix {
		t.Fatalf("%s and %s do not begin alike", a, b)
	}
	sourcetest.Git(t, dir, "update-ref", "HEAD", sourcetest.Git(t, dir, "commit-tree", "-m", "merge", "-p", a, "-p", b, tree))
	failPrepare(t, "", Request{Path: dir, Commit: prefix}, KindNoCommit, prefix, "ambiguous", a[:12]+" c87", b[:12]+" c502")
	failPrepare(t, findGit(), Request{URL: dir, Commit: prefix}, KindNoCommit, prefix, "ambiguous", a[:12]+" c87", b[:12]+" c502")
}

func TestPathFailures(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	plain := filepath.Join(dir, "plain")
	sourcetest.Write(t, plain, map[string]string{"x/y": "", "z/.git/nothing": "", "w/.git": "gitdir: ../nowhere\n"})
	full := filepath.Join(dir, "full")
	sourcetest.Write(t, full, map[string]string{"mine": "x"})
	sha256 := filepath.Join(dir, "sha256")
	sourcetest.Git(t, dir, "init", "-q", "--object-format=sha256", sha256)
	failPrepare(t, "", Request{Path: filepath.Join(plain, "x")}, KindNotRepository, "is not in a git repository")
	failPrepare(t, "", Request{Path: filepath.Join(plain, "z")}, KindNotRepository, "is not in a git repository")
	failPrepare(t, "", Request{Path: filepath.Join(plain, "w")}, KindNotRepository, "nowhere", "git worktree repair")
	failPrepare(t, "", Request{Path: filepath.Join(dir, "gone")}, KindNotRepository, "gone")
	failPrepare(t, "", Request{Path: repo.Bare}, KindNotRepository, "without a work tree")
	failPrepare(t, "", Request{Path: sha256}, KindNotRepository, "sha256")
	if _, err := Prepare(t.Context(), Request{Path: repo.Dir, Dest: full}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("error %v", err)
	}
	if got := files(t, full); got["mine"] != "x" {
		t.Error("a folder that was not empty was emptied")
	}
}

func TestUnreadableFiles(t *testing.T) {
	hermetic(t)
	if os.Getuid() == 0 {
		t.Skip("needs a user who may not read everything")
	}
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	must(t, os.Chmod(filepath.Join(repo.Dir, "README.md"), 0))
	failPrepare(t, "", Request{Path: repo.Dir}, KindOther, "README.md")
}
