package detect

import (
	"path"
	"strings"
)

// The functions here know one framework each: where its result lies and whether it is a server. They set output, which is
// relative to the application, and leave what they don't find out to the table's defaults.

func resolveNext(d *detector) {
	cfg := d.config("next.config")
	dist := d.literalPath(cfg, "distDir")
	lit, found := cfg.get("output")
	script := d.buildScript()
	d.facts.caches = []string{path.Join(or(dist, ".next"), "cache")}
	if strings.HasPrefix(d.Framework.Version, "catalog:") {
		d.because("%s takes next's version from a catalog, which the service cannot read; write the version itself", d.pkg.file)
	}
	switch {
	case strings.Contains(script, "next export"):
		d.because("%s runs next export in its build", d.pkg.file)
		d.output = or(cleanOutput(option(script, "--outdir", "-o")), "out")
	case found && !lit.computed && lit.value == "export":
		d.because("%s has output: 'export'", cfg.file)
		// With a static export distDir names the folder of the export itself.
		d.output = or(dist, "out")
	default:
		if found && lit.computed {
			d.because("%s computes output; it is taken for a server, and if it exports, use baseDirectory: out", cfg.file)
		}
		d.Framework.Name = nameNextSSR
		d.compute(or(dist, ".next"))
		return
	}
	d.Framework.Name = nameNextSSG
}

func resolveNuxt(d *detector) {
	cfg := d.config("nuxt.config")
	version := major(d.Framework.Version)
	if version == 0 && d.pkg.has("nuxt-edge") != "" {
		version = 2
	}
	generates := strings.Contains(d.buildScript(), "generate")
	if version == 1 || version == 2 {
		d.output = or(d.literalPath(cfg, "generate", "dir"), "dist")
		if !generates && d.pkg.script("generate") != "" {
			d.script = "generate"
		}
		d.because("Nuxt %d has no server on Amplify; its generated site is hosted", version)
		return
	}
	preset, found := cfg.get("nitro", "preset")
	static := found && !preset.computed && (preset.value == "static" || strings.HasPrefix(strings.ReplaceAll(preset.value, "-", "_"), "github_pages"))
	switch {
	case generates:
		d.because("%s generates a static site in its build", d.pkg.file)
		d.output = ".output/public"
	case static:
		d.because("%s has the static preset %s", cfg.file, preset.value)
		d.output = ".output/public"
	default:
		d.compute(".amplify-hosting")
		if !found {
			d.facts.buildEnv = "NITRO_PRESET=aws_amplify"
		}
	}
}

func resolveAstro(d *detector) {
	cfg := d.config("astro.config")
	d.output = or(d.literalPath(cfg, "outDir"), d.output)
	output, _ := cfg.get("output")
	switch adapter := d.pkg.has("astro-aws-amplify", "@nspehler/astro-aws-amplify"); {
	case adapter != "" && cfg.mentions(adapter):
		d.because("%s uses the adapter %s", cfg.file, adapter)
		d.compute(".amplify-hosting")
		if d.manager().id != "pnpm" {
			d.facts.afterBuild = []step{{
				text: "cp -R node_modules .amplify-hosting/compute/default/",
				why:  []string{"The adapter bundles no dependencies: the server needs them beside it."},
			}}
		}
	case output.value == "server" || output.value == "hybrid":
		d.because("%s renders on a server, and no adapter for Amplify is installed: only its static files can be hosted", cfg.file)
	}
}

func resolveSvelteKit(d *detector) {
	cfg := d.config("svelte.config")
	switch {
	case d.pkg.has("amplify-adapter") != "" && cfg.mentions("amplify-adapter"):
		d.because("%s uses the adapter amplify-adapter", cfg.file)
		d.compute(or(d.literalPath(cfg, "out"), "build"))
		d.facts.afterBuild = []step{{
			text: "(cd " + d.output + "/compute/default && npm install --omit=dev)",
			why:  []string{"The adapter bundles no dependencies: the server needs them beside it."},
		}}
	case cfg.mentions("@sveltejs/adapter-static"):
		d.because("%s uses @sveltejs/adapter-static", cfg.file)
		d.output = or(d.literalPath(cfg, "pages"), d.output)
	default:
		d.because("no adapter for Amplify is in use: install amplify-adapter for a server, or @sveltejs/adapter-static")
		d.OutputKnown = false
	}
}

func resolveRemix(d *detector) {
	cfg := d.config("react-router.config")
	if d.Framework.ID == "remix" || cfg == nil {
		cfg = d.config("vite.config")
	}
	d.output = path.Join(or(d.literalPath(cfg, "buildDirectory"), "build"), "client")
	if ssr, found := cfg.get("ssr"); found && ssr.value == "false" {
		d.because("%s has ssr: false", cfg.file)
		return
	}
	if d.bundler() == "" {
		d.OutputKnown = false
		d.because("it renders on a server unless ssr is false, and Amplify needs an adapter for that")
	}
}

func resolveDocusaurus(d *detector) {
	d.output = or(cleanOutput(option(d.buildScript(), "--out-dir")), d.output)
	d.facts.caches = []string{".docusaurus"}
}

func resolveVitePress(d *detector) {
	script := d.buildScript()
	root := cleanOutput(argument(script, "vitepress build"))
	if root == "" && d.repo.isDir(d.in("docs", ".vitepress")) && !d.repo.isDir(d.in(".vitepress")) {
		root = "docs"
	}
	cfg := d.repo.configAt(d.in(root, ".vitepress"), "config.ts", "config.mts", "config.js", "config.mjs")
	d.output = path.Join(root, ".vitepress/dist")
	if out := d.literalPath(cfg, "outDir"); out != "" {
		d.output = path.Join(root, out)
	}
	d.output = or(cleanOutput(option(script, "--outDir")), d.output)
	d.facts.caches = []string{path.Join(root, ".vitepress/cache")}
}

func resolveVuePress(d *detector) {
	script := d.buildScript()
	root := or(cleanOutput(argument(script, "vuepress build")), "docs")
	cfg := d.repo.configAt(d.in(root, ".vuepress"), "config.js", "config.ts", "config.mjs")
	d.output = path.Join(root, ".vuepress/dist")
	d.output = or(d.literalPath(cfg, "dest"), d.output)
	d.output = or(cleanOutput(option(script, "--dest", "-d")), d.output)
}

func resolveEleventy(d *detector) {
	cfg := d.repo.configAt(d.folder(), ".eleventy.js", "eleventy.config.js", "eleventy.config.mjs", "eleventy.config.cjs")
	d.output = or(d.literalPath(cfg, "dir", "output"), d.output)
	d.output = or(cleanOutput(option(d.buildScript(), "--output")), d.output)
}

func resolveIonic(d *detector) {
	cfg := d.repo.configAt(d.folder(), "capacitor.config.ts", "capacitor.config.json", "capacitor.config.js")
	web := d.literalPath(cfg, "webDir")
	switch {
	case web != "":
		d.output = web
	case d.pkg.has("@angular/core") != "" && d.repo.isFile(d.in("angular.json")):
		resolveAngular(d)
	case d.pkg.has("vite") != "":
		d.output = "dist"
		resolveVite(d)
	}
	d.Framework.Name = "Ionic"
}

func resolveCRA(d *detector) {
	d.output = or(cleanOutput(option(d.buildScript(), "BUILD_PATH")), d.output)
}

func resolveVue(d *detector) {
	d.output = or(d.literalPath(d.config("vue.config"), "outputDir"), d.output)
	d.output = or(cleanOutput(option(d.buildScript(), "--dest")), d.output)
}

func resolveVite(d *detector) {
	cfg := d.config("vite.config")
	root, out := d.literalPath(cfg, "root"), or(d.literalPath(cfg, "build", "outDir"), "dist")
	d.output = path.Join(root, out)
	d.output = or(cleanOutput(option(d.buildScript(), "--outDir")), d.output)
	switch {
	case d.pkg.has("react") != "":
		d.Framework.Name = "React"
	case d.pkg.has("vue") != "":
		d.Framework.Name = "Vue"
	}
}

func resolveParcel(d *detector) {
	d.output = or(cleanOutput(option(d.buildScript(), "--dist-dir", "-d", "--out-dir")), d.output)
}

// adapter makes a server of an application whose deployment bundle is put together by other means than the framework's
// own.
func (d *detector) adapter() {
	why := d.bundler()
	if d.SSR || why == "" {
		return
	}
	d.because("%s", why)
	if d.Framework.ID == "none" {
		d.Framework.ID = "adapter"
	}
	d.compute(".amplify-hosting")
}

// bundler says what makes .amplify-hosting, or "".
func (d *detector) bundler() string {
	switch {
	case strings.Contains(d.buildScript(), ".amplify-hosting"):
		return d.pkg.file + " makes .amplify-hosting in its build"
	case d.pkg.adapter() != "":
		return d.pkg.file + " has the adapter " + d.pkg.adapter()
	case d.Framework.ID == "none" && d.pkg != nil && d.repo.isFile(d.in("deploy-manifest.json")):
		return d.in("deploy-manifest.json") + " describes a server"
	}
	return ""
}

// adapter returns a dependency that looks like an adapter for the deployment specification: a package of the community
// with a name of its own. The libraries of the backend have amplify in their name, too.
func (m *manifest) adapter() string {
	if m == nil {
		return ""
	}
	found := ""
	for name := range m.deps {
		adapts := strings.Contains(name, "adapter") || strings.Contains(name, "remix") || strings.Contains(name, "react-router")
		own := strings.HasPrefix(name, "@aws-amplify/") || name == "aws-amplify" || name == "amplify-adapter" || strings.Contains(name, "astro")
		if strings.Contains(name, "amplify") && adapts && !own && (found == "" || name < found) {
			found = name
		}
	}
	return found
}

// buildScript returns the build script with those that run before and after it, and with the scripts that they call by
// name: the text to look for options in.
func (d *detector) buildScript() string {
	if d.pkg == nil {
		return ""
	}
	words := strings.Fields(strings.Join([]string{d.pkg.script("prebuild"), d.pkg.script("build"), d.pkg.script("postbuild")}, " && "))
	var all []string
	for i, w := range words {
		all = append(all, w)
		called := d.pkg.script(w)
		if called != "" && i > 0 && w != "build" && (words[i-1] == "run" || words[i-1] == "yarn" || words[i-1] == "pnpm" || words[i-1] == "bun") {
			all = append(all, "&&", called, "&&")
		}
	}
	return strings.Join(all, " ")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
