package testreport

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxText is how many bytes of one text of a report are looked at.
const maxText = 8 << 10

// maxBare is the same for what stands outside of texts: numbers and words.
const maxBare = 64

// jsonFilter shortens texts, numbers and white space of a JSON document, so that a decoder of tokens, which holds one of
// them at a time, needs little memory. It changes nothing else; what is no JSON stays none.
type jsonFilter struct {
	src *bufio.Reader
	out bytes.Buffer // what was not asked for yet
	err error

	inText bool
	n      int // bytes of the text, or of the number or word, so far
	space  bool
	escape int // bytes that belong to an escape sequence and follow
	drop   bool
}

func newJSONFilter(src *bufio.Reader) *jsonFilter { return &jsonFilter{src: src} }

// Read implements io.Reader.
func (f *jsonFilter) Read(p []byte) (int, error) {
	for f.out.Len() == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.fill()
	}
	return f.out.Read(p)
}

// fill filters what src has at hand.
func (f *jsonFilter) fill() {
	if _, err := f.src.Peek(1); err != nil {
		f.err = err
		return
	}
	chunk, err := f.src.Peek(f.src.Buffered())
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
		return
	}
	rest := chunk
	for len(rest) > 0 {
		if f.inText {
			rest = f.text(rest)
		} else {
			rest = f.bare(rest)
		}
	}
	if _, err := f.src.Discard(len(chunk)); err != nil {
		f.err = err
	}
}

// text handles what is inside of quotes, and returns what follows.
func (f *jsonFilter) text(b []byte) []byte {
	if f.escape > 0 {
		f.escape--
		if f.escape == 0 && b[0] == 'u' {
			f.escape = -4
		}
		f.pass(b[:1])
		return b[1:]
	}
	if f.escape < 0 { // the digits of \u0000
		f.escape++
		if b[0] == '"' { // it has fewer, which the decoder will say
			f.escape = 0
			return f.text(b)
		}
		f.pass(b[:1])
		return b[1:]
	}
	f.drop = f.drop || f.n >= maxText
	switch b[0] {
	case '"':
		f.inText, f.drop, f.n = false, false, 0
		f.out.WriteByte('"')
		return b[1:]
	case '\\':
		f.escape = 1
		f.pass(b[:1])
		return b[1:]
	}
	end := bytes.IndexAny(b, `"\`)
	if end < 0 {
		end = len(b)
	}
	if !f.drop {
		f.pass(b[:min(end, maxText-f.n)])
	}
	if end > maxText-f.n {
		f.n = maxText
	}
	return b[end:]
}

func (f *jsonFilter) pass(b []byte) {
	if !f.drop {
		f.n += len(b)
		f.out.Write(b)
	}
}

// bare handles one byte outside of quotes.
func (f *jsonFilter) bare(b []byte) []byte {
	space := f.space
	f.space = false
	switch c := b[0]; c {
	case '"':
		f.inText, f.n = true, 0
		f.out.WriteByte(c)
	case ' ', '\t', '\r', '\n':
		if f.space = true; !space {
			f.n = 0
			f.out.WriteByte(c)
		}
	case '{', '}', '[', ']', ',', ':':
		f.n = 0
		f.out.WriteByte(c)
	default:
		if f.n++; f.n <= maxBare {
			f.out.WriteByte(c)
		}
	}
	return b[1:]
}
