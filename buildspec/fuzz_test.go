package buildspec

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse checks what must hold for every input: no panic, a spec or an error, and places inside the file.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "spec", "*.yml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		spec, ds := Parse("amplify.yml", src)
		checkResult(t, src, spec, ds)
		if err := Render(io.Discard, ds, src); err != nil {
			t.Error(err)
		}
		if spec == nil {
			return
		}
		if _, _, err := spec.Select(""); err != nil {
			t.Errorf("a spec without an application to build: %v", err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	src := []byte(string(frontendOnly("commands:\n"+strings.Repeat("  - npm run build -- --mode \"$MODE\" # comment\n", 1990))) + "  cache:\n    paths: []\n")
	if n := strings.Count(string(src), "\n"); n < 2000 {
		b.Fatalf("the file has only %d lines", n)
	}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ds := Parse("amplify.yml", src); ds.HasErrors() {
			b.Fatal(ds.Err())
		}
	}
}
