package buildspec

import (
	"strings"
	"testing"
	"unicode"
)

// TestUnfold checks for scalars of all styles that every visible character of the value leads to where it is written.
func TestUnfold(t *testing.T) {
	for name, tt := range map[string]struct{ src, want string }{
		"plain":             {"k: a b c", "a b c"},
		"plain, folded":     {"k: a\n  b\n\n  é c # d", "abéc"},
		"single":            {"k: 'it''s\n  é'", "it's é"},
		"double":            {`k: "a\"\\b\x41\u00e9\U0001F600 \t\n z"`, `a"\bAé😀z`},
		"double, continued": {"k: \"a \\\n   b\\\n   \\\\ c\"", `ab\c`},
		"literal":           {"k: |\n  a\n    b c\n\n  é\n", "abcé"},
		"literal, indented": {"k: |2-\n    a\n   b\n", "ab"},
		"folded":            {"k: >+\n  a\n  b\n\n\n  c\n\n", "abc"},
		"CRLF":              {"k: |\r\n  a\r\n  b\r\n", "ab"},
		"anchored, tagged":  {"k: &x !!str  'a'", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &collector{}
			src := newSource("", []byte(tt.src))
			node := loadYAML(src, c)
			if node == nil {
				t.Fatal(c.list)
			}
			v := buildTree(src, c, node).entries[0].val
			u := unfold(src, v.asText())
			last := -1
			var got strings.Builder
			for i, r := range v.text {
				at := int(u.at[i])
				if unicode.IsSpace(r) {
					continue
				}
				if at <= last {
					t.Errorf("character %q is placed at %d, the one before at %d", r, at, last)
				}
				last = at
				if src.text[at] == '\\' {
					if escaped, _ := escape(src.text[at:]); escaped != r {
						t.Errorf("character %q is placed at an escape of %q", r, escaped)
					}
				} else if !strings.HasPrefix(src.text[at:], string(r)) {
					t.Errorf("character %q is placed at %q", r, src.text[at:])
				}
				got.WriteRune(r)
			}
			if want := strings.ReplaceAll(tt.want, " ", ""); got.String() != want {
				t.Errorf("the visible characters are %q, want %q", got.String(), want)
			}
			if n := len(src.text); int(u.end) > n || len(v.text) > 0 && int(u.end) <= last {
				t.Errorf("the end is at %d, the last character at %d of %d", u.end, last, n)
			}
		})
	}
}
