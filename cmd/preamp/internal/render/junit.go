package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/preamp-build/preamp/runner"
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Name    string       `xml:"name,attr"`
	Tests   int          `xml:"tests,attr"`
	Failed  int          `xml:"failures,attr"`
	Skipped int          `xml:"skipped,attr"`
	Time    string       `xml:"time,attr"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name    string      `xml:"name,attr"`
	Tests   int         `xml:"tests,attr"`
	Failed  int         `xml:"failures,attr"`
	Skipped int         `xml:"skipped,attr"`
	Time    string      `xml:"time,attr"`
	Cases   []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Time    string        `xml:"time,attr,omitempty"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the results of a build's test section: its commands as one suite and, where the tests wrote reports, what
// those say as another. A report's tests that passed are counted; those that failed are listed. A build without a test
// section gives a document without suites.
func JUnit(w io.Writer, results ...*runner.Result) error {
	doc := junitSuites{Name: "preamp"}
	total := 0.0
	for _, r := range results {
		for _, s := range r.Sections {
			if s.Name == "test" {
				doc.Suites = append(doc.Suites, commandSuite(r, s))
				total += s.Took.Seconds()
			}
		}
		if r.Tests != nil {
			doc.Suites = append(doc.Suites, reportSuite(r.Tests))
		}
	}
	for _, s := range doc.Suites {
		doc.Tests, doc.Failed, doc.Skipped = doc.Tests+s.Tests, doc.Failed+s.Failed, doc.Skipped+s.Skipped
	}
	doc.Time = fmt.Sprintf("%.3f", total)
	raw, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, raw)
	return err
}

func commandSuite(r *runner.Result, s runner.SectionResult) junitSuite {
	suite := junitSuite{Name: strings.TrimPrefix(r.AppRoot+" commands", " "), Time: fmt.Sprintf("%.3f", s.Took.Seconds())}
	for _, p := range s.Phases {
		for _, c := range p.Commands {
			x := junitCase{Class: "test." + p.Name, Name: strings.TrimSpace(c.Text), File: r.Spec, Line: c.Line, Time: fmt.Sprintf("%.3f", c.Took.Seconds())}
			suite.Tests++
			if c.Code != 0 {
				suite.Failed++
				x.Failure = &junitFailure{Message: fmt.Sprintf("exit code %d", c.Code)}
			}
			suite.Cases = append(suite.Cases, x)
		}
	}
	return suite
}

func reportSuite(t *runner.Tests) junitSuite {
	suite := junitSuite{
		Name: "reports", Tests: t.Passed + t.Failed + t.Skipped, Failed: t.Failed, Skipped: t.Skipped, Time: fmt.Sprintf("%.3f", t.Took.Seconds()),
	}
	for _, c := range t.Failing {
		message, _, _ := strings.Cut(c.Message, "\n")
		suite.Cases = append(suite.Cases, junitCase{
			Class: c.Suite, Name: c.Name, File: c.File, Line: c.Line, Failure: &junitFailure{Message: message, Text: c.Message},
		})
	}
	return suite
}
