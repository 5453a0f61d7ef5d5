package testreport

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// mocha reads one report of mochawesome, from the outside to the inside and forward only.
type mocha struct {
	dec   *json.Decoder
	depth int
	book  *book
	known bool // it has suites, so it is such a report
}

// A mochaSuite is a suite that is being read.
type mochaSuite struct {
	titles []string // its own and those around it
	file   string
	tally  *tally
}

func readMochawesome(in *bufio.Reader, b *book) error {
	m := &mocha{dec: json.NewDecoder(newJSONFilter(in)), book: b}
	m.dec.UseNumber()
	err := m.document()
	switch {
	case err == nil || errors.Is(err, errOther):
		return err
	case !m.known:
		return errOther
	}
	var why *errReport
	if errors.As(err, &why) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return notThis("the report ends too early (was the program that wrote it killed?); the suites before that count")
	}
	return notThis("the report is damaged: %v; the suites before that count", err)
}

func (m *mocha) document() error {
	t, err := m.token()
	if err != nil || t != json.Delim('{') {
		return errOther
	}
	err = m.object(func(key string, t json.Token) error {
		switch key {
		case "stats":
			return m.stats(t)
		case "results", "suites": // "suites" before version 4
			return m.roots(t)
		}
		return m.skip(t)
	})
	if err == nil && !m.known {
		return errOther
	}
	return err
}

// token returns the next token, and keeps count of the depth.
func (m *mocha) token() (json.Token, error) {
	t, err := m.dec.Token()
	switch t {
	case json.Delim('{'), json.Delim('['):
		if m.depth++; m.depth > maxDepth {
			return nil, notThis("the report is nested more than %d levels deep", maxDepth)
		}
	case json.Delim('}'), json.Delim(']'):
		m.depth--
	}
	return t, err
}

// object calls field with each key of an object that was begun, and the first token of its value, which field has to
// read to its end.
func (m *mocha) object(field func(key string, t json.Token) error) error {
	for m.dec.More() {
		t, err := m.token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // the decoder takes nothing else
		if t, err = m.token(); err != nil {
			return err
		}
		if err := field(key, t); err != nil {
			return err
		}
	}
	_, err := m.token()
	return err
}

// list calls item with the first token of each element of a list that was begun; other values are skipped.
func (m *mocha) list(t json.Token, item func(t json.Token) error) error {
	if t != json.Delim('[') {
		return m.skip(t)
	}
	for m.dec.More() {
		t, err := m.token()
		if err != nil {
			return err
		}
		if err := item(t); err != nil {
			return err
		}
	}
	_, err := m.token()
	return err
}

// skip reads a value to its end.
func (m *mocha) skip(t json.Token) error {
	if t != json.Delim('{') && t != json.Delim('[') {
		return nil
	}
	for depth := m.depth - 1; m.depth > depth; {
		if _, err := m.token(); err != nil {
			return err
		}
	}
	return nil
}

func (m *mocha) stats(t json.Token) error {
	if t != json.Delim('{') {
		return m.skip(t)
	}
	return m.object(func(key string, t json.Token) error {
		if key == "duration" {
			m.book.total = milliseconds(t)
		}
		return m.skip(t)
	})
}

// roots reads the top-level suites. Each counts for itself: merged reports have one for each file.
func (m *mocha) roots(t json.Token) error {
	root := func(t json.Token) error {
		if t != json.Delim('{') {
			return m.skip(t)
		}
		m.known = true
		s := &mochaSuite{tally: newTally()}
		if err := m.suite(s, true); err != nil {
			return err
		}
		m.book.enter(s.tally)
		return nil
	}
	if t == json.Delim('{') {
		return root(t)
	}
	m.known = m.known || t == json.Delim('[')
	return m.list(t, root)
}

func (m *mocha) suite(s *mochaSuite, root bool) error {
	return m.object(func(key string, t json.Token) error {
		text, _ := t.(string)
		switch key {
		case "uuid":
			if root {
				s.tally.id = text
			}
		case "title":
			if text != "" {
				s.titles = append(s.titles[:len(s.titles):len(s.titles)], oneLine(text))
				s.tally.note(text)
			}
		case "file", "fullFile":
			if text != "" {
				s.file = m.book.fileName(text, s.file)
			}
		case "tests":
			return m.list(t, func(t json.Token) error { return m.test(t, s, false) })
		case "beforeHooks", "afterHooks":
			return m.list(t, func(t json.Token) error { return m.test(t, s, true) })
		case "suites":
			return m.list(t, func(t json.Token) error {
				if t != json.Delim('{') {
					return m.skip(t)
				}
				return m.suite(&mochaSuite{titles: s.titles, file: s.file, tally: s.tally}, false)
			})
		}
		return m.skip(t)
	})
}

// test reads a test or a hook. Of hooks only those that failed matter.
func (m *mocha) test(t json.Token, s *mochaSuite, hook bool) error {
	if t != json.Delim('{') {
		return m.skip(t)
	}
	c := Case{Suite: suiteName(s.titles), File: s.file}
	var state, full string
	var duration time.Duration
	flags := map[string]bool{}
	err := m.object(func(key string, t json.Token) error {
		text, _ := t.(string)
		switch key {
		case "title":
			c.Name = oneLine(text)
		case "fullTitle":
			full = oneLine(text)
		case "state":
			state = text
		case "duration":
			duration = milliseconds(t)
		case "fail", "pass", "pending", "skipped":
			flags[key], _ = t.(bool)
		case "err":
			return m.failure(t, &c)
		}
		return m.skip(t)
	})
	if err != nil {
		return err
	}
	if c.Suite == "" { // the titles came after the tests
		c.Suite = strings.TrimSpace(strings.TrimSuffix(full, c.Name))
	}
	o := skipped
	switch {
	case state == "failed", flags["fail"]:
		o = failed
	case hook:
		return nil
	case state == "passed", flags["pass"] && !flags["pending"] && !flags["skipped"]:
		o = passed
	}
	s.tally.note(full, c.Name, fmt.Sprint(o, duration))
	s.tally.duration += duration
	s.tally.add(o, c)
	return nil
}

// failure reads the error of a test: an object, or a text.
func (m *mocha) failure(t json.Token, c *Case) error {
	if text, ok := t.(string); ok {
		c.Message = message(text)
	}
	if t != json.Delim('{') {
		return m.skip(t)
	}
	var stack string
	err := m.object(func(key string, t json.Token) error {
		text, _ := t.(string)
		switch key {
		case "message":
			c.Message = message(text)
		case "estack", "stack":
			stack = text
		}
		return m.skip(t)
	})
	if c.Message == "" {
		c.Message = message(stack)
	}
	m.book.locate(c, stack)
	return err
}

func milliseconds(t json.Token) time.Duration {
	n, ok := t.(json.Number)
	if !ok {
		return 0
	}
	return duration(n.String(), time.Millisecond)
}

// duration returns a number of units; what is no number, or no possible time, is 0.
func duration(text string, unit time.Duration) time.Duration {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f > 0) || f*float64(unit) > float64(10000*time.Hour) {
		return 0
	}
	return time.Duration(f * float64(unit))
}
