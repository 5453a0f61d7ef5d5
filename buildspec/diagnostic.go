package buildspec

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity grades a [Diagnostic]. The zero value is [Error].
type Severity int

const (
	// Error means that the file cannot be built from: the service rejects it, nothing could come of the build whatever its
	// commands do, or it would be dangerous to accept.
	Error Severity = iota
	// Warning means that the service takes the file, but something written has no effect, relies on an undocumented form,
	// or will make a command fail if it is reached.
	Warning
	// Hint means that the file is right, and costs more time or money than it needs to.
	Hint
)

// String returns "error", "warning" or "hint".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Hint:
		return "hint"
	default:
		return fmt.Sprintf("severity(%d)", int(s))
	}
}

// MarshalText writes the severity as [Severity.String] does, for JSON and the like. It never fails.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Related is another place that a [Diagnostic] speaks about, such as the first of two equal keys.
type Related struct {
	Span    Span   `json:"span"`
	Message string `json:"message"`
}

// Edit replaces the text at Span by NewText.
type Edit struct {
	Span    Span   `json:"span"`
	NewText string `json:"newText"`
}

// Fix is a change of the file that removes the problem. Its edits don't overlap.
type Fix struct {
	// Title says in a few words what the fix does.
	Title string `json:"title"`
	Edits []Edit `json:"edits"`
}

// Diagnostic is one finding about a file.
type Diagnostic struct {
	// Rule is the finding's stable id, such as "yaml-syntax", "duplicate-key" or "missing-frontend".
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// File is the name under which the file was parsed.
	File string `json:"file"`
	// Span is the place; its zero value means the file as a whole.
	Span Span `json:"span"`
	// Message says what is wrong in one sentence without a final full stop. Never empty.
	Message string `json:"message"`
	// Help says what to do about it; may be empty or have several lines.
	Help string `json:"help,omitempty"`
	// Amplify is the service's own message for this problem, such as "CustomerError: Missing frontend definition in
	// buildspec". Empty where it is not known or where the service says nothing.
	Amplify string `json:"amplify,omitempty"`
	// Related holds further places, in the order in which they should be read.
	Related []Related `json:"related,omitempty"`
	// Fix is the repair that can be made mechanically, or nil.
	Fix *Fix `json:"fix,omitempty"`
}

// String returns "file:line:column: severity: message [rule]", with the parts of the place that are known.
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s: %s: %s [%s]", place(d.File, d.Span), d.Severity, d.Message, d.Rule)
}

func place(file string, span Span) string {
	if !span.Start.IsValid() {
		return file
	}
	return fmt.Sprintf("%s:%s", file, span.Start)
}

// Diagnostics is a list of findings. [Parse] returns it sorted by position.
type Diagnostics []Diagnostic

// HasErrors reports whether at least one finding has the severity [Error].
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err returns nil when there is no error among the findings, and otherwise an [*InvalidError] holding all of them.
func (ds Diagnostics) Err() error {
	if !ds.HasErrors() {
		return nil
	}
	return &InvalidError{Diagnostics: ds}
}

// sort orders by position, then severity, then rule, and keeps the order of discovery among equals.
func (ds Diagnostics) sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Span.Start.Line, b.Span.Start.Line),
			cmp.Compare(a.Span.Start.Column, b.Span.Start.Column),
			cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Rule, b.Rule),
		)
	})
}

// InvalidError says that a file cannot be built from. Use [Render] to show all that was found.
type InvalidError struct{ Diagnostics Diagnostics }

// Error returns the first error and the number of the others.
func (e *InvalidError) Error() string {
	var first *Diagnostic
	others := 0
	for i := range e.Diagnostics {
		switch {
		case e.Diagnostics[i].Severity != Error:
		case first == nil:
			first = &e.Diagnostics[i]
		default:
			others++
		}
	}
	if first == nil {
		return "invalid build specification"
	}
	text := fmt.Sprintf("%s: %s [%s]", place(first.File, first.Span), first.Message, first.Rule)
	switch others {
	case 0:
		return text
	case 1:
		return text + " (and 1 more error)"
	default:
		return fmt.Sprintf("%s (and %d more errors)", text, others)
	}
}

// maxDiagnostics bounds, for each severity, what one file can make us say: a hostile megabyte of unknown keys is
// reported in part, and doesn't crowd out the errors.
const maxDiagnostics = 200

// collector gathers findings of one file.
type collector struct {
	file  string
	list  Diagnostics
	count [Hint + 1]int // of each severity, those that are not in the list included
}

func (c *collector) add(d Diagnostic) {
	d.File = c.file
	if c.count[d.Severity]++; c.count[d.Severity] <= maxDiagnostics {
		c.list = append(c.list, d)
	}
}

// reset forgets all findings but the given ones.
func (c *collector) reset(keep Diagnostics) {
	c.list, c.count = nil, [Hint + 1]int{}
	for _, d := range keep {
		c.add(d)
	}
}

// verdict returns the spec when it can be built from, and all findings.
func (c *collector) verdict(spec *Spec) (*Spec, Diagnostics) {
	ds := c.result()
	if ds.HasErrors() {
		return nil, ds
	}
	return spec, ds
}

// result returns the findings in order, and at the end how many more there are.
func (c *collector) result() Diagnostics {
	c.list.sort()
	for _, severity := range []Severity{Error, Warning, Hint} {
		if n := c.count[severity] - maxDiagnostics; n > 0 {
			c.list = append(c.list, Diagnostic{
				Rule: ruleTooMany, Severity: severity, File: c.file,
				Message: fmt.Sprintf("%d more findings of severity %q are not shown", n, severity),
				Help:    "repair the ones above first and look again",
			})
		}
	}
	return c.list
}
