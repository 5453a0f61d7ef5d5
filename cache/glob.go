package cache

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// glob is one pattern without its exclamation mark, in the form in which it is matched: relative to the project root,
// no trailing slash and none of the trailing /** and /**/* that mean no more than "the folder". The empty glob is the
// project root itself.
type glob struct {
	text       string
	components []string
	literal    bool // no metacharacters: text is a path
	namesCache bool // mentions a .cache below something that can be node_modules
}

// globMeta are the characters that doublestar gives a meaning to.
const globMeta = `*?[{\`

func newGlob(clean string) glob {
	for cut := true; cut; {
		cut = false
		for _, all := range []string{"/**/*", "/**"} {
			if rest, ok := strings.CutSuffix(clean, all); ok {
				clean, cut = rest, true
			}
		}
	}
	switch clean {
	case ".", "**", "**/*", "*":
		return glob{literal: true}
	}
	g := glob{text: clean, components: strings.Split(clean, "/"), literal: !strings.ContainsAny(clean, globMeta)}
	for i, c := range g.components {
		if c == ".cache" && i > 0 && doublestar.MatchUnvalidated(g.components[i-1], "node_modules") {
			g.namesCache = true
		}
	}
	return g
}

// match reports whether the glob matches this path itself, not one of the folders above it.
func (g glob) match(rel string) bool {
	if g.literal {
		return g.text == rel
	}
	return doublestar.MatchUnvalidated(g.text, rel)
}

// leads reports whether the glob can match something below the folder dir. It may say yes too often, never no: it
// only spares a walk the folders that cannot matter.
func (g glob) leads(dir string) bool {
	names := strings.Split(dir, "/")
	for i, name := range names {
		if i == len(g.components) {
			return false
		}
		c := g.components[i]
		// A brace or a bracket may hold a slash, and then components do not pair up any more.
		if c == "**" || strings.ContainsAny(c, `{[\`) {
			return true
		}
		if !doublestar.MatchUnvalidated(c, name) {
			return false
		}
	}
	return len(g.components) > len(names)
}

// scope is what is known about a folder on the way down from the project root.
type scope struct {
	in    bool // the folder, or one above it, matches a pattern
	named bool // ... one that names .cache
	omit  bool // it lies in a node_modules/.cache, where only patterns that name .cache count
}

// included reports whether the folder or file is cached.
func (s scope) included() bool {
	if s.omit {
		return s.named
	}
	return s.in
}

// top is the scope of the project root.
func (p Paths) top() scope {
	var s scope
	for _, g := range p.include {
		s.in = s.in || g.text == ""
	}
	return s
}

// enter steps from a folder whose scope is up to rel, one level below it. It answers false if rel is excluded with
// everything below it.
func (p Paths) enter(up scope, rel string) (scope, bool) {
	dir, name := path.Split(rel)
	// Without regard to case, because on a file system that ignores it .GIT is .git.
	if strings.EqualFold(name, ".git") {
		return scope{}, false
	}
	if p.excluded(rel) {
		return scope{}, false
	}
	s := up
	if name == ".cache" && path.Base(dir) == "node_modules" {
		s.omit = true
	}
	for _, g := range p.include {
		if (s.in && !g.namesCache) || (s.named && g.namesCache) || !g.match(rel) {
			continue
		}
		s.in = true
		s.named = s.named || g.namesCache
	}
	return s, true
}

// excluded reports whether an exclusion matches rel itself.
func (p Paths) excluded(rel string) bool {
	return slices.ContainsFunc(p.exclude, func(g glob) bool { return g.match(rel) })
}

// leads reports whether something below the folder rel, itself not cached, can be.
func (p Paths) leads(s scope, rel string) bool {
	for _, g := range p.include {
		if (!s.omit || g.namesCache) && g.leads(rel) {
			return true
		}
	}
	return false
}
