package detect

import (
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	punct  tokenKind = iota // one character
	word                    // an identifier, a keyword or a number
	quoted                  // a text in quotes, without them
)

type token struct {
	kind tokenKind
	text string
}

// tokenize cuts JavaScript into tokens, without comments. A text with an escape or a template with a placeholder becomes
// a punctuation mark, so that nobody takes it for a plain literal. What is not JavaScript gives some tokens, too.
func tokenize(src string) []token {
	var tokens []token
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c <= ' ':
			i++
		case strings.HasPrefix(src[i:], "//"):
			i = skipTo(src, i, "\n")
		case strings.HasPrefix(src[i:], "/*"):
			i = skipTo(src, i+2, "*/")
		case c == '/' && regexMayBegin(tokens) && regexEnd(src, i) > 0:
			i = regexEnd(src, i)
			tokens = append(tokens, token{punct, "/"})
		case c == '\'' || c == '"' || c == '`':
			t, end := quotedText(src, i)
			tokens, i = append(tokens, t), end
		case isWord(c):
			start := i
			for i < len(src) && isWord(src[i]) {
				i++
			}
			tokens = append(tokens, token{word, src[start:i]})
		default:
			_, size := utf8.DecodeRuneInString(src[i:])
			tokens = append(tokens, token{punct, src[i : i+size]})
			i += size
		}
	}
	return tokens
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// skipTo returns the offset behind the next end, or the end of the text.
func skipTo(src string, from int, end string) int {
	n := strings.Index(src[from:], end)
	if n < 0 {
		return len(src)
	}
	return from + n + len(end)
}

// quotedText reads the text in quotes that begins at i. What has no end costs the rest of its line, a template the rest of
// the file: going back would take quadratic time.
func quotedText(src string, i int) (token, int) {
	quote, plain := src[i], true
	for j := i + 1; j < len(src); j++ {
		switch {
		case src[j] == quote:
			if !plain {
				return token{punct, "`"}, j + 1
			}
			return token{quoted, src[i+1 : j]}, j + 1
		case src[j] == '\\':
			plain = false
			j++
		case src[j] == '\n' && quote != '`': // an apostrophe in something that is not code
			return token{punct, string(quote)}, j
		case src[j] == '$' && quote == '`':
			plain = false
		}
	}
	return token{punct, string(quote)}, len(src)
}

// regexMayBegin reports whether a slash after these tokens begins a regular expression rather than dividing.
func regexMayBegin(tokens []token) bool {
	if len(tokens) == 0 {
		return true
	}
	last := tokens[len(tokens)-1]
	return last.kind == punct && strings.Contains("(,=:[!&|?{};>", last.text) || last == token{word, "return"}
}

// regexEnd returns the offset behind the regular expression that begins at i, or 0 when none ends soon on its line.
func regexEnd(src string, i int) int {
	const longest = 500
	class := false
	for j := i + 1; j < min(len(src), i+longest) && src[j] != '\n'; j++ {
		switch src[j] {
		case '\\':
			j++
		case '[':
			class = true
		case ']':
			class = false
		case '/':
			if !class {
				return j + 1
			}
		}
	}
	return 0
}

// plainJSON turns JSON with comments and trailing commas, as angular.json and its like are, into JSON.
func plainJSON(src string) []byte {
	out := make([]byte, 0, len(src))
	for i := 0; i < len(src); {
		switch {
		case src[i] == '"':
			end := stringEnd(src, i)
			out = append(out, src[i:end]...)
			i = end
		case strings.HasPrefix(src[i:], "//"):
			i = skipTo(src, i, "\n")
		case strings.HasPrefix(src[i:], "/*"):
			i = skipTo(src, i+2, "*/")
		case src[i] == '}' || src[i] == ']':
			if n := lastInk(out); n >= 0 && out[n] == ',' {
				out = out[:n]
			}
			out = append(out, src[i])
			i++
		default:
			out = append(out, src[i])
			i++
		}
	}
	return out
}

func stringEnd(src string, i int) int {
	for j := i + 1; j < len(src); j++ {
		switch src[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return len(src)
}

// lastInk returns the offset of the last byte that is not white space, or -1.
func lastInk(b []byte) int {
	n := len(b) - 1
	for n >= 0 && b[n] <= ' ' {
		n--
	}
	return n
}
