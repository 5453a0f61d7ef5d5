package testreport

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// junit reads one report in JUnit's format. There is no norm for it; this takes what the tools have in common, and their
// habits.
type junit struct {
	dec   *xml.Decoder
	depth int
	book  *book
}

// A junitSuite is a suite that is being read. Only the tests directly in it count for its tally.
type junitSuite struct {
	titles []string
	file   string
	tally  *tally
	timed  bool // a suite around it, or itself, states how long all of it took
}

func readJUnit(in *bufio.Reader, b *book) error {
	j := &junit{dec: xml.NewDecoder(newXMLFilter(in)), book: b}
	j.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root, err := j.root()
	if err != nil {
		return err
	}
	outside := &junitSuite{tally: newTally()}
	switch root.Name.Local {
	case "testsuites":
		b.total = duration(attribute(root, "time"), time.Second)
		err = j.children(func(t xml.StartElement) error { return j.child(t, outside) })
	case "testsuite":
		err = j.suite(root, outside)
	default:
		return errOther
	}
	b.enter(outside.tally)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), strings.Contains(err.Error(), "unexpected EOF"):
		return notThis("the report ends too early (was the program that wrote it killed?); the tests before that count")
	}
	return notThis("the report is damaged: %s; the tests before that count", xmlReason(err))
}

// root returns the first element.
func (j *junit) root() (xml.StartElement, error) {
	for {
		t, err := j.dec.Token()
		var why *errReport
		switch {
		case errors.As(err, &why):
			return xml.StartElement{}, err
		case err != nil:
			return xml.StartElement{}, errOther
		}
		if start, ok := t.(xml.StartElement); ok {
			return start.Copy(), nil
		}
	}
}

// children calls each with the elements up to the end of the one that was begun. each has to read its element to the end.
func (j *junit) children(each func(xml.StartElement) error) error {
	_, err := j.content(each)
	return err
}

// content does the same, and returns the text in between.
func (j *junit) content(each func(xml.StartElement) error) (string, error) {
	if j.depth++; j.depth > maxDepth {
		return "", notThis("the report is nested more than %d levels deep", maxDepth)
	}
	defer func() { j.depth-- }()
	var text strings.Builder
	for {
		t, err := j.dec.Token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if err := each(t); err != nil {
				return "", err
			}
		case xml.CharData:
			if text.Len() < maxText {
				text.Write(t)
			}
		case xml.EndElement:
			return text.String(), nil
		}
	}
}

func (j *junit) skip(xml.StartElement) error { return j.children(j.skip) }

func attribute(e xml.StartElement, name string) string {
	i := slices.IndexFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == name })
	if i < 0 {
		return ""
	}
	return e.Attr[i].Value
}

// suite reads a suite, and those in it. What was counted before an error counts.
func (j *junit) suite(e xml.StartElement, around *junitSuite) error {
	s := &junitSuite{titles: around.titles, file: around.file, tally: newTally(), timed: around.timed}
	if name := oneLine(attribute(e, "name")); name != "" {
		s.titles = append(slices.Clip(s.titles), name)
	}
	for _, key := range []string{"file", "filepath"} {
		if file := attribute(e, key); file != "" {
			s.file = j.book.fileName(file, "")
		}
	}
	stated := duration(attribute(e, "time"), time.Second)
	s.timed = s.timed || stated > 0
	s.tally.note(around.titles...)
	for _, a := range e.Attr {
		s.tally.note(a.Name.Local, a.Value)
	}
	err := j.children(func(t xml.StartElement) error { return j.child(t, s) })
	switch {
	case around.timed: // its time is part of theirs
		s.tally.duration = 0
	case s.timed:
		s.tally.duration = stated
	}
	j.book.enter(s.tally)
	return err
}

// child reads what is in a suite.
func (j *junit) child(e xml.StartElement, s *junitSuite) error {
	switch e.Name.Local {
	case "testsuite":
		return j.suite(e, s)
	case "testcase":
		return j.test(e, s)
	case "failure", "error": // of the suite itself, as when it could not be loaded
		c := Case{Suite: suiteName(s.titles), Name: "(the suite itself)", File: s.file}
		if err := j.failure(e, &c); err != nil {
			return err
		}
		s.tally.add(failed, c)
		return nil
	}
	return j.skip(e)
}

func (j *junit) test(e xml.StartElement, s *junitSuite) error {
	c := Case{Name: oneLine(attribute(e, "name")), File: s.file}
	c.Suite = around(oneLine(attribute(e, "classname")), c.Name, s.titles)
	for _, key := range []string{"file", "filepath"} {
		if file := attribute(e, key); file != "" {
			c.File = j.book.fileName(file, "")
		}
	}
	if _, err := fmt.Sscanf(attribute(e, "line"), "%d", &c.Line); err != nil || c.Line < 0 {
		c.Line = 0
	}
	o := passed
	if slices.Contains([]string{"notrun", "disabled", "skipped"}, strings.ToLower(attribute(e, "status"))) {
		o = skipped
	}
	err := j.children(func(t xml.StartElement) error {
		switch t.Name.Local {
		case "failure", "error":
			if o == failed { // one test fails once, whatever else happens in it
				return j.skip(t)
			}
			o = failed
			return j.failure(t, &c)
		case "skipped", "disabled":
			if o == passed {
				o = skipped
			}
		}
		return j.skip(t)
	})
	took := duration(attribute(e, "time"), time.Second)
	s.tally.note(attribute(e, "classname"), c.Name, fmt.Sprint(o, took))
	if err != nil {
		return err
	}
	s.tally.duration += took
	s.tally.add(o, c)
	return nil
}

// around returns what a test is in. Tools disagree on what the class is: the package or the file, which is what people
// look for, or the whole title or a part of it once more.
func around(class, name string, titles []string) string {
	suite := suiteName(titles)
	if class == "" || strings.HasSuffix(name, class) || suite == "" && class == name {
		return suite
	}
	return class
}

// failure reads why a test failed.
func (j *junit) failure(e xml.StartElement, c *Case) error {
	short, kind := attribute(e, "message"), attribute(e, "type")
	text, err := j.content(j.skip)
	c.Message = message(short)
	// "Failed" is what Go's reporters write for all of them.
	if c.Message == "" || strings.EqualFold(c.Message, "failed") {
		if long := message(text); long != "" {
			c.Message = long
		}
	}
	if c.Message == "" {
		c.Message = oneLine(kind)
	}
	if c.Line == 0 {
		j.book.locate(c, text)
	}
	return err
}
