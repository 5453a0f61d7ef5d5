package buildspec

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// notYAML are the rules about what no fix may make of a file.
var notYAML = []string{
	ruleSyntax, ruleTab, ruleUnclosed, ruleDuplicateKey, ruleUnquoted, ruleUnknownAnchor, ruleMultiDoc, ruleUnknownTag,
}

// FuzzCheck checks what must hold for every input: no panic, a verdict that is Parse's or stricter, places inside the
// file, fixes that can be made, and time and memory in proportion to the file.
func FuzzCheck(f *testing.F) {
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
	facts := Facts{FS: repository(map[string]string{
		"package.json": `{"scripts": {"build": "npm run start", "start": "npm run build & next dev"}}`, "yarn.lock": "", "web/index.html": "",
	})}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, facts := range []Facts{{}, facts} {
			spec, ds := Check("amplify.yml", src, facts)
			checkResult(t, src, spec, ds)
			if err := Render(io.Discard, ds, src); err != nil {
				t.Error(err)
			}
			if parsed, _ := Parse("amplify.yml", src); spec != nil && parsed == nil {
				t.Error("Check accepts what Parse refuses")
			}
			fixed, n, err := ApplyFixes(src, ds)
			if err != nil {
				t.Error(err)
			}
			if n == 0 || spec == nil {
				continue
			}
			// A key that is spelt right now may turn out to hold something else; but the file must still be YAML.
			_, ds = Check("amplify.yml", fixed, facts)
			for _, d := range ds {
				if d.Severity == Error && slices.Contains(notYAML, d.Rule) {
					t.Errorf("the fixes brought an error: %v\nbefore:\n%s\nafter:\n%s", d, src, fixed)
				}
			}
		}
	})
}

// BenchmarkCheck checks a file of two thousand lines with commands of many kinds.
func BenchmarkCheck(b *testing.B) {
	src := longSpec(2000)
	if n := bytes.Count(src, []byte("\n")); n < 2000 {
		b.Fatalf("the file has only %d lines", n)
	}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ds := Check("amplify.yml", src, Facts{}); ds.HasErrors() {
			b.Fatal(ds.Err())
		}
	}
}

// longSpec returns a usable file of at least the given number of lines.
func longSpec(lines int) []byte {
	commands := []string{
		`npm run build -- --mode "$MODE" # comment`, `if [ "$AWS_BRANCH" = main ]; then export STAGE=prod; fi`,
		`cd "apps/web" && npm ci --cache .npm`, `VITE_STAGE=beta`, `curl -sf https://example.com/x | tar xz || true`,
		`'echo "Branch: $AWS_BRANCH" >> .env'`, `npm run build --mode beta`, `printenv`,
	}
	var b strings.Builder
	b.WriteString("commands:\n")
	for i := range lines - 8 {
		b.WriteString("  - " + commands[i%len(commands)] + "\n")
	}
	return frontendOnly(b.String())
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
