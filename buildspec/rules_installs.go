package buildspec

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

func joinDir(dir, name string) string { return path.Join(dir, name) }

// lockfiles are the lockfiles of each package manager.
var lockfiles = []struct {
	manager string
	names   []string
}{
	{"npm", []string{"package-lock.json", "npm-shrinkwrap.json"}},
	{"yarn", []string{"yarn.lock"}},
	{"pnpm", []string{"pnpm-lock.yaml"}},
	{"bun", []string{"bun.lock", "bun.lockb"}},
}

// lacking are tools that the service's image does not have, with the way to get them. Whether it has others is not
// known to us, so that nothing is said about those.
var lacking = map[string]string{
	"pnpm":   "run corepack enable, or npm install -g pnpm, before it",
	"pnpx":   "run npm install -g pnpm before it",
	"bun":    "run npm install -g bun before it",
	"bunx":   "run npm install -g bun before it",
	"go":     "install it in a command before, or use a build image that has it",
	"docker": "there is no Docker daemon inside of a build; build the image elsewhere",
}

// checkInstalls checks how programs and packages come into the build.
func (l *linter) checkInstalls(a *app, s *script) {
	l.tools(s)
	if a.located {
		l.locks(s)
		l.scripts(s)
	}
}

func (l *linter) tools(s *script) {
	have := map[string]bool{}
	for _, name := range l.facts.Tools {
		have[name] = true
	}
	next := 0
	for _, c := range s.commands {
		for ; next < len(s.calls) && s.calls[next].command == c; next++ {
			if l.tool(s, s.calls[next], have) {
				return // a script that we cannot see may install anything
			}
		}
		if !c.read {
			for tool := range lacking {
				have[tool] = have[tool] || strings.Contains(c.Value, strings.TrimSuffix(tool, "x"))
			}
		}
	}
}

// tool reports a missing tool, notes which ones a call may install, and says whether it may install any.
func (l *linter) tool(s *script, c *call, have map[string]bool) (mayInstall bool) {
	how, missing := lacking[c.name]
	if missing && !have[c.name] && !s.functions[c.name] && !c.cond && !c.function && !c.has("--version", "-v", "-V") {
		have[c.name] = true // once is enough
		l.add(Diagnostic{
			Rule: ruleToolMissing, Severity: Warning, Span: l.span(c.command, c.args0(), c.args0()+len(c.name)),
			Message: fmt.Sprintf("the service's build image has no %s, and no command before this one installs it", c.name),
			Help:    how,
		})
	}
	if missing {
		return false
	}
	text := c.Value[c.from:min(c.to, len(c.Value))]
	for tool := range lacking {
		have[tool] = have[tool] || strings.Contains(text, strings.TrimSuffix(tool, "x"))
	}
	switch {
	case c.name == "corepack":
		have["pnpm"], have["pnpx"] = true, true
	case c.name == "bash" || c.name == "sh" || c.name == "make" || c.name == "eval" || c.name == "":
		return len(c.args) > 0
	case c.name == "source" || c.name == ".":
		return !strings.Contains(text, "nvm.sh") && !strings.Contains(text, "rc")
	case strings.Contains(c.name, "/"), s.functions[c.name]:
		return true
	}
	return false
}

// args0 returns the place of the program's own word: behind assignments and wrappers.
func (c *call) args0() int {
	if i := strings.Index(c.Value[c.from:], c.name); i >= 0 && c.from+i < c.to {
		return c.from + i
	}
	return c.from
}

// locks compares package managers with the lockfiles of the repository.
func (l *linter) locks(s *script) {
	for _, c := range s.calls {
		if changesFiles(c) {
			return
		}
		i, ok := c.installs()
		if !ok || !c.dirKnown || c.function {
			continue
		}
		own, others := l.locksFor(i.manager, c.dir)
		switch {
		case own || l.repo.kind(joinDir(c.dir, "package.json")) != regular:
		case i.clean:
			l.noLock(c, others)
		case len(others) == 1:
			l.add(Diagnostic{
				Rule: ruleManagerMismatch, Severity: Warning, Span: l.place(c),
				Message: fmt.Sprintf("the repository has %s and no lockfile of %s, so the versions that it holds are not installed", others[0].file, i.manager),
				Help:    fmt.Sprintf("install with %s, or replace the lockfile", others[0].manager),
			})
		}
		return // what comes after may find a lockfile that this has written
	}
}

func (l *linter) noLock(c *call, others []lock) {
	d := Diagnostic{
		Rule: ruleNoLockfile, Severity: Warning, Span: l.place(c),
		Message: "npm ci needs a package-lock.json, and the repository has none here",
		Help:    "commit the lockfile that npm install writes, or use npm install",
	}
	if len(others) > 0 {
		d.Message = fmt.Sprintf("npm ci needs a package-lock.json, and the repository has %s instead", others[0].file)
		d.Help = fmt.Sprintf("install with %s", others[0].manager)
	}
	l.add(d)
}

type lock struct{ manager, file string }

// locksFor looks for lockfiles in a folder and above it, as package managers do for workspaces. unknown answers count as
// the manager's own.
func (l *linter) locksFor(manager, dir string) (own bool, others []lock) {
	upwards(dir, func(dir string) bool {
		for _, of := range lockfiles {
			for _, name := range of.names {
				file := joinDir(dir, name)
				switch kind := l.repo.kind(file); {
				case kind == missing:
				case of.manager == manager || kind == unknown:
					own = true
				default:
					others = append(others, lock{of.manager, file})
				}
			}
		}
		return own || len(others) > 0 && manager != "npm"
	})
	return own, others
}

// changesFiles reports whether a call may bring or change package.json or a lockfile.
func changesFiles(c *call) bool {
	switch c.name {
	case "git", "curl", "wget", "unzip", "tar", "cp", "mv", "rm", "sed", "jq", "aws", "bash", "sh", "node", "python", "python3", "make", "source", ".":
		return true
	case "npm":
		return c.has("pkg", "init", "create", "shrinkwrap")
	case "npx", "yarn", "pnpm", "bun", "bunx":
		return strings.Contains(c.Value, "create") || strings.Contains(c.Value, "init")
	}
	return strings.Contains(c.name, "/") || strings.Contains(c.Value, "package.json") || strings.Contains(c.Value, "package-lock")
}

// scripts reports scripts that package.json does not have.
func (l *linter) scripts(s *script) {
	for _, c := range s.calls {
		if changesFiles(c) {
			return
		}
		name := c.scriptName()
		if name == "" || !c.dirKnown || !c.certain() || c.name == "yarn" || c.name == "bun" {
			continue // yarn and bun also run programs by the names of scripts
		}
		m := l.repo.manifest(c.dir)
		if m == nil {
			continue
		}
		if _, ok := m.Scripts[name]; ok || name == "start" && l.repo.kind(joinDir(c.dir, "server.js")) != missing {
			continue
		}
		d := Diagnostic{
			Rule: ruleNoScript, Severity: Warning, Span: l.place(c),
			Message: fmt.Sprintf("%s has no script %s", joinDir(c.dir, "package.json"), quote(name)),
			Help:    "add it to the scripts, or run one that is there",
		}
		if names := scriptNames(m); len(names) > 0 {
			d.Help = fmt.Sprintf("its scripts are %s", strings.Join(names, ", "))
			if near := nearest(name, names); near != "" {
				d.Help = fmt.Sprintf("did you mean %s?", quote(near))
			}
		}
		l.add(d)
	}
}

// scriptNames returns up to ten names of scripts, sorted.
func scriptNames(m *manifest) []string {
	const most = 10
	names := make([]string, 0, len(m.Scripts))
	for name := range m.Scripts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[:min(len(names), most)]
}
