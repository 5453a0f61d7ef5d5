package detect

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// step is a command, a path or a value in a specification, with the comment above it.
type step struct {
	text string
	why  []string
}

func steps(texts ...string) []step {
	list := make([]step, len(texts))
	for i, t := range texts {
		list[i].text = t
	}
	return list
}

// plan is one application of a specification, before it is text.
type plan struct {
	about     []string // comment above the application
	appRoot   string
	backend   []step
	buildPath string
	// whyBuildPath is its comment. buildPathLast puts it behind the cache, as the console does, and appRoot behind all.
	whyBuildPath []string
	consoleOrder bool
	preBuild     []step // nil leaves the phase out
	build        []step // nil is an empty list
	whyBuild     []string
	base         step
	cache        []step // nil is an empty list
	whyCache     []string
}

// document returns the text of a specification; with an appRoot, or with several applications, as that of a monorepo.
func document(plans []plan) []byte {
	w := &writer{}
	w.line(0, "version: 1")
	if len(plans) == 1 && plans[0].appRoot == "" {
		w.comment(0, plans[0].about)
		w.app(0, plans[0])
		return w.b
	}
	w.line(0, "applications:")
	for _, p := range plans {
		w.comment(2, p.about)
		at := len(w.b)
		if !p.consoleOrder {
			w.line(4, "appRoot: "+scalar(p.appRoot))
		}
		w.app(4, p)
		if p.consoleOrder {
			w.line(4, "appRoot: "+scalar(p.appRoot))
		}
		w.b[at+2] = '-' // the first key of a list's entry
	}
	return w.b
}

// writer writes YAML in the layout of the service's own files.
type writer struct{ b []byte }

func (w *writer) line(indent int, text string) {
	w.b = fmt.Appendf(w.b, "%*s%s\n", indent, "", text)
}

func (w *writer) comment(indent int, lines []string) {
	for _, l := range lines {
		w.line(indent, "# "+l)
	}
}

func (w *writer) app(n int, p plan) {
	if p.backend != nil {
		w.line(n, "backend:")
		w.line(n+2, "phases:")
		w.phase(n+4, "build", p.backend)
	}
	w.line(n, "frontend:")
	buildPath := func() {
		if p.buildPath != "" {
			w.comment(n+2, p.whyBuildPath)
			w.line(n+2, "buildPath: "+scalar(p.buildPath))
		}
	}
	if !p.consoleOrder {
		buildPath()
	}
	w.line(n+2, "phases:")
	if p.preBuild != nil {
		w.phase(n+4, "preBuild", p.preBuild)
	}
	w.comment(n+4, p.whyBuild)
	w.phase(n+4, "build", p.build)
	w.line(n+2, "artifacts:")
	w.comment(n+4, p.base.why)
	w.line(n+4, "baseDirectory: "+scalar(p.base.text))
	w.list(n+4, "files", steps("**/*"))
	w.line(n+2, "cache:")
	w.comment(n+4, p.whyCache)
	w.list(n+4, "paths", p.cache)
	if p.consoleOrder {
		buildPath()
	}
}

func (w *writer) phase(n int, name string, commands []step) {
	w.line(n, name+":")
	w.list(n+2, "commands", commands)
}

func (w *writer) list(n int, name string, items []step) {
	if len(items) == 0 {
		w.line(n, name+": []")
		return
	}
	w.line(n, name+":")
	for _, item := range items {
		w.comment(n+2, item.why)
		w.line(n+2, "- "+scalar(item.text))
	}
}

var (
	plainScalar = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9_./$(][A-Za-z0-9_./@$=()<>|&~+*,"'\[\]-]*(?: [A-Za-z0-9_./@$=()<>|&~+*,"'\[\]-]+)*$`)
	})
	notText = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^(?:[-+.\d].*\d|0x[\da-f]+|[-+]?\.(?:inf|nan)|~|null|true|false|yes|no|on|off|y|n)$`)
	})
)

// scalar writes a text so that YAML reads just this text, in quotes where they are needed. The text has no line breaks.
func scalar(s string) string {
	if plainScalar().MatchString(s) && !notText().MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
