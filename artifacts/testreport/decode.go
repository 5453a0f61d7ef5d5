package testreport

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

const bufferSize = 64 << 10

// declared finds the encoding that an XML declaration names.
var declared = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*<\?xml[^>]{1,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']`)
})

// encodings are those that test tools write besides UTF-8.
var encodings = map[string]encoding.Encoding{
	"iso-8859-1": charmap.Windows1252, "latin1": charmap.Windows1252, "windows-1252": charmap.Windows1252, "cp1252": charmap.Windows1252,
	"iso-8859-15": charmap.ISO8859_15, "iso-8859-2": charmap.ISO8859_2, "windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251,
}

// decoded returns the text as valid UTF-8 without a byte order mark. What cannot be decoded becomes U+FFFD.
func decoded(r io.Reader) *bufio.Reader {
	in := bufio.NewReaderSize(r, bufferSize)
	head, _ := in.Peek(512) // an error comes again when it is read
	var t transform.Transformer
	switch enc := encodings[declaredName(head)]; {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		t = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		t = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()
	case enc != nil:
		t = enc.NewDecoder()
	default:
		t = transform.Chain(unicode.BOMOverride(transform.Nop), runes.ReplaceIllFormed())
	}
	return bufio.NewReaderSize(transform.NewReader(in, t), bufferSize)
}

func declaredName(head []byte) string {
	m := declared().FindSubmatch(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))
	if m == nil {
		return ""
	}
	return strings.ToLower(string(m[1]))
}
