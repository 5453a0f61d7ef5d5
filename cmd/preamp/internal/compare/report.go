package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp/internal/buildlog"
)

// Options say how a report is written.
type Options struct {
	All bool // every difference with its lines, not only the first
}

// JSON writes the report as one JSON object.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		Cloud string `json:"cloud"`
		Build string `json:"build"`
		*Report
	}{r.cloud.Name, r.build.Name, r})
}

// Text writes the report for people.
func (r *Report) Text(w io.Writer, o Options) error {
	var b strings.Builder
	fmt.Fprintf(&b, "cloud   %s%s\nbuild   %s%s\n\n", r.cloud.Name, about(r.cloud), r.build.Name, about(r.build))
	if r.Equal {
		fmt.Fprintf(&b, "No difference that matters: %s compared.\n", count(r.Compared, "command", "commands"))
	}
	for i, d := range r.Differences {
		if i == 0 || o.All {
			r.full(&b, i, d)
		}
	}
	if n := len(r.Differences) - 1; n > 0 && !o.All {
		fmt.Fprintf(&b, "%s (--all shows them like the first; they may follow from it):\n", count(n, "more difference", "more differences"))
		for _, d := range r.Differences[1:] {
			fmt.Fprintf(&b, "  %-10s %s (cloud %s, build %s)\n", d.Class, cut(d.Message, 160), lineNumber(d.Cloud), lineNumber(d.Build))
		}
		b.WriteByte('\n')
	}
	if len(r.Circumstances) > 0 {
		b.WriteString("Good to know:\n")
		for _, s := range r.Circumstances {
			fmt.Fprintf(&b, "  %s\n", s)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// about says in a few words which build a log is of.
func about(l *buildlog.Log) string {
	var facts []string
	if l.Commit.Known() {
		facts = append(facts, fmt.Sprintf("commit %.8s", l.Commit.Value))
	}
	for _, tool := range []string{"node", "npm"} {
		if v := l.Versions[tool]; v.Known() {
			facts = append(facts, tool+" "+v.Value)
		}
	}
	facts = append(facts, count(len(l.Commands), "command", "commands"))
	return " (" + strings.Join(facts, ", ") + ")"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func lineNumber(s Spot) string {
	if s.Line == 0 {
		return "–"
	}
	return fmt.Sprintf("line %d", s.Line)
}

// full writes a difference with the lines around it.
func (r *Report) full(b *strings.Builder, i int, d Difference) {
	first := "First difference"
	if i > 0 {
		first = fmt.Sprintf("Difference %d", i+1)
	}
	fmt.Fprintf(b, "%s: %s", first, d.Class)
	if d.Where != "" {
		fmt.Fprintf(b, ", in %s", d.Where)
	}
	if d.Command != "" {
		fmt.Fprintf(b, ", `%s`", cut(d.Command, 80))
	}
	fmt.Fprintf(b, "\n  %s\n", d.Message)
	if d.More > 0 {
		fmt.Fprintf(b, "  and %s of this output\n", count(d.More, "more line", "more lines"))
	}
	if d.Advice != "" {
		fmt.Fprintf(b, "  → %s\n", d.Advice)
	}
	b.WriteByte('\n')
	r.sideBySide(b, d)
	b.WriteByte('\n')
}

// How much of both logs is shown, and how wide, in characters.
const (
	linesBefore = 3
	linesAfter  = 2
	column      = 64
)

// sideBySide shows both places with their surroundings and line numbers.
func (r *Report) sideBySide(b *strings.Builder, d Difference) {
	left, right := excerpt(r.cloud, d.Cloud), excerpt(r.build, d.Build)
	fmt.Fprintf(b, "  %s │ %s\n", pad(cutLeft(r.cloud.Name, column+8), column+8), cutLeft(r.build.Name, column+8))
	for i := range max(len(left), len(right)) {
		fmt.Fprintf(b, "  %s │ %s\n", pad(row(left, i), column+8), strings.TrimRight(row(right, i), " "))
	}
}

func row(rows []string, i int) string {
	if i < len(rows) {
		return rows[i]
	}
	return ""
}

func excerpt(l *buildlog.Log, s Spot) []string {
	if s.at < 0 {
		return []string{"        (the log does not show it)"}
	}
	var out []string
	from, to := max(0, s.at-linesBefore), min(len(l.Lines)-1, s.at+linesAfter)
	for i := from; i <= to; i++ {
		mark := ' '
		if i == s.at {
			mark = '>'
		}
		out = append(out, fmt.Sprintf("%c%6d %s", mark, l.Lines[i].Number, cut(l.Lines[i].Text, column)))
	}
	// Both marks stand in the same row, also where one log has fewer lines before.
	for range linesBefore - (s.at - from) {
		out = append([]string{""}, out...)
	}
	return out
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// cutLeft shortens a path to n characters; its end says more than its beginning.
func cutLeft(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return "…" + string(r[len(r)-n+1:])
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len([]rune(s)))) }
