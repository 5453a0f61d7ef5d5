package buildspec

import (
	"fmt"
	"strings"
)

// decoder makes a Spec of a tree. Its methods report problems and carry on with what is usable.
type decoder struct {
	src *source
	c   *collector
	// within is what the phases that are being read stand in, nil elsewhere.
	within *phasesPlace
	// read holds the lists of commands that have been read: aliases can repeat a list more often than there is memory.
	read map[*value][]Text
}

func (d *decoder) spec(root *value) *Spec {
	spec := &Spec{File: d.src.file}
	f := d.fields(root, topScope)
	if e := f["version"]; e != nil {
		spec.Version = d.looseText(e)
	}
	apps := f["applications"]
	if apps == nil || apps.val.isNull() {
		if apps != nil {
			d.c.add(Diagnostic{
				Rule: ruleNoApps, Severity: Warning, Span: apps.key.span,
				Message: "applications is empty; the file is read as that of a single application",
				Help:    "remove the key, or list the applications below it, each with its appRoot",
			})
		}
		spec.Apps = []App{d.app(root, f)}
		return spec
	}
	spec.Monorepo = true
	for _, name := range []string{"appRoot", "env", "backend", "frontend", "test"} {
		if e := f[name]; e != nil {
			d.c.add(Diagnostic{
				Rule: ruleMisplacedKey, Severity: Warning, Span: e.key.span,
				Message: fmt.Sprintf("%s beside applications has no effect", name),
				Help:    "move it into the entries of applications that need it",
				Related: []Related{{Span: apps.key.span, Message: "the applications"}},
			})
		}
	}
	spec.Apps = d.applications(apps)
	return spec
}

func (d *decoder) applications(e *entry) []App {
	items := e.val.items
	switch {
	case e.val.kind == mapping && len(e.val.entries) > 0:
		d.c.add(Diagnostic{
			Rule: ruleAppsNotAList, Severity: Warning, Span: e.key.span,
			Message: "applications is a single map; it is read as a list with one application",
			Help:    `put a dash before its first key, as in "- appRoot: ..."`,
			Fix:     d.applicationsFix(e),
		})
		items = []*value{e.val}
	case e.val.isNothing():
		d.c.add(Diagnostic{
			Rule: ruleNoApps, Span: e.key.span,
			Message: "applications lists no application",
			Help:    "list at least one, with its appRoot and frontend, or remove the key",
		})
	case e.val.kind == scalar:
		d.wrongType(e, list)
	}
	apps := make([]App, 0, len(items))
	for i, item := range items {
		if item.kind != mapping {
			d.c.add(Diagnostic{
				Rule: ruleWrongType, Span: d.src.firstLine(item.span),
				Message: fmt.Sprintf("application %d must be a map with appRoot and frontend, not %s", i+1, item.kind),
				Help:    `write "- appRoot: path/of/the/app" and its frontend below, aligned with appRoot`,
				Amplify: amplifyNoAppRoot,
			})
			continue
		}
		f := d.fields(item, appScope)
		d.requireAppRoot(item, f["appRoot"])
		apps = append(apps, d.app(item, f))
	}
	return apps
}

func (d *decoder) requireAppRoot(app *value, e *entry) {
	diag := Diagnostic{
		Rule: ruleNoAppRoot, Span: firstKey(app),
		Message: "this application has no appRoot",
		Help:    `name the application's folder, as in "appRoot: apps/web"; an extra dash before a key makes another application of it`,
		Amplify: amplifyNoAppRoot,
	}
	if e != nil {
		if e.val.kind == scalar && e.val.tag == "!!str" {
			return
		}
		diag.Span = e.key.span
		diag.Message = "appRoot must be text"
		if e.val.kind == scalar && !e.val.isNull() {
			diag.Help = fmt.Sprintf("YAML reads %s as something other than text; put it in quotes", quote(e.val.text))
		}
	}
	d.c.add(diag)
}

// app reads one application; f holds the fields of v.
func (d *decoder) app(v *value, f map[string]*entry) App {
	app := App{Span: v.span}
	if e := f["appRoot"]; e != nil && e.val.kind == scalar {
		app.AppRoot = d.text(e.val)
	}
	if e := f["env"]; e != nil {
		app.Env = d.env(e)
	}
	app.Backend = d.optionalSection(f["backend"], backendScope, phasesScope)
	app.Test = d.optionalSection(f["test"], testScope, testPhases)
	app.Frontend = d.frontend(v, f["frontend"])
	return app
}

func (d *decoder) env(e *entry) []Variable {
	if e.val.isNothing() {
		return nil
	}
	if e.val.kind != mapping {
		d.wrongType(e, mapping)
		return nil
	}
	vars := d.fields(e.val, envScope)["variables"]
	if vars == nil || vars.val.isNothing() {
		return nil
	}
	if vars.val.kind != mapping {
		d.c.add(Diagnostic{
			Rule: ruleWrongType, Span: vars.key.span,
			Message: fmt.Sprintf("variables must be a map of names and values, not %s", vars.val.kind),
			Help:    `write each variable as "NAME: value", without a dash`,
		})
		return nil
	}
	var env []Variable
	for _, e := range vars.val.entries {
		if v, ok := d.variable(e); ok {
			env = append(env, v)
		}
	}
	return env
}

func (d *decoder) variable(e entry) (Variable, bool) {
	name := e.key.text
	if e.key.kind != scalar || name == "" || strings.ContainsAny(name, "=\x00") {
		d.c.add(Diagnostic{
			Rule: ruleVariableName, Severity: Warning, Span: d.src.firstLine(e.key.span),
			Message: fmt.Sprintf("%s cannot be the name of an environment variable; it is ignored", quote(name)),
			Help:    "a name has letters, digits and underscores, and no =",
		})
		return Variable{}, false
	}
	if e.val.kind != scalar {
		d.c.add(Diagnostic{
			Rule: ruleVariableValue, Span: e.key.span,
			Message: fmt.Sprintf("the variable %s must have a single value, not %s", quote(name), e.val.kind),
			Help:    "put the value in quotes if its brackets, braces or colons belong to the text",
		})
		return Variable{}, false
	}
	return Variable{Name: Text{Value: name, Span: e.key.span}, Value: d.text(e.val)}, true
}

// text returns a scalar's text and refuses what no shell and no environment can take.
func (d *decoder) text(v *value) Text {
	t := v.asText()
	if strings.ContainsRune(t.Value, 0) {
		d.c.add(Diagnostic{
			Rule: ruleNUL, Span: d.src.firstLine(v.span),
			Message: "the text contains a NUL character, which no command and no variable can hold",
			Help:    `write \\0 for a backslash and a zero, or use single quotes`,
		})
	}
	return t
}

// looseText reads a scalar that nothing depends on.
func (d *decoder) looseText(e *entry) Text {
	if e.val.kind == scalar {
		return e.val.asText()
	}
	d.c.add(Diagnostic{
		Rule: ruleWrongType, Severity: Warning, Span: e.key.span,
		Message: fmt.Sprintf("%s should be a single value, not %s; it is ignored", quote(e.key.text), e.val.kind),
	})
	return Text{}
}

// path reads a scalar that names a folder or file.
func (d *decoder) path(e *entry) Text {
	if e == nil {
		return Text{}
	}
	if e.val.kind == scalar {
		return d.text(e.val)
	}
	d.wrongType(e, scalar)
	return Text{}
}

func (d *decoder) wrongType(e *entry, want kind) {
	d.c.add(Diagnostic{
		Rule: ruleWrongType, Span: e.key.span,
		Message: fmt.Sprintf("%s must be %s, not %s", quote(e.key.text), want, e.val.kind),
		Help: map[kind]string{
			scalar:  "write the value behind the colon, in quotes if it has brackets or braces",
			list:    "write one entry per line, each with a dash and a blank before it",
			mapping: `write its keys on lines of their own below it, indented, without dashes`,
		}[want],
	})
}

func firstKey(v *value) Span {
	if len(v.entries) == 0 {
		return v.span
	}
	return v.entries[0].key.span
}
