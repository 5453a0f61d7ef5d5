package testreport

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"time"
)

// outcome of a test.
type outcome int

const (
	passed outcome = iota
	failed
	skipped
)

// A tally is what one suite contributes: it counts as a whole, or not at all.
type tally struct {
	count    [skipped + 1]int
	duration time.Duration
	failing  []Case
	id       string    // given by the report
	content  hash.Hash // stands in for an id
}

func newTally() *tally { return &tally{content: sha256.New()} }

// note adds what makes the suite the one it is.
func (t *tally) note(texts ...string) {
	for _, s := range texts {
		fmt.Fprintf(t.content, "%d:%s", len(s), s)
	}
}

// add counts a test.
func (t *tally) add(o outcome, c Case) {
	t.count[o]++
	if o == failed && len(t.failing) < MaxFailing {
		t.failing = append(t.failing, c)
	}
}

func (t *tally) empty() bool { return t.count == [skipped + 1]int{} }

func (t *tally) key() string {
	if t.id != "" {
		return "id " + t.id
	}
	return string(t.content.Sum(nil))
}

// errReport is the reason why a file, or the rest of one, does not count.
type errReport struct{ reason string }

func (e *errReport) Error() string { return e.reason }

func notThis(format string, args ...any) error { return &errReport{fmt.Sprintf(format, args...)} }

// errOther says that a file is no report of this format at all.
var errOther = errors.New("not a report")

// A book collects the tallies of all files of one format.
type book struct {
	summary Summary
	suites  map[string]int // in which file a suite was first, by its key
	dir     string         // Options.Dir

	file   int // number of the current file
	report Report
	total  time.Duration // what the current file states for all of it
}

func newBook(dir string) *book { return &book{dir: dir, suites: map[string]int{}} }

func (b *book) begin(path, format string) {
	b.file++
	b.report, b.total = Report{Path: path, Format: format}, 0
}

// enter counts a suite, unless another file had it.
func (b *book) enter(t *tally) {
	if t.empty() {
		return
	}
	key := t.key()
	switch first, known := b.suites[key]; {
	case known && first != b.file:
		b.report.Doubles++
		return
	case !known && len(b.suites) < maxSuites:
		b.suites[key] = b.file
	}
	b.report.Passed += t.count[passed]
	b.report.Failed += t.count[failed]
	b.report.Skipped += t.count[skipped]
	b.report.Duration += t.duration
	room := min(MaxFailing-len(b.summary.Failing), len(t.failing))
	b.summary.Failing = append(b.summary.Failing, t.failing[:room]...)
}

// end closes the current file.
func (b *book) end() {
	r := b.report
	if b.total > 0 && r.Doubles == 0 {
		r.Duration = b.total
	}
	s := &b.summary
	s.Passed, s.Failed, s.Skipped = s.Passed+r.Passed, s.Failed+r.Failed, s.Skipped+r.Skipped
	s.Duration += r.Duration
	s.Reports = append(s.Reports, r)
}
