package detect

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// angularTarget is the build of a project in angular.json, and in a project.json of Nx.
type angularTarget struct {
	Builder  string `json:"builder"`
	Executor string `json:"executor"`
	Options  struct {
		OutputPath json.RawMessage `json:"outputPath"`
		SSR        json.RawMessage `json:"ssr"`
		OutputMode string          `json:"outputMode"`
	} `json:"options"`
}

// angularProject calls its targets "architect" in older files.
type angularProject struct {
	ProjectType string                   `json:"projectType"`
	Architect   map[string]angularTarget `json:"architect"`
	Targets     map[string]angularTarget `json:"targets"`
}

func (p angularProject) build() angularTarget {
	if t, ok := p.Architect["build"]; ok {
		return t
	}
	return p.Targets["build"]
}

func resolveAngular(d *detector) {
	file := d.in("angular.json")
	var workspace struct {
		DefaultProject string                     `json:"defaultProject"`
		Projects       map[string]json.RawMessage `json:"projects"`
	}
	source := d.repo.text(file, maxManifest)
	if err := json.Unmarshal(plainJSON(source), &workspace); err != nil {
		if source != "" { // an application of Nx has none
			d.repo.note(file, "is not understood: "+err.Error())
		}
		// The convention has the project's name in it, which is that of the package in nearly every case.
		d.output, d.OutputKnown = path.Join("dist", cleanOutput(d.pkg.name)), false
		return
	}
	name, project := pickAngular(workspace.DefaultProject, workspace.Projects)
	build := project.build()
	d.output = build.output(path.Join("dist", cleanOutput(name)))
	d.OutputKnown = name != ""
	d.because("%s has the application %s", file, name)
	if ssr := string(build.Options.SSR); ssr != "" && ssr != "false" && ssr != "null" {
		d.because("%s renders on a server, and Amplify has no adapter for Angular: only the browser's files are hosted", file)
	}
}

// pickAngular returns the default project, or the first application by name.
func pickAngular(preferred string, projects map[string]json.RawMessage) (string, angularProject) {
	names := make([]string, 0, len(projects))
	for name := range projects {
		names = append(names, name)
	}
	slices.Sort(names)
	if _, ok := projects[preferred]; ok {
		names = slices.Insert(names, 0, preferred)
	}
	for _, name := range names {
		var p angularProject
		if json.Unmarshal(projects[name], &p) == nil && p.ProjectType != "library" {
			return name, p
		}
	}
	return "", angularProject{}
}

// output returns the folder of the browser's files: the builders since Angular 17 put them into a folder "browser".
func (t angularTarget) output(fallback string) string {
	base, browser := fallback, ""
	builder := t.Builder + t.Executor
	if strings.HasSuffix(builder, ":application") {
		browser = "browser"
	}
	var folders struct {
		Base    string  `json:"base"`
		Browser *string `json:"browser"`
	}
	var plain string
	switch {
	case json.Unmarshal(t.Options.OutputPath, &plain) == nil:
		base = or(cleanOutput(plain), base)
	case json.Unmarshal(t.Options.OutputPath, &folders) == nil:
		base = or(cleanOutput(folders.Base), base)
		if folders.Browser != nil {
			browser = cleanOutput(*folders.Browser)
		}
	}
	return path.Join(base, browser)
}
