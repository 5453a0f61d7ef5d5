package customhttp

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCorpus reads header files that people really use, from the folder that PREAMP_CORPUS names: the service takes all
// of them, so none may have an error.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("PREAMP_CORPUS")
	if dir == "" {
		t.Skip("needs PREAMP_CORPUS, a folder with real files")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.customHttp.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("%s has no header files", dir)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, ds := Parse(filepath.Base(file), src)
		if c == nil {
			t.Errorf("a file that the service takes is refused: %v", ds)
		}
		for _, d := range ds {
			t.Log(d)
		}
	}
}
