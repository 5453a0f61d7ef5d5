package detect

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Platforms of the service.
const (
	PlatformWeb     = "WEB"         // files only
	PlatformCompute = "WEB_COMPUTE" // files and a Node.js server
)

// Backends of the service's command line tools.
const (
	Gen1 = "gen1" // amplify/.config, deployed by amplifyPush
	Gen2 = "gen2" // amplify/backend.ts, deployed by ampx
)

// Framework is what an application is written with.
type Framework struct {
	// ID is preamp's name: "next", "nuxt", "astro", "sveltekit", "react-router", "remix", "gatsby", "docusaurus",
	// "vitepress", "vuepress", "eleventy", "ionic", "angular", "ember", "quasar", "cra", "vue", "vite", "parcel", "hugo",
	// "jekyll", "adapter" (a server with a deploy-manifest.json), or "none".
	ID string `json:"id"`
	// Name is the service's name, as in a branch's framework field, such as "Next.js - SSR" or "Web".
	Name string `json:"name"`
	// Version is the range that package.json asks for, as written; "" where there is none.
	Version string `json:"version,omitempty"`
}

// Project says what an application in a repository is and how it is built. It is made by [Detect]; [Project.Spec] and
// [Project.BestSpec] of a Project that was changed or put together by hand may lack what it does not show. It is a plain
// value: safe to read concurrently.
type Project struct {
	Framework Framework `json:"framework"`
	// SSR reports whether requests are answered by a server, and Platform is PlatformCompute then, PlatformWeb otherwise.
	SSR      bool   `json:"ssr"`
	Platform string `json:"platform"`
	// PackageManager is "npm", "yarn", "pnpm", "bun", or "" without a package.json. Lockfile is the path of its lockfile in
	// the repository, or "".
	PackageManager string `json:"packageManager"`
	Lockfile       string `json:"lockfile"`
	// Monorepo is the tool by which the repository holds several packages: "nx", "turborepo", "lerna", "pnpm-workspaces",
	// "yarn-workspaces", "npm-workspaces" or "bun-workspaces"; "" for a repository without one.
	Monorepo string `json:"monorepo"`
	// Apps lists the folders that may be an application's root, in lexical order. Only for a monorepo.
	Apps []string `json:"apps,omitempty"`
	// Backend is Gen1, Gen2, or "".
	Backend string `json:"backend"`
	// AppRoot is the application's folder in the repository, "" for the repository's root.
	AppRoot string `json:"appRoot"`
	// BuildPath is "/" where the commands run in the repository's root instead of in AppRoot; "" otherwise.
	BuildPath string `json:"buildPath"`
	// OutputDir is where the build leaves its result: relative to the folder in which the commands run, or "/" for that
	// folder itself. OutputKnown is false where it is only a proposal.
	OutputDir   string `json:"outputDir"`
	OutputKnown bool   `json:"outputKnown"`
	// Setup brings the package manager where the build image lacks it. InstallCommand and BuildCommand are "" where
	// nothing needs to be installed or built. They are what the service would run.
	Setup          []string `json:"setup,omitempty"`
	InstallCommand string   `json:"installCommand"`
	BuildCommand   string   `json:"buildCommand"`
	// CachePaths are the patterns that the service would cache, relative to the folder in which the commands run.
	CachePaths []string `json:"cachePaths,omitempty"`
	// Reasons says in words, with the names of files, why all this was concluded, and what the specification cannot know.
	Reasons []string `json:"reasons"`

	facts facts
	// others are the further applications of a repository that was looked at from its root.
	others []Project
}

// facts is what only the writing of specifications needs.
type facts struct {
	tool        string   // "nx", "turborepo" or "": what runs the build in a monorepo
	berry       bool     // yarn 2 or newer
	corepack    bool     // package.json names the package manager's version
	pnpm        string   // pnpm's major version by its lockfile, or ""
	hoisted     bool     // .npmrc already says node-linker=hoisted
	nodeVersion string   // the .nvmrc that nvm would find, or ""
	caches      []string // of the framework, relative to the application
	afterBuild  []step   // commands that an adapter needs, for the better specification
	buildEnv    string   // an assignment before the build command, for the better specification
	staticDir   string   // a folder with the index.html of a site without a build
	backendRoot string   // folder of the amplify folder
}

// Detect says what is in a repository. appRoot is the application's folder as in AMPLIFY_MONOREPO_APP_ROOT; "", "/" and
// "." mean the repository's root. At the root of a monorepo without an application of its own, the first of the
// applications is described and the specifications hold all of them.
//
// The error says that appRoot is no folder of the repository, or that a package.json cannot be read: it is not JSON or
// larger than a megabyte. Everything else that is strange or hostile is ignored, with a line among the Reasons. Detect
// takes bounded time and memory whatever the repository. It follows no symbolic links where fsys can tell them apart, as
// those of os.DirFS and os.Root do.
func Detect(fsys fs.FS, appRoot string) (Project, error) {
	root, err := cleanRoot(appRoot)
	if err != nil {
		return Project{}, err
	}
	r := newRepo(fsys)
	if _, err := fs.Stat(fsys, "."); err != nil {
		return Project{}, fmt.Errorf("reading the repository: %w", err)
	}
	if root != "" && !r.isDir(root) {
		return Project{}, fmt.Errorf("the app root %q is not a folder of the repository: %w", appRoot, fs.ErrNotExist)
	}
	top, err := r.manifestAt(".")
	if err != nil {
		return Project{}, err
	}
	w := findWorkspace(r, top)
	first, err := detectApp(r, w, top, root)
	if err != nil {
		return Project{}, err
	}
	apps := w.apps
	if len(apps) == 0 {
		apps = w.maybe
	}
	if root != "" || first.Framework.ID != "none" || len(apps) == 0 {
		return first.withNotes(r), nil
	}
	return detectAll(r, w, top, apps)
}

// maxApps bounds how many applications one specification gets.
const maxApps = 50

// detectAll describes a monorepo whose root is no application.
func detectAll(r *repo, w *workspace, top *manifest, apps []string) (Project, error) {
	var all []Project
	for _, app := range apps[:min(len(apps), maxApps)] {
		p, err := detectApp(r, w, top, app)
		if err != nil {
			r.note(app, "was left out: "+err.Error())
			continue
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return Project{}, fmt.Errorf("none of the applications %s can be read", strings.Join(apps, ", "))
	}
	p := all[0]
	p.others = all[1:]
	p.Reasons = append([]string{fmt.Sprintf("the repository's root is no application; its applications are %s", strings.Join(apps, ", "))}, p.Reasons...)
	return p.withNotes(r), nil
}

func (p Project) withNotes(r *repo) Project {
	p.Reasons = append(p.Reasons, r.notes...)
	return p
}

// detector looks at one application.
type detector struct {
	*Project
	repo *repo
	work *workspace
	top  *manifest // package.json of the repository's root, or nil
	pkg  *manifest // package.json of the application, or nil
	// member says that the application is a package of the workspace, so that everything runs in the repository's root.
	member bool
	// integrated says that the application has no package.json of its own: only Nx knows it.
	integrated bool
	// script is the name of the script that builds.
	script string
	// output is relative to the application until place has made OutputDir of it.
	output string
}

func detectApp(r *repo, w *workspace, top *manifest, root string) (Project, error) {
	pkg := top
	if root != "" {
		var err error
		if pkg, err = r.manifestAt(root); err != nil {
			return Project{}, err
		}
	}
	d := &detector{Project: &Project{AppRoot: root, Platform: PlatformWeb}, repo: r, work: w, top: top, pkg: pkg, script: "build"}
	d.monorepo()
	d.packageManager()
	d.framework()
	d.backend()
	d.commands()
	d.place()
	d.nodeVersion()
	return *d.Project, nil
}

func (d *detector) because(format string, args ...any) {
	d.Reasons = append(d.Reasons, fmt.Sprintf(format, args...))
}

// in returns a path in the application's folder.
func (d *detector) in(elem ...string) string {
	return path.Join(append([]string{d.AppRoot}, elem...)...)
}

func (d *detector) folder() string {
	if d.AppRoot == "" {
		return "."
	}
	return d.AppRoot
}

// config reads a configuration that is written as code, by the first name with the first extension that is there.
func (d *detector) config(name string) *config {
	var names []string
	for _, ext := range []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"} {
		names = append(names, name+ext)
	}
	return d.repo.configAt(d.folder(), names...)
}

// framework finds the row of the application and asks it for the details.
func (d *detector) framework() {
	for i := range frameworks {
		f := &frameworks[i]
		dep := d.pkg.has(f.deps...)
		if dep == "" {
			continue
		}
		version := d.pkg.deps[dep]
		d.Framework = Framework{ID: f.id, Name: f.name, Version: version}
		d.because("%s has %s", d.pkg.file, strings.TrimSpace(dep+" "+version))
		d.output, d.facts.caches, d.OutputKnown = f.output, slices.Clone(f.caches), true
		if f.resolve != nil {
			f.resolve(d)
		}
		d.adapter()
		return
	}
	d.withoutFramework()
	d.adapter()
}

// compute makes the application one with a server whose bundle lies in output.
func (d *detector) compute(output string) {
	d.SSR, d.Platform, d.output, d.OutputKnown = true, PlatformCompute, output, true
}

// cleanRoot returns the folder in the repository, "" for its root.
func cleanRoot(appRoot string) (string, error) {
	root := strings.ReplaceAll(strings.TrimSpace(appRoot), `\`, "/")
	root = strings.Trim(root, "/")
	if root == "" {
		return "", nil
	}
	root = path.Clean(root)
	if root == "." {
		return "", nil
	}
	if !fs.ValidPath(root) || strings.ContainsFunc(root, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", fmt.Errorf("the app root %q is not a folder inside the repository: %w", appRoot, fs.ErrInvalid)
	}
	return root, nil
}

func sortEntries(entries []fs.DirEntry) {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
}
