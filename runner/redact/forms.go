package redact

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

const (
	// minLine is the length from which on a single line of a multi-line secret is masked. Shorter lines ("{", "  }",
	// "name:") are found in every log.
	minLine = 8
	// minBase64 is the length from which on the inner characters of a base64 spelling are masked: it admits a
	// secret of five bytes at every alignment, and 36 bits do not turn up by chance.
	minBase64 = 6
	// maxEncoded is the length up to which all spellings are searched for. A longer value cannot be an environment variable
	// or an argument on Linux (MAX_ARG_STRLEN): it only passes through files, so the spellings of shells and URLs
	// are not worth their memory.
	maxEncoded = 128 << 10
)

// A formSet collects the different spellings of one secret.
type formSet struct {
	seen map[string]struct{}
	all  []string
}

// add adds the forms that are long enough to be told from chance.
func (f *formSet) add(forms ...string) {
	for _, s := range forms {
		if _, ok := f.seen[s]; ok || len(s) < minForm {
			continue
		}
		f.seen[s] = struct{}{}
		f.all = append(f.all, s)
	}
}

// forms returns the spellings in which value may turn up in a log, without duplicates. White space around the value is not
// part of a form, lest a newline that follows the secret in the log be masked with it.
func forms(value string) []string {
	f := formSet{seen: map[string]struct{}{}}
	text := strings.TrimSpace(value)
	if len(text) < MinLength {
		return nil
	}
	texts := []string{text}
	f.add(text)
	if lf := strings.ReplaceAll(text, "\r\n", "\n"); strings.Contains(lf, "\n") {
		crlf := strings.ReplaceAll(lf, "\n", "\r\n")
		texts = append(texts, lf, crlf)
		f.add(lf, crlf, strings.ReplaceAll(lf, "\n", `\n`), strings.ReplaceAll(lf, "\n", `\r\n`))
		f.lines(lf)
	}
	f.add(strings.Join(strings.Fields(text), " ")) // what an unquoted $SECRET becomes
	if len(text) > maxEncoded {
		f.add(jsonText(text, jsonStyle{}))
		f.wrapped(base64.StdEncoding.EncodeToString([]byte(text)), 76)
		f.base64At(base64.StdEncoding, text, 0)
		return f.all
	}
	for _, t := range texts {
		f.escaped(t)
		f.add(hex.EncodeToString([]byte(t)), strings.ToUpper(hex.EncodeToString([]byte(t))))
		f.base64(t)
		f.base64(t + "\n") // echo "$SECRET" | base64
	}
	f.base64(value)
	return f.all
}

// lines adds each line of text that is long enough and is not only a rule such as "--------".
func (f *formSet) lines(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if len(line) >= minLine && strings.IndexFunc(line, isWordRune) >= 0 {
			f.add(line)
		}
	}
}

func isWordRune(r rune) bool {
	return r >= 0x80 || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// escaped adds the spellings in which most bytes stand for themselves. Nearly all secrets are letters and
// digits, for which all of these are the text itself.
func (f *formSet) escaped(t string) {
	for _, keep := range urlStyles {
		for _, plus := range []bool{false, true} {
			f.add(urlText(t, keep, plus, upperHex), urlText(t, keep, plus, lowerHex))
		}
	}
	for _, style := range jsonStyles {
		f.add(jsonText(t, style))
	}
	for _, style := range []jsonStyle{{}, {html: true}} { // a JSON document inside a string
		f.add(jsonText(jsonText(t, style), jsonStyle{}))
	}
	f.add(goText(t, false), goText(t, true))
	f.add(shellSingle(t)...)
	f.add(shellDouble(t), shellBackslash(t), shellDollar(t, false), shellDollar(t, true))
}

// base64 adds what t looks like inside longer encoded texts, whatever comes before and after it.
func (f *formSet) base64(t string) {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for shift := range 3 {
			f.base64At(enc, t, shift)
		}
	}
	e := base64.StdEncoding.EncodeToString([]byte(t))
	f.wrapped(e, 76) // base64(1), MIME
	f.wrapped(e, 64) // openssl, PEM
}

// base64At adds the spellings of t when shift bytes (modulo 3) precede it: the characters of which all six bits come from t; and
// these with the tail they have when the encoded text ends with t (as the password does in "user:password").
func (f *formSet) base64At(enc *base64.Encoding, t string, shift int) {
	e := enc.EncodeToString(append(make([]byte, shift), t...))
	from := (shift*8 + 5) / 6
	inner := e[from : (shift+len(t))*8/6]
	tail := strings.TrimRight(e, "=")[from:]
	for _, s := range []string{inner, tail, e[from:]} {
		if len(s) >= minBase64 {
			f.add(s)
		}
	}
}

// wrapped adds the lines of the base64 text e as tools break it: each line, as those of a multi-line secret, and the
// whole, for the sake of the short line at the end.
func (f *formSet) wrapped(e string, width int) {
	if len(e) <= width {
		return
	}
	var whole strings.Builder
	for i := 0; i < len(e); i += width {
		line := e[i:min(i+width, len(e))]
		if i > 0 {
			whole.WriteByte('\n')
		}
		whole.WriteString(line)
		if len(line) >= minLine {
			f.add(line)
		}
	}
	f.add(whole.String())
}
