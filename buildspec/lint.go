package buildspec

import (
	"io/fs"
	"path"
	"strings"
)

// Facts are what a check may know besides the file. The zero value knows nothing; rules that need to know are then
// silent, they never guess.
type Facts struct {
	// FS holds the repository that the file belongs to, or is nil. The repository is untrusted: FS should be one that
	// symbolic links cannot leave, such as that of an os.Root. It is read only, and a bounded number of times.
	FS fs.FS
	// Dir is the slash-separated folder of FS in which the file lies; "" and "." are the root.
	Dir string
	// AppRoot is the value of AMPLIFY_MONOREPO_APP_ROOT; "" when it is unset.
	AppRoot string
	// Tools names commands that the build image has beside those of the service's own image, such as "pnpm".
	Tools []string
}

// Check is [Parse] with all rules: it also reports what makes builds fail, or do something else than what is written,
// although the file can be read. The Spec is nil exactly when the diagnostics have an error, and the diagnostics are
// sorted as those of Parse. The rules see as much of a file with errors as could be understood.
//
// Check takes time in proportion to the size of src and never panics. It keeps neither src nor f, and may be called
// concurrently if f.FS may be used so.
func Check(file string, src []byte, f Facts) (*Spec, Diagnostics) {
	c := &collector{file: file}
	text, spec := parse(file, src, c)
	if spec != nil {
		newLinter(text, c, f).check(spec)
	}
	return c.verdict(spec)
}

const (
	// shellBudget is how much shell text one check reads at the least; a larger file gets several times its size. Only
	// aliases can make the commands of a file larger than the file.
	shellBudget = 64 << 10
	// commandCost is what a command costs of this budget beside its length.
	commandCost = 16
)

// linter applies the rules to one file. Its methods are the rules; each reports by add.
type linter struct {
	src   *source
	c     *collector
	facts Facts
	repo  *repo
	// budget is the number of bytes of shell text that may still be read.
	budget int
	// seen holds what has been reported: aliases can bring the same place up again and again.
	seen map[reported]bool
	// served holds which scripts of package.json start servers.
	served map[scriptKey]bool
}

type reported struct {
	rule, message string
	span          Span
}

func newLinter(src *source, c *collector, f Facts) *linter {
	return &linter{
		src: src, c: c, facts: f, repo: newRepo(f.FS),
		budget: max(shellBudget, commandCost*len(src.text)/3),
		seen:   map[reported]bool{},
		served: map[scriptKey]bool{},
	}
}

// add reports a finding unless it has been reported at the same place.
func (l *linter) add(d Diagnostic) {
	key := reported{d.Rule, d.Message, d.Span}
	if l.seen[key] {
		return
	}
	// What is beyond the limit is only counted, so it need not be remembered either.
	if len(l.seen) <= 3*maxDiagnostics {
		l.seen[key] = true
	}
	l.c.add(d)
}

// full reports whether no further finding of a severity will be shown, and counts it. Rules that can find something in
// every command ask before they take the trouble.
func (l *linter) full(s Severity) bool {
	if l.c.count[s] < maxDiagnostics {
		return false
	}
	l.c.count[s]++
	return true
}

func (l *linter) check(spec *Spec) {
	l.appRoots(spec)
	for i := range spec.Apps {
		a := l.newApp(spec, &spec.Apps[i])
		l.checkPaths(a)
		l.checkEnvironment(a)
		s := l.readScript(a)
		l.checkShell(s)
		l.checkSession(a, s)
		l.checkInstalls(a, s)
		l.checkCache(a, s)
		l.checkServers(s)
		l.checkFolders(a, s)
	}
}

// app is an application with its folders.
type app struct {
	*App
	monorepo bool
	// root, start and project are folders of the repository, "" for its root: the application's own, that in which its
	// first command runs, and that which the paths of artifacts and cache are relative to.
	root, start, project string
	// located reports whether the folders are known to be those of Facts.FS: a specification in a subfolder that names
	// no application may be meant for the subfolder or for the root.
	located bool
}

func (l *linter) newApp(spec *Spec, a *App) *app {
	v := &app{App: a, monorepo: spec.Monorepo}
	v.located = l.repo != nil && (spec.Monorepo || cleanRoot(l.facts.Dir) == "")
	if spec.Monorepo {
		v.root = cleanRoot(a.AppRoot.Value)
	}
	v.start, v.project = v.root, v.root
	if f := a.Frontend; f != nil && f.BuildPath.Set() {
		v.project = cleanRoot(f.BuildPath.Value)
		if a.Backend == nil {
			v.start = v.project
		}
	}
	return v
}

// sections returns the sections that the application has, in the order of execution.
func (a *app) sections() []*Section {
	var sections []*Section
	for _, s := range []*Section{a.Backend, a.Frontend, a.Test} {
		if s != nil {
			sections = append(sections, s)
		}
	}
	return sections
}

// within reports whether the folder dir is base or lies below it; both are clean and "" is the root.
func within(dir, base string) bool {
	return base == "" || dir == base || strings.HasPrefix(dir, base+"/")
}

// relative returns the clean path of a path as written, which leading and trailing slashes do not change. It begins with
// ".." when it leaves the folder that it is relative to, and is "" for this folder.
func relative(written string) string {
	p := path.Clean(strings.TrimLeft(strings.TrimSpace(written), "/"))
	if p == "." {
		return ""
	}
	return p
}

func leaves(p string) bool { return p == ".." || strings.HasPrefix(p, "../") }
