package render

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner"
)

// failed writes the service's own words where they are known, and in notes what preamp knows besides.
func (a *amplify) failed(at time.Time, e runner.Failed) {
	f := e.Failure
	if f.Class == runner.ClassOutput && f.Service != "" {
		a.completed(at)
		if strings.HasPrefix(f.Service, noFolder) {
			a.after.headers = nil // the service looks for the folder first, and for all else after the headers
		}
		a.headers(at)
	}
	switch {
	case f.Class == runner.ClassCommand:
		a.failure(at, "Build failed")
		a.failure(at, f.Service)
	case f.Class == runner.ClassTimeout:
		a.failure(at, "Build timed out")
		a.note(at, "the service's log just stops in this case")
	case f.Class == runner.ClassCancelled:
		a.failure(at, "Build cancelled")
	case len(f.Diagnostics) > 0:
		a.specFailed(at, f.Diagnostics, e.Source)
		return
	case f.Service != "":
		a.failure(at, f.Service)
	default:
		a.failure(at, "Build failed")
		a.failure(at, "Error: "+f.Message)
		if f.Hint != "" {
			a.note(at, oneLine(f.Hint))
		}
		return
	}
	a.note(at, oneLine(f.Error()))
}

// failure writes one line as the service does. Those of an application that is not found stand close to their marks, and
// are two.
func (a *amplify) failure(at time.Time, text string) {
	if strings.HasPrefix(text, "Invalid monorepo spec, no appRoot") {
		a.chunk(at, "ERROR", "!!!"+text)
		a.chunk(at, "ERROR", "!!!Invalid monorepo app root, please set correct AMPLIFY_MONOREPO_APP_ROOT environment variable")
		return
	}
	a.chunk(at, "ERROR", "!!! "+text)
}

// specFailed shows the first finding as the service does, which stops there, and all of them in notes.
func (a *amplify) specFailed(at time.Time, found buildspec.Diagnostics, src []byte) {
	var errs buildspec.Diagnostics
	for _, d := range found {
		if d.Severity == buildspec.Error {
			errs = append(errs, d)
		}
	}
	first := firstKnown(errs)
	switch {
	case first == nil: // the service would begin to build
		a.failure(at, "Build failed")
	case strings.HasPrefix(first.Amplify, unparsable):
		a.chunk(at, "ERROR", append([]string{"!!! " + yamlMessage(first)}, snippet(src, first.Span.Start)...)...)
	default:
		a.failure(at, first.Amplify)
	}
	for _, d := range errs {
		line := d.String()
		if d.Help != "" {
			line += " (" + oneLine(d.Help) + ")"
		}
		a.note(at, line)
	}
}

// firstKnown is the finding that the service would stop at: it reads the YAML before it looks for anything in it, and
// looks for the artifacts' folder when all else is done.
func firstKnown(errs buildspec.Diagnostics) *buildspec.Diagnostic {
	var first, last *buildspec.Diagnostic
	for i := range errs {
		d := &errs[i]
		switch {
		case strings.HasPrefix(d.Amplify, unparsable):
			return d
		case d.Amplify == "":
		case strings.HasPrefix(d.Amplify, noFolder):
			last = cmp.Or(last, d)
		default:
			first = cmp.Or(first, d)
		}
	}
	return cmp.Or(first, last)
}

const noFolder = "CustomerError: Artifact directory doesn't exist"

const unparsable = "CustomerError: Unable to parse build spec"

// yamlMessage is the service's line for a file that is not YAML. Where the words of its parser are not known, ours stand
// in their place.
func yamlMessage(d *buildspec.Diagnostic) string {
	text := d.Amplify
	if text == unparsable {
		text += ": " + d.Message
	}
	place := fmt.Sprintf("(%d:%d)", d.Span.Start.Line, d.Span.Start.Column)
	if d.Span.Start.IsValid() && !strings.HasSuffix(text, ")") {
		text += " " + place
	}
	return text
}

// The service's parser shows three lines before the place and two after it, each in a window around the column of the
// place that makes them 79 characters wide with their numbers.
const (
	snippetBefore = 3
	snippetAfter  = 2
	snippetWidth  = 79
)

// snippet shows a place as the service's parser does. The window is that of the place, whatever the line.
func snippet(src []byte, at buildspec.Pos) []string {
	lines := strings.Split(strings.ReplaceAll(string(src), "\r\n", "\n"), "\n")
	if !at.IsValid() || at.Line > len(lines) {
		return nil
	}
	width := len(fmt.Sprint(min(at.Line-1+snippetAfter, len(lines)))) // the parser counts from 0 here
	half := (snippetWidth-(1+width+3))/2 - 1
	var out []string
	for n := max(1, at.Line-snippetBefore); n <= min(len(lines), at.Line+snippetAfter); n++ {
		text, column := window(lines[n-1], at.Column-1, half)
		out = append(out, fmt.Sprintf(" %*d | %s", width, n, text))
		if n == at.Line {
			out = append(out, strings.Repeat("-", 1+width+3+column)+"^")
		}
	}
	return out
}

// window cuts a line around a column, and says where the column then is.
func window(line string, column, half int) (text string, at int) {
	runes := []rune(line)
	column = min(column, len(runes))
	start, end := 0, len(runes)
	head, tail := "", ""
	if column > half {
		head = " ... "
		start = column - half + len(head)
	}
	if end-column > half {
		tail = " ..."
		end = column + half - len(tail)
	}
	return head + strings.ReplaceAll(string(runes[start:end]), "\t", "→") + tail, column - start + len(head)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
