package buildspec

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"
)

// source is the text of a file, made fit for the YAML library, with the way between offsets and positions.
type source struct {
	file string
	// text is valid UTF-8 without a byte order mark. Replacements keep the number of characters, so that positions in
	// text are positions in the file.
	text string
	// lineStart holds the byte offset, lineRune the rune index at which each line begins. Lines end at LF, CRLF or CR.
	lineStart, lineRune []int
	// marks holds the byte offset of every markEvery-th rune: positions in a line of a megabyte stay cheap.
	marks []int
	// replaced is the offset of the first byte that was not UTF-8, or -1.
	replaced int
}

const markEvery = 256

var (
	bomUTF8    = []byte("\xef\xbb\xbf")
	bomUTF16LE = []byte("\xff\xfe")
	bomUTF16BE = []byte("\xfe\xff")
)

// newSource never fails: bytes that are not UTF-8 become U+FFFD, as they do in the service's runtime.
func newSource(file string, src []byte) *source {
	src = bytes.TrimPrefix(src, bomUTF8)
	s := &source{file: file, text: string(src), replaced: -1}
	if !utf8.ValidString(s.text) {
		s.text, s.replaced = replaceInvalid(s.text)
	}
	s.index()
	return s
}

// replaceInvalid puts one U+FFFD for each invalid byte and returns the offset of the first.
func replaceInvalid(text string) (string, int) {
	first := -1
	var b strings.Builder
	for i, r := range text {
		if r == utf8.RuneError && first < 0 {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				first = b.Len()
			}
		}
		b.WriteRune(r)
	}
	return b.String(), first
}

func (s *source) index() {
	lines := 1 + strings.Count(s.text, "\n") + strings.Count(s.text, "\r") - strings.Count(s.text, "\r\n")
	s.lineStart, s.lineRune = append(make([]int, 0, lines), 0), append(make([]int, 0, lines), 0)
	s.marks = make([]int, 0, len(s.text)/markEvery+1)
	n := 0
	for i, r := range s.text {
		if n%markEvery == 0 {
			s.marks = append(s.marks, i)
		}
		n++
		if r == '\n' || (r == '\r' && !strings.HasPrefix(s.text[i+1:], "\n")) {
			s.lineStart = append(s.lineStart, i+1)
			s.lineRune = append(s.lineRune, n)
		}
	}
	if len(s.marks) == 0 {
		s.marks = []int{0}
	}
}

// lines returns the number of lines; text after the last line break counts, even when it is empty.
func (s *source) lines() int { return len(s.lineStart) }

// line returns the offsets between which the text of a line stands, without its break. Numbers outside the file are
// moved to the nearest line.
func (s *source) line(n int) (start, end int) {
	n = min(max(n, 1), len(s.lineStart))
	start, end = s.lineStart[n-1], len(s.text)
	if n < len(s.lineStart) {
		end = s.lineStart[n]
	}
	for end > start && (s.text[end-1] == '\n' || s.text[end-1] == '\r') {
		end--
	}
	return start, end
}

// offset returns the byte offset of a position; a column beyond its line means the line's end.
func (s *source) offset(p Pos) int {
	start, end := s.line(p.Line)
	line := min(max(p.Line, 1), len(s.lineStart))
	r := s.lineRune[line-1] + max(p.Column, 1) - 1
	if r/markEvery >= len(s.marks) {
		return end
	}
	off := s.marks[r/markEvery]
	for range r % markEvery {
		if off >= len(s.text) {
			break
		}
		_, size := utf8.DecodeRuneInString(s.text[off:])
		off += size
	}
	return min(max(off, start), end)
}

// pos returns the position of a byte offset.
func (s *source) pos(off int) Pos {
	off = min(max(off, 0), len(s.text))
	line := sort.SearchInts(s.lineStart, off+1)
	mark := sort.SearchInts(s.marks, off+1) - 1
	r := mark*markEvery + utf8.RuneCountInString(s.text[s.marks[mark]:off])
	return Pos{Line: line, Column: r - s.lineRune[line-1] + 1}
}

// span returns the span between two offsets.
func (s *source) span(start, end int) Span {
	return Span{Start: s.pos(start), End: s.pos(max(start, end))}
}

// slice returns the text at a span.
func (s *source) slice(sp Span) string {
	start, end := s.offset(sp.Start), s.offset(sp.End)
	if start > end {
		return ""
	}
	return s.text[start:end]
}

// YAML 1.1, and with it our library, breaks lines at NEL, LS and PS; YAML 1.2 and js-yaml take them as ordinary
// characters. While the library works they stand as unassigned and private characters of as many bytes.
var (
	hideBreaks  = strings.NewReplacer("\u0085", "\u07FB", "\u2028", "\uE428", "\u2029", "\uE429")
	shownBreaks = []string{"\u07FB", "\u0085", "\uE428", "\u2028", "\uE429", "\u2029"}
)

// hasHiddenBreaks reports whether the text needs hideBreaks at all; nearly none does.
func hasHiddenBreaks(text string) bool { return strings.ContainsAny(text, "\u0085\u2028\u2029") }
