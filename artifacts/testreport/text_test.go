package testreport

import (
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                   "plain",
		"\x1b[31mred\x1b[0m and \x1b[1;4;38:5mx":  "red and x",
		"␛[31mred␛[39m":                           "red",
		"\x1b]8;;http://x\x07link\x1b]8;;\x1b\\.": "link\\.",
		"\x1b[":                   "",
		"\x1b":                    "",
		"a\x1b[12\nb":             "a\nb",
		"\x1b]" + "no end":        "]no end",
		"a\r\nb\rc\x00\x7f\u0085": "a\nb\nc",
		"\xff":                    "\uFFFD",
		"[31m":                    "[31m",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := message(strings.Repeat("é", 5000)); len([]rune(got)) != maxMessage+1 {
		t.Errorf("a message of %d characters", len([]rune(got)))
	}
}
