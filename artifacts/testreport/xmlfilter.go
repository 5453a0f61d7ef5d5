package testreport

import (
	"bufio"
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxTag is how many bytes a tag may have, its attributes already shortened.
const maxTag = 64 << 10

// xmlState is where in a document the filter is.
type xmlState int

const (
	xmlText    xmlState = iota
	xmlTag              // between < and >
	xmlValue            // in an attribute's quotes
	xmlCDATA            //
	xmlIgnored          // comments, instructions, the document type
)

// xmlFilter shortens texts and attributes of an XML document, so that a decoder of tokens, which holds one of them at a time, needs
// little memory. It leaves out comments, instructions and document types, with all entities that these declare, and it
// replaces characters that XML does not allow and tools write nevertheless. What comes in must be UTF-8.
type xmlFilter struct {
	src *bufio.Reader
	out bytes.Buffer // what was not asked for yet
	err error

	state xmlState
	quote byte   // of the value
	end   string // of what is ignored
	depth int    // of < and [ in a document type
	n     int    // bytes of the text or value so far
	tag   int    // bytes of the tag so far
	keep  bool   // the last character was passed on, so its further bytes are, too
}

func newXMLFilter(src *bufio.Reader) *xmlFilter { return &xmlFilter{src: src} }

// Read implements io.Reader.
func (f *xmlFilter) Read(p []byte) (int, error) {
	for f.out.Len() < bufferSize && f.err == nil {
		f.err = f.step()
	}
	if f.out.Len() == 0 {
		return 0, f.err
	}
	return f.out.Read(p)
}

// step takes something from src.
func (f *xmlFilter) step() error {
	c, err := f.src.ReadByte()
	if err != nil {
		return err
	}
	switch f.state {
	case xmlTag:
		return f.inTag(c)
	case xmlValue:
		if c == f.quote {
			f.state = xmlTag
			return f.raw(c)
		}
		return f.char(c)
	case xmlCDATA:
		return f.inCDATA(c)
	case xmlIgnored:
		return f.ignored(c)
	}
	if c == '<' {
		return f.markup()
	}
	return f.char(c)
}

// markup handles what begins with <.
func (f *xmlFilter) markup() error {
	for _, m := range []struct {
		begin, end string
		state      xmlState
	}{{"!--", "-->", xmlIgnored}, {"?", "?>", xmlIgnored}, {"![CDATA[", "", xmlCDATA}, {"!", ">", xmlIgnored}} {
		if head, err := f.src.Peek(len(m.begin)); err != nil || string(head) != m.begin {
			continue
		}
		if _, err := f.src.Discard(len(m.begin)); err != nil {
			return err
		}
		f.state, f.end, f.depth = m.state, m.end, 0
		return nil
	}
	f.state, f.n, f.tag = xmlTag, 0, 0
	return f.raw('<')
}

func (f *xmlFilter) inTag(c byte) error {
	switch {
	case c == '>':
		f.state, f.n = xmlText, 0
	case c == '"' || c == '\'':
		f.state, f.quote, f.n = xmlValue, c, 0
	case c == '<':
		return notThis("a tag is not closed")
	}
	return f.raw(c)
}

// raw passes a byte of a tag on.
func (f *xmlFilter) raw(c byte) error {
	if f.tag++; f.tag > maxTag {
		return notThis("a tag has more than %d bytes", maxTag)
	}
	f.out.WriteByte(c)
	return nil
}

// char handles a byte of a text or of a value.
func (f *xmlFilter) char(c byte) error {
	if c >= utf8.RuneSelf && !utf8.RuneStart(c) { // goes with the bytes before
		if f.keep {
			f.out.WriteByte(c)
		}
		return nil
	}
	if f.keep = f.n < maxText; !f.keep {
		return nil
	}
	f.n++
	if f.state == xmlValue {
		f.tag++
	}
	var s string
	var err error
	switch {
	case c == '<':
		s = "&lt;"
	case c == '>':
		s = "&gt;"
	case c == '&':
		s, err = f.entity()
	case c == 0x1b:
		s = picture
	case c < ' ' && c != '\n' && c != '\r' && c != '\t':
		s = " "
	default:
		return f.out.WriteByte(c)
	}
	f.out.WriteString(s)
	return err
}

// entity reads what follows an &, and returns what to write for it: what XML knows stays.
func (f *xmlFilter) entity() (string, error) {
	head, err := f.src.Peek(12)
	end := bytes.IndexByte(head, ';')
	if end < 0 {
		if len(head) > 0 {
			err = nil
		}
		return "&amp;", err
	}
	name := string(head[:end])
	known := ""
	switch {
	case strings.HasPrefix(name, "#"):
		known = reference(name[1:])
	case name == "lt", name == "gt", name == "amp", name == "quot", name == "apos":
		known = "&" + name + ";"
	}
	if known == "" {
		return "&amp;", nil
	}
	_, err = f.src.Discard(end + 1)
	return known, err
}

// reference returns what stands for a character that is given by its number, or "".
func reference(digits string) string {
	base := 10
	if strings.HasPrefix(digits, "x") {
		base, digits = 16, digits[1:]
	}
	n, err := strconv.ParseUint(digits, base, 32)
	switch {
	case err != nil:
		return ""
	case n == 0x1b:
		return picture
	case n < ' ' && n != '\n' && n != '\r' && n != '\t', n >= 0xd800 && n <= 0xdfff, n == 0xfffe, n == 0xffff, n > utf8.MaxRune:
		return " "
	}
	return "&#" + strconv.FormatUint(n, 10) + ";"
}

// inCDATA handles such a section as if its text were an ordinary one.
func (f *xmlFilter) inCDATA(c byte) error {
	switch c {
	case ']':
		if head, err := f.src.Peek(2); err == nil && string(head) == "]>" {
			f.state = xmlText
			_, err = f.src.Discard(2)
			return err
		}
	case '&':
		if f.n < maxText {
			f.n++
			f.out.WriteString("&amp;")
		}
		return nil
	}
	return f.char(c)
}

func (f *xmlFilter) ignored(c byte) error {
	if f.end == ">" { // a document type has more of them inside
		switch c {
		case '<', '[':
			f.depth++
		case ']':
			f.depth--
		case '>':
			if f.depth <= 0 {
				f.state = xmlText
			}
			f.depth--
		}
		return nil
	}
	if c != f.end[0] {
		return nil
	}
	if head, _ := f.src.Peek(len(f.end) - 1); string(head) != f.end[1:] {
		return nil // an error comes again when it is read
	}
	f.state = xmlText
	_, err := f.src.Discard(len(f.end) - 1)
	return err
}

// xmlReason says what is wrong with a document.
func xmlReason(err error) string {
	var why *errReport
	if errors.As(err, &why) {
		return why.reason
	}
	return strings.TrimPrefix(err.Error(), "XML syntax error on ")
}
