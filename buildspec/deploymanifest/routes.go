package deploymanifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/preamp-build/preamp/buildspec"
)

func (c *checker) routes(m *Manifest, root *value) {
	r := c.need(root, "routes", list)
	if r == nil {
		return
	}
	if n := len(r.val.items); n > maxRoutes {
		c.add(buildspec.Diagnostic{
			Rule: ruleTooManyRoutes, Span: oneLine(r.val.items[maxRoutes].span),
			Message: fmt.Sprintf("there are %d routes; at most %d are allowed", n, maxRoutes),
			Help:    "put static files into common folders and match the folders",
		})
	}
	first := map[string]buildspec.Span{}
	for _, item := range c.elements(r, object) {
		c.keys(item, "in a route", "path", "target", "fallback")
		route := Route{Span: item.span, Path: c.needText(item, "path")}
		c.path(route.Path)
		if earlier, again := first[route.Path.Value]; again && route.Path.Set() {
			c.add(buildspec.Diagnostic{
				Rule: ruleUnreachable, Severity: buildspec.Warning, Span: route.Path.Span,
				Message: fmt.Sprintf("there is a route for %s already: this one is never reached", shorten(route.Path.Value)),
				Help:    "remove one of them", Related: []buildspec.Related{{Span: earlier, Message: "the first one"}},
			})
		} else {
			first[route.Path.Value] = route.Path.Span
		}
		if t := c.need(item, "target", object); t != nil {
			route.Target = c.target(t.val)
		}
		if f := c.optional(item, "fallback", object); f != nil {
			fallback := c.target(f.val)
			route.Fallback = &fallback
			c.fallback(route)
		}
		m.Routes = append(m.Routes, route)
	}
	c.catchAll(m, r)
}

var (
	pathText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_\-.*$/~"'@:+]*$`) })
	badChar  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^A-Za-z0-9_\-.*$/~"'@:+]`) })
)

func (c *checker) path(p buildspec.Text) {
	if !p.Set() {
		return
	}
	d := buildspec.Diagnostic{Rule: rulePath, Span: p.Span}
	switch {
	case !strings.HasPrefix(p.Value, "/"):
		d.Message, d.Help = "a path begins with a slash", fmt.Sprintf("write %q", "/"+shorten(p.Value))
	case utf8.RuneCountInString(p.Value) > maxPath:
		d.Message, d.Help = fmt.Sprintf("the path has more than %d characters", maxPath), "match a folder with a star"
	case !pathText().MatchString(p.Value):
		d.Message = fmt.Sprintf("the character %q is not allowed in a path", badChar().FindString(p.Value))
		d.Help = "only the star has a special meaning; queries are not part of a path"
	default:
		return
	}
	c.add(d)
}

func (c *checker) target(v *value) Target {
	c.keys(v, "in a target", "kind", "src", "cacheControl")
	t := Target{Span: v.span, Kind: c.needText(v, "kind"), CacheControl: c.optionalText(v, "cacheControl")}
	if k := t.Kind; k.Set() && !slices.Contains(kinds, k.Value) {
		d := buildspec.Diagnostic{
			Rule: ruleKind, Span: k.Span, Message: fmt.Sprintf("there is no target of the kind %q", shorten(k.Value)),
			Help: "it is Static, Compute or ImageOptimization",
		}
		for _, kind := range kinds {
			if strings.EqualFold(kind, k.Value) {
				d.Help = fmt.Sprintf("write %q", kind)
				d.Fix = &buildspec.Fix{Title: "write it in the right case", Edits: []buildspec.Edit{{Span: k.Span, NewText: `"` + kind + `"`}}}
			}
		}
		c.add(d)
		t.Kind = buildspec.Text{}
		return t
	}
	if t.Kind.Value == kindCompute {
		t.Src = c.needText(v, "src")
		if m := v.get("cacheControl"); m != nil {
			c.add(buildspec.Diagnostic{
				Rule: ruleCacheControl, Severity: buildspec.Warning, Span: m.keySpan,
				Message: "cacheControl is for Static and ImageOptimization only; a server sends its own header",
				Help:    "remove it, and set Cache-Control in the server's response",
			})
		}
	} else if m := v.get("src"); m != nil && t.Kind.Set() {
		c.add(buildspec.Diagnostic{
			Rule: ruleSource, Severity: buildspec.Warning, Span: m.keySpan,
			Message: fmt.Sprintf("src is for Compute only; a target of the kind %s has none", t.Kind.Value), Help: "remove it",
		})
	}
	return t
}

func (c *checker) fallback(r Route) {
	target, fallback := r.Target.Kind.Value, r.Fallback.Kind.Value
	switch {
	case target == "" || fallback == "":
	case target == fallback:
		c.add(buildspec.Diagnostic{
			Rule: ruleFallback, Span: r.Fallback.Kind.Span, Message: fmt.Sprintf("the fallback is of the target's own kind, %s", target),
			Help: "fall back to another kind, or remove the fallback",
		})
	case r.Path.Value == catchAll && target == kindCompute && fallback == kindStatic:
		c.add(buildspec.Diagnostic{
			Rule: ruleFallback, Severity: buildspec.Hint, Span: r.Fallback.Kind.Span,
			Message: "with a static fallback of the catch-all the server's own page for 404 is never seen",
			Help:    `route "/*.*" to Static with a fallback to Compute instead`,
		})
	}
}

const catchAll = "/*"

// catchAll checks that the last route, and only it, takes everything.
func (c *checker) catchAll(m *Manifest, routes *member) {
	at := slices.IndexFunc(m.Routes, func(r Route) bool { return r.Path.Value == catchAll })
	last := len(m.Routes) - 1
	switch {
	case at < 0:
		d := buildspec.Diagnostic{
			Rule: ruleCatchAll, Span: oneLine(routes.keySpan), Message: `there is no route for "/*", which takes what no other route does`,
			Help: `add it at the end; in an application with a server: { "path": "/*", "target": { "kind": "Compute", "src": "default" } }`,
		}
		if last >= 0 && m.Routes[last].Path.Set() {
			d.Span = m.Routes[last].Path.Span
		}
		c.add(d)
	case at < last && m.Routes[last].Path.Value != catchAll:
		c.add(buildspec.Diagnostic{
			Rule: ruleCatchAll, Span: m.Routes[at].Path.Span, Message: `the route for "/*" must be the last: those behind it are never reached`,
			Help:    "move it to the end",
			Related: []buildspec.Related{{Span: oneLine(m.Routes[at+1].Span), Message: "the next route"}},
		})
	}
}
