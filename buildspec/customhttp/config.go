package customhttp

import (
	"cmp"
	"slices"

	"github.com/preamp-build/preamp/buildspec"
)

// FileName is the file's name at the root of the repository, also in a monorepo.
const FileName = "customHttp.yml"

// Config is a file of custom headers that can be used. It is a plain value: safe to read concurrently.
type Config struct {
	// File is the name under which the file was parsed.
	File string
	// Monorepo reports whether the file has an applications key.
	Monorepo bool
	// Apps holds the applications in the order of the file; without an applications key it has exactly one element.
	Apps []App
}

// App is the headers of one application.
type App struct {
	// AppRoot is the application's folder as written; unset without an applications key.
	AppRoot buildspec.Text
	// Rules holds the rules in the order of the file.
	Rules []Rule
}

// Rule is a set of headers for the paths that match a pattern.
type Rule struct {
	// Pattern is a glob for paths of URLs, as written: "*" and "**/*" both match everything.
	Pattern buildspec.Text
	// Headers holds the headers in the order of the file. A name may occur twice; the finding says so.
	Headers []Header
	// Span covers the rule's map.
	Span buildspec.Span
}

// Header is a header with its value. The value is one line; numbers and booleans are as they are spelt in the file.
type Header struct{ Key, Value buildspec.Text }

// Parse reads and checks a file of custom headers. The name is used in positions only; no file is opened. The Config is
// nil exactly when the diagnostics have an error. The diagnostics are sorted by position; rules whose ids begin with
// "headers-" are this package's, the others are those of YAML that buildspec reports for every file. Parse takes bounded
// time and memory, never panics, and does not keep src.
func Parse(file string, src []byte) (*Config, buildspec.Diagnostics) {
	root, ds := buildspec.ParseTree(file, src)
	if root == nil {
		return nil, ds
	}
	d := &decoder{file: file, list: ds}
	c := d.config(root)
	for i := range c.Apps {
		d.overlaps(c.Apps[i].Rules)
	}
	slices.SortStableFunc(d.list, func(a, b buildspec.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Span.Start.Line, b.Span.Start.Line),
			cmp.Compare(a.Span.Start.Column, b.Span.Start.Column),
			cmp.Compare(a.Severity, b.Severity),
		)
	})
	if d.list.HasErrors() {
		return nil, d.list
	}
	return c, d.list
}
