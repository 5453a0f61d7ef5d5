package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// upstreamRepo is a repository on a server that a test changes between clones.
type upstreamRepo struct {
	t    *testing.T
	repo sourcetest.Repo
	url  string
}

func newUpstream(t *testing.T) upstreamRepo {
	t.Helper()
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	return upstreamRepo{t: t, repo: repo, url: sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{}).URL + "/shop.git"}
}

func (u upstreamRepo) git(args ...string) string { return sourcetest.Git(u.t, u.repo.Dir, args...) }

func (u upstreamRepo) commit(name string) {
	sourcetest.Write(u.t, u.repo.Dir, map[string]string{name: name})
	u.git("add", "-A")
	u.git("commit", "-q", "-m", "Add "+name)
}

func (u upstreamRepo) push() {
	u.git("push", "-q", "--mirror", u.repo.Bare)
}

// clone prepares by way of the mirror and without it, and expects the same.
func (u upstreamRepo) clone(git gitProgram, r Request) *Checkout {
	u.t.Helper()
	r.URL = u.url
	mirrored, plain := r, r
	plain.Mirror, plain.Head = "", nil
	mirrored.Dest, plain.Dest = filepath.Join(u.t.TempDir(), "mirrored"), filepath.Join(u.t.TempDir(), "plain")
	got, err := prepare(u.t.Context(), mirrored, git)
	if err != nil {
		u.t.Fatal(err)
	}
	want, err := prepare(u.t.Context(), plain, git)
	if err != nil {
		u.t.Fatal(err)
	}
	ignore := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Notices" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		u.t.Error(diff)
	}
	if diff := cmp.Diff(files(u.t, plain.Dest), files(u.t, mirrored.Dest)); diff != "" {
		u.t.Errorf("files:\n%s", diff)
	}
	if diff := cmp.Diff(repositoryState(u.t, plain.Dest), repositoryState(u.t, mirrored.Dest)); diff != "" {
		u.t.Errorf("the repository:\n%s", diff)
	}
	sourcetest.Git(u.t, mirrored.Dest, "fsck", "--strict", "--full", "--no-dangling")
	checkSelfContained(u.t, mirrored.Dest)
	return got
}

// mirrorDir is the only mirror in the folder, and packNames what it has listed.
func mirrorDir(t *testing.T, folder string) string {
	t.Helper()
	lists, err := filepath.Glob(filepath.Join(folder, "v1", "*", "*", mirrorList))
	if err != nil || len(lists) != 1 {
		t.Fatalf("mirrors: %v, %v", lists, err)
	}
	return filepath.Dir(lists[0])
}

func packNames(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	must(t, err)
	return names
}

// Whatever happens on the server, a clone by way of the mirror is one without it: object by object.
func TestMirrorFollows(t *testing.T) {
	hermetic(t)
	for _, tt := range []struct {
		name   string
		change func(u upstreamRepo)
		packs  int // afterwards; one that was there before stays, unless commits are gone
	}{
		{"nothing", func(upstreamRepo) {}, 1},
		{"a commit", func(u upstreamRepo) { u.commit("a") }, 2},
		{"an empty commit", func(u upstreamRepo) { u.git("commit", "-q", "--allow-empty", "-m", "Empty") }, 2},
		{"a merge of what forked earlier", func(u upstreamRepo) {
			u.git("merge", "-q", "--no-ff", "-m", "Merge", "feature")
		}, 2},
		{"amended", func(u upstreamRepo) { u.git("commit", "-q", "--amend", "-m", "Amended") }, 1},
		{"back to an earlier commit", func(u upstreamRepo) { u.git("reset", "-q", "--hard", "HEAD~1") }, 1},
		{"another history", func(u upstreamRepo) {
			u.git("checkout", "-q", "--orphan", "fresh")
			u.commit("fresh")
			u.git("branch", "-M", "fresh", "main")
		}, 1},
		{"a tag on the head", func(u upstreamRepo) { u.git("tag", "-a", "-m", "Two", "v2") }, 2},
		{"a tag on an old commit, and a new one", func(u upstreamRepo) {
			u.git("tag", "-a", "-m", "Late", "late", "HEAD~2")
			u.git("tag", "light", "HEAD~1")
			u.commit("a")
			u.git("tag", "-a", "-m", "New", "new")
		}, 2},
		{"a tag is deleted", func(u upstreamRepo) { u.git("tag", "-d", "nightly") }, 1},
		{"another branch only", func(u upstreamRepo) {
			u.git("checkout", "-q", "feature")
			u.commit("f")
			u.git("tag", "-a", "-m", "F", "f")
			u.git("checkout", "-q", "main")
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, git gitProgram) {
				u, r := newUpstream(t), Request{Mirror: t.TempDir()}
				u.clone(git, r)
				tt.change(u)
				u.push()
				out := u.clone(git, r)
				if want := u.git("rev-parse", "main"); out.Commit != want {
					t.Errorf("the commit is %s, want %s", out.Commit, want)
				}
				if got := packNames(t, mirrorDir(t, r.Mirror)); len(got) != tt.packs {
					t.Errorf("the mirror has the packs %v, want %d", got, tt.packs)
				}
				u.clone(git, r)
			})
		})
	}
}

// Each fetch leaves a pack, and they do not become ever more.
func TestMirrorPacksAreBounded(t *testing.T) {
	hermetic(t)
	u, r := newUpstream(t), Request{Mirror: t.TempDir(), URL: ""}
	r.URL = u.url
	for n := range maxMirrorFiles/2 + 2 {
		u.commit(strings.Repeat("x", n+1))
		u.push()
		r.Dest = filepath.Join(t.TempDir(), "src")
		if _, err := prepare(t.Context(), r, findGit()); err != nil {
			t.Fatal(err)
		}
	}
	if got := packNames(t, mirrorDir(t, r.Mirror)); len(got) > maxMirrorFiles/2 {
		t.Errorf("%d packs", len(got))
	}
	u.clone(findGit(), r)
}

// A build may be root and writes where it likes in its checkout. None of that reaches the mirror.
func TestMirrorIsNotLinked(t *testing.T) {
	hermetic(t)
	u, r := newUpstream(t), Request{Mirror: t.TempDir()}
	r.URL, r.Dest = u.url, filepath.Join(t.TempDir(), "src")
	_, err := prepare(t.Context(), r, findGit())
	must(t, err)
	packs := packNames(t, filepath.Join(r.Dest, ".git"))
	if len(packs) != 1 {
		t.Fatalf("packs %v", packs)
	}
	must(t, os.Chmod(packs[0], 0o644))
	must(t, os.WriteFile(packs[0], []byte("poison"), 0o644))
	u.clone(findGit(), Request{Mirror: r.Mirror})
	mirrored, err := os.Stat(packNames(t, mirrorDir(t, r.Mirror))[0])
	must(t, err)
	if poisoned, err := os.Stat(packs[0]); err != nil || os.SameFile(mirrored, poisoned) {
		t.Errorf("the build's pack is the mirror's: %v", err)
	}
}

// overwrite replaces the middle of a file.
func overwrite(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.Chmod(file, 0o600))
	middle := text[20 : len(text)-20]
	copy(middle, bytes.Repeat([]byte{0x55}, len(middle)))
	must(t, os.WriteFile(file, text, 0o600))
}

// What is damaged is fetched anew, and the clone is right.
func TestMirrorDamaged(t *testing.T) {
	hermetic(t)
	glob := func(t *testing.T, dir, pattern string) string {
		found, err := filepath.Glob(filepath.Join(dir, "objects", "pack", pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		return found[0]
	}
	list := func(t *testing.T, dir string, change func(*mirrorState)) {
		var s mirrorState
		text, err := os.ReadFile(filepath.Join(dir, mirrorList))
		must(t, err)
		must(t, json.Unmarshal(text, &s))
		change(&s)
		text, err = json.Marshal(s)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, mirrorList), text, 0o600))
	}
	unnoticed := func(t *testing.T, dir string) { // as when the disk decays: no inode says so
		m := &mirror{dir: dir}
		list(t, dir, func(s *mirrorState) {
			for n, f := range s.Files {
				now, err := m.stat(f.Name)
				must(t, err)
				s.Files[n] = now
			}
		})
	}
	for name, damage := range map[string]func(t *testing.T, dir string){
		"pack gone":           func(t *testing.T, dir string) { must(t, os.Remove(glob(t, dir, "*.pack"))) },
		"index gone":          func(t *testing.T, dir string) { must(t, os.Remove(glob(t, dir, "*.idx"))) },
		"pack cut":            func(t *testing.T, dir string) { must(t, os.Truncate(glob(t, dir, "*.pack"), 100)) },
		"pack overwritten":    func(t *testing.T, dir string) { overwrite(t, glob(t, dir, "*.pack")) },
		"index overwritten":   func(t *testing.T, dir string) { overwrite(t, glob(t, dir, "*.idx")) },
		"everything is gone":  func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) },
		"a file in its place": func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); must(t, os.WriteFile(dir, nil, 0o600)) },
		"pack decayed": func(t *testing.T, dir string) {
			overwrite(t, glob(t, dir, "*.pack"))
			unnoticed(t, dir)
		},
		"index decayed": func(t *testing.T, dir string) {
			overwrite(t, glob(t, dir, "*.idx"))
			unnoticed(t, dir)
		},
		"list cut":              func(t *testing.T, dir string) { must(t, os.Truncate(filepath.Join(dir, mirrorList), 30)) },
		"list empty":            func(t *testing.T, dir string) { must(t, os.Truncate(filepath.Join(dir, mirrorList), 0)) },
		"list of another":       func(t *testing.T, dir string) { list(t, dir, func(s *mirrorState) { s.Branch = "other" }) },
		"list of no files":      func(t *testing.T, dir string) { list(t, dir, func(s *mirrorState) { s.Files = nil }) },
		"list leads outside":    func(t *testing.T, dir string) { list(t, dir, func(s *mirrorState) { s.Files[0].Name = "../../HEAD" }) },
		"list with another tip": func(t *testing.T, dir string) { list(t, dir, func(s *mirrorState) { s.Tip = strings.Repeat("1", 40) }) },
		"moved": func(t *testing.T, dir string) {
			must(t, os.CopyFS(dir+".copy", os.DirFS(dir)))
			must(t, os.RemoveAll(dir))
			must(t, os.Rename(dir+".copy", dir))
		},
		"of a fetch that was killed": func(t *testing.T, dir string) {
			sourcetest.Write(t, filepath.Join(dir, "objects", "pack"), map[string]string{"tmp_pack_x": "x", "pack-1.pack": "PACK", "pack-1.idx": "x"})
		},
		"of a rebuild that was killed": func(t *testing.T, dir string) {
			sourcetest.Write(t, dir+mirrorNew, map[string]string{"HEAD": "x", "objects/pack/x": "x"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, git gitProgram) {
				u, r := newUpstream(t), Request{Mirror: t.TempDir()}
				u.clone(git, r)
				dir := mirrorDir(t, r.Mirror)
				damage(t, dir)
				u.clone(git, r)
				u.git("commit", "-q", "--amend", "-m", "Amended")
				u.push()
				u.clone(git, r)
				if left, _ := filepath.Glob(filepath.Join(dir, "objects", "pack", "tmp_*")); len(left) > 0 {
					t.Errorf("%v is still there", left)
				}
			})
		})
	}
}

// The mirror of one branch is not the other's, and knowing its place is no permission.
func TestMirrorKeepsApart(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token})
	bothWays(t, func(t *testing.T, git gitProgram) {
		r := Request{URL: web.URL + "/shop.git", Auth: Auth{Token: token}, Mirror: t.TempDir()}
		for _, branch := range []string{"feature", "main", "feature", "main"} {
			r.Branch, r.Dest = branch, ""
			_, dest := mustPrepare(t, git, r)
			other := map[string]string{"main": repo.Feature, "feature": repo.Head}[branch]
			if _, err := sourcetest.TryGit(t, dest, "cat-file", "-e", other); err == nil {
				t.Errorf("the build of %s has the other branch's commit", branch)
			}
		}
		noSecrets(t, r.Mirror, token)
		failPrepare(t, git, Request{URL: r.URL, Mirror: r.Mirror}, KindAuth)
		failPrepare(t, git, Request{URL: r.URL, Mirror: r.Mirror, Auth: Auth{Token: "wr0ng-t0ken"}}, KindAuth)
		must(t, filepath.WalkDir(filepath.Join(r.Mirror, "v1"), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() && filepath.Dir(filepath.Dir(filepath.Dir(path))) == r.Mirror {
				if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o700 {
					t.Errorf("%s may be read by others: %v", path, info.Mode())
				}
			}
			return err
		}))
	})
}

// A mirror that cannot be used is told of, and nothing else.
func TestMirrorUnusable(t *testing.T) {
	hermetic(t)
	u := newUpstream(t)
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	out := u.clone(findGit(), Request{Mirror: filepath.Join(file, "mirror")})
	if !slices.ContainsFunc(out.Notices, func(n string) bool { return strings.Contains(n, "mirror") && strings.Contains(n, "not used") }) {
		t.Errorf("notices %q", out.Notices)
	}
}

func TestMirrorDepth(t *testing.T) {
	hermetic(t)
	u := newUpstream(t)
	bothWays(t, func(t *testing.T, git gitProgram) {
		r := Request{URL: u.url, Mirror: filepath.Join(t.TempDir(), "mirror"), Depth: 1}
		count := func() string {
			r.Dest = ""
			out, dest := mustPrepare(t, git, r)
			if out.Commit != u.repo.Head && r.Commit == "" {
				t.Errorf("%+v", out)
			}
			if diff := cmp.Diff(headFiles, files(t, dest)); diff != "" && r.Commit == "" {
				t.Error(diff)
			}
			return sourcetest.Git(t, dest, "rev-list", "--count", "HEAD")
		}
		if got := count(); got != "1" {
			t.Errorf("%s commits without a mirror", got)
		}
		if _, err := os.Stat(filepath.Join(r.Mirror, "v1")); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a mirror was made of a history that was not wanted")
		}
		if _, err := peek(t.Context(), r, git); !errors.Is(err, ErrNoPeek) {
			t.Errorf("Peek: %v", err)
		}
		r.Commit = "v1.0.0"
		if got := count(); got != "1" {
			t.Errorf("%s commits of a tag", got)
		}
		r.Commit = u.repo.Second[:9]
		if got := count(); got != "2" {
			t.Errorf("%s commits of an abbreviation, which needs them all", got)
		}
		r.Commit = ""
		if got := count(); got != "3" {
			t.Errorf("%s commits out of the mirror", got)
		}
	})
}
