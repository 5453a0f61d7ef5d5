package detect

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// workspace is what the repository's root says about several packages in it.
type workspace struct {
	kind     string   // as Project.Monorepo
	tool     string   // "nx", "turborepo" or ""
	patterns []string // of the members' folders
	members  map[string]bool
	apps     []string // members that are applications, by a framework or by Nx's word
	maybe    []string // members that may be: they build something, and lie where applications do
	why      string
}

// candidates returns all members that may be an application's root, in lexical order.
func (w *workspace) candidates() []string {
	all := slices.Concat(w.apps, w.maybe)
	slices.Sort(all)
	return all
}

// findWorkspace reads the root's files. The result is never nil.
func findWorkspace(r *repo, top *manifest) *workspace {
	w := &workspace{members: map[string]bool{}}
	w.identify(r, top)
	if w.kind == "" {
		return w
	}
	nx := w.kind == "nx"
	folders := r.folders()
	for _, folder := range folders {
		hasPackage := r.isFile(folder, "package.json")
		hasProject := nx && r.isFile(folder, "project.json")
		if hasPackage && w.matches(folder) || hasProject {
			w.members[folder] = true
		}
	}
	for _, folder := range folders {
		switch {
		case !w.members[folder]:
		case w.isApp(r, folder):
			w.apps = append(w.apps, folder)
		case w.mayBeApp(r, folder):
			w.maybe = append(w.maybe, folder)
		}
	}
	slices.Sort(w.apps)
	slices.Sort(w.maybe)
	return w
}

// mayBeApp goes by a build script in a folder such as apps/admin.
func (w *workspace) mayBeApp(r *repo, folder string) bool {
	m, err := r.manifestAt(folder)
	return err == nil && m.script("build") != "" && slices.Contains(appFolders, path.Base(path.Dir(folder)))
}

func (w *workspace) identify(r *repo, top *manifest) {
	if top != nil {
		w.patterns = top.workspaces
	}
	plain := ""
	switch lock := r.first(".", "pnpm-workspace.yaml", "yarn.lock", "bun.lock", "bun.lockb"); {
	case lock == "pnpm-workspace.yaml":
		if packages := yamlList(r.text(lock, maxConfig), "packages"); len(packages) > 0 {
			plain, w.patterns, w.why = "pnpm-workspaces", packages, lock+" lists packages"
		}
	case len(w.patterns) == 0:
	case lock == "yarn.lock":
		plain = "yarn-workspaces"
	case lock != "":
		plain = "bun-workspaces"
	default:
		plain = "npm-workspaces"
	}
	if plain != "" && w.why == "" {
		w.why = top.file + " has workspaces"
	}
	switch {
	case r.isFile("nx.json"):
		w.kind, w.tool, w.why = "nx", "nx", "nx.json is there"
	case r.isFile("turbo.json") || r.isFile("turbo.jsonc"):
		w.kind, w.tool, w.why = "turborepo", "turborepo", "turbo.json is there"
	case r.isFile("lerna.json"):
		w.kind, w.why = "lerna", "lerna.json is there"
		if len(w.patterns) == 0 {
			w.patterns = []string{"packages/*"}
		}
	default:
		w.kind = plain
	}
}

// matches reports whether a folder is one of the workspace's packages; later patterns with an exclamation mark take away.
func (w *workspace) matches(folder string) bool {
	in := false
	for _, pattern := range w.patterns {
		pattern, not := strings.CutPrefix(pattern, "!")
		pattern = strings.Trim(strings.TrimPrefix(pattern, "./"), "/")
		if len(pattern) <= 200 && matchSegments(strings.Split(pattern, "/"), strings.Split(folder, "/")) {
			in = !not
		}
	}
	return in
}

// matchSegments matches a glob in which ** stands for any number of folders. Folders are at most maxDepth deep and
// patterns short, so that trying all ways is cheap; consecutive ** are one.
func matchSegments(pattern, name []string) bool {
	for len(pattern) > 1 && pattern[0] == "**" && pattern[1] == "**" {
		pattern = pattern[1:]
	}
	if len(pattern) == 0 {
		return len(name) == 0
	}
	if pattern[0] == "**" {
		return matchSegments(pattern[1:], name) || len(name) > 0 && matchSegments(pattern, name[1:])
	}
	if len(name) == 0 {
		return false
	}
	ok, err := path.Match(pattern[0], name[0])
	return err == nil && ok && matchSegments(pattern[1:], name[1:])
}

// isApp tells applications from libraries: by Nx's word, by a framework that is not only used for libraries, or by a page.
func (w *workspace) isApp(r *repo, folder string) bool {
	if w.kind == "nx" {
		var project struct {
			ProjectType string `json:"projectType"`
		}
		source := r.text(path.Join(folder, "project.json"), maxManifest)
		if json.Unmarshal(plainJSON(source), &project) == nil && project.ProjectType != "" {
			return project.ProjectType == "application" && !strings.HasSuffix(folder, "-e2e")
		}
	}
	m, err := r.manifestAt(folder)
	if err != nil {
		return false // reported when it is asked for
	}
	for _, f := range frameworks {
		if m.has(f.deps...) != "" {
			// Vite and Parcel build libraries as well; an application has a page.
			return !f.libraries || r.isFile(folder, "index.html") || r.isFile(folder, "src/index.html")
		}
	}
	return false
}

// yamlList returns the texts of a list at the top level of a simple YAML file, such as pnpm-workspace.yaml: one per line
// or in brackets. Only what is needed of YAML is understood; the file is read by pnpm itself in any case.
func yamlList(src, key string) []string {
	var items []string
	inside := false
	for line := range strings.Lines(src) {
		line = strings.TrimRight(line, " \t\r\n")
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case inside && strings.HasPrefix(trimmed, "- "):
			items = append(items, unquote(trimmed[2:]))
		case line == trimmed: // a key at the left edge
			rest, found := strings.CutPrefix(line, key+":")
			inside = found
			rest = strings.TrimSpace(rest)
			if found && strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]") {
				for _, item := range strings.Split(rest[1:len(rest)-1], ",") {
					items = append(items, unquote(item))
				}
			}
		}
		if len(items) > 200 {
			return items
		}
	}
	return items
}

func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '\'' || s[0] == '"') {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return s[1 : 1+end]
		}
	}
	s, _, _ = strings.Cut(s, " #")
	return strings.TrimSpace(s)
}
