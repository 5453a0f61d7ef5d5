package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a job.
type Problem struct {
	// Path is the field, such as $.repository.url or $.environment.console.branches[0].pattern; $ is the document.
	Path string
	// Line and Column say where, counted from 1 in characters.
	Line, Column int
	Message      string
}

// String is the problem as one line.
func (p Problem) String() string {
	return fmt.Sprintf("%d:%d: %s: %s", p.Line, p.Column, p.Path, p.Message)
}

// Error is what Read returns for a job that cannot be run. It shows no value of a credential or of a variable.
type Error struct {
	Problems []Problem // at least one, in the order of the document
}

// Error lists the problems, one a line where there are several.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "the job cannot be run: " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the job cannot be run, for %d reasons:", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// maxProblems bounds how many are told: a document that is something else altogether has no end of them.
const maxProblems = 50

// reader collects what is wrong.
type reader struct {
	raw     []byte
	lenient bool // the document is of a newer minor version
	found   []found
}

type found struct {
	offset int
	path   string
	text   string
}

func (r *reader) add(offset int, path, format string, args ...any) {
	if len(r.found) < maxProblems {
		r.found = append(r.found, found{offset, path, fmt.Sprintf(format, args...)})
	}
}

// err is all that was found, or nil.
func (r *reader) err() error {
	if len(r.found) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found, func(a, b found) int { return cmp.Compare(a.offset, b.offset) })
	e := &Error{}
	for _, f := range r.found {
		line, column := r.position(f.offset)
		e.Problems = append(e.Problems, Problem{Path: f.path, Line: line, Column: column, Message: f.text})
	}
	return e
}

func (r *reader) position(offset int) (line, column int) {
	before := string(r.raw[:min(offset, len(r.raw))])
	begin := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[begin:]) + 1
}

// shown is a word of the document as messages quote it: not more than a line of it.
func shown(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
