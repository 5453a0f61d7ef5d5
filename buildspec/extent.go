package buildspec

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// The library tells where a node begins but not where it ends, and begins a node at its anchor or tag. These functions
// find the rest in the text. Should the text surprise them they return a shorter extent, never one outside the file.

// scalarExtent returns where the text of a scalar stands, its quotes or block indicator included.
func scalarExtent(text string, off int, n *yaml.Node) (start, end int) {
	start = skipProperties(text, off)
	if start >= len(text) {
		return min(off, len(text)), min(off, len(text))
	}
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0:
		return start, singleQuotedEnd(text, start)
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return start, doubleQuotedEnd(text, start)
	case n.Style&yaml.LiteralStyle != 0:
		return start, literalEnd(text, start, n.Value)
	case n.Style&yaml.FoldedStyle != 0:
		return start, foldedEnd(text, start)
	case n.Value == "":
		return off, off
	default:
		return start, plainEnd(text, start, n.Value)
	}
}

// skipProperties moves past anchors and tags, and past the blanks and comments after them. No plain scalar begins with
// their characters.
func skipProperties(text string, off int) int {
	for off < len(text) && (text[off] == '&' || text[off] == '!') {
		for off < len(text) && !isBlankOrBreak(text[off]) {
			off++
		}
		off = skipBlank(text, off)
	}
	return off
}

// skipBlank moves past white space, line breaks and comments.
func skipBlank(text string, off int) int {
	for off < len(text) {
		switch {
		case isBlankOrBreak(text[off]):
			off++
		case text[off] == '#':
			off += breakIndex(text[off:])
		default:
			return off
		}
	}
	return off
}

func isBlankOrBreak(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// breakIndex returns the length of the text's first line, without its break.
func breakIndex(text string) int {
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		return i
	}
	return len(text)
}

// nextLine returns the offset of the line after the one that off is in.
func nextLine(text string, off int) int {
	off += breakIndex(text[off:])
	if strings.HasPrefix(text[off:], "\r\n") {
		return off + 2
	}
	return min(off+1, len(text))
}

// singleQuotedEnd returns the offset after the closing quote, or the text's length when there is none.
func singleQuotedEnd(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		if text[i] != '\'' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			i++
			continue
		}
		return i + 1
	}
	return len(text)
}

// doubleQuotedEnd returns the offset after the closing quote, or the text's length when there is none.
func doubleQuotedEnd(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// literalEnd counts lines: each line of a literal block is a line of its value.
func literalEnd(text string, start int, value string) int {
	end := start + breakIndex(text[start:])
	value = strings.TrimRight(value, "\n")
	if value == "" {
		return end
	}
	for range strings.Count(value, "\n") + 1 {
		next := nextLine(text, end)
		end = next + breakIndex(text[next:])
	}
	return end
}

// foldedEnd takes the lines that are indented at least as far as the block's first.
func foldedEnd(text string, start int) int {
	end := start + breakIndex(text[start:])
	indent := -1
	for next := nextLine(text, end); next < len(text); next = nextLine(text, next) {
		line := text[next : next+breakIndex(text[next:])]
		blank := len(line) - len(strings.TrimLeft(line, " "))
		if strings.TrimSpace(line) == "" {
			continue
		}
		if indent < 0 {
			indent = blank
		}
		if blank < indent || indent == 0 {
			break
		}
		end = next + len(line)
	}
	return end
}

// plainEnd walks value and text together: folding changes nothing but white space.
func plainEnd(text string, start int, value string) int {
	end := start
	for _, r := range value {
		if r == ' ' || r == '\t' || r == '\n' {
			continue
		}
		i := end
		for i < len(text) && isBlankOrBreak(text[i]) {
			i++
		}
		got, size := utf8.DecodeRuneInString(text[i:])
		if got != r || size == 0 {
			return end
		}
		end = i + size
	}
	return end
}

// flowEnd returns the offset after the bracket that closes a flow collection whose last child ends at off.
func flowEnd(text string, off int) int {
	i := off
	for {
		i = skipBlank(text, i)
		if i >= len(text) {
			return off
		}
		switch text[i] {
		case ',':
			i++
		case ']', '}':
			return i + 1
		default:
			return off
		}
	}
}
