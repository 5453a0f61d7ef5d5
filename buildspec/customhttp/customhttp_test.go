package customhttp

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

var cases = filepath.Join("..", "..", "testdata", "customhttp")

// TestGolden parses testdata/customhttp/NAME.yml and compares what was understood, and what a person is told, with
// NAME.golden.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(cases, "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("found %d cases, want at least 10", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yml"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, ds := Parse("customHttp.yml", src)
			got := dump(c) + "--- diagnostics\n" + rendered(t, ds, src)
			golden := strings.TrimSuffix(file, ".yml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func rendered(t *testing.T, ds buildspec.Diagnostics, src []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := buildspec.Render(&b, ds, src); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func dump(c *Config) string {
	if c == nil {
		return "no config\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "monorepo=%v\n", c.Monorepo)
	for _, app := range c.Apps {
		fmt.Fprintf(&b, "app %q\n", app.AppRoot.Value)
		for _, r := range app.Rules {
			fmt.Fprintf(&b, "  %s %q\n", r.Pattern.Span, r.Pattern.Value)
			for _, h := range r.Headers {
				fmt.Fprintf(&b, "    %s %s: %q\n", h.Key.Span, h.Key.Value, h.Value.Value)
			}
		}
	}
	return b.String()
}

// TestFindings checks rules one by one: id, severity and place.
func TestFindings(t *testing.T) {
	rule := func(pattern, rest string) string {
		return "customHeaders:\n  - pattern: " + pattern + "\n    headers:\n" + rest
	}
	value := func(v string) string { return rule("'**'", "      - key: X-A\n        value: "+v+"\n") }
	pattern := func(p string) string { return rule(p, "      - key: X-A\n        value: a\n") }
	tests := []struct{ name, src, want string }{
		{"fine", value("'x; y'"), ""},
		{"quotes and tabs", value(`"a\tb"`), ""},
		{"a dollar that is no variable", value("'US$5, $1'"), ""},
		{"file extension glob", pattern("'/logo.*'"), ""},
		{"empty file", "", "empty-file error 1:1"},
		{"a list", "- pattern: x\n", "headers-not-a-map error 1:1"},
		{"a map", "customHeaders:\n  pattern: x\n", "headers-not-a-list error 1:1"},
		{"null", "customHeaders:\n", "headers-not-a-list error 1:1"},
		{"empty list", "customHeaders: []\n", "headers-empty warning 1:1"},
		{"missing", "x-a: 1\n", "headers-missing error 1:1"},
		{"duplicate key", "customHeaders: []\ncustomHeaders: []\n", "duplicate-key error 2:1"},
		{"rule as text", "customHeaders:\n  - '**'\n", "headers-entry-format error 2:5"},
		{"no pattern", "customHeaders:\n  - headers: [{key: a, value: b}]\n", "headers-missing-pattern error 2:5"},
		{"empty pattern", pattern("''"), "headers-missing-pattern error 2:5"},
		{"no headers", "customHeaders:\n  - pattern: '*'\n", "headers-missing error 2:5"},
		{"headers as a map", rule("'*'", "      X-A: b\n"), "headers-not-a-list error 3:5"},
		{"header as a name", rule("'*'", "      - X-A: b\n"), "headers-invalid-name error 4:9; headers-unknown-key warning 4:9"},
		{"name with a colon", rule("'*'", "      - key: 'X-A:'\n        value: b\n"), "headers-invalid-name error 4:14"},
		{"no value", rule("'*'", "      - key: X-A\n"), "headers-invalid-value error 4:9"},
		{"null value", value(""), "headers-invalid-value error 5:9"},
		{"list as a value", value("[a, b]"), "headers-invalid-value error 5:9"},
		{"block", value("|-\n          a\n          b"), "headers-invalid-value error 5:16"},
		{"folded with a line break", value(">\n          a\n          b"), "headers-invalid-value warning 5:16"},
		{"number", value("0"), "headers-unquoted-value warning 5:16"},
		{"variable", value("'https://${API_HOST}'"), "headers-variable warning 5:16"},
		{"plain variable", value("$API_HOST"), "headers-variable warning 5:16"},
		{"braces", pattern("'*.{js,css}'"), "headers-braces warning 2:14"},
		{"regular expression", pattern(`'^/static/.+$'`), "headers-pattern-format warning 2:14"},
		{"URL", pattern("'https://example.com/*'"), "headers-pattern-format warning 2:14"},
		{"query", pattern("'/a?b=c'"), "headers-pattern-format warning 2:14"},
		{"twice", rule("'*'", "      - {key: X-A, value: a}\n      - {key: x-a, value: b}\n"), "headers-duplicate-header warning 5:15"},
		{"unknown key", rule("'*'", "      - {key: X-A, value: a, foo: b}\n"), "headers-unknown-key warning 4:30"},
		{"beside applications", "applications: []\ncustomHeaders: []\n", "headers-empty warning 1:1; headers-misplaced-key warning 2:1"},
		{"no appRoot", "applications:\n  - customHeaders: [{pattern: '*', headers: [{key: a, value: b}]}]\n", "headers-missing-app-root error 2:5"},
		{"appRoot is a number", "applications:\n  - appRoot: 1\n    customHeaders: [{pattern: '*', headers: [{key: a, value: b}]}]\n", "headers-missing-app-root error 2:5"},
		{"the same appRoot", "applications:\n  - &a {appRoot: a, customHeaders: [{pattern: '*', headers: [{key: a, value: b}]}]}\n  - *a\n", "headers-duplicate-app warning 2:18"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c, ds := Parse("customHttp.yml", []byte(tc.src))
			var got []string
			for _, d := range ds {
				got = append(got, fmt.Sprintf("%s %s %s", d.Rule, d.Severity, d.Span.Start))
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if (c == nil) != ds.HasErrors() {
				t.Errorf("the config is %v with the findings %v", c, ds)
			}
		})
	}
}

func TestAmplifyMessage(t *testing.T) {
	for _, src := range []string{"customHeaders: x\n", "applications:\n  - appRoot: a\n    customHeaders: {}\n", "x: 1\n"} {
		_, ds := Parse("customHttp.yml", []byte(src))
		found := false
		for _, d := range ds {
			found = found || d.Amplify == amplifyNotAList
		}
		if !found {
			t.Errorf("%q: the service's message is missing: %v", src, ds)
		}
	}
}

func TestOverlap(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"*", "**/*", true},
		{"**", "/index.html", true},
		{"*.json", "/path/*", true},
		{"*.json", "*.js", false},
		{"/a/*", "/b/*", false},
		{"/a/*", "/a/b/*.css", true},
		{"**/*.css", "/style.css", true},
		{"/a", "/a", true},
		{"/a", "/ab", false},
		{"/a?c", "/abc", true},
		{"a*b*c", "*x*", true},
		{"a*", "b*", false},
	}
	for _, tc := range tests {
		if overlap(tc.a, tc.b) != tc.want || overlap(tc.b, tc.a) != tc.want {
			t.Errorf("overlap(%q, %q) is not %v", tc.a, tc.b, tc.want)
		}
	}
}

// TestHostile checks that files made to hurt give an answer, and a bounded one.
func TestHostile(t *testing.T) {
	var wide strings.Builder
	wide.WriteString("customHeaders:\n")
	for i := range 4000 {
		fmt.Fprintf(&wide, "  - {pattern: '%s%d', headers: [{key: a, value: %d}]}\n", strings.Repeat("*a", 50), i, i)
	}
	bomb := "customHeaders:\n  - &r {pattern: '*', headers: &h [{key: 'a b', value: 1}" + strings.Repeat(", {key: 'a b', value: 1}", 200) + "]}\n" +
		strings.Repeat("  - *r\n", 400)
	for name, src := range map[string]string{"wide": wide.String(), "bomb": bomb} {
		c, ds := Parse("customHttp.yml", []byte(src))
		if len(ds) == 0 || len(ds) > 3*(maxFindings+1) {
			t.Errorf("%s: %d findings", name, len(ds))
		}
		if (c == nil) != ds.HasErrors() {
			t.Errorf("%s: the config is there: %v", name, c != nil)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(cases, "*.yml"))
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
		c, ds := Parse("customHttp.yml", src)
		if (c == nil) != ds.HasErrors() {
			t.Fatalf("the config is %v with the findings %v", c, ds)
		}
		lines := bytes.Count(src, []byte("\n")) + bytes.Count(src, []byte("\r")) + 1
		for i, d := range ds {
			if d.Message == "" || d.Rule == "" || d.File == "" || d.Span.Start.Line > lines {
				t.Errorf("an incomplete finding: %+v", d)
			}
			if i > 0 && d.Span.Start.Line < ds[i-1].Span.Start.Line {
				t.Errorf("the findings are not sorted: %v after %v", d, ds[i-1])
			}
		}
		if err := buildspec.Render(io.Discard, ds, src); err != nil {
			t.Error(err)
		}
		if c != nil {
			for _, app := range c.Apps {
				sameAgain(t, app)
			}
		}
		if legacy, ds := ParseBuildspec("amplify.yml", src, ""); legacy != nil && ds.HasErrors() {
			t.Errorf("headers with errors: %v", ds)
		}
	})
}

// texts are what an application's headers say, without the places.
func texts(app App) [][]string {
	var all [][]string
	for _, r := range app.Rules {
		rule := []string{r.Pattern.Value}
		for _, h := range r.Headers {
			rule = append(rule, h.Key.Value, h.Value.Value)
		}
		all = append(all, rule)
	}
	return all
}

// sameAgain holds that headers which are written out mean what they meant.
func sameAgain(t *testing.T, app App) {
	t.Helper()
	out := app.YAML()
	if len(out) > buildspec.MaxFileSize {
		return // aliases made much of little
	}
	c, ds := Parse(FileName, out)
	if c == nil {
		t.Fatalf("what was written is refused: %v\n%s", ds, out)
	}
	if diff := cmp.Diff(texts(app), texts(c.Apps[0])); diff != "" {
		t.Errorf("(-want +got)\n%s\n%s", diff, out)
	}
}

func TestYAML(t *testing.T) {
	src := `customHeaders:
  - pattern: "/it's/**"
    headers:
      - {key: X-Number, value: 1}
      - {key: X-Tab, value: "a\tb 'q' \"q\" \\ # : é 😀"}
      - {key: X-Empty, value: ''}
      - {key: X-Space, value: '  x '}
  - {pattern: "a\u00a0\u2028\nb", headers: []}
`
	c, ds := Parse(FileName, []byte(src))
	if c == nil {
		t.Fatal(ds)
	}
	sameAgain(t, c.Apps[0])
	if got := len(texts(c.Apps[0])[0]); got != 9 {
		t.Errorf("%d texts", got)
	}
	sameAgain(t, App{})
}
