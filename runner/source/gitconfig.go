package source

import (
	"fmt"
	"strings"
)

// configSection is one section of a file in the format of git's configuration. Names of sections and keys are in lower
// case; values are bytes as they are. What a file includes is not read.
//
// go-git's decoder would do, but for two things: it refuses what is no UTF-8, which paths need not be, and it does not
// know lines.
type configSection struct {
	name, sub string
	line      int // of its first header, from 1
	values    map[string]string
}

// parseConfig reads the sections in order. Those of one name are one section, and the last value of a key counts.
func parseConfig(text string) ([]*configSection, error) {
	p := &configParser{text: strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff"), line: 1, known: map[[2]string]*configSection{}}
	for {
		p.skip(" \t\n")
		switch c := p.peek(); {
		case c == 0 && p.pos >= len(p.text):
			return p.sections, nil
		case c == '#' || c == ';':
			p.until("\n")
		case c == '[':
			if err := p.header(); err != nil {
				return nil, err
			}
		default:
			if err := p.entry(); err != nil {
				return nil, err
			}
		}
	}
}

type configParser struct {
	text      string
	pos, line int
	sections  []*configSection
	known     map[[2]string]*configSection
	current   *configSection
}

// peek is the next byte, or zero at the end.
func (p *configParser) peek() byte {
	if p.pos >= len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *configParser) next() byte {
	c := p.peek()
	if c == '\n' {
		p.line++
	}
	p.pos++
	return c
}

func (p *configParser) skip(set string) {
	for p.pos < len(p.text) && strings.IndexByte(set, p.text[p.pos]) >= 0 {
		p.next()
	}
}

// until takes everything in front of a byte of the set.
func (p *configParser) until(set string) string {
	from := p.pos
	for p.pos < len(p.text) && strings.IndexByte(set, p.text[p.pos]) < 0 {
		p.next()
	}
	return p.text[from:p.pos]
}

func (p *configParser) wrong(what string) error { return fmt.Errorf("line %d: %s", p.line, what) }

// header reads [name] or [name "sub"].
func (p *configParser) header() error {
	p.next()
	name, sub := strings.ToLower(p.until(" \t\n]\"")), ""
	if name == "" {
		return p.wrong("a section has no name")
	}
	p.skip(" \t")
	if p.peek() == '"' {
		p.next()
		var b strings.Builder
		for p.peek() != '"' {
			if p.peek() == '\\' {
				p.next()
			}
			if p.peek() == '\n' || p.pos >= len(p.text) {
				return p.wrong("a section's name has no end")
			}
			b.WriteByte(p.next())
		}
		p.next()
		sub = b.String()
	}
	if p.next() != ']' {
		return p.wrong("a section has no ]")
	}
	if p.current = p.known[[2]string{name, sub}]; p.current == nil {
		p.current = &configSection{name: name, sub: sub, line: p.line, values: map[string]string{}}
		p.known[[2]string{name, sub}] = p.current
		p.sections = append(p.sections, p.current)
	}
	return nil
}

// entry reads key = value, or a key alone, which means true.
func (p *configParser) entry() error {
	key := strings.ToLower(strings.TrimRight(p.until("=\n#;"), " \t"))
	if p.current == nil || key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return p.wrong("there is neither a section nor a key")
	}
	if p.peek() != '=' {
		p.current.values[key] = "true"
		return nil
	}
	p.next()
	p.skip(" \t")
	value, err := p.value()
	p.current.values[key] = value
	return err
}

// value reads up to the end of the line, or the comment there. Blanks at its end count only in quotes.
func (p *configParser) value() (string, error) {
	var b strings.Builder
	quoted, keep := false, 0
	for p.pos < len(p.text) {
		switch c := p.peek(); {
		case c == '\n' && quoted:
			return "", p.wrong("a quoted value has no end")
		case c == '\n' || (!quoted && (c == '#' || c == ';')):
			p.until("\n")
			return b.String()[:keep], nil
		case c == '"':
			p.next()
			quoted, keep = !quoted, b.Len()
		case c == '\\':
			p.next()
			plain := map[byte]string{'n': "\n", 't': "\t", 'b': "\b", '"': `"`, '\\': `\`, '\n': ""}
			text, ok := plain[p.next()]
			if !ok {
				return "", p.wrong("a backslash stands before a letter that needs none")
			}
			b.WriteString(text)
			keep = b.Len()
		default:
			b.WriteByte(p.next())
			if quoted || (c != ' ' && c != '\t') {
				keep = b.Len()
			}
		}
	}
	if quoted {
		return "", p.wrong("a quoted value has no end")
	}
	return b.String()[:keep], nil
}
