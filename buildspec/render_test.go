package buildspec

import (
	"errors"
	"strings"
	"testing"
)

// TestCaret compares the columns on a terminal of the caret and of what it points at.
func TestCaret(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		span      Span
		want      string
	}{
		{
			name: "ascii", src: "a: b", span: Span{Pos{1, 4}, Pos{1, 5}},
			want: "     1 | a: b\n       |    ^\n",
		},
		{
			name: "tabs become spaces", src: "a:\tb\tc", span: Span{Pos{1, 6}, Pos{1, 7}},
			want: "     1 | a:  b   c\n       |         ^\n",
		},
		{
			name: "wide characters count twice", src: "名前: 👌x", span: Span{Pos{1, 5}, Pos{1, 7}},
			want: "     1 | 名前: 👌x\n       |       ^^^\n",
		},
		{
			name: "combining characters count nothing", src: "e\u0301a", span: Span{Pos{1, 3}, Pos{1, 4}},
			want: "     1 | e\u0301a\n       |  ^\n",
		},
		{
			name: "terminal sequences are shown, not sent", src: "\x1b[31mx\u202e", span: Span{Pos{1, 6}, Pos{1, 7}},
			want: "     1 | \ufffd[31mx\ufffd\n       |      ^\n",
		},
		{
			name: "behind the end", src: "ab\r\nc", span: Span{Pos{1, 3}, Pos{1, 3}},
			want: "     1 | ab\n       |   ^\n",
		},
		{
			name: "several lines", src: "ab\ncd", span: Span{Pos{1, 2}, Pos{2, 2}},
			want: "     1 | ab\n       |  ^\n",
		},
		{
			name: "a byte order mark has no width", src: "\ufeffab", span: Span{Pos{1, 2}, Pos{1, 3}},
			want: "     1 | ab\n       |  ^\n",
		},
		{name: "no place", src: "ab", want: ""},
		{name: "outside the file", src: "ab", span: Span{Pos{7, 1}, Pos{7, 2}}, want: ""},
		{
			name: "long lines are cut", src: strings.Repeat("x", 100) + "Y" + strings.Repeat("z", 100), span: Span{Pos{1, 101}, Pos{1, 102}},
			want: "     1 | …" + strings.Repeat("x", 60) + "Y" + strings.Repeat("z", 59) + "…\n       |  " + strings.Repeat(" ", 60) + "^\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ds := Diagnostics{{Rule: "r", File: "f.yml", Span: tt.span, Message: "m"}}
			_, got, _ := strings.Cut(rendered(t, ds, []byte(tt.src)), "\n")
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestRenderWhole(t *testing.T) {
	ds := Diagnostics{
		{Rule: "whole-file", Severity: Hint, File: "a.yml", Message: "m"},
		{
			Rule: "r", File: "a.yml", Span: Span{Pos{2, 1}, Pos{2, 2}}, Message: "n", Help: "one\ntwo\x07", Amplify: "CustomerError: x",
			Related: []Related{{Span: Span{Start: Pos{1, 1}}, Message: "first"}},
		},
	}
	want := `a.yml: hint: m [whole-file]

a.yml:2:1: error: n [r]
     2 | b
       | ^
  note: a.yml:1:1: first
  help: one
        two` + "\ufffd" + `
  Amplify: CustomerError: x
`
	if got := rendered(t, ds, []byte("a\nb\n")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestRenderReportsTheWritersError(t *testing.T) {
	broken := errors.New("disk full")
	if err := Render(brokenWriter{broken}, Diagnostics{{Rule: "r", Message: "m"}}, nil); !errors.Is(err, broken) {
		t.Errorf("error is %v, want it to wrap %v", err, broken)
	}
}
