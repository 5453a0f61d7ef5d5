package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// monorepo says how the application belongs to the workspace.
func (d *detector) monorepo() {
	if d.work.kind == "" {
		return
	}
	d.Monorepo, d.facts.tool, d.Apps = d.work.kind, d.work.tool, d.work.candidates()
	d.because("%s", d.work.why)
	d.member = d.AppRoot != "" && d.work.members[d.AppRoot]
	switch {
	case d.AppRoot == "":
	case !d.member:
		d.because("%s is not one of the workspace's packages: it is built on its own", d.AppRoot)
	case d.pkg == nil && d.top != nil:
		d.pkg, d.integrated = d.nxPackage(), true
	}
}

// home is the folder in which packages are installed and commands run.
func (d *detector) home() string {
	if d.member {
		return "."
	}
	return d.folder()
}

// packageManager goes by the packageManager field, then by lockfiles.
func (d *detector) packageManager() {
	pkg := d.pkg
	if d.member {
		pkg = d.top
	}
	if pkg == nil {
		return
	}
	locks := map[string]string{} // of each manager
	var all []string
	for _, m := range managers {
		if lock := d.repo.first(d.home(), m.locks...); lock != "" {
			locks[m.id] = lock
			all = append(all, lock)
			if d.PackageManager == "" {
				d.PackageManager = m.id
			}
		}
	}
	named, _, _ := strings.Cut(pkg.packageManager, "@")
	if slices.ContainsFunc(managers, func(m manager) bool { return m.id == named }) {
		d.PackageManager, d.facts.corepack = named, true
		d.because("%s asks for %s", pkg.file, plainWord(pkg.packageManager))
	}
	d.Lockfile = locks[d.PackageManager]
	switch {
	case d.PackageManager == "":
		d.PackageManager = "npm"
		d.because("there is no lockfile beside %s, so that every install may bring other versions", pkg.file)
	case d.Lockfile == "":
		d.because("there is no lockfile of %s beside %s", d.PackageManager, pkg.file)
	default:
		d.because("%s is there", d.Lockfile)
	}
	if len(all) > 1 {
		d.because("there are lockfiles of several package managers: %s", strings.Join(all, ", "))
	}
	d.lockFormat()
	d.facts.hoisted = strings.Contains(d.repo.text(path.Join(d.home(), ".npmrc"), maxConfig), "node-linker=hoisted")
}

var lockVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^lockfileVersion:\s*['"]?(\d+)`) })

// lockFormat reads from the lockfile's head which generation of the package manager wrote it.
func (d *detector) lockFormat() {
	if d.Lockfile == "" {
		return
	}
	head, err := d.repo.head(d.Lockfile, maxHead)
	if err != nil {
		d.repo.note(d.Lockfile, "was not read: "+err.Error())
		return
	}
	switch d.PackageManager {
	case "yarn":
		d.facts.berry = strings.Contains(string(head), "__metadata:")
	case "pnpm":
		if m := lockVersion().FindSubmatch(head); m != nil {
			d.facts.pnpm = pnpmMajors[string(m[1])]
		}
	}
}

// manager returns the row of the package manager; npm's where there is none.
func (p *Project) manager() manager {
	for _, m := range managers {
		if m.id == p.PackageManager {
			return m
		}
	}
	return managers[0]
}

// commands says what installs and builds, as the service would.
func (d *detector) commands() {
	m := d.manager()
	if d.PackageManager != "" && (d.member || len(d.pkg.deps) > 0 || len(d.pkg.scripts) > 0) {
		d.Setup, d.InstallCommand = m.setup, m.install
		if d.PackageManager == "npm" && d.Lockfile == "" {
			d.InstallCommand = noLockInstall
		}
	}
	switch d.Framework.ID {
	case "hugo":
		d.BuildCommand = "hugo"
	case "jekyll":
		d.BuildCommand = "jekyll build"
		if d.InstallCommand == "" && d.repo.isFile(d.in("Gemfile")) {
			d.InstallCommand, d.BuildCommand = "bundle install", "bundle exec jekyll build"
		}
	}
	switch {
	case d.workspaceBuild():
	case d.pkg.script(d.script) != "":
		d.BuildCommand = m.run + d.script
	case d.BuildCommand == "" && d.cli() != "":
		d.because("%s has no build script", d.pkg.file)
		d.BuildCommand = m.exec + d.cli()
	}
	d.cachePaths()
}

func (d *detector) cli() string {
	for _, f := range frameworks {
		if f.id == d.Framework.ID {
			return f.cli
		}
	}
	return ""
}

// workspaceBuild sets the command that builds one package of the workspace from its root, and reports whether there is
// one.
func (d *detector) workspaceBuild() bool {
	if !d.member {
		return false
	}
	folder := shellWord("./" + d.AppRoot)
	name := d.packageName()
	switch {
	case d.facts.tool == "nx":
		d.BuildCommand = "npx nx build " + or(d.nxName(), path.Base(d.AppRoot))
	case d.pkg.script(d.script) == "":
		return false
	case d.facts.tool == "turborepo":
		d.BuildCommand = "npx turbo run " + d.script + " --filter=" + or(name, folder)
	case d.PackageManager == "yarn" && name != "":
		d.BuildCommand = "yarn workspace " + name + " run " + d.script
	case d.PackageManager == "pnpm":
		d.BuildCommand = "pnpm --filter " + or(name, folder) + " run " + d.script
	case d.PackageManager == "bun":
		d.BuildCommand = "bun run --filter " + or(name, folder) + " " + d.script
	default:
		d.BuildCommand = "npm run " + d.script + " --workspace " + shellWord(d.AppRoot)
	}
	return true
}

var npmName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:@[A-Za-z0-9~][A-Za-z0-9._~-]*/)?[A-Za-z0-9~][A-Za-z0-9._~-]*$`)
})

// packageName returns the name in the application's package.json, or "" when it is none that a shell leaves alone.
func (d *detector) packageName() string {
	if d.pkg == nil || len(d.pkg.name) > 214 || !npmName().MatchString(d.pkg.name) {
		return ""
	}
	return d.pkg.name
}

var shellPlain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_./@:=+~-]+$`) })

// shellWord quotes a text as one word of a shell.
func shellWord(s string) string {
	if shellPlain().MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// plainWord shortens what a repository says about itself to what can stand in a sentence.
func plainWord(s string) string {
	if len(s) > 60 || !shellPlain().MatchString(s) {
		return "a package manager of its own"
	}
	return s
}

// cachePaths is what the service caches.
func (d *detector) cachePaths() {
	add := func(folder string) { d.CachePaths = append(d.CachePaths, folder+"/**/*") }
	if d.Framework.ID == "next" {
		for _, c := range d.facts.caches {
			add(d.fromHome(c))
		}
	}
	if d.InstallCommand == "" || d.PackageManager == "" {
		return
	}
	if d.Backend == Gen2 && d.PackageManager == "npm" {
		add(npmCache)
	}
	for _, c := range d.manager().cache {
		add(c)
	}
}

// fromHome turns a path relative to the application into one relative to the folder in which the commands run.
func (d *detector) fromHome(p string) string {
	if d.member {
		return path.Join(d.AppRoot, p)
	}
	return p
}

// place decides where the commands run and how the output is written from there.
func (d *detector) place() {
	if d.member {
		d.BuildPath = "/"
	}
	defer d.nxOutput()
	if d.output == "/" {
		d.OutputDir = "/"
		if d.member {
			d.OutputDir = d.AppRoot
		}
		return
	}
	if inRepo := path.Join(d.AppRoot, d.output); inRepo == ".." || strings.HasPrefix(inRepo, "../") {
		d.because("the output folder %s lies outside the repository; it is taken for a mistake", d.output)
		d.output, d.OutputKnown = "dist", false
	}
	d.OutputDir = d.fromHome(d.output)
}
