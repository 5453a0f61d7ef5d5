package buildspec

import (
	"fmt"
	"slices"
	"strings"
)

// phasesPlace is where a section's phases stand: their key and its neighbours.
type phasesPlace struct {
	key     *entry
	section map[string]*entry
	around  *value // the section itself
}

// strayPhase completes the finding about a key among the phases that is no phase.
func (d *decoder) strayPhase(e *entry, sc scope, diag *Diagnostic) {
	name := e.key.text
	switch {
	case diag.Rule == ruleMisplacedKey:
		if name == "artifacts" || name == "cache" {
			diag.Fix = d.moveOutFix(name)
		} else if slices.Contains(artifactsScope.keys, name) || spellings[name] == "baseDirectory" {
			diag.Fix = d.artifactsFix()
		}
		return
	case diag.Rule != ruleUnknownKey:
		return
	}
	diag.Rule = ruleUnknownPhase
	diag.Message = fmt.Sprintf("there is no phase %s; its commands are never run", quote(name))
	switch {
	case name == "install" && sc.keys[0] == "preBuild":
		diag.Help = "install is a phase of CodeBuild; move its commands into preBuild"
	case diag.Fix == nil && !strings.HasPrefix(diag.Help, "did you mean"):
		diag.Help = fmt.Sprintf("the phases are %s", strings.Join(sc.keys, ", "))
	}
}

// strayChildren reports what stands inside of a misplaced key.
func (d *decoder) strayChildren(parent *entry) {
	for _, e := range parent.val.entries {
		if e.key.kind != scalar || e.merged {
			continue
		}
		d.c.add(Diagnostic{
			Rule: ruleMisplacedKey, Severity: Warning, Span: e.key.span,
			Message: fmt.Sprintf("the key %s has no effect here, because %s has none", quote(e.key.text), quote(parent.key.text)),
			Help:    fmt.Sprintf("it moves together with %s", parent.key.text),
		})
	}
}

// movable are the keys that people indent below phases by mistake.
var movable = []string{"artifacts", "cache"}

// moveOutFix moves artifacts and cache from the end of the phases to where they belong, by indenting them less. They
// are moved together: one of them alone would come to stand inside of the other.
func (d *decoder) moveOutFix(name string) *Fix {
	phases := d.within.key
	if phases == nil || phases.val.kind != mapping || phases.merged {
		return nil
	}
	var moved []entry
	for _, e := range phases.val.entries {
		switch {
		case slices.Contains(movable, e.key.text):
			moved = append(moved, e)
		case len(moved) > 0:
			return nil // a phase follows, which would be moved out as well
		}
	}
	fix := &Fix{Title: fmt.Sprintf("move %s out of phases", name)}
	for _, e := range moved {
		if d.within.section[e.key.text] != nil || !d.dedent(fix, &e, phases.key.span.Start.Column) {
			return nil
		}
	}
	return fix
}

// dedent adds edits that put an entry's lines at another column. It returns false if the entry isn't on lines of its own.
func (d *decoder) dedent(fix *Fix, e *entry, column int) bool {
	remove := e.key.span.Start.Column - column
	if remove <= 0 || e.merged || e.val.span.Start.before(e.key.span.Start) || !d.onOwnLine(e.key.span.Start) {
		return false
	}
	for n := e.key.span.Start.Line; n <= e.val.span.End.Line; n++ {
		start, end := d.src.line(n)
		line := d.src.text[start:end]
		if strings.TrimSpace(line) == "" {
			continue
		}
		if !strings.HasPrefix(line, strings.Repeat(" ", remove)) {
			return false
		}
		fix.Edits = append(fix.Edits, Edit{Span: Span{Start: Pos{n, 1}, End: Pos{n, 1 + remove}}})
	}
	return true
}

// onOwnLine reports whether only blanks stand before a place on its line.
func (d *decoder) onOwnLine(p Pos) bool {
	start, _ := d.src.line(p.Line)
	return strings.TrimLeft(d.src.text[start:d.src.offset(p)], " ") == ""
}

// dashFix puts the single value of a key on a line of its own, behind a dash, and before that the given line. It returns
// nil for what isn't written as "key: value".
func (d *decoder) dashFix(e *entry, line string) *Fix {
	v := e.val
	if e.merged || v.kind != scalar || v.span.Start.Line != v.span.End.Line || v.span.Start.before(e.key.span.End) || !d.onOwnLine(e.key.span.Start) {
		return nil
	}
	from, to := d.src.offset(e.key.span.End), d.src.offset(v.span.Start)
	_, lineEnd := d.src.line(v.span.End.Line)
	rest := strings.TrimSpace(d.src.text[d.src.offset(v.span.End):lineEnd])
	if strings.TrimSpace(d.src.text[from:to]) != ":" || rest != "" && !strings.HasPrefix(rest, "#") || strings.IndexByte("|>", d.src.text[to]) >= 0 {
		return nil
	}
	margin := "\n" + strings.Repeat(" ", e.key.span.Start.Column+1)
	text := ":"
	if line != "" {
		text += margin + line
		margin += "  "
	}
	return &Fix{Title: "write a list", Edits: []Edit{{Span: d.src.span(from, to), NewText: text + margin + "- "}}}
}

// commandsKeyFix puts the key commands between a phase and its commands.
func (d *decoder) commandsKeyFix(e *entry) *Fix {
	v := e.val
	if v.kind == scalar {
		return d.dashFix(e, "commands:")
	}
	first := v.span.Start
	if v.kind != list || e.merged || first.Column <= e.key.span.Start.Column || first.Line <= e.key.span.Start.Line || !d.onOwnLine(first) {
		return nil
	}
	at := Pos{first.Line, 1}
	line := strings.Repeat(" ", first.Column-1) + "commands:\n"
	return &Fix{Title: "insert commands:", Edits: []Edit{{Span: Span{Start: at, End: at}, NewText: line}}}
}
