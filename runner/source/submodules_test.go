package source

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// withSubmodules makes the bare repository dir/name.git, whose work tree has submodules: path → URL, at the commit.
func withSubmodules(t *testing.T, dir, name string, links map[string]string, commit string) string {
	t.Helper()
	work := filepath.Join(dir, name)
	sourcetest.Git(t, dir, "init", "-q", work)
	modules := ""
	for _, path := range sortedKeys(links) {
		modules += "[submodule \"lib " + path + "\"]\n\tpath = " + path + "\n\turl = " + links[path] + "\n"
	}
	sourcetest.Write(t, work, map[string]string{"amplify.yml": "version: 1\n", ".gitmodules": modules})
	sourcetest.Git(t, work, "add", "-A")
	for _, path := range sortedKeys(links) {
		sourcetest.Git(t, work, "update-index", "--add", "--cacheinfo", "160000,"+commit+","+path)
	}
	sourcetest.Git(t, work, "commit", "-q", "-m", "Links")
	sourcetest.Git(t, dir, "clone", "-q", "--bare", work, filepath.Join(dir, name+".git"))
	return sourcetest.Git(t, work, "rev-parse", "HEAD")
}

// checkSubmodules asks git in the checkout, and in a copy of it at another place.
func checkSubmodules(t *testing.T, dest string, want []string) {
	t.Helper()
	moved := filepath.Join(t.TempDir(), "else", "where")
	must(t, os.MkdirAll(filepath.Dir(moved), 0o755))
	must(t, os.CopyFS(moved, os.DirFS(dest)))
	for _, dir := range []string{dest, moved} {
		var got []string
		for line := range strings.Lines(sourcetest.Git(t, dir, "submodule", "status", "--recursive")) {
			path, _, _ := strings.Cut(strings.TrimSuffix(line[42:], "\n"), " (")
			got = append(got, line[:1]+path)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("git submodule status: %s", diff)
		}
		if status := sourcetest.Git(t, dir, "status", "--porcelain"); status != "" {
			t.Errorf("git status: %s", status)
		}
		for _, line := range got {
			if line[0] != ' ' {
				continue
			}
			sub := filepath.Join(dir, line[1:])
			sourcetest.Git(t, sub, "fsck", "--strict", "--no-dangling")
			if top := sourcetest.Git(t, sub, "rev-parse", "--show-toplevel"); !strings.HasSuffix(top, line[1:]) {
				t.Errorf("the top of %s is %s", line[1:], top)
			}
		}
	}
}

func TestSubmodulesOverHTTP(t *testing.T) {
	hermetic(t)
	dir, outside := t.TempDir(), t.TempDir()
	theme := sourcetest.NewRepo(t, dir, "theme")
	sourcetest.NewRepo(t, outside, "public")
	mid := withSubmodules(t, dir, "mid", map[string]string{"inner": "./../theme.git"}, theme.Head)
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token})
	other := sourcetest.HTTP(t, outside, sourcetest.HTTPOptions{})
	host, err := url.Parse(web.URL)
	must(t, err)
	withSubmodules(t, dir, "shop", map[string]string{
		"vendor/theme": "../theme.git", "vendor/same": web.URL + "/theme.git", "z ü": other.URL + "/public.git",
		"vendor/ssh": "git@" + host.Hostname() + ":theme.git",
	}, theme.Second)
	sourcetest.Git(t, filepath.Join(dir, "shop"), "update-index", "--add", "--cacheinfo", "160000,"+mid+",mid")
	more, err := os.ReadFile(filepath.Join(dir, "shop", ".gitmodules"))
	must(t, err)
	sourcetest.Write(t, filepath.Join(dir, "shop"), map[string]string{".gitmodules": string(more) + "[submodule \"mid\"]\n\tpath = mid\n\turl = ../mid.git\n"})
	sourcetest.Git(t, filepath.Join(dir, "shop"), "add", ".gitmodules")
	sourcetest.Git(t, filepath.Join(dir, "shop"), "commit", "-q", "-m", "Nested")
	sourcetest.Git(t, filepath.Join(dir, "shop"), "push", "-q", filepath.Join(dir, "shop.git"), "main")
	bothWays(t, func(t *testing.T, git gitProgram) {
		out, dest := mustPrepare(t, git, Request{URL: web.URL + "/shop.git", Auth: Auth{Token: token}})
		if len(out.Problems) > 0 || len(out.Notices) > 0 {
			t.Fatalf("%+v", out)
		}
		want := []SubmoduleCheckout{
			{"mid", "mid", web.URL + "/mid.git", mid},
			{"mid/inner", "lib inner", web.URL + "/theme.git", theme.Head},
			{"vendor/same", "lib vendor/same", web.URL + "/theme.git", theme.Second},
			{"vendor/ssh", "lib vendor/ssh", web.URL + "/theme.git", theme.Second},
			{"vendor/theme", "lib vendor/theme", web.URL + "/theme.git", theme.Second},
			{"z ü", "lib z ü", other.URL + "/public.git", theme.Second},
		}
		if diff := cmp.Diff(want, out.Submodules); diff != "" {
			t.Error(diff)
		}
		checkSubmodules(t, dest, []string{" mid", " mid/inner", " vendor/same", " vendor/ssh", " vendor/theme", " z ü"})
		got := files(t, dest)
		if got["mid/inner/README.md"] != "# Hello\n" || got["vendor/theme/bin/run"] != "x #!/bin/sh\n" || got["z ü/src/index.js"] != "2\n" {
			t.Errorf("%v", got)
		}
		if n := sourcetest.Git(t, filepath.Join(dest, "vendor/theme"), "rev-list", "--count", "HEAD"); n != "2" {
			t.Errorf("%s commits", n)
		}
		out, dest = mustPrepare(t, git, Request{URL: web.URL + "/shop.git", Auth: Auth{Token: token}, Submodules: "none"})
		if left, err := os.ReadDir(filepath.Join(dest, "mid")); err != nil || len(left) > 0 || len(out.Submodules) > 0 || len(out.Notices) != 1 {
			t.Errorf("%v, %v, %+v", left, err, out)
		}
	})
	if said := other.Authorizations(); len(said) == 0 || strings.Join(said, "") != "" {
		t.Errorf("the other host was sent %q", said)
	}
}

// A server that gives out branches and tags only.
func TestSubmoduleOfStrictServer(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	theme := sourcetest.NewRepo(t, dir, "theme")
	sourcetest.Git(t, dir, "clone", "-q", "--mirror", "file://"+theme.Bare, filepath.Join(dir, "strict.git"))
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	for commit, problems := range map[string]int{theme.Second: 0, theme.Feature: 0, theme.Lost: 1} {
		dir := filepath.Join(dir, commit)
		must(t, os.Mkdir(dir, 0o755))
		withSubmodules(t, dir, "shop", map[string]string{"theme": "../../strict.git"}, commit)
		bothWays(t, func(t *testing.T, git gitProgram) {
			out, dest := mustPrepare(t, git, Request{URL: web.URL + "/" + commit + "/shop.git"})
			if len(out.Problems) != problems {
				t.Fatalf("%+v", out)
			}
			if problems == 0 {
				checkSubmodules(t, dest, []string{" theme"})
			} else if e := out.Problems[0].Err; e.Kind != KindNoCommit || !strings.Contains(e.Message, commit) {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestSubmodulesOverSSH(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	theme := sourcetest.NewRepo(t, dir, "theme")
	ssh := sourcetest.SSH(t, dir)
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token})
	withSubmodules(t, dir, "shop", map[string]string{
		"relative": "../theme.git", "absolute": ssh.URL("theme.git"), "private": web.URL + "/theme.git",
		"stranger": strings.Replace(ssh.URL("theme.git"), ssh.User+"@", "stranger@", 1),
	}, theme.Second)
	bothWays(t, func(t *testing.T, git gitProgram) {
		out, dest := mustPrepare(t, git, Request{URL: ssh.URL("shop.git"), Auth: Auth{SSHKeyFile: ssh.KeyFile, KnownHosts: []string{ssh.KnownHosts}}})
		checkSubmodules(t, dest, []string{" absolute", " relative", "-private", "-stranger"})
		var got []string
		for _, p := range out.Problems {
			got = append(got, p.Paths[0]+": "+p.Err.Kind.String())
		}
		if diff := cmp.Diff([]string{"private: auth", "stranger: auth"}, got); diff != "" {
			t.Error(diff)
		}
		noGoroutines(t)
	})
	if said := web.Authorizations(); strings.Join(said, "") != "" {
		t.Errorf("the web server was sent %q", said)
	}
}

// What .gitmodules says is anybody's. None of this ends the build, and none of it is done.
func TestSubmoduleProblems(t *testing.T) {
	hermetic(t)
	dir, outside := t.TempDir(), t.TempDir()
	theme := sourcetest.NewRepo(t, dir, "theme")
	secret := sourcetest.NewRepo(t, outside, "secret")
	sourcetest.Git(t, dir, "clone", "-q", "--mirror", "file://"+theme.Bare, filepath.Join(dir, "other.git"))
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	section := func(name, path, url string) string {
		return "[submodule \"" + name + "\"]\n\tpath = " + path + "\n\turl = " + url + "\n"
	}
	good := web.URL + "/theme.git"
	for _, tt := range []struct{ name, modules, say string }{
		{"no section", "# nothing\n", "no section"},
		{"two sections", section("a", "sub", good) + section("b", "sub", good), "2 sections"},
		{"file", section("sub", "sub", "file://"+secret.Bare), "never followed"},
		{"path", section("sub", "sub", secret.Bare), "never followed"},
		{"relative out", section("sub", "sub", "../../../../"+secret.Bare), "leads nowhere"},
		{"helper", section("sub", "sub", "ext::sh -c touch% /tmp/pwned"), "remote helpers"},
		{"option", section("sub", "sub", "--upload-pack=touch /tmp/pwned"), "no usable path and URL"},
		{"git protocol", section("sub", "sub", "git://example.com/x"), "git://"},
		{"dot dot name", section("../../hooks", "sub", good), "name"},
		{"empty part", section("a//b", "sub", good), "name"},
		{"git name", section("x/.GIT/y", "sub", good), "name"},
		{"absolute name", section(outside+"/x", "sub", good), "name"},
		{"name in a name", section("a", "sub", good) + section("A/hooks", "other", good), "folders in each other"},
		{"no URL", "[submodule \"sub\"]\n\tpath = sub\n", "no usable path and URL"},
		{"not there", section("sub", "sub", web.URL+"/nope.git"), "/nope.git"},
		{"other commit", section("sub", "sub", "../other.git"), theme.Lost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := strings.ReplaceAll(tt.name, " ", "-")
			work := filepath.Join(dir, name)
			sourcetest.Git(t, dir, "init", "-q", work)
			sourcetest.Write(t, work, map[string]string{".gitmodules": tt.modules, "amplify.yml": "version: 1\n"})
			sourcetest.Git(t, work, "add", "-A")
			sourcetest.Git(t, work, "update-index", "--add", "--cacheinfo", "160000,"+theme.Lost+",sub")
			sourcetest.Git(t, work, "commit", "-q", "-m", "Links")
			sourcetest.Git(t, dir, "clone", "-q", "--bare", work, filepath.Join(dir, name+".git"))
			dest := filepath.Join(t.TempDir(), "src")
			out, err := Prepare(t.Context(), Request{URL: web.URL + "/" + name + ".git", Dest: dest})
			must(t, err)
			if len(out.Problems) != 1 {
				t.Fatalf("%+v", out)
			}
			p := out.Problems[0]
			t.Logf("%+v %v\n%s", p, p.Err, p.Err.Hint)
			if p.Part != PartSubmodule || p.Paths[0] != "sub" || !strings.Contains(p.Err.Message, tt.say) || len(out.Submodules) > 0 {
				t.Errorf("%+v: %v", p, p.Err)
			}
			if text := p.String(); !strings.Contains(text, tt.say) || !strings.HasPrefix(text, "the submodule sub ") || strings.ContainsAny(text, "\n\x1b") {
				t.Errorf("%q", text)
			}
			if tt.name != "no section" && p.Line != 1 {
				t.Errorf("line %d", p.Line)
			}
			if left, err := os.ReadDir(filepath.Join(dest, "sub")); err != nil || len(left) > 0 {
				t.Errorf("sub: %v, %v", left, err)
			}
			if left, _ := os.ReadDir(filepath.Join(dest, ".git", "modules")); len(left) > 0 {
				t.Errorf("modules: %v", left)
			}
			if left, _ := os.ReadDir(outside); len(left) != 2 {
				t.Errorf("outside: %v", left)
			}
		})
	}
}

// A repository that has itself as a submodule, as far as anybody can tell, ends somewhere.
func TestSubmodulesWithoutEnd(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	theme := sourcetest.NewRepo(t, dir, "r0")
	commit := theme.Head
	for n := range maxSubmoduleDepth + 2 {
		commit = withSubmodules(t, dir, "r"+string(rune('a'+n)), map[string]string{"d": "../r" + map[bool]string{true: "0", false: string(rune('a' + n - 1))}[n == 0] + ".git"}, commit)
	}
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	out, _ := mustPrepare(t, findGit(), Request{URL: web.URL + "/r" + string(rune('a'+maxSubmoduleDepth+1)) + ".git"})
	if len(out.Submodules) != maxSubmoduleDepth || len(out.Problems) != 1 || !strings.Contains(out.Problems[0].Err.Message, "too many") {
		t.Errorf("%+v", out)
	}
	if got := out.Problems[0].Paths[0]; got != strings.Repeat("d/", maxSubmoduleDepth)+"d" {
		t.Error(got)
	}
}

// The submodules of a work tree are taken as the user has them.
func TestWorkTreeSubmodules(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	theme := sourcetest.NewRepo(t, dir, "theme")
	mid := withSubmodules(t, dir, "mid", map[string]string{"inner": filepath.Join(dir, "theme.git")}, theme.Second)
	repo := sourcetest.NewRepo(t, dir, "shop")
	for _, args := range [][]string{{"theme.git", "theme"}, {"mid.git", "lib/mid"}, {"theme.git", "moved"}, {"theme.git", "left"}} {
		sourcetest.Git(t, repo.Dir, "submodule", "--quiet", "add", filepath.Join(dir, args[0]), args[1])
	}
	sourcetest.Git(t, repo.Dir, "submodule", "--quiet", "update", "--init", "--recursive")
	sourcetest.Git(t, repo.Dir, "commit", "-q", "-m", "Submodules")
	sourcetest.Git(t, repo.Dir, "submodule", "--quiet", "deinit", "-f", "left")
	in := func(path string) string { return filepath.Join(repo.Dir, filepath.FromSlash(path)) }
	sourcetest.Git(t, in("theme"), "checkout", "-q", "-b", "work")
	sourcetest.Write(t, in("theme"), map[string]string{"README.md": "dirty", "new.css": "n"})
	sourcetest.Git(t, in("moved"), "checkout", "-q", "HEAD~1")
	sourcetest.Git(t, repo.Dir, "config", "submodule.theme.url", "https://ada:hunter22@example.com/theme.git")
	sourcetest.Git(t, in("theme"), "config", "remote.origin.url", "https://ada:hunter22@example.com/theme.git")
	unchanged := freeze(t, repo.Dir)
	bothWays(t, func(t *testing.T, git gitProgram) {
		out, dest := mustPrepare(t, git, Request{Path: repo.Dir})
		unchanged()
		noSecrets(t, dest, "hunter22")
		want := []SubmoduleCheckout{
			{Path: "lib/mid", Name: "lib/mid", Commit: mid},
			{Path: "lib/mid/inner", Name: "lib inner", Commit: theme.Second},
			{Path: "moved", Name: "moved", Commit: theme.Second},
			{Path: "theme", Name: "theme", Commit: theme.Head},
		}
		if diff := cmp.Diff(want, out.Submodules); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]Change{{"moved", Submodule}, {"theme", Submodule}}, out.Dirty); diff != "" {
			t.Error(diff)
		}
		if len(out.Problems) != 1 || out.Problems[0].Paths[0] != "left" || !strings.Contains(out.Problems[0].Err.Hint, "git submodule update --init") {
			t.Errorf("%+v", out.Problems)
		}
		for dir, want := range map[string]string{
			"theme": " M README.md\n?? new.css", "moved": "", "lib/mid": "", "lib/mid/inner": "", ".": " M moved\n M theme",
		} {
			if got := sourcetest.Git(t, filepath.Join(dest, dir), "status", "--porcelain"); got != want {
				t.Errorf("git status in %s: %q, want %q", dir, got, want)
			}
		}
		if got := sourcetest.Git(t, filepath.Join(dest, "theme"), "symbolic-ref", "HEAD"); got != "refs/heads/work" {
			t.Error(got)
		}
		if got := files(t, dest); got["theme/README.md"] != "dirty" || got["theme/new.css"] != "n" || got["moved/README.md"] != "" {
			t.Errorf("%v", got)
		}

		// One commit of it: as that says, with what the user's clone has.
		out, dest = mustPrepare(t, git, Request{Path: repo.Dir, Commit: "HEAD"})
		unchanged()
		if len(out.Problems) > 0 || len(out.Submodules) != 5 {
			t.Errorf("%+v", out)
		}
		checkSubmodules(t, dest, []string{" left", " lib/mid", " lib/mid/inner", " moved", " theme"})
		if got := files(t, dest); got["theme/README.md"] != "# Hello\n" {
			t.Errorf("%v", got)
		}
		noSecrets(t, dest, "hunter22")
	})
	sourcetest.Git(t, repo.Dir, "update-index", "--cacheinfo", "160000,"+mid+",theme")
	sourcetest.Git(t, repo.Dir, "commit", "-q", "-m", "Unknown commit")
	out, _ := mustPrepare(t, findGit(), Request{Path: repo.Dir, Commit: "HEAD"})
	if len(out.Problems) != 1 || out.Problems[0].Err.Kind != KindNoCommit || !strings.Contains(out.Problems[0].Err.Hint, "git submodule update") {
		t.Errorf("%+v", out.Problems)
	}
}
