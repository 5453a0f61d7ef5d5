package buildspec

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// unfolding leads from a scalar's value to where it is written. What YAML does to a scalar, folding lines, removing
// indentation and quotes, reading escapes, keeps the order of the characters, and changes nothing but white space and
// escapes. So the two texts can be walked together from one visible character to the next.
type unfolding struct {
	// at holds for each byte of the value the offset in the file's text of the character that it belongs to; for white
	// space that of the place after the visible character before it.
	at []int32
	// end is the offset after the last visible character.
	end int32
}

// unfold returns the way for a scalar that is written at span. Where the texts don't fit each other, which happens only
// when the span is not the value's, the rest is placed at the last character that did.
func unfold(src *source, t Text) unfolding {
	text, off := src.text, src.offset(t.Span.Start)
	limit := src.offset(t.Span.End)
	u := unfolding{at: make([]int32, len(t.Value))}
	style := byte(0)
	if off < limit {
		style = text[off]
	}
	switch style {
	case '\'', '"':
		off++
	case '|', '>':
		off = nextLine(text, off)
	default:
		style = 0
	}
	last := off
	for i, r := range t.Value {
		size := utf8.RuneLen(r)
		if isBlankOrBreak(byte(min(r, utf8.RuneSelf))) {
			u.at[i] = int32(last)
			continue
		}
		start, got, width := visible(text[:limit], off, style)
		if got != r || width == 0 {
			u.fill(i, last)
			break
		}
		for k := range size {
			u.at[i+k] = int32(start)
		}
		off = start + width
		last = off
	}
	u.end = int32(last)
	return u
}

func (u unfolding) fill(from, off int) {
	for i := from; i < len(u.at); i++ {
		u.at[i] = int32(off)
	}
}

// visible returns the next character at off or after it that is not white space, where it stands and how many bytes it
// takes there.
func visible(text string, off int, style byte) (start int, r rune, width int) {
	for off < len(text) {
		if isBlankOrBreak(text[off]) {
			off++
			continue
		}
		r, width = utf8.DecodeRuneInString(text[off:])
		switch {
		case style == '\'' && r == '\'':
			width = 2
		case style == '"' && r == '\\':
			r, width = escape(text[off:])
		}
		if r < utf8.RuneSelf && isBlankOrBreak(byte(r)) {
			off += width
			continue
		}
		return off, r, width
	}
	return off, 0, 0
}

// escapes are the single-letter escapes of double-quoted scalars.
const escapes = "0\x00a\x07b\bt\tn\nv\vf\fr\re\x1b \x20\"\"''//\\\\N\u0085_\u00a0L\u2028P\u2029\t\t\n\n\r\n"

// escape reads the escape that a text begins with, and returns what it stands for and its length.
func escape(text string) (rune, int) {
	if len(text) < 2 {
		return '\\', 1
	}
	if digits := strings.IndexByte("xuU", text[1]); digits >= 0 {
		end := 2 + 2<<digits
		if len(text) < end {
			return '\\', 1
		}
		n, err := strconv.ParseUint(text[2:end], 16, 32)
		if err != nil {
			return '\\', 1
		}
		return rune(n), end
	}
	for rest := escapes; rest != ""; {
		name := rest[0]
		r, size := utf8.DecodeRuneInString(rest[1:])
		if name == text[1] {
			return r, 2
		}
		rest = rest[1+size:]
	}
	return '\\', 1
}
