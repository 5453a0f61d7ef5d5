package artifacts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/artifacts"
)

func TestMissingBase(t *testing.T) {
	root := tree(t, files{"src/a": "", "dangling": "-> nowhere"})
	for _, base := range []string{"dist", "src/a/b", "dangling", "/src/dist/"} {
		_, err := artifacts.Select(t.Context(), artifacts.Options{Root: root, Base: base, BaseAsWritten: "as/" + base})
		var missing *artifacts.MissingBaseError
		if !errors.As(err, &missing) {
			t.Errorf("%q: %v", base, err)
			continue
		}
		if want := "Artifact directory doesn't exist: as/" + base; missing.Error() != want || missing.Base != "as/"+base {
			t.Errorf("got %q, want %q", missing, want)
		}
		if missing.Hint() != "" {
			t.Errorf("a hint out of nowhere: %q", missing.Hint())
		}
	}
}

func TestMissingBaseNamesWhatTheBuildMade(t *testing.T) {
	root := tree(t, files{"src/a": "", "web/src/a": "", "dist-old/x": ""})
	before, err := artifacts.Dirs(root)
	must(t, err)
	for _, file := range []string{
		"out/a", "out/b/c", "web/.next/a", "tmp/1", "tmp/2", "tmp/3", "logs/1", "node_modules/dist/x", "web/node_modules/build/x",
		"src/generated/x", "dist-old/y",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755))
		must(t, os.WriteFile(filepath.Join(root, file), nil, 0o644))
	}
	_, err = artifacts.Select(t.Context(), artifacts.Options{Root: root, Base: "build", Before: before})
	var missing *artifacts.MissingBaseError
	if !errors.As(err, &missing) {
		t.Fatal(err)
	}
	want := []artifacts.NewDir{{"out", 2}, {"web/.next", 1}, {"tmp", 3}, {"logs", 1}, {"src/generated", 1}}
	if diff := cmp.Diff(want, missing.Created); diff != "" {
		t.Error(diff)
	}
	hint := "The build created out (2 files), web/.next (1 file), tmp (3 files) and 2 more: is one of them the baseDirectory?"
	if diff := cmp.Diff(hint, missing.Hint()); diff != "" {
		t.Error(diff)
	}
}

func TestDirs(t *testing.T) {
	root := tree(t, files{"a/b/c/d/e": "", ".git/objects/x": "", "node_modules/x/y": "", "link": "-> a"})
	got, err := artifacts.Dirs(root)
	must(t, err)
	if diff := cmp.Diff([]string{".git", "a", "a/b", "a/b/c", "node_modules"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadBase(t *testing.T) {
	outside := tree(t, files{"secret": "s"})
	root := tree(t, files{
		"file": "", ".git/hooks/x": "", "abs": "-> " + outside, "up": "-> ../" + filepath.Base(outside), "loop": "-> loop", "in-git": "-> .git/hooks",
	})
	for base, want := range map[string]string{
		"..":              "outside the repository",
		"a/../../x":       "outside the repository",
		"file":            `is not a directory: set baseDirectory to "." and files to "file"`,
		"abs":             "leaves the repository",
		"up":              "leaves the repository",
		"up/../../../etc": "outside the repository",
		"loop":            "leads to itself",
		".git/hooks":      "in a .git folder",
		"in-git":          "in a .git folder",
	} {
		_, err := artifacts.Select(t.Context(), artifacts.Options{Root: root, Base: base})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", base, err, want)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := artifacts.Select(t.Context(), artifacts.Options{Root: t.TempDir(), Base: "dist", Files: []string{"../x", "[", "ok"}})
	var missing *artifacts.MissingBaseError
	if !errors.As(err, &missing) {
		t.Errorf("%v lacks the directory", err)
	}
	for _, want := range []string{`"../x"`, `"["`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

func TestMissingRoot(t *testing.T) {
	if _, err := artifacts.Select(t.Context(), artifacts.Options{Root: filepath.Join(t.TempDir(), "no")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestCollisions(t *testing.T) {
	root := tree(t, files{"a/x": "1", "b/x": "1", "c/x": "2", "a/y": "", "b/y": "", "only": ""})
	_, err := artifacts.Select(t.Context(), artifacts.Options{Root: root, DiscardPaths: true})
	var c *artifacts.CollisionError
	if !errors.As(err, &c) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&artifacts.CollisionError{Name: "x", First: "a/x", Second: "b/x"}, c); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{`"a/x" and "b/x"`, `"a/x" and "c/x"`, `"a/y" and "b/y"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

func TestCancelled(t *testing.T) {
	root := tree(t, files{"a": "1", "b/c": "2"})
	s := selectFiles(t, artifacts.Options{Root: root})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := artifacts.Select(ctx, artifacts.Options{Root: root}); !errors.Is(err, context.Canceled) {
		t.Errorf("Select: %v", err)
	}
	dst := filepath.Join(t.TempDir(), "dst")
	if err := s.WriteDir(ctx, dst); !errors.Is(err, context.Canceled) {
		t.Errorf("WriteDir: %v", err)
	}
	if rest, err := os.ReadDir(filepath.Dir(dst)); err != nil || len(rest) != 0 {
		t.Errorf("left behind: %v, %v", rest, err)
	}
	if err := s.WriteZip(ctx, new(strings.Builder), zipTime); !errors.Is(err, context.Canceled) {
		t.Errorf("WriteZip: %v", err)
	}
}

func TestWriteDirDestinations(t *testing.T) {
	s := selectFiles(t, artifacts.Options{Root: tree(t, files{"a": "1"})})
	empty := t.TempDir()
	must(t, s.WriteDir(t.Context(), empty))
	if diff := cmp.Diff(files{"a": "1"}, read(t, empty)); diff != "" {
		t.Error(diff)
	}
	if err := s.WriteDir(t.Context(), empty); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder with files: %v", err)
	}
	if err := s.WriteDir(t.Context(), filepath.Join(empty, "a")); err == nil {
		t.Error("a file is accepted as a folder")
	}
	if diff := cmp.Diff(files{"a": "1"}, read(t, empty)); diff != "" {
		t.Errorf("a refused write changed: %s", diff)
	}
}
