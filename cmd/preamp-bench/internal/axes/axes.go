// Package axes has what preamp is measured by: each axis is a few rows of the report, and the code that fills them.
package axes

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/stat"
)

// Axis is one thing that preamp is measured by.
type Axis struct {
	Name string
	// About says what is measured, in Markdown.
	About string
	// Rows are those of the report, without values: what cannot be measured is missed there, and not just absent.
	Rows []report.Row
	// Measure fills the rows. An error means that those that it has not filled could not be run.
	Measure func(ctx context.Context, b *Bench, s *Sheet) error
}

// All are the axes, in the order of the report.
func All() []Axis {
	return []Axis{
		job(), command(),
		// Before the disk is almost full: builds empty their trash then, which slows down those who make files.
		install(),
		restoreWarm(), restorePortable(), saveFull(), saveDelta(), sizes(), cloneCold(), cloneWarm(), skip(), artifact(), peers(), memory(),
	}
}

// Choose gives the named axes, in the order of the report; all of them without names.
func Choose(all []Axis, names []string) ([]Axis, error) {
	if len(names) == 0 {
		return all, nil
	}
	var chosen []Axis
	known := make([]string, 0, len(all))
	for _, a := range all {
		known = append(known, a.Name)
		if slices.Contains(names, a.Name) {
			chosen = append(chosen, a)
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("there is no axis %q; there are %s", n, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

// Sheet takes the measurements of an axis.
type Sheet struct {
	Rows   []report.Row
	Panels []report.Panel
	load   float64
	dir    string // of the run
}

func (s *Sheet) row(id string) (*report.Row, error) {
	for i := range s.Rows {
		if s.Rows[i].ID == id {
			return &s.Rows[i], nil
		}
	}
	return nil, fmt.Errorf("there is no row %q", id)
}

// Pair fills a row with measurements of both sides, in the row's unit and round by round.
func (s *Sheet) Pair(id string, ours, theirs []float64) error {
	r, err := s.row(id)
	if err != nil {
		return err
	}
	ratios, err := stat.Ratios(ours, theirs)
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	r.Ours, r.Theirs, r.Ratios, r.Load = ours, theirs, ratios, s.load
	return nil
}

// Alone fills a row that is compared with nothing.
func (s *Sheet) Alone(id string, ours []float64) error {
	r, err := s.row(id)
	if err != nil {
		return err
	}
	r.Ours, r.Load = ours, s.load
	return nil
}

// Note adds what a reader should know about a row.
func (s *Sheet) Note(id, format string, args ...any) error {
	r, err := s.row(id)
	if err != nil {
		return err
	}
	r.Note = fmt.Sprintf(format, args...)
	return nil
}

// NotRun says why a row cannot be run.
func (s *Sheet) NotRun(id string, why error) error {
	r, err := s.row(id)
	if err != nil {
		return err
	}
	r.Why = s.reason(why)
	return nil
}

// longest is how much of a reason is told, in bytes.
const longest = 300

// reason makes one line for a page of an error: without the folder of this run, and of what a program said only the beginning.
func (s *Sheet) reason(err error) string {
	text := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), s.dir+string(filepath.Separator), "")), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// errInterrupted is why rows are missing that came after the end of the context.
var errInterrupted = errors.New("the bench was interrupted")

// Run measures one axis. It has no error: whatever goes wrong is why rows were not run, the end of ctx too.
func Run(ctx context.Context, b *Bench, a Axis) *Sheet {
	s := &Sheet{Rows: slices.Clone(a.Rows), dir: b.Dir}
	for i := range s.Rows {
		s.Rows[i].Axis = a.Name
	}
	b.sheet = s
	err := errInterrupted
	if ctx.Err() == nil {
		err = a.Measure(ctx, b, s)
	}
	switch {
	case ctx.Err() != nil:
		err = errInterrupted
	case err == nil:
		err = errors.New("nothing was measured")
	}
	for i := range s.Rows {
		if r := &s.Rows[i]; len(r.Judged()) == 0 && r.Why == "" {
			r.Why = s.reason(err)
		}
	}
	return s
}
