package deploymanifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/preamp-build/preamp/buildspec"
)

const (
	// MaxFileSize is the size in bytes up to which a manifest is read. 25 routes need a hundredth of it.
	MaxFileSize = 1 << 20
	maxDepth    = 50
)

type kind int

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

func (k kind) String() string {
	return [...]string{"null", "true or false", "a number", "a text", "a list", "an object"}[k]
}

// value is a JSON value with its place.
type value struct {
	kind    kind
	text    string // of a text; the spelling of a number; "true" or "false"
	items   []*value
	members []member
	span    buildspec.Span
}

type member struct {
	key     string
	keySpan buildspec.Span
	val     *value
}

// get returns a member of an object, or nil.
func (v *value) get(key string) *member {
	if v == nil {
		return nil
	}
	for i := range v.members {
		if v.members[i].key == key {
			return &v.members[i]
		}
	}
	return nil
}

// lines knows where the lines of a file begin.
type lines struct {
	src    []byte
	starts []int
}

func newLines(src []byte) *lines {
	l := &lines{src: src, starts: []int{0}}
	for i, c := range src {
		if c == '\n' || c == '\r' && !bytes.HasPrefix(src[i+1:], []byte("\n")) {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// pos returns the position of an offset; columns count characters.
func (l *lines) pos(off int) buildspec.Pos {
	off = min(max(off, 0), len(l.src))
	line := sort.SearchInts(l.starts, off+1)
	return buildspec.Pos{Line: line, Column: 1 + utf8.RuneCount(l.src[l.starts[line-1]:off])}
}

func (l *lines) span(start, end int) buildspec.Span {
	return buildspec.Span{Start: l.pos(start), End: l.pos(max(start, end))}
}

// reader builds the tree of a JSON text. Its errors are of the type *problem.
type reader struct {
	*lines
	dec *json.Decoder
	// report takes findings that do not end the reading.
	report func(buildspec.Diagnostic)
}

// problem ends the reading.
type problem struct{ diag buildspec.Diagnostic }

func (p *problem) Error() string { return p.diag.Message }

// readJSON returns the one value of a text, or nil when it is not JSON; the reason is reported then.
func readJSON(src []byte, report func(buildspec.Diagnostic)) *value {
	r := &reader{lines: newLines(src), dec: json.NewDecoder(bytes.NewReader(src)), report: report}
	r.dec.UseNumber()
	v, err := r.value(0)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		report(r.explain(err))
		return nil
	}
	return v
}

// token returns the next token with the offsets of its text.
func (r *reader) token() (t json.Token, start, end int, err error) {
	start = int(r.dec.InputOffset())
	for start < len(r.src) && strings.IndexByte(" \t\r\n,:", r.src[start]) >= 0 {
		start++
	}
	t, err = r.dec.Token()
	return t, start, int(r.dec.InputOffset()), err
}

func (r *reader) value(depth int) (*value, error) {
	t, start, end, err := r.token()
	if err != nil {
		return nil, err
	}
	return r.rest(t, start, end, depth)
}

// rest builds the value that begins with a token.
func (r *reader) rest(t json.Token, start, end, depth int) (*value, error) {
	v := &value{span: r.span(start, end)}
	switch t := t.(type) {
	case string:
		v.kind, v.text = text, t
	case json.Number:
		v.kind, v.text = number, t.String()
	case bool:
		v.kind, v.text = boolean, fmt.Sprint(t)
	case json.Delim:
		if depth >= maxDepth {
			return nil, &problem{buildspec.Diagnostic{
				Rule: ruleTooDeep, Span: v.span, Message: fmt.Sprintf("the file is nested more than %d levels deep", maxDepth),
				Help: "look for brackets that are never closed",
			}}
		}
		v.kind = list
		fill := r.list
		if t == '{' {
			v.kind, fill = object, r.object
		}
		if err := fill(v, depth); err != nil {
			return nil, err
		}
		_, _, end, err := r.token() // the closing bracket
		if err != nil {
			return nil, err
		}
		v.span = r.span(start, end)
	}
	return v, nil
}

func (r *reader) list(v *value, depth int) error {
	for r.dec.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	return nil
}

func (r *reader) object(v *value, depth int) error {
	seen := map[string]buildspec.Span{}
	for r.dec.More() {
		t, start, end, err := r.token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // the decoder allows nothing else
		m := member{key: key, keySpan: r.span(start, end)}
		if m.val, err = r.value(depth + 1); err != nil {
			return err
		}
		if first, again := seen[key]; again {
			r.report(buildspec.Diagnostic{
				Rule: ruleDuplicateKey, Severity: buildspec.Warning, Span: m.keySpan,
				Message: fmt.Sprintf("%q is written twice in the same object; the last one counts", shorten(key)),
				Help:    "remove one of them",
				Related: []buildspec.Related{{Span: first, Message: "the first one"}},
			})
			for i := range v.members {
				if v.members[i].key == key {
					v.members[i] = m
				}
			}
			continue
		}
		seen[key] = m.keySpan
		v.members = append(v.members, m)
	}
	return nil
}

// end makes sure that nothing follows.
func (r *reader) end() error {
	_, start, end, err := r.token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	return &problem{buildspec.Diagnostic{
		Rule: ruleSyntax, Span: r.span(start, end), Message: "something follows the end of the manifest",
		Help: "a manifest is one object in braces",
	}}
}

// explain makes a finding of what ended the reading.
func (r *reader) explain(err error) buildspec.Diagnostic {
	var p *problem
	if errors.As(err, &p) {
		return p.diag
	}
	// The decoder of tokens gives places that are off by some white space; reading the whole again does not.
	if again := json.Unmarshal(r.src, new(json.RawMessage)); again != nil {
		err = again
	}
	diag := buildspec.Diagnostic{
		Rule: ruleSyntax, Message: "this is not JSON: " + strings.TrimPrefix(err.Error(), "json: "),
		Help: "mend it, or the program that writes it",
	}
	off := len(r.src)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && !strings.Contains(syntax.Error(), "unexpected end") {
		off = max(int(syntax.Offset)-1, 0) // the offset is that behind the offending byte
	}
	switch {
	case len(bytes.TrimSpace(r.src)) == 0:
		diag.Message = "the file is empty"
	case off >= len(r.src):
		diag.Message = "the file ends before its object does"
	case strings.IndexByte("]}", r.src[off]) >= 0 && strings.Contains(diag.Message, "looking for beginning"):
		diag.Help = "remove the comma before this bracket: JSON allows none there"
	case r.src[off] == '/' || r.src[off] == '#':
		diag.Help = "JSON has no comments; remove it"
	case r.src[off] == '\'':
		diag.Help = "use double quotes"
	}
	diag.Span = r.span(off, min(off+1, len(r.src)))
	return diag
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
