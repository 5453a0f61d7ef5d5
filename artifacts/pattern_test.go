package artifacts

import (
	"errors"
	"path"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	tests := []struct {
		name     string
		patterns []string
		yes, no  []string
	}{
		{"default", nil, []string{"a", ".a", "a/.b/c", "\xff/\xfe"}, nil},
		{"all", []string{"**/*"}, []string{"a", ".a", "a/.b/c", "\xff/\xfe"}, nil},
		{"all, dot", []string{"./"}, []string{"a", "a/b"}, nil},
		{"all, slash", []string{"/**"}, []string{"a", "a/b"}, nil},
		{"top level", []string{"*"}, []string{"a", ".a", "\xff"}, []string{"a/b"}},
		{"extension", []string{"*.html"}, []string{"a.html", ".html", "\xff.html"}, []string{"a/b.html", "a.htm"}},
		{"extension anywhere", []string{"**/*.html"}, []string{"a.html", "a/b/c.html"}, []string{"a.js"}},
		{"folder", []string{"dist/**"}, []string{"dist/a", "dist/.a/b"}, []string{"distx/a", "a/dist/b"}},
		{"folder, all below", []string{"dist/**/*"}, []string{"dist/a", "dist/a/b"}, []string{"distx/a"}},
		{"folder, slash", []string{"assets/"}, []string{"assets/a", "assets/a/b"}, []string{"assetsx"}},
		{"folder by name", []string{"assets"}, []string{"assets", "assets/a/b"}, []string{"assetsx", "a/assets"}},
		{"dot slash", []string{"./x", ".//y/./z"}, []string{"x", "y/z"}, []string{"y"}},
		{"leading slash", []string{"/x"}, []string{"x"}, nil},
		{"up and down", []string{"a/../b"}, []string{"b"}, []string{"a/b", "a"}},
		{"one character", []string{"?.js"}, []string{"a.js", "ä.js"}, []string{"ab.js", ".js"}},
		{"braces", []string{"{a,b/c}/*.js"}, []string{"a/x.js", "b/c/x.js"}, []string{"b/x.js"}},
		{"class", []string{"[ab].js"}, []string{"a.js", "[ab].js"}, []string{"c.js"}},
		{"route", []string{"blog/[id]/**", "[...slug].html"}, []string{"blog/[id]/x", "[...slug].html"}, []string{"blog/x"}},
		{"exclude", []string{"**/*", "!**/*.map"}, []string{"a.js"}, []string{"a.map", "b/a.map"}},
		{"exclude folder", []string{"**/*", "!cache"}, []string{"a/cache/b"}, []string{"cache/b"}},
		{"only exclude", []string{"!**/*.map"}, []string{"a.js", "b/c"}, []string{"a.map"}},
		{"include again", []string{"**/*", "!*.map", "keep.map"}, []string{"a.js", "keep.map"}, []string{"a.map"}},
		{"excluded before", []string{"!*.map", "**/*"}, []string{"a.map"}, nil},
		{"exclude all", []string{"a", "!**"}, nil, []string{"a", "b"}},
		{"file named !", []string{"./!a"}, []string{"!a"}, []string{"a"}},
		{"case", []string{"A.html"}, nil, []string{"a.html"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := compile(tt.patterns)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range tt.yes {
				if !set.match(name) {
					t.Errorf("%q is not selected", name)
				}
				checkReached(t, set, name)
			}
			for _, name := range tt.no {
				if set.match(name) {
					t.Errorf("%q is selected", name)
				}
			}
		})
	}
}

// checkReached fails if the walk would not find the selected file name.
func checkReached(t *testing.T, set patternSet, name string) {
	t.Helper()
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if !set.mayMatchBelow(dir) {
			t.Errorf("%q is selected, but the walk does not enter %q", name, dir)
		}
	}
}

func TestPruning(t *testing.T) {
	tests := []struct {
		patterns []string
		dir      string
		want     bool
	}{
		{[]string{"*.html"}, "node_modules", false},
		{[]string{"a/b/*.html"}, "a", true},
		{[]string{"a/b/*.html"}, "a/b", true},
		{[]string{"a/b/*.html"}, "a/b/c", false},
		{[]string{"a/b/*.html"}, "b", false},
		{[]string{"a/b/**"}, "a/b/c/d", true},
		{[]string{"a/b/**"}, "a/bc", false},
		{[]string{"a"}, "a/b", true},
		{[]string{"**/*", "!node_modules/**"}, "node_modules", false},
		{[]string{"**/*", "!**/node_modules/**"}, "a/node_modules", false},
		{[]string{"**/*", "!**/node_modules/**"}, "a", true},
		{[]string{"!node_modules", "node_modules/x/**"}, "node_modules", true},
		{[]string{"!node_modules", "node_modules/x/**"}, "node_modules/y", false},
	}
	for _, tt := range tests {
		set, err := compile(tt.patterns)
		if err != nil {
			t.Fatal(err)
		}
		if got := set.mayMatchBelow(tt.dir); got != tt.want {
			t.Errorf("%q: enters %q: %v, want %v", tt.patterns, tt.dir, got, tt.want)
		}
	}
}

func TestInvalidPatternsAreAllReported(t *testing.T) {
	bad := map[string]string{
		"":                         "empty",
		"!":                        "empty",
		"../x":                     "leaves",
		"a/../../x":                "leaves",
		"/..":                      "leaves",
		"{..,a}/x":                 "leaves",
		"*/../x":                   "after a wildcard",
		`dist\**\*`:                "backslash",
		"[a":                       "not closed",
		"{a,b":                     "not closed",
		"a\x00":                    "NUL",
		strings.Repeat("{a,b}", 9): "alternatives",
		strings.Repeat("a", 5000):  "too long",
	}
	files := []string{"**/*"}
	for p := range bad {
		files = append(files, p)
	}
	_, err := compile(files)
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		t.Fatalf("got %v", err)
	}
	for _, err := range joined.Unwrap() {
		var pe *PatternError
		if !errors.As(err, &pe) {
			t.Errorf("%v is no PatternError", err)
			continue
		}
		if want, ok := bad[pe.Pattern]; !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
		delete(bad, pe.Pattern)
	}
	for p := range bad {
		t.Errorf("%q is accepted", p)
	}
}

// FuzzPatterns checks that whatever is accepted selects nothing outside Base, and that pruning hides nothing that is selected.
func FuzzPatterns(f *testing.F) {
	f.Add("**/*", "!a/**", "a/b/c")
	f.Add("a/{b,c/d}/*.js", "[!a]/x", "a/c/d/x.js")
	f.Add("./x/../y/", "!**/[a/b]c", "y/a/b")
	f.Add("a[/]b", "a?b", "a/b")
	f.Fuzz(func(t *testing.T, one, two, name string) {
		set, err := compile([]string{one, two})
		if err != nil {
			var pe *PatternError
			if !errors.As(err, &pe) {
				t.Fatalf("%v is no PatternError", err)
			}
			return
		}
		if name = strings.TrimLeft(path.Clean(name), "/"); name == "" || name == "." || name == ".." || strings.HasPrefix(name, "../") {
			return
		}
		if set.match(name) {
			checkReached(t, set, name)
		}
	})
}
