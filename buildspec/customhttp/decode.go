package customhttp

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
)

// maxFindings bounds, for each severity, what one file can make us say.
const maxFindings = 150

// decoder makes a Config of a tree. Its methods report problems and carry on with what is usable.
type decoder struct {
	file  string
	list  buildspec.Diagnostics
	count [buildspec.Hint + 1]int
	// rules counts the rules that were read: aliases can make one list stand for many.
	rules int
	// compared counts the steps of comparing patterns.
	compared int
}

func (d *decoder) add(diag buildspec.Diagnostic) {
	diag.File = d.file
	d.count[diag.Severity]++
	switch n := d.count[diag.Severity]; {
	case n <= maxFindings:
		d.list = append(d.list, diag)
	case n == maxFindings+1:
		d.list = append(d.list, buildspec.Diagnostic{
			Rule: ruleTooMany, Severity: diag.Severity, File: d.file,
			Message: fmt.Sprintf("more than %d findings of severity %q are not shown", maxFindings, diag.Severity),
			Help:    "repair the others first and look again",
		})
	}
}

func (d *decoder) config(root *buildspec.Node) *Config {
	c := &Config{File: d.file}
	if root.Kind != buildspec.MapNode {
		d.add(buildspec.Diagnostic{
			Rule: ruleNotAMap, Span: oneLine(root.Span), Amplify: amplifyNotAList,
			Message: fmt.Sprintf("the file must be a map with the key customHeaders, not %s", root.Kind),
			Help:    `begin with the line "customHeaders:" and indent the rest below it`,
		})
		return c
	}
	d.keys(root, "at the top level", "customHeaders", "applications", "version")
	headers, apps := root.Get("customHeaders"), root.Get("applications")
	switch {
	case apps != nil:
		c.Monorepo = true
		c.Apps = d.applications(apps)
		if headers != nil {
			d.add(buildspec.Diagnostic{
				Rule: ruleMisplaced, Severity: buildspec.Warning, Span: headers.Key.Span,
				Message: "customHeaders beside applications has no effect",
				Help:    "move it into the entries of applications that need it",
				Related: []buildspec.Related{{Span: apps.Key.Span, Message: "the applications"}},
			})
		}
	case headers != nil:
		c.Apps = []App{{Rules: d.ruleList(headers)}}
	default:
		d.add(buildspec.Diagnostic{
			Rule: ruleMissing, Span: firstKey(root), Amplify: amplifyNotAList,
			Message: "the file has no customHeaders",
			Help:    "put the rules below a line \"customHeaders:\"; in a monorepo, below applications with an appRoot each",
		})
	}
	return c
}

func (d *decoder) applications(e *buildspec.NodeEntry) []App {
	var apps []App
	seen := map[string]buildspec.Span{}
	for _, item := range d.entries(e, "an application", "appRoot and customHeaders") {
		d.keys(item, "in an application", "appRoot", "customHeaders")
		app := App{AppRoot: d.appRoot(item, seen)}
		if headers := item.Get("customHeaders"); headers != nil {
			app.Rules = d.ruleList(headers)
		} else {
			d.add(buildspec.Diagnostic{
				Rule: ruleMissing, Span: firstKey(item), Amplify: amplifyNotAList,
				Message: "this application has no customHeaders",
				Help:    "add them, or remove the application from this file",
			})
		}
		apps = append(apps, app)
	}
	return apps
}

func (d *decoder) appRoot(app *buildspec.Node, seen map[string]buildspec.Span) buildspec.Text {
	e := app.Get("appRoot")
	if e == nil || !e.Value.IsString {
		diag := buildspec.Diagnostic{
			Rule: ruleAppRoot, Span: firstKey(app),
			Message: "this application has no appRoot",
			Help:    `name the application's folder as in amplify.yml, such as "appRoot: apps/web"`,
		}
		if e != nil {
			diag.Span, diag.Message = e.Key.Span, "appRoot must be text"
		}
		d.add(diag)
		return buildspec.Text{}
	}
	clean := path.Clean("/" + e.Value.Text.Value)
	if first, again := seen[clean]; again {
		d.add(buildspec.Diagnostic{
			Rule: ruleAppRootTwo, Severity: buildspec.Warning, Span: e.Value.Span,
			Message: fmt.Sprintf("there are two applications with the appRoot %s; one of them has no effect", clean[1:]),
			Help:    "put the rules of both into one of them",
			Related: []buildspec.Related{{Span: first, Message: "the first one"}},
		})
	} else {
		seen[clean] = e.Value.Span
	}
	return e.Value.Text
}

// entries returns the maps in a list, and reports what is not as it should be.
func (d *decoder) entries(e *buildspec.NodeEntry, what, keys string) []*buildspec.Node {
	name := e.Key.Text.Value
	amplify := ""
	if name == "customHeaders" {
		amplify = amplifyNotAList
	}
	switch {
	case e.Value.Kind != buildspec.ListNode:
		was := e.Value.Kind.String()
		if e.Value.IsNull() {
			was = "empty"
		}
		d.add(buildspec.Diagnostic{
			Rule: ruleNotAList, Span: e.Key.Span, Amplify: amplify,
			Message: fmt.Sprintf("%s must be a list, not %s", name, was),
			Help:    fmt.Sprintf("begin each of its entries, a map with %s, with a dash", keys),
		})
		return nil
	case len(e.Value.Items) == 0:
		d.add(buildspec.Diagnostic{
			Rule: ruleEmpty, Severity: buildspec.Warning, Span: e.Key.Span,
			Message: fmt.Sprintf("%s is empty", name),
			Help:    "remove it, or write its entries",
		})
	}
	var maps []*buildspec.Node
	for _, item := range e.Value.Items {
		if item.Kind == buildspec.MapNode {
			maps = append(maps, item)
			continue
		}
		d.add(buildspec.Diagnostic{
			Rule: ruleEntry, Span: oneLine(item.Span),
			Message: fmt.Sprintf("%s must be a map with %s, not %s", what, keys, item.Kind),
			Help:    `write "key: value" behind the dash, and the other keys aligned below it`,
		})
	}
	return maps
}

// maxRules bounds the rules that are read, aliases expanded.
const maxRules = 5000

func (d *decoder) ruleList(e *buildspec.NodeEntry) []Rule {
	var rules []Rule
	for _, item := range d.entries(e, "a rule", "pattern and headers") {
		if d.rules++; d.rules > maxRules {
			d.add(buildspec.Diagnostic{
				Rule: ruleTooMany, Span: e.Key.Span,
				Message: fmt.Sprintf("the file has more than %d rules", maxRules),
				Help:    "use patterns that match more",
			})
			return rules
		}
		d.keys(item, "in a rule", "pattern", "headers")
		rules = append(rules, d.rule(item))
	}
	return rules
}

func (d *decoder) rule(n *buildspec.Node) Rule {
	r := Rule{Span: n.Span}
	if e := n.Get("pattern"); e != nil && e.Value.Kind == buildspec.ScalarNode && e.Value.Text.Value != "" {
		r.Pattern = e.Value.Text
		d.pattern(r.Pattern)
	} else {
		at := firstKey(n)
		if e != nil {
			at = e.Key.Span
		}
		d.add(buildspec.Diagnostic{
			Rule: rulePattern, Span: at,
			Message: "this rule has no pattern",
			Help:    "say which paths it is for, as in \"pattern: '**/*'\" for all",
		})
	}
	e := n.Get("headers")
	if e == nil {
		d.add(buildspec.Diagnostic{
			Rule: ruleMissing, Span: firstKey(n),
			Message: "this rule has no headers",
			Help:    "write a list \"headers:\" with a key and a value each",
		})
		return r
	}
	if e.Value.Kind == buildspec.MapNode {
		d.headersMap(e)
		return r
	}
	for _, item := range d.entries(e, "a header", "key and value") {
		d.keys(item, "in a header", "key", "value")
		if h, ok := d.header(item); ok {
			r.Headers = append(r.Headers, h)
		}
	}
	d.duplicates(r.Headers)
	return r
}

// headersMap reports the form that other hosts have: names and values directly.
func (d *decoder) headersMap(e *buildspec.NodeEntry) {
	help := "write a list in which each entry has a key and a value"
	if entries := e.Value.Entries; len(entries) > 0 && entries[0].Value.Kind == buildspec.ScalarNode && len(entries[0].Value.Text.Value) < 80 {
		help += fmt.Sprintf(":\n- key: %s\n  value: %s", quoteYAML(entries[0].Key.Text.Value), quoteYAML(entries[0].Value.Text.Value))
	}
	d.add(buildspec.Diagnostic{
		Rule: ruleNotAList, Span: e.Key.Span,
		Message: "headers must be a list, not a map of names and values",
		Help:    help,
	})
}

// keys reports what has no meaning in a map.
func (d *decoder) keys(n *buildspec.Node, where string, known ...string) {
	for _, e := range n.Entries {
		name := e.Key.Text.Value
		if e.Key.Kind == buildspec.ScalarNode && (slices.Contains(known, name) || strings.HasPrefix(name, "x-")) {
			continue
		}
		diag := buildspec.Diagnostic{
			Rule: ruleUnknownKey, Severity: buildspec.Warning, Span: oneLine(e.Key.Span),
			Message: fmt.Sprintf("%q has no meaning %s and is ignored", shorten(name), where),
			Help:    "known are " + strings.Join(known, ", "),
		}
		if meant := meant(name, known); meant != "" && n.Get(meant) == nil {
			diag.Help = fmt.Sprintf("write %s", meant)
			diag.Fix = &buildspec.Fix{
				Title: fmt.Sprintf("rename %s to %s", shorten(name), meant),
				Edits: []buildspec.Edit{{Span: e.Key.Span, NewText: meant}},
			}
		}
		d.add(diag)
	}
}

// synonyms are what other hosts and tools call these keys.
var synonyms = map[string]string{
	"headers": "customHeaders", "source": "pattern", "path": "pattern", "for": "pattern", "pattern": "pattern", "patterns": "pattern",
	"header": "headers", "name": "key", "customheader": "customHeaders", "custom-headers": "customHeaders", "values": "value",
	"approot": "appRoot", "app-root": "appRoot", "application": "applications", "apps": "applications",
}

// meant returns the known key that an unknown one was probably meant to be, or "".
func meant(name string, known []string) string {
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	if k := synonyms[strings.ToLower(name)]; slices.Contains(known, k) {
		return k
	}
	return ""
}

func firstKey(n *buildspec.Node) buildspec.Span {
	if len(n.Entries) == 0 {
		return oneLine(n.Span)
	}
	return oneLine(n.Entries[0].Key.Span)
}

// oneLine cuts a span off behind its first character if it goes over several lines: excerpts show one.
func oneLine(s buildspec.Span) buildspec.Span {
	if s.End.Line > s.Start.Line {
		s.End = buildspec.Pos{Line: s.Start.Line, Column: s.Start.Column + 1}
	}
	return s
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
