package buildspec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name    string
		files   []string
		appRoot string
		want    string
		also    []string
		missing []string // places that the error names
	}{
		{name: "root", files: []string{"amplify.yml"}, want: "amplify.yml"},
		{name: "other ending", files: []string{"amplify.yaml"}, want: "amplify.yaml"},
		{name: "both endings", files: []string{"amplify.yaml", "amplify.yml"}, want: "amplify.yml", also: []string{"amplify.yaml"}},
		{name: "app folder", files: []string{"apps/web/amplify.yml"}, appRoot: "/apps/web/", want: "apps/web/amplify.yml"},
		{name: "app folder, other ending", files: []string{"apps/web/amplify.yaml"}, appRoot: "./apps/web", want: "apps/web/amplify.yaml"},
		{
			name: "root wins", files: []string{"amplify.yaml", "web/amplify.yml", "web/amplify.yaml", "docs/amplify.yml"}, appRoot: "web",
			want: "amplify.yaml", also: []string{"web/amplify.yml", "web/amplify.yaml"},
		},
		{name: "a folder is no file", files: []string{"amplify.yml/x", "amplify.yaml"}, want: "amplify.yaml"},
		{name: "nothing", files: []string{"web/amplify.yml"}, missing: []string{`"amplify.yml"`, `"amplify.yaml"`}},
		{name: "nothing in the app", files: []string{"x"}, appRoot: "web", missing: []string{`"amplify.yml"`, `"web/amplify.yaml"`}},
		{name: "no way out", files: []string{"x"}, appRoot: "../..", missing: []string{`"amplify.yml"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for _, f := range tt.files {
				fsys[f] = &fstest.MapFile{Data: []byte("x")}
			}
			name, also, err := Find(fsys, tt.appRoot)
			if tt.missing != nil {
				if !errors.Is(err, ErrNotFound) {
					t.Fatalf("error is %v, want ErrNotFound", err)
				}
				for _, place := range tt.missing {
					if !strings.Contains(err.Error(), place) {
						t.Errorf("error %q doesn't name %s", err, place)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if name != tt.want {
				t.Errorf("found %q, want %q", name, tt.want)
			}
			if diff := cmp.Diff(tt.also, also); diff != "" && len(tt.also)+len(also) > 0 {
				t.Errorf("also (-want +got)\n%s", diff)
			}
		})
	}
}

// TestFindEscapingLink checks that a link out of an os.Root is an error, not a file and not "not found".
func TestFindEscapingLink(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "secret.yml")
	if err := os.WriteFile(outside, []byte(singleSpec), 0o600); err != nil {
		t.Fatal(err)
	}
	repo := filepath.Join(dir, "repo")
	if err := os.Mkdir(repo, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(repo, "amplify.yml")); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	root, err := os.OpenRoot(repo)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	name, _, err := Find(root.FS(), "")
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("found %q with error %v, want an error about the link", name, err)
	}
}
