// Package workflow writes the lines by which a program talks to GitHub Actions: annotations, groups, masks.
package workflow

import (
	"fmt"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
)

// What a workflow command cannot hold as it is.
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Place is where an annotation is shown. The zero value is no place in particular; lines and columns count from 1.
type Place struct {
	File                             string
	Line, Column, EndLine, EndColumn int
}

// Annotation is a line that GitHub shows at a place of a pull request. level is error, warning or notice.
func Annotation(level string, at Place, title, message string) string {
	var props []string
	if at.File != "" {
		props = append(props, "file="+propertyEscapes.Replace(at.File))
		for _, p := range []struct {
			name   string
			number int
		}{{"line", at.Line}, {"col", at.Column}, {"endLine", at.EndLine}, {"endColumn", at.EndColumn}} {
			if p.number > 0 {
				props = append(props, fmt.Sprintf("%s=%d", p.name, p.number))
			}
		}
	}
	props = append(props, "title="+propertyEscapes.Replace(title))
	return Command(level+" "+strings.Join(props, ","), message)
}

// Command is a workflow command with its data, as one line.
func Command(name, data string) string { return "::" + name + "::" + dataEscapes.Replace(data) + "\n" }

// Finding is the annotation of a finding in file.
func Finding(file string, d buildspec.Diagnostic) string {
	level := map[buildspec.Severity]string{buildspec.Error: "error", buildspec.Warning: "warning"}[d.Severity]
	if level == "" {
		level = "notice"
	}
	at := Place{File: file}
	if d.Span.Start.IsValid() {
		at.Line, at.Column = d.Span.Start.Line, d.Span.Start.Column
	}
	if d.Span.End.IsValid() {
		at.EndLine, at.EndColumn = d.Span.End.Line, d.Span.End.Column
	}
	message := d.Message
	if d.Help != "" {
		message += "\n" + d.Help
	}
	return Annotation(level, at, d.Rule, message)
}
