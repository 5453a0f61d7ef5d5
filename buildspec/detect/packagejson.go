package detect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// manifest is what matters of a package.json. Fields of a wrong type count as absent: npm itself is as forgiving.
type manifest struct {
	file           string
	name           string
	scripts        map[string]string
	deps           map[string]string // dependencies and devDependencies
	packageManager string            // such as "pnpm@9.1.0"
	workspaces     []string
}

// manifestAt reads the package.json of a folder. It returns nil when there is none, and an error when there is one that
// cannot be read: guessing without it would be wrong in every case.
func (r *repo) manifestAt(folder string) (*manifest, error) {
	known, ok := r.manifests[folder]
	if !ok {
		known.manifest, known.err = r.readManifest(folder)
		r.manifests[folder] = known
	}
	return known.manifest, known.err
}

func (r *repo) readManifest(folder string) (*manifest, error) {
	name := path.Join(folder, "package.json")
	data, err := r.read(name, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	m.file = name
	return m, nil
}

func parseManifest(data []byte) (*manifest, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, explainJSON(data, err)
	}
	m := &manifest{scripts: map[string]string{}, deps: map[string]string{}}
	text(fields["name"], &m.name)
	text(fields["packageManager"], &m.packageManager)
	stringMap(fields["scripts"], m.scripts)
	stringMap(fields["devDependencies"], m.deps)
	stringMap(fields["dependencies"], m.deps)
	var workspaces struct {
		Packages []string `json:"packages"`
	}
	if json.Unmarshal(fields["workspaces"], &m.workspaces) != nil && json.Unmarshal(fields["workspaces"], &workspaces) == nil {
		m.workspaces = workspaces.Packages
	}
	return m, nil
}

// explainJSON adds the line to a syntax error; the library gives an offset only.
func explainJSON(data []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + strings.Count(string(data[:min(int(syntax.Offset), len(data))]), "\n")
		return fmt.Errorf("line %d: not valid JSON: %w", line, err)
	}
	return fmt.Errorf("not a JSON object: %w", err)
}

func text(raw json.RawMessage, to *string) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*to = s
	}
}

func stringMap(raw json.RawMessage, to map[string]string) {
	var values map[string]json.RawMessage
	if json.Unmarshal(raw, &values) != nil {
		return
	}
	for name, raw := range values {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			to[name] = s
		}
	}
}

// has returns the first of the packages that the manifest depends on, or "". A nil manifest depends on nothing.
func (m *manifest) has(names ...string) string {
	if m == nil {
		return ""
	}
	for _, name := range names {
		if _, ok := m.deps[name]; ok {
			return name
		}
	}
	return ""
}

// script returns a script, or "" when there is none.
func (m *manifest) script(name string) string {
	if m == nil {
		return ""
	}
	return m.scripts[name]
}

var leadingNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\^~>=v\s]*(\d{1,4})`) })

// major returns the major version of a range such as "^3.4.0", and 0 where that is not to be seen.
func major(version string) int {
	m := leadingNumber().FindStringSubmatch(version)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // at most four digits
	return n
}

// option returns the value of a command line option in a script: "vite build --outDir www" has "www". Only plain values
// count; what holds a variable or quotes is for a shell to say.
func option(script string, names ...string) string {
	words := strings.Fields(script)
	for i, word := range words {
		for _, name := range names {
			value, found := strings.CutPrefix(word, name+"=")
			if !found && word == name && i+1 < len(words) {
				value, found = words[i+1], true
			}
			if found && plainPath(value) {
				return value
			}
		}
	}
	return ""
}

// argument returns the first word after a command that is not an option: "vitepress build docs" has "docs".
func argument(script, command string) string {
	_, rest, found := strings.Cut(script, command)
	if !found {
		return ""
	}
	for _, word := range strings.Fields(rest) {
		if strings.ContainsAny(word, "&;|<>") {
			return ""
		}
		if !strings.HasPrefix(word, "-") && plainPath(word) {
			return word
		}
	}
	return ""
}

var pathText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.@+~-]+(?:/[A-Za-z0-9_.@+~-]+)*/?$`) })

// plainPath reports whether a text is a relative path without anything that a shell or YAML would read. ".." is allowed:
// results of builds do lie above their application.
func plainPath(s string) bool {
	return len(s) <= 200 && pathText().MatchString(s) && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "~")
}
