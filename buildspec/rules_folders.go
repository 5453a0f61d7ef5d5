package buildspec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// checkFolders checks the folders in which commands run against those that are handed over.
func (l *linter) checkFolders(a *app, s *script) {
	if a.located {
		l.missingFolders(s)
		l.nothingBuilt(a, s)
		l.missingRoot(a, s)
	}
	l.repeatsRoot(a, s)
	l.forgottenFolder(a, s)
}

// missingFolders reports cd to a folder that the repository does not have and no command makes.
func (l *linter) missingFolders(s *script) {
	for _, c := range s.calls {
		if changesFiles(c) || c.name == "mkdir" || c.name == "npx" || c.builds() {
			return
		}
		if c.name != "cd" && c.name != "pushd" || !c.dirKnown || !c.certain() {
			continue
		}
		to := directory{path: c.dir, known: true}.enter(c)
		if !to.known || l.repo.kind(to.path) != missing || l.repo.kind(c.dir) != folder {
			continue
		}
		l.add(Diagnostic{
			Rule: ruleNoFolder, Severity: Warning, Span: l.place(c),
			Message: fmt.Sprintf("the repository has no folder %s", quote(to.path)),
			Help:    fmt.Sprintf("the command runs in %s", nameFolder(c.dir)),
		})
		return
	}
}

// repeatsRoot reports a baseDirectory that is written from the repository's root although it is relative to the
// application's, unless a command goes into a folder of that name.
func (l *linter) repeatsRoot(a *app, s *script) {
	if !a.monorepo || a.root == "" || a.project != a.root || a.Frontend == nil || a.Frontend.Artifacts == nil {
		return
	}
	t := a.Frontend.Artifacts.BaseDirectory
	base := relative(t.Value)
	if !t.Set() || !within(base, a.root) || expansion().MatchString(t.Value) || l.isFolder(a, path.Join(a.root, a.root)) {
		return
	}
	if base == a.root && !strings.Contains(base, "/") {
		return // a folder "build" in an application "build" is nothing strange
	}
	if slices.ContainsFunc(s.calls, func(c *call) bool { return c.dirKnown && within(c.dir, path.Join(a.root, a.root)) }) {
		return
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(base, a.root), "/")
	d := Diagnostic{
		Rule: ruleBaseRepeatsRoot, Severity: Warning, Span: t.Span,
		Message: fmt.Sprintf("baseDirectory is relative to the appRoot, so this means %s", quote(path.Join(a.root, base))),
		Help:    "write it without the appRoot; or set buildPath: / to build from the root of the repository",
		Related: []Related{{Span: a.AppRoot.Span, Message: "the appRoot"}},
	}
	if rest != "" {
		d.Help = fmt.Sprintf("write %s; or set buildPath: / to build from the root of the repository", rest)
		d.Fix = l.rewriteFix("write it relative to the appRoot", t, rest)
	}
	l.add(d)
}

// isFolder reports whether the repository is known to have a folder.
func (l *linter) isFolder(a *app, dir string) bool { return a.located && l.repo.kind(dir) == folder }

// nothingBuilt reports a baseDirectory that the repository does not have and no command can make.
func (l *linter) nothingBuilt(a *app, s *script) {
	if a.Frontend == nil || a.Frontend.Artifacts == nil || slices.ContainsFunc(s.commands, func(c *command) bool { return !c.read || doesSomething(s, c) }) {
		return
	}
	base := a.Frontend.Artifacts.BaseDirectory
	if !base.Set() || expansion().MatchString(base.Value) || strings.ContainsAny(base.Value, `\*?{`) {
		return
	}
	dir := path.Join(a.project, relative(base.Value))
	if l.repo.kind(dir) != missing || l.repo.kind(a.project) != folder {
		return
	}
	l.add(Diagnostic{
		Rule: ruleBaseNotFound, Span: base.Span,
		Message: fmt.Sprintf("the repository has no folder %s, and there is no command that makes it", quote(dir)),
		Help:    "add the commands that build the site, or name the folder that it lies in",
		Amplify: "CustomerError: Artifact directory doesn't exist: " + base.Value,
	})
}

// doesSomething reports whether a command may change files.
func doesSomething(s *script, c *command) bool {
	return slices.ContainsFunc(s.calls[c.calls:s.callsEnd(c)], func(c *call) bool {
		return c.redirected || !slices.Contains([]string{"", "echo", "cd", "ls", "pwd", "export", "true", ":", "set", "nvm"}, c.name)
	})
}

// outputs are folders into which tools write by default: below the folder that they run in.
var outputs = []string{"build", "dist", "out", ".next", "_site", ".output", ".nuxt", "public", "www", ".vitepress"}

// forgottenFolder reports a baseDirectory that forgets that the build runs in a folder below the project's.
func (l *linter) forgottenFolder(a *app, s *script) {
	if a.Frontend == nil || a.Frontend.Artifacts == nil {
		return
	}
	base := a.Frontend.Artifacts.BaseDirectory
	rel := relative(base.Value)
	first, _, _ := strings.Cut(rel, "/")
	if !base.Set() || !slices.Contains(outputs, first) {
		return
	}
	build := l.onlyBuild(s, first)
	if build == nil || !build.dirKnown || build.dir == a.project || !within(build.dir, a.project) {
		return
	}
	below := strings.TrimPrefix(strings.TrimPrefix(build.dir, a.project), "/")
	if within(rel, below) {
		return
	}
	if a.located && !l.buildsBelow(a, build, first) {
		return
	}
	d := Diagnostic{
		Rule: ruleForgottenCd, Severity: Warning, Span: base.Span,
		Message: fmt.Sprintf("the build runs in %s, and baseDirectory does not follow cd: it is relative to the project's folder", quote(below)),
		Help:    fmt.Sprintf("write %s", path.Join(below, rel)),
		Related: []Related{{Span: l.place(build), Message: "the build"}},
	}
	if a.located { // only the repository can say that the build isn't told to write elsewhere
		d.Fix = l.rewriteFix("write the folder of the build before it", base, path.Join(below, rel))
	}
	l.add(d)
}

// workspaces are files by which a repository says that its applications are built from its root, each in its own folder.
var workspaces = []string{"pnpm-workspace.yaml", "turbo.json", "lerna.json"}

// missingRoot reports a baseDirectory that is written from the application's folder although buildPath makes it relative
// to the repository's.
func (l *linter) missingRoot(a *app, s *script) {
	if !a.monorepo || a.root == "" || a.project != "" || a.Frontend.Artifacts == nil {
		return
	}
	base := a.Frontend.Artifacts.BaseDirectory
	rel := relative(base.Value)
	first, _, _ := strings.Cut(rel, "/")
	isWorkspace := slices.ContainsFunc(workspaces, func(name string) bool { return l.repo.kind(name) == regular })
	if !base.Set() || !slices.Contains(outputs, first) || !isWorkspace || l.repo.kind(first) != missing {
		return
	}
	build := l.onlyBuild(s, first)
	if build == nil || !build.dirKnown || build.dir != "" || l.repo.manifest(a.root) == nil || l.repo.configLeaves(a.root) {
		return
	}
	l.add(Diagnostic{
		Rule: ruleBaseMissesRoot, Severity: Warning, Span: base.Span,
		Message: "with buildPath, baseDirectory is relative to the root of the repository, and the build writes below the appRoot",
		Help:    fmt.Sprintf("write %s", path.Join(a.root, rel)),
		Related: []Related{{Span: a.Frontend.BuildPath.Span, Message: "the buildPath"}},
		Fix:     l.rewriteFix("write the appRoot before it", base, path.Join(a.root, rel)),
	})
}

// onlyBuild returns the one call that builds the frontend, or nil when there is none or several, or when a command
// names the folder, as one that copies it would.
func (l *linter) onlyBuild(s *script, dir string) *call {
	var build *call
	for _, c := range s.commands {
		if !c.read {
			return nil
		}
		for _, call := range s.calls[c.calls:s.callsEnd(c)] {
			switch {
			case call.builds() && c.section == "frontend":
				if build != nil && build.dir != call.dir || call.function {
					return nil
				}
				build = call
				if slices.ContainsFunc(call.args, func(a arg) bool { return strings.Contains(a.text, "..") || strings.HasPrefix(a.text, "-") }) {
					return nil // it may be told where to write
				}
			case call.name != "cd" && strings.Contains(call.text(), dir):
				return nil
			}
		}
	}
	return build
}

func (c *call) text() string { return c.Value[c.from:min(c.to, len(c.Value))] }

// buildsBelow asks the repository whether the build writes below the folder that it runs in.
func (l *linter) buildsBelow(a *app, build *call, first string) bool {
	if l.repo.kind(path.Join(a.project, first)) != missing || l.repo.manifest(build.dir) == nil {
		return false
	}
	for _, script := range l.repo.manifest(build.dir).Scripts {
		if strings.Contains(script, "..") {
			return false
		}
	}
	return !l.repo.configLeaves(build.dir)
}

// parseScript returns the calls of a script of package.json that is run by c.
func parseScript(text string, c *call) []*call {
	if text == "" || len(text) > maxShell || nestsTooDeep(text) {
		return nil
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return nil
	}
	w := &shellWalk{
		script:  newScript(),
		command: &command{Text: Text{Value: text}, read: true},
		dir:     directory{path: c.dir, known: c.dirKnown},
	}
	w.statements(file.Stmts, mode{})
	return w.script.calls
}
