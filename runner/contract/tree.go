package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"unicode/utf8"
)

// node is a value of the document that knows where it stands.
type node struct {
	offset  int
	value   any // string, json.Number, bool or nil; of objects and lists json.Delim
	members []member
	items   []*node
}

type member struct {
	name   string
	offset int
	value  *node
}

func (n *node) is(delim json.Delim) bool { return n.value == delim }

// kind is what a value is, in words.
func (n *node) kind() string {
	switch v := n.value.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	case json.Delim:
		if v == '{' {
			return "an object"
		}
		return "a list"
	}
	return "null"
}

// get is the member of that name, or nil.
func (n *node) get(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// maxDepth is more than any job needs.
const maxDepth = 16

// parser reads JSON into nodes. What it cannot read is a problem with the path of the innermost value that it was in.
type parser struct {
	*reader
	dec *json.Decoder
}

// parse reads the whole document; nil when it is no JSON.
func (r *reader) parse() *node {
	if len(r.raw) > MaxJob {
		r.add(0, "$", "the document has more than %d MiB", MaxJob>>20)
		return nil
	}
	if !utf8.Valid(r.raw) {
		at := 0
		for at < len(r.raw) {
			c, size := utf8.DecodeRune(r.raw[at:])
			if c == utf8.RuneError && size <= 1 {
				break
			}
			at += size
		}
		r.add(at, "$", "the document is not UTF-8 here")
		return nil
	}
	p := &parser{reader: r, dec: json.NewDecoder(bytes.NewReader(r.raw))}
	p.dec.UseNumber()
	root, ok := p.value("$", 0)
	if !ok {
		return nil
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		r.add(p.next(), "$", "something follows the document: one job is one document")
		return nil
	}
	return root
}

// next is where the next token begins.
func (p *parser) next() int {
	at := int(p.dec.InputOffset())
	for at < len(p.raw) && bytes.IndexByte([]byte(" \t\r\n,:"), p.raw[at]) >= 0 {
		at++
	}
	return at
}

func (p *parser) token(path string) (any, int, bool) {
	at := p.next()
	t, err := p.dec.Token()
	if err == nil {
		return t, at, true
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		p.add(len(p.raw), path, "the document ends too early")
	case errors.As(err, &syntax):
		p.add(at, path, "this is not JSON: %v", syntax)
	default:
		p.add(at, path, "this is not JSON")
	}
	return nil, at, false
}

func (p *parser) value(path string, depth int) (*node, bool) {
	t, at, ok := p.token(path)
	if !ok {
		return nil, false
	}
	n := &node{offset: at, value: t}
	if depth > maxDepth {
		p.add(at, path, "objects and lists are nested too deeply")
		return nil, false
	}
	switch {
	case n.is('{'):
		return n, p.object(n, path, depth)
	case n.is('['):
		return n, p.list(n, path, depth)
	}
	return n, true
}

func (p *parser) object(n *node, path string, depth int) bool {
	seen := map[string]bool{}
	for p.dec.More() {
		t, at, ok := p.token(path)
		if !ok {
			return false
		}
		name, ok := t.(string)
		if !ok {
			p.add(at, path, "this is not JSON: a field has no name")
			return false
		}
		inner := field(path, name)
		if seen[name] {
			p.add(at, inner, "the field is there twice")
		}
		seen[name] = true
		v, ok := p.value(inner, depth+1)
		if !ok {
			return false
		}
		n.members = append(n.members, member{name, at, v})
	}
	_, _, ok := p.token(path)
	return ok
}

func (p *parser) list(n *node, path string, depth int) bool {
	for p.dec.More() {
		v, ok := p.value(fmt.Sprintf("%s[%d]", path, len(n.items)), depth+1)
		if !ok {
			return false
		}
		n.items = append(n.items, v)
	}
	_, _, ok := p.token(path)
	return ok
}

var plainName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`) })

// field is the path of a field of an object.
func field(path, name string) string {
	if plainName().MatchString(name) {
		return path + "." + name
	}
	return fmt.Sprintf("%s[%s]", path, shown(name))
}
