// Package report says what was measured, for people and for programs: a table, a plot, JSON.
package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/stat"
)

// Unit is what a value counts.
type Unit string

// The units. Values are held in the unit itself: seconds, bytes.
const (
	Seconds Unit = "s"
	Bytes   Unit = "B"
	Ratio   Unit = "×"
)

// Goal is what a row's median has to be.
type Goal struct {
	// Limit is the highest value that meets the goal; with Below, the lowest that misses it.
	Limit float64 `json:"limit"`
	Below bool    `json:"below,omitempty"`
}

// AtMost is the goal that a median is not above the limit.
func AtMost(limit float64) *Goal { return &Goal{Limit: limit} }

// LessThan is the goal that a median is below the limit.
func LessThan(limit float64) *Goal { return &Goal{Limit: limit, Below: true} }

// Met says whether a median meets the goal.
func (g Goal) Met(median float64) bool { return median < g.Limit || !g.Below && median == g.Limit }

// Verdict is how a row did.
type Verdict string

// The verdicts. Info is that of rows without a goal.
const (
	Met    Verdict = "met"
	Missed Verdict = "missed"
	NotRun Verdict = "not run"
	Info   Verdict = "info"
)

// Row is one line of the table: something of preamp's, alone or against something else.
type Row struct {
	Axis string `json:"axis"`
	// ID names the row within its axis.
	ID string `json:"id"`
	// What is what preamp did, and Against what it is compared with; "" is nothing: the values themselves are judged.
	What    string `json:"what"`
	Against string `json:"against,omitempty"`
	Unit    Unit   `json:"unit"`
	Goal    *Goal  `json:"goal,omitempty"`

	// Ours and Theirs are in Unit, round by round, and Ratios their quotients.
	Ours   []float64 `json:"ours,omitempty"`
	Theirs []float64 `json:"theirs,omitempty"`
	Ratios []float64 `json:"ratios,omitempty"`
	// Load is the machine's load while they were taken: the median of what it was before each round.
	Load float64 `json:"load"`
	// Note has what else a reader should know, and Why the reason why the row was not run.
	Note string `json:"note,omitempty"`
	Why  string `json:"why,omitempty"`
}

// Judged are the values that the goal is about.
func (r Row) Judged() []float64 {
	if r.Against != "" {
		return r.Ratios
	}
	return r.Ours
}

// Verdict judges the median. What was not run is never met.
func (r Row) Verdict() Verdict {
	values := r.Judged()
	switch {
	case r.Why != "" || len(values) == 0:
		return NotRun
	case r.Goal == nil:
		return Info
	case r.Goal.Met(stat.Median(values)):
		return Met
	}
	return Missed
}

// Machine is where the measurements were made.
type Machine struct {
	CPUs   int    `json:"cpus"`
	CPU    string `json:"cpu"`
	Memory int64  `json:"memory"` // bytes
	System string `json:"system"`
	Disk   string `json:"disk"` // the file system's type
	Engine string `json:"engine"`
}

// Point is one of a Line: for so many files, so many seconds.
type Point struct {
	Files   int     `json:"files"`
	Seconds float64 `json:"seconds"`
}

// Line is one way of doing a thing, at several sizes.
type Line struct {
	Name   string  `json:"name"`
	Peer   bool    `json:"peer"` // it is not preamp's
	Points []Point `json:"points"`
}

// Panel is a part of the plot.
type Panel struct {
	Title string `json:"title"`
	Lines []Line `json:"lines"`
}

// Report is everything that a run of the bench has to say.
type Report struct {
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took"` // nanoseconds
	Preamp  string        `json:"preamp"`
	Machine Machine       `json:"machine"`
	Rounds  int           `json:"rounds"`
	Scale   float64       `json:"scale"` // of the inputs; the goals are for 1
	// LoadBefore and LoadAfter are the load averages of one, five and fifteen minutes.
	LoadBefore string  `json:"loadBefore"`
	LoadAfter  string  `json:"loadAfter"`
	Rows       []Row   `json:"rows"`
	Panels     []Panel `json:"panels,omitempty"`
	// Installed are the peers that the bench has brought itself.
	Installed []string `json:"installed,omitempty"`
}

// Count counts the rows with a verdict.
func (r Report) Count(v Verdict) (n int) {
	for _, row := range r.Rows {
		if row.Verdict() == v {
			n++
		}
	}
	return n
}

// WriteJSON writes the report with the verdict of each row.
func (r Report) WriteJSON(w io.Writer) error {
	type judged struct {
		Row
		Verdict Verdict      `json:"verdict"`
		Spread  *stat.Spread `json:"spread,omitempty"` // of the judged values
	}
	rows := make([]judged, 0, len(r.Rows))
	for _, row := range r.Rows {
		j := judged{Row: row, Verdict: row.Verdict()}
		if values := row.Judged(); len(values) > 0 {
			s := stat.Of(values)
			j.Spread = &s
		}
		rows = append(rows, j)
	}
	type bare Report
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(struct {
		bare
		Rows []judged `json:"rows"`
	}{bare(r), rows})
}
