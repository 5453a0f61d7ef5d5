package detect

import (
	"path"
	"strings"
)

// BestSpec returns a better amplify.yml than [Project.Spec]: with caches that survive an install, exact versions, the
// package manager that the repository asks for, and comments that say why. The same is promised of the text as there.
func (p Project) BestSpec() []byte {
	plans := []plan{p.bestPlan()}
	for _, o := range p.others {
		plans = append(plans, o.bestPlan())
	}
	return document(plans)
}

func (p Project) bestPlan() plan {
	pl := plan{appRoot: p.AppRoot, buildPath: p.BuildPath, base: p.bestBase()}
	if p.BuildPath != "" {
		pl.whyBuildPath = []string{
			"Install and build from the repository's root, where the lockfile and the other packages are;",
			"baseDirectory and the cache paths are relative to it.",
		}
	}
	install, caches := p.bestInstall()
	pl.preBuild, pl.cache = install, caches
	pl.build, pl.whyBuild = p.bestBuild()
	for _, c := range p.facts.caches {
		pl.cache = append(pl.cache, step{text: p.fromRoot(c) + "/**/*"})
	}
	if p.facts.tool == "nx" && p.BuildPath != "" {
		pl.cache = append(pl.cache, step{text: ".nx/cache/**/*"})
	}
	if p.facts.tool == "turborepo" && p.BuildPath != "" {
		pl.cache = append(pl.cache, step{text: ".turbo/cache/**/*"})
	}
	p.bestBackend(&pl)
	return pl
}

// fromRoot is what detector.fromHome is, for a finished project.
func (p Project) fromRoot(folder string) string {
	if p.BuildPath == "" {
		return folder
	}
	return path.Join(p.AppRoot, folder)
}

func (p Project) bestBase() step {
	switch {
	case p.facts.staticDir != "":
		return step{text: p.fromRoot(p.facts.staticDir)}
	case p.OutputDir == "/" && p.BuildCommand != "":
		return step{text: "dist", why: []string{
			"The build's output folder could not be detected: check it. With / everything would be published,",
			"sources included.",
		}}
	case !p.OutputKnown:
		return step{text: p.OutputDir, why: []string{"This could not be detected for certain: check it."}}
	}
	return step{text: p.OutputDir}
}

// bestInstall returns the commands that install and the paths that make the next install quick.
func (p Project) bestInstall() (install, cache []step) {
	if p.InstallCommand == "" {
		return nil, nil
	}
	if p.facts.nodeVersion != "" {
		install = append(install, step{text: "nvm install", why: []string{"The build image does not look at .nvmrc by itself."}})
	}
	if p.PackageManager == "" {
		return append(install, p.gems()...), []step{{text: "vendor/bundle/**/*"}}
	}
	switch p.PackageManager {
	case "yarn":
		install, cache = p.yarn(install)
	case "pnpm":
		install, cache = p.pnpm(install)
	case "bun":
		install = append(install,
			step{text: "npm install -g bun", why: []string{"The build image has no bun."}},
			step{text: p.frozen("bun install", " --frozen-lockfile")},
		)
		cache = []step{{text: "node_modules/**/*"}}
	default:
		install = append(install, p.npm())
		cache = []step{{text: npmCache + "/**/*"}}
	}
	return install, cache
}

func (p Project) frozen(command, flag string) string {
	if p.Lockfile == "" {
		return command
	}
	return command + flag
}

func (p Project) npm() step {
	if p.Lockfile == "" {
		return step{text: cachedNoLock, why: []string{"Commit a package-lock.json and use npm ci: every build would get the same versions."}}
	}
	return step{text: cachedInstall, why: []string{"npm ci deletes node_modules first, so that only npm's own cache is worth keeping."}}
}

func (p Project) yarn(install []step) (all, cache []step) {
	if !p.facts.berry {
		return append(install, step{text: p.frozen("yarn install", " --frozen-lockfile")}), []step{{text: "node_modules/**/*"}}
	}
	if p.facts.corepack {
		install = append(install, step{text: "corepack enable", why: []string{"Takes the yarn that package.json names; the build image has yarn 1."}})
	}
	return append(install, step{
		text: "YARN_ENABLE_GLOBAL_CACHE=false " + p.frozen("yarn install", " --immutable"),
		why:  []string{"Keeps the downloads in .yarn/cache, where they can be cached."},
	}), []step{{text: ".yarn/cache/**/*"}}
}

func (p Project) pnpm(install []step) (all, cache []step) {
	if p.facts.corepack {
		install = append(install, step{text: "corepack enable", why: []string{"The build image has no pnpm; this takes the version that package.json names."}})
	} else {
		at := "npm install -g pnpm"
		if p.facts.pnpm != "" {
			at += "@" + p.facts.pnpm
		}
		install = append(install, step{text: at, why: []string{
			"The build image has no pnpm. Name a version as packageManager in package.json to have the same one everywhere.",
		}})
	}
	step := step{text: p.frozen("pnpm install", " --frozen-lockfile") + " --store-dir .pnpm-store"}
	if p.SSR && !p.facts.hoisted {
		// The service packs node_modules for the server and doesn't follow pnpm's links.
		step.text += " --config.node-linker=hoisted"
		step.why = []string{"The server's bundle needs a node_modules without links: better, put node-linker=hoisted into .npmrc."}
	}
	return append(install, step), steps(".pnpm-store/**/*")
}

// gems installs the gems of a Jekyll site into the repository's folder.
func (p Project) gems() []step {
	return []step{
		{text: "bundle config set --local path vendor/bundle", why: []string{"Gems outside of the repository cannot be cached."}},
		{text: "bundle install"},
	}
}

// bestBuild returns the build phase and the comment above it.
func (p Project) bestBuild() (build []step, why []string) {
	command := p.BuildCommand
	switch p.Framework.ID {
	case "hugo":
		if command == "hugo" {
			command = "hugo --gc --minify"
		}
	case "jekyll":
		command = "JEKYLL_ENV=production " + command
	}
	if command == "" {
		return nil, []string{"There is nothing to build: the files are published as they are in the repository."}
	}
	if p.BuildPath != "" {
		command = p.toolBuild(command)
	}
	s := step{text: command}
	if p.facts.buildEnv != "" {
		s.text = p.facts.buildEnv + " " + s.text
		s.why = []string{"Makes .amplify-hosting wherever the build runs."}
	}
	build = append(build, s)
	for _, after := range p.facts.afterBuild {
		if p.BuildPath != "" {
			after.text = "(cd " + shellWord(p.AppRoot) + " && " + strings.TrimSuffix(strings.TrimPrefix(after.text, "("), ")") + ")"
		}
		build = append(build, after)
	}
	return build, nil
}

// toolBuild runs the monorepo's tool as the package manager does it, with a cache that lies in the repository.
func (p Project) toolBuild(command string) string {
	m := p.manager()
	if rest, ok := strings.CutPrefix(command, "npx "); ok && p.facts.tool != "" {
		command = m.exec + rest
		if p.facts.tool == "turborepo" {
			command += " --cache-dir=.turbo/cache"
		}
	}
	return command
}

// bestBackend adds the backend's deployment. In Gen 2 it needs the packages, and what it installs is there for the
// frontend.
func (p Project) bestBackend(pl *plan) {
	switch p.Backend {
	case Gen1:
		pl.backend = []step{{text: gen1Backend[1], why: []string{"The service looks for this text and deploys the backend itself."}}}
	case Gen2:
		pl.backend = p.gen2(pl.preBuild)
		pl.preBuild = nil
	}
}

// gen2 puts the frontend's install before the deployment. A backend's commands begin in the application's folder, also
// where those of the frontend begin in the root.
func (p Project) gen2(install []step) []step {
	up := func(levels int) string { return "cd " + strings.TrimSuffix(strings.Repeat("../", levels), "/") }
	depth := 0
	if p.AppRoot != "" {
		depth = 1 + strings.Count(p.AppRoot, "/")
	}
	var all []step
	if p.BuildPath != "" {
		all = append(all, step{text: up(depth)})
	}
	all = append(all, install...)
	if len(all) > 0 {
		all[0].why = append([]string{"What is installed here serves the frontend, too: both sections run in one shell."}, all[0].why...)
	}
	from, to := p.BuildPath != "", p.facts.backendRoot != "."
	switch {
	case from && to:
		all = append(all, step{text: "cd " + shellWord(p.facts.backendRoot)})
	case !from && !to && depth > 0:
		all = append(all, step{text: up(depth)})
	}
	deploy := p.manager().exec
	if p.PackageManager == "" {
		deploy = "npx "
	}
	all = append(all, step{text: deploy + gen2Deploy})
	if !from && !to && depth > 0 {
		all = append(all, step{text: "cd " + shellWord(p.AppRoot)})
	}
	return all
}
