package buildspec

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// cachePattern checks one entry of cache.paths.
func (l *linter) cachePattern(a *app, t Text) {
	if !t.Set() || !l.written(t) || l.backslash("a cache path", t) {
		return
	}
	body := strings.TrimPrefix(t.Value, "!")
	if strings.HasPrefix(body, "~") || !expansion().MatchString(body) {
		if d := l.outsideCache(a, t, body); d != nil {
			l.add(*d)
			return
		}
	}
	if l.patternExpansion(t, "cache.paths") {
		return
	}
	d := Diagnostic{Rule: ruleGlobNothing, Severity: Warning, Span: t.Span}
	switch {
	case strings.TrimSpace(body) == "":
		d.Message, d.Help = "an empty path caches nothing", "remove it"
	case !doublestar.ValidatePattern(body):
		d.Message, d.Help = "this is no valid pattern, because a bracket or brace is not closed", "write [[] or [{] for the character itself"
	default:
		return
	}
	l.add(d)
}

// outsideCache returns what is wrong with a path that the service silently leaves out of the cache.
func (l *linter) outsideCache(a *app, t Text, body string) *Diagnostic {
	d := &Diagnostic{Rule: ruleCacheOutside, Severity: Warning, Span: t.Span}
	clean := path.Clean(body)
	switch {
	case strings.HasPrefix(body, "~"), machineDir().MatchString(body), windowsDir().MatchString(body):
		d.Message = "only folders of the project can be cached; this path is silently left out"
		d.Help = toolCacheAdvice(body)
	case strings.HasPrefix(body, "/"):
		d.Message = "an absolute path is silently left out of the cache; paths are relative to the project's folder"
		if rest := strings.TrimLeft(body, "/"); rest != "" {
			d.Help = fmt.Sprintf("write %s", rest)
			d.Fix = l.rewriteFix("remove the slash", t, strings.TrimSuffix(t.Value, body)+rest)
		}
	case leaves(clean) && machineDir().MatchString("/"+strings.TrimLeft(clean, "./")):
		d.Message = "only folders of the project can be cached; this path is silently left out"
		d.Help = toolCacheAdvice(body)
	case leaves(clean):
		d.Message = fmt.Sprintf("this leaves the project's folder, %s, and is silently left out of the cache", nameFolder(a.project))
		if joined := path.Join(a.project, clean); !leaves(joined) && a.monorepo {
			d.Help = fmt.Sprintf("to build and cache from the root of the repository, set buildPath: / and write %s", joined)
		}
	default:
		return nil
	}
	if d.Help == "" {
		d.Help = "let the tool keep its cache in a folder of the project, and write that folder"
	}
	return d
}

// toolCaches are tools whose caches lie outside of the project, with what to do about it, in the order of the check.
var toolCaches = []struct{ sign, advice string }{
	{"cypress", "run export CYPRESS_CACHE_FOLDER=$PWD/.cache/Cypress before installing, and cache .cache/Cypress/**/*"},
	{"playwright", "run export PLAYWRIGHT_BROWSERS_PATH=$PWD/.cache/playwright before installing, and cache .cache/playwright/**/*"},
	{"pnpm", "install with pnpm install --store-dir .pnpm-store, and cache .pnpm-store/**/*"},
	{"yarn", "install with yarn install --cache-folder .yarn-cache, and cache .yarn-cache/**/*"},
	{".bun", "install with bun install --cache-dir .bun-cache, and cache .bun-cache/**/*"},
	{"hugo", "run export HUGO_CACHEDIR=$PWD/.hugo_cache before the build, and cache .hugo_cache/**/*"},
	{"pub-cache", "run export PUB_CACHE=$PWD/.pub-cache before the build, and cache .pub-cache/**/*"},
	{"npm", "install with npm ci --cache .npm --prefer-offline, and cache .npm/**/*"},
}

func toolCacheAdvice(p string) string {
	lower := strings.ToLower(p)
	for _, t := range toolCaches {
		if strings.Contains(lower, t.sign) {
			return t.advice
		}
	}
	return ""
}

// checkCache checks whether what is cached is of use to the commands.
func (l *linter) checkCache(a *app, s *script) {
	if a.Frontend == nil || len(a.Frontend.CachePaths) == 0 {
		return
	}
	clean := cleanInstalls(s)
	if len(clean) == 0 {
		return
	}
	for i, p := range a.Frontend.CachePaths {
		if !isNodeModules(p.Value) {
			continue
		}
		first := clean[0]
		help := "keep npm's own cache in the project, with npm ci --cache .npm --prefer-offline, and cache .npm/**/*"
		if first.hasOption("--cache") {
			help = "cache the folder that npm is given by --cache, and not node_modules"
		}
		l.add(Diagnostic{
			Rule: ruleNpmCiCache, Severity: Hint, Span: l.place(first), Help: help,
			Message: "npm ci removes node_modules before it installs, so caching node_modules only costs time",
			Related: []Related{{Span: p.Span, Message: "cached in vain"}},
			Fix:     l.npmCacheFix(a, clean, i),
		})
		return
	}
}

// cleanInstalls returns the calls of npm ci, or nothing if another install may use a node_modules that it finds.
func cleanInstalls(s *script) []*call {
	var clean []*call
	for _, c := range s.calls {
		i, ok := c.installs()
		switch {
		case !ok || c.function:
		case i.clean:
			clean = append(clean, c)
		case len(clean) == 0 || !c.dirKnown || c.dir != clean[0].dir:
			return nil
		}
	}
	return clean
}

// isNodeModules reports whether a cache path is all of a node_modules folder, that of a project or of one of its parts.
func isNodeModules(pattern string) bool {
	pattern = strings.TrimPrefix(strings.TrimPrefix(pattern, "/"), "./")
	for _, all := range []string{"/**/*", "/**", "/*", "/"} {
		if dir, ok := strings.CutSuffix(pattern, all); ok {
			pattern = dir
			break
		}
	}
	return !strings.HasPrefix(pattern, "!") && path.Base(pattern) == "node_modules"
}

// npmCacheFix caches what npm downloads instead of node_modules. It returns nil when npm does not run in the folder that
// the cache paths are relative to, or has options of its own for its cache.
func (l *linter) npmCacheFix(a *app, clean []*call, path int) *Fix {
	t := a.Frontend.CachePaths[path]
	if strings.Contains(strings.TrimLeft(strings.TrimSuffix(t.Value, "/"), "./"), "/node_modules") {
		return nil
	}
	fix := &Fix{Title: "cache npm's downloads instead"}
	for _, c := range clean {
		if !c.dirKnown || c.dir != a.project || len(c.args) == 0 {
			return nil
		}
		if c.hasOption("--cache") {
			if !strings.Contains(c.Value, "--cache .npm") && !strings.Contains(c.Value, "--cache=.npm") {
				return nil
			}
			continue
		}
		options := " --cache .npm"
		if !c.hasOption("--prefer-offline") && !c.hasOption("--offline") {
			options += " --prefer-offline"
		}
		e, ok := l.insertEdit(c.command, c.args[0].to, options)
		if !ok {
			return nil
		}
		// The place of a character is known, that of the end of a word is that after its last one.
		end := l.span(c.command, c.args[0].from, c.args[0].to).End
		e.Span = Span{Start: end, End: end}
		fix.Edits = append(fix.Edits, e)
	}
	for _, other := range a.Frontend.CachePaths {
		if strings.HasPrefix(other.Value, ".npm") {
			e, ok := l.removeItem(t)
			if !ok {
				return nil
			}
			fix.Edits = append(fix.Edits, e)
			return fix
		}
	}
	e, ok := rewriteEdit(l.src, t, ".npm/**/*")
	if !ok {
		return nil
	}
	fix.Edits = append(fix.Edits, e)
	return fix
}

func (c *call) hasOption(name string) bool {
	for _, a := range c.args {
		if a.text == name || strings.HasPrefix(a.text, name+"=") {
			return true
		}
	}
	return false
}
