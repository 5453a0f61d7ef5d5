// Package report prints findings about build specifications: for people, for editors and scripts, for code scanners and for
// GitHub's annotations.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/cmd/preamp/internal/workflow"
)

// File is one checked file with what was found in it.
type File struct {
	Name   string
	Source []byte
	Found  buildspec.Diagnostics
}

// Formats are the names that Write takes.
var Formats = []string{"text", "json", "sarif", "github"}

// Write prints the findings of all files in a format.
func Write(w io.Writer, format string, files []File) error {
	switch format {
	case "text":
		return text(w, files)
	case "json":
		return jsonReport(w, files)
	case "sarif":
		return sarif(w, files)
	case "github":
		return github(w, files)
	}
	return fmt.Errorf("there is no format %q; there are %s", format, strings.Join(Formats, ", "))
}

// Counts are how many findings there are of each severity.
type Counts struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Hints    int `json:"hints"`
}

// Count counts the findings of all files.
func Count(files []File) Counts {
	var c Counts
	for _, f := range files {
		for _, d := range f.Found {
			switch d.Severity {
			case buildspec.Error:
				c.Errors++
			case buildspec.Warning:
				c.Warnings++
			default:
				c.Hints++
			}
		}
	}
	return c
}

// String is the counts for people: "1 error, 2 warnings".
func (c Counts) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		name string
	}{{c.Errors, "error"}, {c.Warnings, "warning"}, {c.Hints, "hint"}} {
		switch {
		case p.n == 1:
			parts = append(parts, "1 "+p.name)
		case p.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", p.n, p.name))
		}
	}
	if len(parts) == 0 {
		return "no findings"
	}
	return strings.Join(parts, ", ")
}

func text(w io.Writer, files []File) error {
	fixable := 0
	for _, f := range files {
		if err := buildspec.Render(w, f.Found, f.Source); err != nil {
			return err
		}
		for _, d := range f.Found {
			if d.Fix != nil {
				fixable++
			}
		}
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	line := strings.Join(names, ", ") + ": " + Count(files).String()
	if fixable > 0 {
		line += fmt.Sprintf("; preamp validate --fix repairs %d", fixable)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// finding is the JSON form of a diagnostic.
type finding struct {
	File     string             `json:"file"`
	Rule     string             `json:"rule"`
	Severity buildspec.Severity `json:"severity"`
	Line     int                `json:"line,omitempty"`
	Column   int                `json:"column,omitempty"`
	EndLine  int                `json:"endLine,omitempty"`
	EndCol   int                `json:"endColumn,omitempty"`
	Message  string             `json:"message"`
	Help     string             `json:"help,omitempty"`
	Amplify  string             `json:"amplify,omitempty"`
	Fix      string             `json:"fix,omitempty"`
}

func jsonReport(w io.Writer, files []File) error {
	out := struct {
		Counts
		Findings []finding `json:"findings"`
	}{Counts: Count(files), Findings: []finding{}}
	for _, f := range files {
		for _, d := range f.Found {
			x := finding{
				File: f.Name, Rule: d.Rule, Severity: d.Severity, Line: d.Span.Start.Line, Column: d.Span.Start.Column,
				EndLine: d.Span.End.Line, EndCol: d.Span.End.Column, Message: d.Message, Help: d.Help, Amplify: d.Amplify,
			}
			if d.Fix != nil {
				x.Fix = d.Fix.Title
			}
			out.Findings = append(out.Findings, x)
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// github writes workflow commands, which GitHub shows at the lines of a pull request.
func github(w io.Writer, files []File) error {
	for _, f := range files {
		for _, d := range f.Found {
			if _, err := io.WriteString(w, workflow.Finding(f.Name, d)); err != nil {
				return err
			}
		}
	}
	return nil
}
