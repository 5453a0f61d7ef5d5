package session

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/testdata/need"
)

// Files are written with tar and without, and what follows them in the shell's input stays there.
func TestWriteFiles(t *testing.T) {
	need.Program(t, "bash")
	for name, programs := range map[string][]string{"tar": {"head", "tar"}, "no tar": {"head", "mkdir", "chmod", "ln"}} {
		t.Run(name, func(t *testing.T) {
			root, bin := t.TempDir(), t.TempDir()
			for _, program := range programs {
				if err := os.Symlink(need.Program(t, program), filepath.Join(bin, program)); err != nil {
					t.Fatal(err)
				}
			}
			in := func(name string) string { return filepath.Join(root, name) }
			all := string(bytes.Repeat([]byte("\x00'\n\xff"), 700))
			files := []File{
				{Path: in("kit"), Mode: fs.ModeDir | 0o755},
				{Path: in("kit/it's"), Mode: fs.ModeDir | 0o777},
				{Path: in("kit/it's/run"), Mode: 0o755, Data: []byte("#!/bin/sh\n")},
				{Path: in("kit/empty"), Mode: 0o644, Data: nil},
				{Path: in("kit/" + strings.Repeat("long", 60)), Mode: 0o600, Data: []byte(all)},
			}
			for i, target := range []string{in("kit/it's/run"), "it's/run"} { // the second replaces a file
				files = append(files, File{Path: in([]string{"bin/run", "kit/empty"}[i]), Mode: fs.ModeSymlink | 0o777, Data: []byte(target)})
			}
			cmd := exec.Command("bash", "--noprofile", "--norc", "-s")
			cmd.Env = []string{"PATH=" + bin}
			cmd.Stdin = strings.NewReader(writeFiles(files) + "echo next\n")
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != "next\n" {
				t.Fatalf("%v: %q", err, out)
			}
			for _, f := range files {
				info, err := os.Lstat(f.Path)
				if err != nil {
					t.Fatal(err)
				}
				if f.link() {
					if target, err := os.Readlink(f.Path); err != nil || target != string(f.Data) {
						t.Errorf("%s leads to %q, want %q (%v)", f.Path, target, f.Data, err)
					}
					continue
				}
				if f.Path == in("kit/empty") {
					continue // it was replaced
				}
				if info.IsDir() != f.Mode.IsDir() || info.Mode().Perm() != f.Mode.Perm() {
					t.Errorf("%s: %s, want %s", f.Path, info.Mode(), f.Mode)
				}
				if f.Mode.IsDir() {
					continue
				}
				if got, err := os.ReadFile(f.Path); err != nil || !bytes.Equal(got, f.Data) {
					t.Errorf("%s: %d bytes, %v", f.Path, len(got), err)
				}
			}
		})
	}
}
