package buildspec

import (
	"strings"
	"testing"
)

func edit(line, from, to int, text string) Edit {
	return Edit{Span: Span{Start: Pos{line, from}, End: Pos{line, to}}, NewText: text}
}

func fixOf(edits ...Edit) Diagnostic {
	return Diagnostic{Rule: "r", Message: "m", Fix: &Fix{Title: "t", Edits: edits}}
}

func TestApplyFixes(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		ds        Diagnostics
		want      string
		applied   int
	}{
		{"nothing to do", "a: b\n", Diagnostics{{Rule: "r", Message: "m"}, fixOf()}, "a: b\n", 0},
		{"in any order", "abc\ndef\n", Diagnostics{fixOf(edit(2, 1, 4, "D")), fixOf(edit(1, 2, 3, "BB"))}, "aBBc\nD\n", 2},
		{"insertion and removal", "abc", Diagnostics{fixOf(edit(1, 4, 4, "d"), edit(1, 1, 2, ""))}, "bcd", 1},
		{"next to each other", "abc", Diagnostics{fixOf(edit(1, 1, 2, "x")), fixOf(edit(1, 2, 3, "y"))}, "xyc", 2},
		{"the second overlaps", "abcd", Diagnostics{fixOf(edit(1, 1, 3, "x")), fixOf(edit(1, 2, 4, "y"), edit(1, 5, 5, "z"))}, "xcd", 1},
		{"two insertions at one place", "ab", Diagnostics{fixOf(edit(1, 2, 2, "x")), fixOf(edit(1, 2, 2, "y"))}, "axb", 1},
		{"byte order mark and CRLF", "\ufeffa: b\r\nc: d\r\n", Diagnostics{fixOf(edit(2, 3, 3, "\n  "))}, "\ufeffa: b\r\nc:\r\n   d\r\n", 1},
		{"wide characters", "名前: 👌\n", Diagnostics{fixOf(edit(1, 5, 6, "x"))}, "名前: x\n", 1},
		{
			"bytes that are no UTF-8", "a\xff\xfe: b\xff\nc\xff: d",
			Diagnostics{fixOf(edit(2, 5, 6, "e")), fixOf(edit(1, 6, 7, "B"))},
			"a\xff\xfe: B\xff\nc\xff: e", 2,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, applied, err := ApplyFixes([]byte(tt.src), tt.ds)
			if err != nil || string(got) != tt.want || applied != tt.applied {
				t.Errorf("got %q, %d, %v; want %q, %d", got, applied, err, tt.want, tt.applied)
			}
		})
	}
}

func TestApplyFixesRefusesWhatDoesNotFit(t *testing.T) {
	for name, d := range map[string]Diagnostic{
		"no place":          fixOf(Edit{NewText: "x"}),
		"behind the file":   fixOf(edit(9, 1, 1, "x")),
		"backwards":         fixOf(edit(1, 3, 1, "x")),
		"overlaps itself":   fixOf(edit(1, 1, 3, "x"), edit(1, 2, 4, "y")),
		"twice at one spot": fixOf(edit(1, 1, 1, "x"), edit(1, 1, 1, "y")),
	} {
		t.Run(name, func(t *testing.T) {
			got, applied, err := ApplyFixes([]byte("abc\n"), Diagnostics{d})
			if err == nil || got != nil || applied != 0 || !strings.Contains(err.Error(), `fix "t" of r`) {
				t.Errorf("got %q, %d, %v; want an error that names the fix", got, applied, err)
			}
		})
	}
}
