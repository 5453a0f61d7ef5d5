package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/advice"
)

// slowest is how many commands a summary lists, and mostLines how long its other lists may get.
const slowest, mostLines = 10, 20

// Summary writes what is worth knowing of a build as Markdown, in tables: phases, slowest commands, cache, tests, artifacts.
func Summary(w io.Writer, r *runner.Result) error {
	m := &markdown{}
	m.head(r)
	m.failure(r.Failure)
	m.phases(r)
	m.slowest(r)
	m.cache(r)
	m.tests(r.Tests)
	m.artifacts(r)
	list(m, "Skipped", r.Skipped, func(s runner.Skipped) string { return s.What + ": " + s.Why })
	list(m, "Warnings", r.Warnings, func(s string) string { return s })
	list(m, "Advice", r.Advice, adviceText)
	_, err := io.WriteString(w, m.String())
	return err
}

type markdown struct{ strings.Builder }

func (m *markdown) head(r *runner.Result) {
	name := r.Source.Name
	if r.AppRoot != "" {
		name += "/" + r.AppRoot
	}
	if name == "" {
		name = "build"
	}
	fmt.Fprintf(m, "## %s: %s in %s\n\n", cell(name), r.Status, took(r.Took))
	rows := [][]string{
		{"Commit", strings.TrimSpace(fmt.Sprintf("%.8s %s", r.Source.Commit, r.Source.Subject))},
		{"Branch", r.Branch},
		{"Build specification", r.Spec},
		{"Image", r.Image.Ref},
		{"Engine", strings.TrimSpace(r.Engine.Kind + " " + r.Engine.Version)},
	}
	if r.Usage.PeakMemory > 0 {
		rows = append(rows, []string{"Peak memory", humanize.IBytes(uint64(r.Usage.PeakMemory))})
	}
	rows = slices.DeleteFunc(rows, func(row []string) bool { return strings.TrimSpace(row[1]) == "" })
	m.table("", []string{"", ""}, rows)
}

func (m *markdown) failure(f *runner.Failure) {
	if f == nil {
		return
	}
	fmt.Fprintf(m, "**Failed:** %s\n\n", cell(f.Message))
	if f.Hint != "" {
		fmt.Fprintf(m, "%s\n\n", cell(f.Hint))
	}
	var rows [][]string
	for _, d := range f.Diagnostics[:min(len(f.Diagnostics), mostLines)] {
		rows = append(rows, []string{fmt.Sprintf("%s:%s", d.File, d.Span.Start), d.Severity.String(), d.Rule, d.Message, d.Help})
	}
	m.table("", []string{"Where", "", "Rule", "What", "What to do"}, rows)
}

func (m *markdown) phases(r *runner.Result) {
	var rows [][]string
	for _, s := range r.Sections {
		for _, p := range s.Phases {
			rows = append(rows, []string{s.Name, p.Name, passed(p.OK), fmt.Sprint(len(p.Commands)), took(p.Took)})
		}
	}
	m.table("Phases", []string{"Section", "Phase", "", "Commands", "Time"}, rows)
}

func (m *markdown) slowest(r *runner.Result) {
	type ran struct {
		where string
		runner.CommandResult
	}
	var all []ran
	for _, s := range r.Sections {
		for _, p := range s.Phases {
			for _, c := range p.Commands {
				all = append(all, ran{s.Name + " " + p.Name, c})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b ran) int { return cmp.Compare(b.Took, a.Took) })
	var rows [][]string
	for _, c := range all[:min(len(all), slowest)] {
		rows = append(rows, []string{code(c.Text), fmt.Sprint(c.Line), c.where, fmt.Sprint(c.Code), took(c.Took)})
	}
	m.rawTable("Slowest commands", []string{"Command", "Line", "Phase", "Exit code", "Time"}, rows)
}

func (m *markdown) cache(r *runner.Result) {
	var rows [][]string
	if c := r.Cache.Restore; c != nil {
		what := "miss"
		if c.Hit {
			what = "hit"
		}
		rows = append(rows, []string{"Restored", what, c.Reason, size(c.Files, c.Bytes), advice.Took(c.Took)})
	}
	if c := r.Cache.Save; c != nil {
		what := "no"
		if c.Saved {
			what = "yes"
		}
		rows = append(rows, []string{"Saved", what, c.Reason, size(c.Files, c.Bytes), advice.Took(c.Took)})
	}
	m.table("Cache", []string{"", "", "Why", "Size", "Time"}, rows)
}

func (m *markdown) tests(t *runner.Tests) {
	if t == nil {
		return
	}
	m.table("Tests", []string{"Passed", "Failed", "Skipped", "Time"}, [][]string{
		{fmt.Sprint(t.Passed), fmt.Sprint(t.Failed), fmt.Sprint(t.Skipped), took(t.Took)},
	})
	var rows [][]string
	for _, c := range t.Failing[:min(len(t.Failing), mostLines)] {
		at := c.File
		if at != "" && c.Line > 0 {
			at += fmt.Sprintf(":%d", c.Line)
		}
		rows = append(rows, []string{testName(c), at, c.Message})
	}
	m.table("", []string{"Failed test", "Where", "Message"}, rows)
}

func (m *markdown) artifacts(r *runner.Result) {
	var rows [][]string
	for _, x := range []struct {
		name string
		*runner.Artifacts
	}{{"build", r.Artifacts}, {"tests", r.TestArtifacts}} {
		if a := x.Artifacts; a != nil {
			rows = append(rows, []string{x.name, a.Base, size(a.Files, a.Bytes), humanize.Bytes(uint64(max(a.ZipBytes, 0))), a.SHA256})
		}
	}
	m.table("Artifacts", []string{"Of", "baseDirectory", "Size", "Zip", "SHA-256 of the zip"}, rows)
}

// table writes one, unless it has no rows.
func (m *markdown) table(title string, head []string, rows [][]string) {
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
	}
	m.rawTable(title, head, rows)
}

// rawTable is table for cells that are Markdown already.
func (m *markdown) rawTable(title string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(m, "### %s\n\n", title)
	}
	fmt.Fprintf(m, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
	for _, row := range rows {
		fmt.Fprintf(m, "| %s |\n", strings.Join(row, " | "))
	}
	m.WriteString("\n")
}

func list[T any](m *markdown, title string, all []T, text func(T) string) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(m, "### %s\n\n", title)
	for _, x := range all[:min(len(all), mostLines)] {
		fmt.Fprintf(m, "- %s\n", cell(text(x)))
	}
	if more := len(all) - mostLines; more > 0 {
		fmt.Fprintf(m, "- and %d more\n", more)
	}
	m.WriteString("\n")
}

func passed(ok bool) string {
	if ok {
		return "passed"
	}
	return "failed"
}

func size(files int, bytes int64) string {
	return plural(files, "file", "files") + ", " + humanize.Bytes(uint64(max(bytes, 0)))
}

// What others have written must neither end a cell nor be a link, an image or HTML.
var cellEscapes = strings.NewReplacer("\\", "&#92;", "|", `\|`, "\r", "", "\n", "<br>", "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`, "@", "&#64;")

// maxCell bounds a cell, in characters; a summary must stay below 1 MiB.
const maxCell = 400

func cell(s string) string {
	s = strings.TrimSpace(printable(s))
	if r := []rune(s); len(r) > maxCell {
		s = string(r[:maxCell]) + "…"
	}
	return cellEscapes.Replace(s)
}

// printable is a text without control characters but newlines.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// code is a command's first line, in a form that nothing in it can leave.
func code(s string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(printable(s)), "\n")
	if rest != "" {
		first += " …"
	}
	if r := []rune(first); len(r) > maxCell {
		first = string(r[:maxCell]) + "…"
	}
	return "<code>" + strings.NewReplacer("\\", "&#92;", "&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "@", "&#64;").Replace(first) + "</code>"
}
