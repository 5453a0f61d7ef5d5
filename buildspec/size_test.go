package buildspec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCountValues checks that the count is never below the number of values that a file has, and for real files not far
// above it.
func TestCountValues(t *testing.T) {
	texts := map[string]string{
		"empty": "", "scalar": "a", "compact": "- - - a\n- ? b\n  : c\n- {a, b, c: [d, e: f], \"g\":h}", "nulls": "a:\nb:\n-",
		"pairs": "[a: b, c: d, : e]", "empty maps": "[{},{},[[],[]]]", "brackets in quotes": "{a: ']]]', b, c, d, e}",
		"merge": "x: &a {b: c}\ny: {<<: *a}", "explicit": "? a\n? b\n: c\n",
	}
	files, err := filepath.Glob(filepath.Join("..", "testdata", "spec", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(src)
	}
	for _, in := range worstInputs(unitBytes) {
		texts[in.name] = in.src
	}
	for name, text := range texts {
		src := newSource("", []byte(text))
		docs, err := decodeYAML(strings.NewReader(src.text))
		if err != nil || len(docs) != 1 || len(docs[0].Content) == 0 {
			continue
		}
		b := newBuilder(src, &collector{})
		b.build(docs[0].Content[0], 1)
		if got := countValues(src.text); got < b.written {
			t.Errorf("%s: counted %d values, there are %d", name, got, b.written)
		}
	}
}
