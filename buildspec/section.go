package buildspec

import (
	"fmt"
	"slices"
	"strings"
)

// optionalSection reads backend or test; absent and null are the same.
func (d *decoder) optionalSection(e *entry, sc, phases scope) *Section {
	if e == nil || e.val.isNothing() {
		return nil
	}
	return d.section(e, sc, phases)
}

// frontend reads the section that every application must have, together with artifacts.
func (d *decoder) frontend(app *value, e *entry) *Section {
	if e == nil || e.val.isNull() {
		diag := Diagnostic{
			Rule: ruleNoFrontend, Span: firstKey(app),
			Message: "there is no frontend section",
			Help:    "add one, at the least with artifacts; an application without a website can hand over a folder with one file",
			Amplify: amplifyNoFrontend,
		}
		if e != nil {
			diag.Span, diag.Message = e.key.span, "the frontend section is empty"
		}
		if diag.Fix = d.frontendFix(app, e); diag.Fix != nil {
			diag.Help = "put what belongs to the frontend below it, indented"
		}
		d.c.add(diag)
		return nil
	}
	return d.section(e, frontendScope, phasesScope)
}

// section reads a section that is not null. It returns nil when nothing can be made of it.
func (d *decoder) section(e *entry, sc, phases scope) *Section {
	if e.val.kind != mapping {
		d.wrongType(e, mapping)
		return nil
	}
	s := &Section{Name: e.key.text, Span: entrySpan(e)}
	loose := d.loosePhases(e.val, phases)
	f := d.fields(withoutEntries(e.val, loose), sc)
	s.BuildPath = d.path(f["buildPath"])
	d.within = &phasesPlace{key: f["phases"], section: f, around: e.val}
	s.Phases = d.phases(f["phases"], loose, phases)
	d.within = nil
	s.Artifacts = d.artifacts(e, f["artifacts"], e.key.text == "frontend")
	if c := f["cache"]; c != nil {
		s.CachePaths, s.HasCache = d.cache(c)
	}
	return s
}

func entrySpan(e *entry) Span {
	if e.val.span.Start.before(e.key.span.Start) {
		return e.key.span // the value is an alias
	}
	return Span{Start: e.key.span.Start, End: e.val.span.End}
}

// loosePhases finds phases that stand directly in a section without a phases key, a form that the service's
// documentation uses once.
func (d *decoder) loosePhases(section *value, phases scope) map[string]*entry {
	loose := map[string]*entry{}
	var inOrder []*entry
	for i := range section.entries {
		e := &section.entries[i]
		if e.key.text == "phases" {
			return nil
		}
		if slices.Contains(phases.keys, e.key.text) {
			loose[e.key.text] = e
			inOrder = append(inOrder, e)
		}
	}
	for _, name := range phases.keys {
		if e := loose[name]; e != nil {
			d.c.add(Diagnostic{
				Rule: ruleNoPhases, Severity: Warning, Span: e.key.span,
				Message: fmt.Sprintf("the phase %s stands directly in its section; it is read as if it stood under phases", name),
				Help:    `put a line "phases:" above the phases and indent them below it`,
				Fix:     d.belowFix(section, inOrder, "phases", nil),
			})
		}
	}
	return loose
}

// withoutEntries returns the map without the given entries.
func withoutEntries(v *value, drop map[string]*entry) *value {
	if len(drop) == 0 {
		return v
	}
	rest := *v
	rest.entries = nil
	for _, e := range v.entries {
		if drop[e.key.text] == nil {
			rest.entries = append(rest.entries, e)
		}
	}
	return &rest
}

func (d *decoder) phases(e *entry, loose map[string]*entry, sc scope) []Phase {
	found := loose
	if e != nil && !e.val.isNothing() {
		if e.val.kind != mapping {
			d.wrongType(e, mapping)
			return nil
		}
		found = d.fields(e.val, sc)
	}
	var phases []Phase
	for _, name := range sc.keys {
		if p := found[name]; p != nil {
			phases = append(phases, Phase{Name: name, Commands: d.phase(p), Span: entrySpan(p)})
		}
	}
	return phases
}

// phase returns a phase's commands, in whichever form they are written.
func (d *decoder) phase(e *entry) []Text {
	switch {
	case e.val.isNothing():
		return nil
	case e.val.kind == mapping:
		commands := d.fields(e.val, phaseScope)["commands"]
		if commands == nil {
			return nil
		}
		return d.commands(commands, true)
	default:
		d.c.add(Diagnostic{
			Rule: rulePhaseFormat, Severity: Warning, Span: e.key.span,
			Message: fmt.Sprintf("the phase %s holds its commands directly; they are read as its commands", e.key.text),
			Help:    `put a line "commands:" between the phase and its list; the service may not run it otherwise`,
			Fix:     d.commandsKeyFix(e),
		})
		return d.commands(e, false)
	}
}

// commands reads a list of commands, or a single one. warn says whether a single one is worth a warning of its own.
func (d *decoder) commands(e *entry, warn bool) []Text {
	switch {
	case e.val.isNothing():
		return nil
	case e.val.kind == mapping:
		d.wrongType(e, list)
		return nil
	case e.val.kind == scalar:
		if warn {
			d.c.add(Diagnostic{
				Rule: ruleCommandsList, Severity: Warning, Span: e.val.span,
				Message: fmt.Sprintf("%s is a single value; it is read as a list of one command", e.key.text),
				Help:    "write the command on a line of its own below, with a dash before it",
				Fix:     d.dashFix(e, ""),
			})
		}
		return []Text{d.text(e.val)}
	}
	if commands, ok := d.read[e.val]; ok {
		return commands
	}
	commands := make([]Text, 0, len(e.val.items))
	for _, item := range e.val.items {
		switch {
		case item.isNull():
		case item.kind == scalar:
			commands = append(commands, d.text(item))
		case item.kind == mapping:
			d.commandMap(item)
		default:
			d.commandList(item)
		}
	}
	d.read[e.val] = slices.Clip(commands)
	return d.read[e.val]
}

// longestHelp is the length in bytes up to which a quoted command is shown.
const longestHelp = 240

// commandMap reports the classic mistake: a ": " in an unquoted command makes a map of it.
func (d *decoder) commandMap(item *value) {
	raw := strings.TrimSpace(d.src.slice(item.span))
	diag := Diagnostic{
		Rule: ruleCommandMap, Span: d.src.firstLine(item.span),
		Message: `YAML reads this command as a map, because of the ": " in it`,
	}
	if strings.HasSuffix(raw, ":") && !strings.Contains(raw, ": ") {
		diag.Message = `YAML reads this command as a map, because of the ":" at its end`
	}
	switch {
	case raw == "":
		diag.Help = "write a command as text"
	case strings.ContainsAny(raw, "\r\n"):
		diag.Help = "write the command as a block, with a | behind the dash and the lines indented below it; or in quotes"
	default:
		quoted := quoteYAML(raw)
		diag.Help = "put the whole command in quotes:\n- " + quoted
		if len(quoted) > longestHelp {
			diag.Help = "put the whole command in quotes"
		}
		diag.Fix = &Fix{Title: "quote the command", Edits: []Edit{{Span: item.span, NewText: quoted}}}
	}
	d.c.add(diag)
}

func (d *decoder) commandList(item *value) {
	diag := Diagnostic{
		Rule: ruleCommandList, Span: d.src.firstLine(item.span),
		Message: "this command is a list",
		Help:    "write one dash before a command; a command that begins with a dash or a bracket needs quotes",
	}
	if len(item.items) == 1 && strings.HasPrefix(d.src.slice(item.span), "- ") {
		if only := item.items[0]; only.kind == scalar && only.span.Start.Line == item.span.Start.Line && item.span.Start.before(only.span.Start) {
			diag.Fix = &Fix{Title: "remove the second dash", Edits: []Edit{{Span: Span{Start: item.span.Start, End: only.span.Start}}}}
		}
	}
	d.c.add(diag)
}

// quoteYAML returns a one-line text as a quoted scalar that means just this text.
func quoteYAML(text string) string {
	if strings.Contains(text, "'") && !strings.ContainsAny(text, "\"\\") {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
