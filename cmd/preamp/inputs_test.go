package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/engine"
)

func TestReadVars(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []engine.Var
		bad        bool
	}{
		{"lines", "A=1\n\n# comment\nexport B = two words # note\r\nC=\n", []engine.Var{{Name: "A", Value: "1"}, {Name: "B", Value: "two words"}, {Name: "C", Value: ""}}, false},
		{"dollars stay", "A=x$HOME-y\nB=\"p$w0rd\"\nC='$(id)'\nD=${X}\n", []engine.Var{{Name: "A", Value: "x$HOME-y"}, {Name: "B", Value: "p$w0rd"}, {Name: "C", Value: "$(id)"}, {Name: "D", Value: "${X}"}}, false},
		{"quotes", `A="a \"q\" \\ \$ \n b" # c` + "\nB='a \\n \"b\"'\nC=it's\nD=a#b\n", []engine.Var{{Name: "A", Value: "a \"q\" \\ $ \n b"}, {Name: "B", Value: `a \n "b"`}, {Name: "C", Value: "it's"}, {Name: "D", Value: "a#b"}}, false},
		{"several lines", "KEY=\"-----BEGIN\nabc\n-----END\"\nB=2\n", []engine.Var{{Name: "B", Value: "2"}, {Name: "KEY", Value: "-----BEGIN\nabc\n-----END"}}, false},
		{"equals in the value", "A=b=c==\n", []engine.Var{{Name: "A", Value: "b=c=="}}, false},
		{"JSON", ` {"A": "x", "N": 5, "B": true, "O": {"k": [1]}}`, []engine.Var{{Name: "A", Value: "x"}, {Name: "B", Value: "true"}, {Name: "N", Value: "5"}, {Name: "O", Value: `{"k": [1]}`}}, false},
		{"byte order mark", "\ufeffA=1", []engine.Var{{Name: "A", Value: "1"}}, false},
		{"empty", "", nil, false},
		{"no equals sign", "A\n", nil, true},
		{"open quote", "A=\"abc\n", nil, true},
		{"broken JSON", `{"A": "hunter2`, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "vars")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readVars(file)
			if (err != nil) != tc.bad {
				t.Fatalf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows what is in the file: %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseLines(f *testing.F) {
	f.Add("A=1\nB='x'\nC=\"y\\\"\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseLines(text)
		for name := range m {
			if err != nil || name == "" || strings.ContainsAny(name, "=\n") {
				t.Errorf("%q gave the name %q, %v", text, name, err)
			}
		}
	})
}
