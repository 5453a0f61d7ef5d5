package buildspec

import (
	"fmt"
	"slices"
	"strings"
)

// checkSession checks what commands do to those after them: they share one shell.
func (l *linter) checkSession(a *app, s *script) {
	l.exits(s)
	l.assignments(a, s)
	l.pipelines(s)
	l.backends(s)
	l.nodeEnv(a, s)
}

func (l *linter) exits(s *script) {
	all := 0 // commands that are run unless the shell is gone; postTest always is
	for _, c := range s.commands {
		if c.phase != "postTest" {
			all++
		}
	}
	for _, c := range s.calls {
		// Without a number it is the status of the command before, which behind || is a failure.
		if c.name != "exit" || c.sub || c.function || len(c.args) > 1 || c.arg(0) != "0" && (len(c.args) > 0 || c.cond) {
			continue
		}
		after := all - c.index - 1
		if after <= 0 || l.full(Warning) {
			continue
		}
		l.add(Diagnostic{
			Rule: ruleExit, Severity: Warning, Span: l.place(c),
			Message: fmt.Sprintf("all commands share one shell, and exit ends it: %s not run, and the build is good", count(after, "command after this is", "commands after this are")),
			Help:    "put what depends on the condition inside of an if; to leave only this command, put it into parentheses",
		})
	}
}

// count returns a number and the word that fits it.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

var (
	// programPrefixes begin the names of variables that only programs read.
	programPrefixes = []string{
		"VITE_", "REACT_APP_", "NEXT_PUBLIC_", "NEXT_", "NUXT_", "GATSBY_", "VUE_APP_", "EXPO_PUBLIC_", "NG_APP_", "STORYBOOK_",
		"CYPRESS_", "PLAYWRIGHT_", "HUGO_", "NPM_CONFIG_", "npm_config_", "YARN_", "TURBO_", "SENTRY_", "PUPPETEER_", "ASTRO_",
	}
	programNames = []string{
		"NODE_OPTIONS", "NODE_ENV", "CI", "GENERATE_SOURCEMAP", "JEKYLL_ENV", "ELEVENTY_ENV", "HUSKY", "BABEL_ENV", "PYTHONPATH",
		"SKIP_PREFLIGHT_CHECK", "DISABLE_ESLINT_PLUGIN", "INLINE_RUNTIME_CHUNK", "FORCE_COLOR", "NITRO_PRESET", "SKIP_ENV_VALIDATION",
	}
	// readers are programs that read variables such as these.
	readers = []string{
		"npm", "npx", "yarn", "pnpm", "pnpx", "bun", "bunx", "node", "next", "vite", "ng", "nuxt", "nuxi", "gatsby", "hugo", "jekyll",
		"bundle", "cypress", "playwright", "turbo", "nx", "lerna", "make", "astro", "expo", "flutter", "react-scripts", "eleventy",
		"vue-cli-service", "tsc", "webpack", "python", "python3",
	}
)

func forPrograms(name string) bool {
	return slices.Contains(programNames, name) ||
		slices.ContainsFunc(programPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// maxAssignments bounds how many variables of an application are followed through its commands.
const maxAssignments = 50

// assignments reports variables that are set in the shell only although programs are meant to read them.
func (l *linter) assignments(a *app, s *script) {
	exported := map[string]bool{}
	for _, v := range a.Env {
		exported[v.Name.Value] = true
	}
	for _, c := range s.calls {
		switch {
		case c.name == "set" && (c.has("allexport") || strings.HasPrefix(c.arg(0), "-a")):
			return
		case c.name == "export", c.name == "declare" && c.has("-x"), c.name == "typeset" && c.has("-x"):
			for _, as := range c.assigns {
				exported[as.name] = true
			}
			for _, name := range c.args {
				exported[name.text] = true
			}
		}
	}
	left := maxAssignments
	for _, c := range s.calls {
		if c.name != "" || len(c.args) > 0 || c.sub || c.function {
			continue
		}
		for _, as := range c.assigns {
			if left == 0 || !forPrograms(as.name) || exported[as.name] {
				continue
			}
			exported[as.name] = true // once is enough
			if left--; l.unexported(s, c, as) {
				break
			}
		}
	}
}

func (l *linter) unexported(s *script, c *call, as assignment) bool {
	if s.lastUse[as.name] > c.number {
		return false // the shell itself uses it
	}
	if strings.Contains(as.value, "$"+as.name) || strings.Contains(as.value, "${"+as.name) {
		return false // who takes it from the environment knows that it is there, and exported
	}
	for _, later := range s.commands[c.index:] {
		if !later.read && strings.Contains(later.Value, as.name) {
			return false
		}
	}
	for _, later := range s.calls[c.number+1:] {
		if !slices.Contains(readers, later.name) || later.sets(as.name) {
			continue
		}
		d := Diagnostic{
			Rule: ruleNotExported, Severity: Warning, Span: l.span(c.command, as.from, as.from+len(as.name)),
			Message: fmt.Sprintf("%s is set in the shell only; programs such as %s do not see it", as.name, later.name),
			Help:    fmt.Sprintf("write export %s=..., which holds for all later commands", as.name),
			Related: []Related{{Span: l.place(later), Message: "does not see it"}},
		}
		if !strings.Contains(c.Value, "$(") && !strings.Contains(c.Value, "`") {
			d.Fix = l.insertFix("export it", c.command, c.from, "export ")
		}
		l.add(d)
		return true
	}
	return false
}

func (c *call) sets(name string) bool {
	return slices.ContainsFunc(c.assigns, func(as assignment) bool { return as.name == name })
}

// pipelines reports builds whose failure is hidden by the next program of a pipeline.
func (l *linter) pipelines(s *script) {
	for _, c := range s.calls {
		if c.name == "set" && c.has("pipefail") {
			return
		}
		_, install := c.installs()
		if !c.piped || c.cond || c.function || !install && !c.builds() || l.full(Warning) {
			continue
		}
		l.add(Diagnostic{
			Rule: rulePipeline, Severity: Warning, Span: l.place(c),
			Message: "when this fails, the build goes on: the status of a pipeline is that of its last program",
			Help:    "run set -o pipefail as a command before it",
		})
	}
}

// backends reports that both generations of backends are deployed.
func (l *linter) backends(s *script) {
	var push, ampx *call
	for _, c := range s.calls {
		name, _ := c.program()
		switch {
		case name == "amplifyPush" && push == nil:
			push = c
		case name == "ampx" && c.has("pipeline-deploy") && ampx == nil:
			ampx = c
		}
	}
	if push == nil || ampx == nil {
		return
	}
	l.add(Diagnostic{
		Rule: rulePushAndAmpx, Severity: Warning, Span: l.place(push),
		Message: "amplifyPush deploys a Gen 1 backend, and ampx one of Gen 2; an app has one of them",
		Help:    "keep ampx pipeline-deploy if the backend is defined in amplify/backend.ts, and amplifyPush otherwise",
		Related: []Related{{Span: l.place(ampx), Message: "Gen 2"}},
	})
}

// nodeEnv reports that packages are installed without those that the build needs.
func (l *linter) nodeEnv(a *app, s *script) {
	production := Span{}
	for _, v := range a.Env {
		if v.Name.Value == "NODE_ENV" && v.Value.Value == "production" {
			production = v.Name.Span
		}
	}
	for _, c := range s.calls {
		at := l.nodeEnvAt(c, production)
		if c.name == "" || c.name == "export" || c.name == "unset" {
			production = at
		}
		if at == (Span{}) || !l.omitsDev(a, c) {
			continue
		}
		l.add(Diagnostic{
			Rule: ruleNodeEnv, Severity: Warning, Span: l.place(c),
			Message: "NODE_ENV is production here, so that devDependencies are not installed, among them most build tools",
			Help:    fmt.Sprintf("set NODE_ENV after this command, or install with %s", withDev[c.name]),
			Related: []Related{{Span: at, Message: "NODE_ENV is set"}},
		})
		return
	}
}

// withDev are the options by which package managers install devDependencies in any case.
var withDev = map[string]string{
	"npm": "npm --include=dev", "yarn": "yarn install --production=false", "pnpm": "pnpm install --prod=false",
}

// nodeEnvAt returns where NODE_ENV is made production for a call, nowhere if it isn't. before is the same for the call
// before it.
func (l *linter) nodeEnvAt(c *call, before Span) Span {
	if c.name == "unset" && c.has("NODE_ENV") {
		return Span{}
	}
	for _, as := range c.assigns {
		switch {
		case as.name != "NODE_ENV":
		case as.value != "production":
			return Span{}
		case c.name != "" && !c.cond && !c.function && (c.name != "export" || !c.sub):
			return l.span(c.command, as.from, as.from+len("NODE_ENV"))
		}
	}
	return before
}

// omitsDev reports whether a call surely installs no devDependencies when NODE_ENV is production, although there may be
// some.
func (l *linter) omitsDev(a *app, c *call) bool {
	i, ok := c.installs()
	if !ok || i.manager == "bun" {
		return false
	}
	for _, o := range c.args {
		for _, dev := range []string{"dev", "production=false", "prod=false", "--no-production"} {
			if strings.Contains(o.text, dev) {
				return false
			}
		}
	}
	located := a.located && c.dirKnown
	if i.manager == "yarn" && (!located || l.repo.kind(joinDir(c.dir, ".yarnrc.yml")) != missing || l.repo.kind(joinDir(c.dir, "yarn.lock")) != regular) {
		return false // only Yarn 1 looks at NODE_ENV
	}
	if m := l.repo.manifest(c.dir); located && m != nil && len(m.DevDependencies) == 0 {
		return false
	}
	return true
}
