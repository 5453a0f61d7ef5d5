package source

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// Random patterns and trees, decided by git and by us.
func TestIgnoreLikeGit(t *testing.T) {
	words := []string{"a", "b", "ab", "a.js", "b.js", "dist", ".env", "x y", "[z]", "ü"}
	pieces := append([]string{"*", "**", "?", "*.js", "[ab]", "[!a]", "[^a]*", "a*", "*b", `\a`, `[[:alpha:]]`, `[\]a]`, "d*t", "a**", "[", `\[z\]`, ".*"}, words...)
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		pick := func(list []string) string { return list[random.IntN(len(list))] }
		pattern := func() string {
			p := pick(pieces)
			for random.IntN(3) == 0 {
				p += "/" + pick(pieces)
			}
			for option, text := range []string{"/", "!"} {
				if random.IntN(4) == 0 {
					p = []string{"/" + p, text + p}[option]
				}
			}
			if random.IntN(4) == 0 {
				p += "/"
			}
			return p + []string{"", "", "", "  ", `\ `, "\r"}[random.IntN(6)]
		}
		dir := t.TempDir()
		all := map[string]string{}
		for range 40 {
			path := pick(words)
			for random.IntN(2) == 0 {
				path += "/" + pick(words)
			}
			if !conflicts(all, path) {
				all[path] = "x"
			}
		}
		for _, at := range []string{"", "a/", "dist/", "a/b/"} {
			var lines []string
			for range 1 + random.IntN(6) {
				lines = append(lines, pattern())
			}
			if !conflicts(all, at+".gitignore") {
				all[at+".gitignore"] = "# comment\n\n" + strings.Join(lines, "\n") + "\n"
			}
		}
		sourcetest.Write(t, dir, all)
		sourcetest.Git(t, dir, "init", "-q")
		sourcetest.Write(t, dir, map[string]string{".git/info/exclude": pattern() + "\n"})
		want := strings.Split(strings.Trim(sourcetest.Git(t, dir, "ls-files", "--others", "--exclude-standard", "-z"), "\x00"), "\x00")
		got := listFor(t, dir)
		slices.Sort(want)
		if len(got) == 0 {
			got = []string{""} // what splitting nothing gives
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d: git (-) and we (+):\n%s\n%s", seed, diff, ignoreFiles(all))
		}
	}
}

func ignoreFiles(all map[string]string) (out string) {
	for name, text := range all {
		if strings.HasSuffix(name, ".gitignore") {
			out += fmt.Sprintf("%s: %q\n", name, text)
		}
	}
	return out
}

// conflicts tells whether path is a folder of another file or the other way round.
func conflicts(all map[string]string, path string) bool {
	for other := range all {
		if other == path || strings.HasPrefix(other, path+"/") || strings.HasPrefix(path, other+"/") {
			return true
		}
	}
	return false
}

// listFor returns the sorted paths of a snapshot of dir.
func listFor(t *testing.T, dir string) []string {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	repo, err := findRepository(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = repo.Close() }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	j := &job{dest: &dest{path: filepath.Join(t.TempDir(), "none")}}
	list, err := j.list(t.Context(), repo, root, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range list.files {
		got = append(got, f.path)
	}
	slices.Sort(got)
	return got
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*.js", "a.js", true},
		{"*.js", ".js", true},
		{"*.js", "a.jsx", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[]]", "]", true},
		{"[a", "a", false},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{"[[:digit:]]", "7", true},
		{"[[:nope:]]", "7", false},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "aXbY", false},
		{"**", "x", true},
		{"", "", true},
		{"[a-]", "-", true},
		{`[\]]`, "]", true},
		{`x\`, "x", false},
		{"[z-a]", "m", false},
	}
	for _, tt := range tests {
		if got := matchGlob(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q %q: %t", tt.pattern, tt.name, got)
		}
	}
	// A pattern made to explode does not.
	if matchGlob(strings.Repeat("a*", 2000)+"b", strings.Repeat("a", 4000)) {
		t.Error("matched")
	}
}

func FuzzIgnore(f *testing.F) {
	f.Add("*.js\n!a.js\n/b/**/c\n[[:alpha:]]/", "x/b/c.js")
	f.Fuzz(func(t *testing.T, text, path string) {
		var none *ignoreRules
		rules := none.with("", text)
		for _, isDir := range []bool{false, true} {
			if rules.ignored(path, isDir) && strings.TrimSpace(text) == "" {
				t.Errorf("no pattern ignores %q", path)
			}
		}
	})
}
