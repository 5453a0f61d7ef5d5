package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/preamp-build/preamp/runner/engine"
)

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	for _, text := range []string{"first", "second, and longer", ""} {
		if err := engine.ReplaceFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != text {
			t.Errorf("it holds %q, %v; want %q", got, err, text)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("its mode: %v, %v", info, err)
	}

	// A folder is in the way, and stays there.
	taken := filepath.Join(dir, "d")
	if err := os.MkdirAll(filepath.Join(taken, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := engine.ReplaceFile(taken, []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	if err := engine.ReplaceFile(filepath.Join(dir, "none", "f"), nil, 0o600); err == nil {
		t.Error("a file was written where there is no folder")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v; want d and f", entries, err)
	}
}

func TestAbandoned(t *testing.T) {
	write := func(t *testing.T, dir, mark string) {
		if err := os.WriteFile(filepath.Join(dir, engine.OwnerFile), []byte(mark), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	alive := engine.NewOwner("b")
	dead := alive
	dead.Start = "long ago"
	cases := []struct {
		name string
		mark func(t *testing.T, dir string)
		want bool
	}{
		{"alive", func(t *testing.T, dir string) { must(t, engine.WriteOwner(dir, alive)) }, false},
		{"dead", func(t *testing.T, dir string) { must(t, engine.WriteOwner(dir, dead)) }, true},
		{"nobody's", func(*testing.T, string) {}, false},
		{"empty after a power failure", func(t *testing.T, dir string) { write(t, dir, "") }, true},
		{"zeros after a power failure", func(t *testing.T, dir string) { write(t, dir, "\x00\x00\x00\x00") }, true},
		{"cannot be read", func(t *testing.T, dir string) { must(t, os.Mkdir(filepath.Join(dir, engine.OwnerFile), 0o700)) }, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			tc.mark(t, dir)
			if _, got := engine.Abandoned(dir, engine.Owner.Dead); got != tc.want {
				t.Errorf("abandoned: %v, want %v", got, tc.want)
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
