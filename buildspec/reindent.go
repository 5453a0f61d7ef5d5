package buildspec

import (
	"fmt"
	"slices"
	"strings"
)

// This file holds the fixes that indent whole blocks of lines. Each replaces its lines by a single edit, so that no other
// fix puts lines with the old indentation between them in the same round.

// lines is a range of lines that hold some neighbours in a map, and nothing else.
type lines struct {
	from, to int
	column   int // of the keys
}

// linesOf returns the lines of entries of a block map. ok is false if they don't stand there alone, side by side.
func (d *decoder) linesOf(around *value, entries []*entry) (l lines, ok bool) {
	if len(entries) == 0 {
		return l, false
	}
	l = lines{from: entries[0].key.span.Start.Line, column: entries[0].key.span.Start.Column}
	for _, e := range entries {
		if e.merged || !d.onOwnLine(e.key.span.Start) || e.key.span.Start.Column != l.column {
			return l, false
		}
		l.from, l.to = min(l.from, e.key.span.Start.Line), max(l.to, e.lastLine())
	}
	for i := range around.entries {
		e := &around.entries[i]
		if !slices.Contains(entries, e) && e.key.span.Start.Line <= l.to && e.lastLine() >= l.from {
			return l, false
		}
	}
	return l, true
}

// lastLine returns the line on which an entry ends. The value of an alias stands elsewhere.
func (e *entry) lastLine() int {
	if e.val.span.Start.before(e.key.span.Start) {
		return e.key.span.End.Line
	}
	return max(e.key.span.End.Line, e.val.span.End.Line)
}

// shift returns an edit that moves lines to another column and puts a head before them; first is what the first of them
// then has in front of its text, in the place of that many blanks. ok is false if the lines cannot be moved.
func (d *decoder) shift(l lines, column int, head, first string) (e Edit, ok bool) {
	start, _ := d.src.line(l.from)
	_, end := d.src.line(l.to)
	by := column - l.column
	old := strings.ReplaceAll(d.src.text[start:end], "\r\n", "\n")
	if strings.Contains(old, "\r") {
		return Edit{}, false
	}
	moved := strings.Split(old, "\n")
	for i, line := range moved {
		switch {
		case strings.TrimSpace(line) == "":
		case by >= 0:
			moved[i] = strings.Repeat(" ", by) + line
		case strings.HasPrefix(line, strings.Repeat(" ", -by)):
			moved[i] = line[-by:]
		case strings.HasPrefix(strings.TrimSpace(line), "#"): // a comment may stand anywhere
		default:
			return Edit{}, false
		}
	}
	if at := column - 1 - len(first); first != "" {
		moved[0] = moved[0][:at] + first + moved[0][at+len(first):]
	}
	return Edit{Span: d.src.span(start, end), NewText: head + strings.Join(moved, "\n")}, true
}

// indentWidth is by how much a level is indented that a fix adds.
const indentWidth = 2

// belowFix puts entries of a map, which are neighbours, below a key of their own. Where the key is there already and
// empty, it is given, and must stand right above them.
func (d *decoder) belowFix(around *value, entries []*entry, name string, empty *entry) *Fix {
	l, ok := d.linesOf(around, entries)
	if !ok || empty == nil && meansKey(around.entries, name) {
		return nil
	}
	head := strings.Repeat(" ", l.column-1) + name + ":\n"
	if empty != nil {
		if head = ""; !follows(around, empty, entries[0]) || empty.key.span.Start.Column != l.column {
			return nil
		}
	}
	e, ok := d.shift(l, l.column+indentWidth, head, "")
	if !ok {
		return nil
	}
	return &Fix{Title: fmt.Sprintf("indent them below %s", name), Edits: []Edit{e}}
}

// meansKey reports whether one of the entries has a key, or has one misspelt that another fix renames to it.
func meansKey(entries []entry, name string) bool {
	return slices.ContainsFunc(entries, func(e entry) bool { return nearest(e.key.text, []string{name}) == name })
}

// follows reports whether an entry is the next one in the map.
func follows(around *value, e, next *entry) bool {
	for i := range around.entries {
		if &around.entries[i] == e {
			return i+1 < len(around.entries) && &around.entries[i+1] == next
		}
	}
	return false
}

// frontendFix indents what belongs to a frontend, and stands beside where it should be, below it.
func (d *decoder) frontendFix(app *value, empty *entry) *Fix {
	var entries []*entry
	for i := range app.entries {
		e := &app.entries[i]
		if slices.Contains(frontendScope.keys, e.key.text) || e.key.text == "buildpath" {
			entries = append(entries, e)
		}
	}
	return d.belowFix(app, entries, "frontend", empty)
}

// latePhaseFix indents a phase that follows the phases, so that it becomes one of them.
func (d *decoder) latePhaseFix(section *value, e, phases *entry) *Fix {
	if phases == nil || phases.merged || !follows(section, phases, e) || phases.key.span.Start.Column != e.key.span.Start.Column {
		return nil
	}
	column := e.key.span.Start.Column + indentWidth
	switch v := phases.val; {
	case v.isNull():
	case v.kind != mapping || len(v.entries) == 0 || !d.onOwnLine(v.entries[0].key.span.Start) || v.span.Start.before(phases.key.span.Start):
		return nil
	default:
		column = v.entries[0].key.span.Start.Column
		if meansKey(v.entries, e.key.text) {
			return nil
		}
	}
	l, ok := d.linesOf(section, []*entry{e})
	if !ok {
		return nil
	}
	edit, ok := d.shift(l, column, "", "")
	if !ok {
		return nil
	}
	return &Fix{Title: fmt.Sprintf("indent %s below phases", e.key.text), Edits: []Edit{edit}}
}

// artifactsFix puts keys of artifacts, which end the phases, below a key artifacts beside the phases.
func (d *decoder) artifactsFix() *Fix {
	phases := d.within.key
	if phases == nil || phases.merged || phases.val.kind != mapping || meansKey(d.within.around.entries, "artifacts") {
		return nil
	}
	var entries []*entry
	for i := range phases.val.entries {
		e := &phases.val.entries[i]
		name := e.key.text
		if main := spellings[name]; main != "" {
			name = main
		}
		switch {
		case slices.Contains(artifactsScope.keys, name):
			entries = append(entries, e)
		case len(entries) > 0:
			return nil // what follows would be moved out as well
		}
	}
	l, ok := d.linesOf(phases.val, entries)
	if !ok {
		return nil
	}
	column := phases.key.span.Start.Column
	e, ok := d.shift(l, column+indentWidth, strings.Repeat(" ", column-1)+"artifacts:\n", "")
	if !ok {
		return nil
	}
	return &Fix{Title: "put them below artifacts", Edits: []Edit{e}}
}

// applicationsFix makes a list with one entry of a map.
func (d *decoder) applicationsFix(e *entry) *Fix {
	entries := make([]*entry, len(e.val.entries))
	for i := range e.val.entries {
		entries[i] = &e.val.entries[i]
	}
	l, ok := d.linesOf(e.val, entries)
	if !ok || e.merged || l.from <= e.key.span.Start.Line {
		return nil
	}
	edit, ok := d.shift(l, l.column+indentWidth, "", "- ")
	if !ok {
		return nil
	}
	return &Fix{Title: "put a dash before its first key", Edits: []Edit{edit}}
}
