package detect

import (
	"path"
	"regexp"
	"strings"
)

// withoutFramework recognises what needs no package.json, and what has one without a framework in it.
func (d *detector) withoutFramework() {
	d.Framework = Framework{ID: "none", Name: nameWeb}
	switch {
	case d.hugo(), d.jekyll():
	case d.pkg.script("build") != "":
		d.because("%s has a build script and no framework that is known", d.pkg.file)
		d.output = "/"
	default:
		d.plain()
	}
}

var hugoFiles = []string{"hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json", "config/_default/hugo.toml", "config/_default/hugo.yaml"}

// hugo recognises a site by the names of today, or by those of old together with Hugo's folders.
func (d *detector) hugo() bool {
	file := d.repo.first(d.folder(), hugoFiles...)
	if file == "" {
		file = d.repo.first(d.folder(), "config.toml", "config.yaml", "config/_default/config.toml", "config/_default/config.yaml")
		if file == "" || !d.repo.isDir(d.in("content")) && !d.repo.isDir(d.in("themes")) && !d.repo.isDir(d.in("archetypes")) {
			return false
		}
	}
	d.Framework = Framework{ID: "hugo", Name: "Hugo"}
	d.because("%s configures Hugo", file)
	d.output, d.OutputKnown = "public", true
	d.output = or(d.setting(file, "publishDir"), d.output)
	d.facts.caches = []string{"resources/_gen"}
	return true
}

func (d *detector) jekyll() bool {
	file := d.repo.first(d.folder(), "_config.yml", "_config.yaml")
	if file == "" {
		return false
	}
	gems := d.repo.text(d.in("Gemfile"), maxConfig)
	if !strings.Contains(gems, "jekyll") && !strings.Contains(gems, "github-pages") && !d.repo.isDir(d.in("_posts")) && !d.repo.isDir(d.in("_layouts")) {
		return false
	}
	d.Framework = Framework{ID: "jekyll", Name: "Jekyll"}
	d.because("%s configures Jekyll", file)
	d.output, d.OutputKnown = "_site", true
	d.output = or(d.setting(file, "destination"), d.output)
	d.facts.caches = []string{".jekyll-cache"}
	return true
}

// setting returns a plain path that stands at the left edge of a TOML or YAML file.
func (d *detector) setting(file, name string) string {
	line := regexp.MustCompile(`(?mi)^["']?` + name + `["']?\s*[:=]\s*["']?([^"'#\r\n]+?)["']?\s*(?:#.*)?$`)
	m := line.FindStringSubmatch(d.repo.text(file, maxConfig))
	if m == nil {
		return ""
	}
	return cleanOutput(m[1])
}

// plain is a site that is in the repository as it is.
func (d *detector) plain() {
	d.output = "/"
	if d.repo.isFile(d.in("index.html")) {
		d.because("%s is there and nothing builds it", d.in("index.html"))
		d.OutputKnown = true
		return
	}
	for _, folder := range staticFolders {
		if d.repo.isFile(d.in(folder, "index.html")) {
			d.because("%s is there and nothing builds it", d.in(folder, "index.html"))
			d.facts.staticDir = folder
			return
		}
	}
	d.because("there is no framework, no build script and no index.html in %s", or(d.AppRoot, "the repository's root"))
}

// nodeVersion finds the file that nvm would read; the service doesn't read it.
func (d *detector) nodeVersion() {
	if d.PackageManager == "" {
		return
	}
	folders := []string{d.folder()}
	if d.AppRoot != "" {
		folders = append(folders, ".")
	}
	if d.BuildPath != "" {
		folders = []string{"."}
	}
	for _, folder := range folders {
		if file := d.repo.first(folder, ".nvmrc"); file != "" {
			d.facts.nodeVersion = file
			d.because("%s asks for a version of Node.js, which the service does not read", file)
			return
		}
	}
}

// backend looks for an amplify folder beside the application, then at the repository's root.
func (d *detector) backend() {
	folders := []string{d.folder()}
	if d.AppRoot != "" {
		folders = append(folders, ".")
	}
	for _, folder := range folders {
		amplify := path.Join(folder, "amplify")
		if file := d.repo.first(amplify, "backend.ts", "backend.js"); file != "" {
			d.Backend = Gen2
			d.because("%s defines a Gen 2 backend", file)
		} else if d.repo.isDir(amplify, ".config") || d.repo.isFile(amplify, "team-provider-info.json") {
			d.Backend = Gen1
			d.because("%s is a Gen 1 backend", amplify)
		}
		if d.Backend != "" {
			d.facts.backendRoot = folder
			if d.Backend == Gen1 && d.Framework.Name == nameNextSSG {
				d.Framework.Name = nameNextSSGG1
			}
			return
		}
	}
}
