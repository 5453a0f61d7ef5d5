package source

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// Every file is read by git, too, and both have to see the same.
func TestParseConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	for _, text := range []string{
		"", "\n# only\n; comments", "[a]\n\tb = c\n", "[a]b=c", "[A \"B c\"]\n\tKey-1 = v # comment\n\tflag\n", "\ufeff[a]\nb = c\n",
		"[a \"x\\\"y\\\\z\\q\"]\n b = c\n", "[a]\nb = \" c ; d \" e ;f\n", "[a]\nb = one\\\n two\nc = d\n", "[a]\nb = \\\\ \\\" \\t \\n|\n",
		"[a]\nb = 1\n[c]\nd = 2\n[a]\nb = 3\n", "[a]\r\nb = c\r\n", "[a \"caf\xe9\"]\nb = \xff\xfe\n", "[a]\nb =\n", "[a]\nb = x  y\t \n",
		"[a", "[a]\n= b\n", "[a]\nb c = d\n", "[a]\nb = \"c\n", "[a \"b]\nc = d\n", "[a]\nb = \\x\n", "[]\na = b\n", "[a]\n b = c # x\n #[x]\n",
		"[a.b]\nc = d\n",
	} {
		sourcetest.Write(t, filepath.Dir(file), map[string]string{"config": text})
		want, gitErr := sourcetest.TryGit(t, filepath.Dir(file), "config", "-z", "--file", "config", "--list")
		sections, err := parseConfig(text)
		if (err != nil) != (gitErr != nil) {
			t.Errorf("%q: error %v, git says %v: %s", text, err, gitErr, want)
		}
		if err != nil || gitErr != nil {
			continue
		}
		last := map[string]string{}
		for entry := range strings.SplitSeq(strings.TrimSuffix(want, "\x00"), "\x00") {
			key, value, ok := strings.Cut(entry, "\n")
			if !ok {
				value = "true"
			}
			if key != "" {
				last[key] = value
			}
		}
		got := map[string]string{}
		for _, s := range sections {
			for key, value := range s.values {
				name := s.name + "." + key
				if s.sub != "" {
					name = s.name + "." + s.sub + "." + key
				}
				got[name] = value
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(last) {
			t.Errorf("%q: %q, git says %q", text, got, last)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add("[a \"b\"]\n\tc = \"d\" # e\n")
	f.Fuzz(func(t *testing.T, text string) {
		sections, err := parseConfig(text)
		if err != nil {
			return
		}
		lines := strings.Count(text, "\n") + 1
		for _, s := range sections {
			if s.name == "" || s.line < 1 || s.line > lines {
				t.Errorf("%+v", s)
			}
		}
	})
}
