package redact

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	upperHex = "0123456789ABCDEF"
	lowerHex = "0123456789abcdef"
)

// urlStyles are the bytes besides letters, digits and "-._" that the escaping functions in use leave as they are.
var urlStyles = []string{
	"~",                  // RFC 3986, strictly: Python quote(safe=""), Go QueryEscape, PHP rawurlencode
	"~/",                 // Python quote
	"~!'()*",             // JavaScript encodeURIComponent
	"~!'()*;,/?:@&=+$#",  // JavaScript encodeURI
	"~$&+=:@",            // Go PathEscape
	"~$&+,;=",            // Go URL.String, user and password
	"~!$&'()*+,;=:@/",    // a URL path as browsers write it
	"~!$&'()*+,;=:@/?[]", // a query as browsers write it
	"*",                  // HTML forms and URLSearchParams
	"",                   // PHP urlencode
}

// urlText escapes all bytes of s but letters, digits, "-._" and those in keep; with plus, a space becomes "+".
func urlText(s, keep string, plus bool, hexDigits string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ' ' && plus:
			b.WriteByte('+')
		case c < 0x80 && (isWordRune(rune(c)) || strings.IndexByte("-._", c) >= 0 || strings.IndexByte(keep, c) >= 0):
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// A jsonStyle says what a writer of JSON, or of similar string literals, escapes beyond what it must.
type jsonStyle struct {
	html   bool // < > & and the line separators U+2028 and U+2029: Go
	slash  bool // / as \/: PHP
	ascii  bool // everything beyond ASCII: Python, PHP
	upper  bool // upper-case digits in \u00XX
	bare   bool // a double quote stays: JavaScript's '…' and `…` as the console shows them
	single bool // a single quote becomes \'
}

var jsonStyles = []jsonStyle{
	{},
	{html: true},
	{html: true, upper: true},
	{html: true, ascii: true},
	{slash: true},
	{ascii: true},
	{ascii: true, upper: true},
	{ascii: true, slash: true},
	{bare: true},
	{bare: true, single: true},
}

var jsonShort = map[rune]string{'\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\\': `\\`}

// jsonText returns s as it stands between the quotes of a JSON string. Bytes that are not UTF-8 stay.
func jsonText(s string, style jsonStyle) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		short, ok := jsonShort[r]
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteByte(s[0])
		case ok:
			b.WriteString(short)
		case r == '"' && !style.bare, r == '\'' && style.single, r == '/' && style.slash:
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ',
			style.html && (r == '<' || r == '>' || r == '&' || r == 0x2028 || r == 0x2029),
			style.ascii && r > '~':
			writeUnicode(&b, r, style.upper)
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

func writeUnicode(b *strings.Builder, r rune, upper bool) {
	format := `\u%04x`
	if upper {
		format = `\u%04X`
	}
	if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
		fmt.Fprintf(b, format, hi)
		r = lo
	}
	fmt.Fprintf(b, format, r)
}

// goText returns s as it stands between the quotes of a Go string (%q, and %+q when ascii).
func goText(s string, ascii bool) string {
	q := strconv.Quote(s)
	if ascii {
		q = strconv.QuoteToASCII(s)
	}
	return q[1 : len(q)-1]
}

// shellSingle returns what s is between single quotes: as bash -x and sh tools write a quote in it, and as Python's shlex.
func shellSingle(s string) []string {
	return []string{strings.ReplaceAll(s, `'`, `'\''`), strings.ReplaceAll(s, `'`, `'"'"'`)}
}

// shellDouble returns what s is between double quotes, as in the output of export -p and declare -p.
func shellDouble(s string) string { return backslashed(s, "\"\\$`") }

// shellBackslash returns s as bash's printf %q writes it.
func shellBackslash(s string) string {
	t := backslashed(s, " \t!\"$&'()*,;<>?[\\]^`{|}")
	if strings.HasPrefix(t, "#") || strings.HasPrefix(t, "~") {
		t = `\` + t
	}
	return t
}

func backslashed(s, special string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(special, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

var dollarShort = map[rune]string{
	'\a': `\a`, '\b': `\b`, 0x1b: `\E`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\v': `\v`, '\\': `\\`, '\'': `\'`,
}

// shellDollar returns s as it stands in bash's $'…': what is not printable as \ooo; in the C locale (ascii), that is
// everything beyond ASCII.
func shellDollar(s string, ascii bool) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		short, ok := dollarShort[r]
		switch {
		case ok:
			b.WriteString(short)
		case r < ' ' || r == 0x7f || r == utf8.RuneError && n == 1 || ascii && r > '~':
			for i := range n {
				fmt.Fprintf(&b, `\%03o`, s[i])
			}
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}
