package detect

import (
	"encoding/json"
	"path"
	"strings"
)

// nxProject is what matters of a project.json.
type nxProject struct {
	Name    string                   `json:"name"`
	Targets map[string]angularTarget `json:"targets"`
}

// nxConfig reads the application's project.json; it is empty where there is none.
func (d *detector) nxConfig() nxProject {
	var p nxProject
	file := d.in("project.json")
	source := d.repo.text(file, maxManifest)
	if err := json.Unmarshal(plainJSON(source), &p); err != nil && source != "" {
		d.repo.note(file, "is not understood: "+err.Error())
	}
	return p
}

// nxName returns the name by which Nx knows the application, or "" when it is none that a shell leaves alone.
func (d *detector) nxName() string {
	if name := d.nxConfig().Name; npmName().MatchString(name) && len(name) <= 214 {
		return name
	}
	return d.packageName()
}

// nxOutput takes the output from project.json, where Nx has one: it is relative to the repository's root and, in
// repositories with one package.json, somewhere else than the framework says.
func (d *detector) nxOutput() {
	if d.facts.tool != "nx" || !d.member {
		return
	}
	build := d.nxConfig().Targets["build"]
	if build.Options.OutputPath == nil {
		if d.integrated {
			d.OutputDir, d.OutputKnown = path.Join("dist", d.AppRoot), false // the default of Nx's executors
		}
		return
	}
	build.Options.OutputPath = json.RawMessage(d.expandNx(string(build.Options.OutputPath)))
	out := build.output("")
	if out == "" || strings.HasPrefix(out, "../") {
		d.repo.note(d.in("project.json"), "has an outputPath that is no plain path")
		return
	}
	d.because("%s builds into %s", d.in("project.json"), out)
	d.OutputDir, d.OutputKnown = out, true
	if d.Framework.ID == "next" {
		// The executor puts the framework's own folder into it.
		d.OutputDir = path.Join(out, d.output)
	}
}

// nxExecutors says which framework an executor builds, by a part of its name.
var nxExecutors = []struct{ part, dep string }{
	{"next:", "next"},
	{"angular", "@angular/core"},
	{"vite:", "vite"},
	{"gatsby:", "gatsby"},
	{"astro", "astro"},
}

// nxPackage stands in for the package.json of an application in a repository that has only the root's. Of the root's
// dependencies it has those that the application's executor or configuration shows to be its own.
func (d *detector) nxPackage() *manifest {
	m := &manifest{file: d.in("project.json"), name: or(d.nxName(), path.Base(d.AppRoot)), scripts: map[string]string{}, deps: map[string]string{}}
	build := d.nxConfig().Targets["build"]
	take := func(names ...string) {
		for _, name := range names {
			if version, ok := d.top.deps[name]; ok {
				m.deps[name] = version
			}
		}
	}
	for _, e := range nxExecutors {
		if strings.Contains(build.Executor+build.Builder, e.part) {
			take(e.dep)
			break
		}
	}
	switch {
	case len(m.deps) > 0:
	case d.config("next.config") != nil:
		take("next")
	case d.config("astro.config") != nil:
		take("astro")
	case d.config("vite.config") != nil:
		take("vite")
	}
	take("react", "vue")
	return m
}

func (d *detector) expandNx(s string) string {
	return strings.NewReplacer(
		"{workspaceRoot}/", "", "{projectRoot}", d.AppRoot, "{projectName}", or(d.nxName(), path.Base(d.AppRoot)),
		"{options.outputPath}", "",
	).Replace(s)
}
