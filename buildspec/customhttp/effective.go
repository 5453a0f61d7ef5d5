package customhttp

import (
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/preamp-build/preamp/buildspec"
)

// For returns the headers of the application in the folder appRoot, relative to the repository; "" and "/" are its root. A
// file without an applications key is for all of them. ok is false when the file has none for this application.
func (c *Config) For(appRoot string) (app App, ok bool) {
	for _, a := range c.Apps {
		if !c.Monorepo || sameFolder(a.AppRoot.Value, appRoot) {
			return a, true
		}
	}
	return App{}, false
}

func sameFolder(a, b string) bool { return path.Clean("/"+a) == path.Clean("/"+b) }

// ParseBuildspec reads the custom headers that a build specification holds, as was usual before there was a file for them:
// customHeaders at the top level, in the frontend, or in the application with the given appRoot (the first one, when
// there is none or appRoot is ""). The Config is nil when there are none, and when the diagnostics have an error. What is
// wrong with the rest of the specification is not reported.
func ParseBuildspec(file string, src []byte, appRoot string) (*Config, buildspec.Diagnostics) {
	root, _ := buildspec.ParseTree(file, src)
	headers := legacy(root, appRoot)
	if headers == nil {
		return nil, nil
	}
	d := &decoder{file: file}
	rules := d.ruleList(headers)
	d.overlaps(rules)
	if d.list.HasErrors() {
		return nil, d.list
	}
	return &Config{File: file, Apps: []App{{Rules: rules}}}, d.list
}

// legacy finds the entry of a build specification that holds the headers, or returns nil.
func legacy(root *buildspec.Node, appRoot string) *buildspec.NodeEntry {
	if root == nil {
		return nil
	}
	places := []*buildspec.Node{root}
	if apps := root.Get("applications"); apps != nil && len(apps.Value.Items) > 0 {
		app := apps.Value.Items[0]
		for _, item := range apps.Value.Items {
			if e := item.Get("appRoot"); e != nil && appRoot != "" && sameFolder(e.Value.Text.Value, appRoot) {
				app = item
				break
			}
		}
		places = []*buildspec.Node{app, root}
	}
	for _, n := range places {
		if e := n.Get("customHeaders"); e != nil {
			return e
		}
		if f := n.Get("frontend"); f != nil {
			if e := f.Value.Get("customHeaders"); e != nil {
				return e
			}
		}
	}
	return nil
}

// YAML returns the application's headers as a file of their own, in the form without applications. Parsed again, it gives the
// same rules.
func (a App) YAML() []byte {
	var b strings.Builder
	b.WriteString("customHeaders:")
	if len(a.Rules) == 0 {
		b.WriteString(" []")
	}
	b.WriteString("\n")
	for _, r := range a.Rules {
		fmt.Fprintf(&b, "  - pattern: %s\n    headers:", scalar(r.Pattern.Value))
		if len(r.Headers) == 0 {
			b.WriteString(" []")
		}
		b.WriteString("\n")
		for _, h := range r.Headers {
			fmt.Fprintf(&b, "      - key: %s\n        value: %s\n", scalar(h.Key.Value), scalar(h.Value.Value))
		}
	}
	return []byte(b.String())
}

// scalar writes a text so that YAML reads just this text: in single quotes where nothing in it needs to be escaped.
func scalar(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return quoteYAML(s)
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"', r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	return `"` + b.String() + `"`
}
