package testreport

import (
	"time"
)

// Bounds of what is read and kept. All of it together stays within some megabytes.
const (
	// MaxFileSize is the size of one report, in bytes, beyond which it is left out.
	MaxFileSize = 1 << 30
	// MaxFiles is how many reports are read.
	MaxFiles = 1000
	// MaxFailing is how many failing tests a summary names; all are counted.
	MaxFailing = 100

	maxTotal    = 4 << 30 // bytes of all reports together
	maxDepth    = 200     // how deep suites and their markup may be nested
	maxSuites   = 100_000 // whose doubles are recognized
	maxProblems = 50
	maxName     = 300  // characters of a name
	maxMessage  = 2000 // characters of a message
	maxLines    = 12   // lines of a message
)

// Formats of reports.
const (
	Mochawesome = "mochawesome"
	JUnit       = "junit"
)

// A Summary is the outcome of a run of tests. It is a plain value.
type Summary struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"` // pending tests, and those that a failed hook kept from running, included
	// Duration is what the reports state, in nanoseconds; of several files the sum.
	Duration time.Duration `json:"duration"`
	// Failing holds the tests that failed, in the order of the files; at most MaxFailing.
	Failing []Case `json:"failing,omitempty"`
	// Reports holds the files that were read, sorted by path.
	Reports []Report `json:"reports"`
}

// Total returns the number of tests.
func (s *Summary) Total() int { return s.Passed + s.Failed + s.Skipped }

// A Case is a test that failed. Its texts have no control characters but line breaks, no colours, and a bounded length.
type Case struct {
	Suite   string `json:"suite,omitempty"` // the titles around it, with " › " between them
	Name    string `json:"name"`
	Message string `json:"message,omitempty"` // its first lines
	File    string `json:"file,omitempty"`    // of the test: relative to the repository where that can be told
	Line    int    `json:"line,omitempty"`    // in File, from 1; 0 means unknown
}

// A Report is what one file contributed to a Summary.
type Report struct {
	Path     string        `json:"path"` // relative to Root, with slashes
	Format   string        `json:"format"`
	Passed   int           `json:"passed"`
	Failed   int           `json:"failed"`
	Skipped  int           `json:"skipped"`
	Duration time.Duration `json:"duration"` // nanoseconds
	// Doubles is the number of suites that were left out because another file has them.
	Doubles int `json:"doubles,omitempty"`
}

// A Problem says why a report, or a part of it, does not count.
type Problem struct {
	File    string // relative to Root; "" where it is about none
	Message string
}

func (p Problem) String() string {
	if p.File == "" {
		return p.Message
	}
	return p.File + ": " + p.Message
}
