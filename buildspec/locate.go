package buildspec

import (
	"io"
	"strings"
	"unicode/utf8"
)

// locator finds the exact place of a syntax error. Its finders look at one line and return the offsets between which
// the culprit stands; when it isn't there, the line's text.
type locator struct {
	src  *source
	text string // what the library was given; the offsets of src are good for it
	raw  string // the library's message
	line int    // 0 = unknown
}

// noticedSteps bounds how often a file is parsed again for the sake of a good place.
const noticedSteps = 16

// noticed returns the line at which the parser noticed the error. The parser reads as it goes, so the bytes that it
// has asked for bound the place from behind; shorter and shorter beginnings of the file, for as long as they give the
// same error, bring the bound down to the line.
func (l *locator) noticed() int {
	r := &meter{text: l.text}
	_, _ = decodeYAML(r) // the error is known
	line := l.src.pos(max(r.read-1, 0)).Line
	for range retries(l.text, noticedSteps) {
		if line <= 1 {
			break
		}
		start, _ := l.src.line(line)
		if _, err := decodeYAML(strings.NewReader(l.text[:min(start, len(l.text))])); err == nil || err.Error() != l.raw {
			break
		}
		line--
	}
	return line
}

// meter is a reader that hands out one byte at a time and counts them.
type meter struct {
	text string
	read int
}

func (m *meter) Read(p []byte) (int, error) {
	if m.read >= len(m.text) {
		return 0, io.EOF
	}
	n := copy(p, m.text[m.read:m.read+1])
	m.read += n
	return n, nil
}

// bounds returns the offsets of the line's text without its indentation and what follows it.
func (l *locator) bounds() (start, end int) {
	start, end = l.src.line(l.line)
	line := l.src.text[start:end]
	start += len(line) - len(strings.TrimLeft(line, " \t"))
	return start, max(start, end-(len(line)-len(strings.TrimRight(line, " \t"))))
}

func (l *locator) lineText() (int, int) { return l.bounds() }

// one returns the character at an offset.
func (l *locator) one(off int) (int, int) {
	_, size := utf8.DecodeRuneInString(l.src.text[off:])
	return off, off + max(size, 1)
}

// tokens calls f with the offset of every character of the line at which an unquoted text could begin, and stops when
// f returns true.
func (l *locator) tokens(f func(off int) bool) {
	start, end := l.bounds()
	for i := start; i < end; {
		if f(i) {
			return
		}
		switch c := l.src.text[i]; {
		case c == '\'':
			i = singleQuotedEnd(l.src.text[:end], i)
		case c == '"':
			i = doubleQuotedEnd(l.src.text[:end], i)
		case c == '#':
			return
		case strings.IndexByte("[{,", c) >= 0, c == '-' && isBlankAt(l.src.text, i+1):
			i++
		default: // a plain text: up to the colon, comma or bracket that ends it
			for i < end && strings.IndexByte(",[]{}", l.src.text[i]) < 0 && (l.src.text[i] != ':' || !isBlankAt(l.src.text, i+1)) {
				i++
			}
			i++
		}
		for i < end && isBlankOrBreak(l.src.text[i]) {
			i++
		}
	}
}

func isBlankAt(text string, off int) bool { return off >= len(text) || isBlankOrBreak(text[off]) }

// first returns the first token for which f is true, as one character.
func (l *locator) first(f func(off int) bool) (int, int) {
	found := -1
	l.tokens(func(off int) bool {
		if f(off) {
			found = off
		}
		return found >= 0
	})
	if found < 0 {
		return l.bounds()
	}
	return l.one(found)
}

func (l *locator) firstOf(chars string) (int, int) {
	return l.first(func(off int) bool { return strings.IndexByte(chars, l.src.text[off]) >= 0 })
}

func (l *locator) indicator() (int, int) { return l.firstOf("*&") }
func (l *locator) blockMark() (int, int) { return l.firstOf("|>") }

// badStart returns a character that no plain text may begin with, or a tab where only spaces may stand.
func (l *locator) badStart() (int, int) {
	start, end := l.firstOf("@`%")
	if text, _ := l.bounds(); start == text && (start == len(l.src.text) || strings.IndexByte("@`%", l.src.text[start]) < 0) {
		return l.tab()
	}
	return start, end
}

// colon returns the colon that is one too many: the second of the line, or its only one.
func (l *locator) colon() (int, int) {
	start, end := l.bounds()
	at, seen := -1, 0
	for i := start; i < end && seen < 2; i++ {
		switch c := l.src.text[i]; {
		case (c == '\'' || c == '"') && (i == start || isBlankOrBreak(l.src.text[i-1])):
			if c == '"' {
				i = doubleQuotedEnd(l.src.text[:end], i) - 1
			} else {
				i = singleQuotedEnd(l.src.text[:end], i) - 1
			}
		case c == ':' && isBlankAt(l.src.text, i+1):
			at, seen = i, seen+1
		}
	}
	if at < 0 {
		return start, end
	}
	return at, at + 1
}

// dash returns the dash that follows a key on its line.
func (l *locator) dash() (int, int) {
	start, end := l.bounds()
	if i := strings.Index(l.src.text[start:end], ": -"); i >= 0 {
		return start + i + 2, start + i + 3
	}
	return start, end
}

// alias returns the alias that the message names.
func (l *locator) alias() (int, int) {
	_, rest, _ := strings.Cut(l.raw, "'")
	name, _, _ := strings.Cut(rest, "'")
	for n := 1; n <= l.src.lines(); n++ {
		l.line = n
		found := -1
		l.tokens(func(off int) bool {
			after, ok := strings.CutPrefix(l.src.text[off:], "*"+name)
			if ok && (isBlankAt(after, 0) || strings.IndexByte(",]}", after[0]) >= 0) {
				found = off
			}
			return found >= 0
		})
		if found >= 0 {
			return found, found + 1 + len(name)
		}
	}
	l.line = 1
	return l.bounds()
}

// tab returns the first tab of the line, or of the indentation of a later one: the library may name the line at which
// the text around the tab begins.
func (l *locator) tab() (int, int) {
	for n := max(l.line, 1); n <= l.src.lines(); n++ {
		start, end := l.src.line(n)
		line := l.src.text[start:end]
		if i := strings.IndexByte(line, '\t'); i >= 0 && strings.Trim(line[:i], " ") == "" && strings.Trim(line, " \t") != "" {
			return start + i, start + i + 1
		}
	}
	start, end := l.src.line(l.line)
	if i := strings.IndexByte(l.src.text[start:end], '\t'); i >= 0 {
		return start + i, start + i + 1
	}
	return l.bounds()
}

// indentTab returns the offset of a tab in the line's indentation, or -1.
func (l *locator) indentTab() int {
	start, _ := l.src.line(l.line)
	text, _ := l.bounds()
	if i := strings.IndexByte(l.src.text[start:text], '\t'); i >= 0 {
		return start + i
	}
	return -1
}

// openQuote returns the quote that begins on this line, or else on an earlier one, and is never closed. The library
// doesn't say the line when it is the first.
func (l *locator) openQuote() (int, int) {
	for _, line := range []int{l.line, 1} {
		l.line = line
		_, end := l.bounds()
		found := -1
		l.tokens(func(off int) bool {
			switch l.src.text[off] {
			case '\'':
				found = off
				return singleQuotedEnd(l.src.text[:end], off) == end && l.src.text[end-1] != '\''
			case '"':
				found = off
				return doubleQuotedEnd(l.src.text[:end], off) == end && l.src.text[end-1] != '"'
			}
			return false
		})
		if found >= 0 {
			return l.one(found)
		}
	}
	return l.bounds()
}

// quoteAcross returns the offset of a quote that was opened on an earlier line and is closed on this one, or -1.
func (l *locator) quoteAcross() int {
	text, errorLine := l.src.text, l.line
	defer func() { l.line = errorLine }()
	for l.line = 1; l.line < errorLine; l.line++ {
		_, end := l.bounds()
		open, closed := -1, 0
		l.tokens(func(off int) bool {
			switch text[off] {
			case '\'':
				closed = singleQuotedEnd(text, off)
			case '"':
				closed = doubleQuotedEnd(text, off)
			}
			if closed > end {
				open = off
			}
			return open >= 0
		})
		if open < 0 {
			continue
		}
		last := l.src.pos(closed).Line
		if last == errorLine {
			return open
		}
		// The rest of the last line may open another quote; looking at the next lines only is good enough.
		l.line = max(l.line, last)
	}
	return -1
}

// emptyEntry returns a comma of a flow collection without anything before it.
func (l *locator) emptyEntry() (int, int) {
	before := byte(0)
	start, end := l.bounds()
	for i := start; i < end; i++ {
		switch c := l.src.text[i]; {
		case isBlankOrBreak(c):
			continue
		case c == ',' && strings.IndexByte("[{,", before) >= 0:
			return i, i + 1
		default:
			before = c
		}
	}
	return start, end
}

// openBracket returns the last bracket of the line that is not closed on it.
func (l *locator) openBracket() (int, int) {
	var open []int
	l.tokens(func(off int) bool {
		if c := l.src.text[off]; c == '[' || c == '{' {
			open = append(open, off)
		}
		return false
	})
	for i := len(open) - 1; i >= 0; i-- {
		_, end := l.bounds()
		if bracketEnd(l.src.text[:end], open[i]) < 0 {
			return l.one(open[i])
		}
	}
	if len(open) > 0 {
		return l.one(open[len(open)-1])
	}
	return l.bounds()
}

// bracketEnd returns the offset after the bracket that closes the one at start, or -1.
func bracketEnd(text string, start int) int {
	depth := 0
	for i := start; i < len(text); i++ {
		switch c := text[i]; c {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '\'', '"':
			if strings.IndexByte("[{, ", text[i-1]) < 0 {
				continue // an apostrophe inside a word
			}
			if c == '"' {
				i = doubleQuotedEnd(text, i) - 1
			} else {
				i = singleQuotedEnd(text, i) - 1
			}
		}
	}
	return -1
}

// escape returns the first escape of the line, or of those after it, that YAML doesn't know.
func (l *locator) escape() (int, int) {
	start, _ := l.bounds()
	for i := start; i+1 < len(l.src.text); i++ {
		if l.src.text[i] != '\\' {
			continue
		}
		if strings.IndexByte("0abt\tnvfre \"'/\\N_LPxuU\r\n", l.src.text[i+1]) < 0 {
			_, end := l.one(i + 1)
			return i, end
		}
		i++
	}
	return l.bounds()
}

// control returns the first character that YAML forbids.
func (l *locator) control() (int, int) {
	for i, r := range l.src.text {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r > 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff {
			return l.one(i)
		}
	}
	return l.bounds()
}

// trailing reports whether the line has text behind a quoted or bracketed value, and where: "- [ -f x ] && y". block
// says that the line isn't inside of brackets, so that a comma or a bracket is no more than text.
func (l *locator) trailing(block bool) (found bool, start, end int) {
	fits := "#:,]}"
	if block {
		fits = "#:"
	}
	_, end = l.bounds()
	text := l.src.text[:end]
	l.tokens(func(off int) bool {
		var after int
		switch text[off] {
		case '\'':
			after = singleQuotedEnd(text, off)
		case '"':
			after = doubleQuotedEnd(text, off)
		case '[', '{':
			after = bracketEnd(text, off)
		default:
			return false
		}
		if after < 0 {
			return true
		}
		for after < end && isBlankOrBreak(text[after]) {
			after++
		}
		if after < end && strings.IndexByte(fits, text[after]) < 0 {
			found, start = true, after
		}
		return true
	})
	return found, start, end
}
