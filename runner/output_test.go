package runner

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestPrepareOutput(t *testing.T) {
	touch := func(t *testing.T, path string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("new", func(t *testing.T) {
		if err := PrepareOutput(filepath.Join(t.TempDir(), "a", "b")); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("again", func(t *testing.T) {
		dir := t.TempDir()
		if err := PrepareOutput(dir); err != nil {
			t.Fatal(err)
		}
		touch(t, filepath.Join(dir, "artifacts", "old"))
		touch(t, filepath.Join(dir, "artifacts.zip"))
		touch(t, filepath.Join(dir, "mine.txt"))
		if err := PrepareOutput(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "artifacts")); !errors.Is(err, os.ErrNotExist) {
			t.Error("an earlier build's artifacts are still there")
		}
		if _, err := os.Stat(filepath.Join(dir, "mine.txt")); err != nil {
			t.Error("a file that is not preamp's was removed")
		}
	})
	t.Run("somebody else's", func(t *testing.T) {
		dir := t.TempDir()
		touch(t, filepath.Join(dir, "artifacts", "thesis.txt"))
		err := PrepareOutput(dir)
		var f *Failure
		if !errors.As(err, &f) || f.Class != ClassUsage {
			t.Errorf("%v, want a usage failure", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "artifacts", "thesis.txt")); err != nil {
			t.Error("a file was removed that preamp did not make")
		}
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "f")
		touch(t, file)
		if err := PrepareOutput(file); err == nil {
			t.Error("a file was taken for a folder")
		}
	})
}
