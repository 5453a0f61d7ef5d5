package buildspec

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// scope is a kind of map in the file: where that is, for messages, and the keys that have a meaning in it.
type scope struct {
	where string
	keys  []string
}

var (
	topScope       = scope{"at the top level", []string{"version", "applications", "appRoot", "env", "backend", "frontend", "test"}}
	appScope       = scope{"in an application", []string{"appRoot", "env", "backend", "frontend", "test"}}
	frontendScope  = scope{"in frontend", []string{"buildPath", "phases", "artifacts", "cache"}}
	backendScope   = scope{"in backend", []string{"phases", "artifacts", "cache"}}
	testScope      = scope{"in test", []string{"phases", "artifacts", "cache"}}
	phasesScope    = scope{"in phases", []string{"preBuild", "build", "postBuild"}}
	testPhases     = scope{"in the phases of test", []string{"preTest", "test", "postTest"}}
	phaseScope     = scope{"in a phase", []string{"commands"}}
	artifactsScope = scope{"in artifacts", []string{"baseDirectory", "files", "discard-paths", "configFilePath"}}
	cacheScope     = scope{"in cache", []string{"paths"}}
	envScope       = scope{"in env", []string{"variables"}}
)

// spellings holds the second spellings that the service's documentation uses itself.
var spellings = map[string]string{"buildpath": "buildPath", "base-directory": "baseDirectory"}

// phasesOf holds the phases of the sections.
var phasesOf = map[string][]string{
	frontendScope.where: phasesScope.keys, backendScope.where: phasesScope.keys, testScope.where: testPhases.keys,
}

// homes says where a key belongs that is written elsewhere.
var homes = map[string]string{
	"applications":   "at the top level",
	"version":        "at the top level",
	"appRoot":        "directly in an entry of applications",
	"frontend":       "at the top level or directly in an entry of applications",
	"backend":        "at the top level or directly in an entry of applications",
	"env":            "at the top level or directly in an entry of applications",
	"phases":         "directly under frontend, backend or test",
	"artifacts":      "directly under frontend or test, beside phases",
	"cache":          "directly under frontend, beside phases",
	"buildPath":      "directly under frontend",
	"preBuild":       "under the phases of frontend or backend",
	"build":          "under the phases of frontend or backend",
	"postBuild":      "under the phases of frontend or backend",
	"preTest":        "under the phases of test",
	"postTest":       "under the phases of test",
	"test":           "at the top level or under the phases of test",
	"commands":       "in a phase, such as phases: build: commands:",
	"baseDirectory":  "under artifacts",
	"files":          "under artifacts",
	"discard-paths":  "under artifacts",
	"configFilePath": "under the artifacts of test",
	"paths":          "under cache",
	"variables":      "under env",
}

// fields sorts the entries of a map by the keys of its scope, under their main spelling, and reports the others.
func (d *decoder) fields(v *value, sc scope) map[string]*entry {
	known := make(map[string]*entry, len(sc.keys))
	var strays []*entry
	for i := range v.entries {
		e := &v.entries[i]
		name := e.key.text
		if e.key.kind != scalar {
			d.complexKey(e, sc)
			continue
		}
		if main, ok := spellings[name]; ok && slices.Contains(sc.keys, main) {
			name = main
		}
		switch {
		case strings.HasPrefix(name, "x-"): // by custom a place for anchors, in any file
		case !slices.Contains(sc.keys, name):
			strays = append(strays, e)
		case known[name] != nil:
			d.twoSpellings(e, known[name])
			if e.key.text == name {
				known[name] = e
			}
		default:
			known[name] = e
		}
	}
	taken := maps.Clone(known)
	for _, e := range strays {
		d.strayKey(v, e, sc, taken)
	}
	return known
}

func (d *decoder) complexKey(e *entry, sc scope) {
	d.c.add(Diagnostic{
		Rule: ruleUnknownKey, Severity: Warning, Span: e.key.span,
		Message: fmt.Sprintf("%s is used as a key %s; it is ignored", e.key.kind, sc.where),
		Help:    "if the braces or brackets belong to the text, put the text in quotes",
	})
}

func (d *decoder) twoSpellings(e, first *entry) {
	d.c.add(Diagnostic{
		Rule: ruleAlternatives, Severity: Warning, Span: e.key.span,
		Message: fmt.Sprintf("%s and %s are two spellings of the same key; only %s counts",
			quote(first.key.text), quote(e.key.text), spellings[e.key.text]+spellings[first.key.text]),
		Help:    "remove one of them",
		Related: []Related{{Span: first.key.span, Message: "the other spelling"}},
	})
}

// renameFix replaces a key, if it is written as it is.
func (d *decoder) renameFix(e *entry, name string) *Fix {
	if e.merged || d.src.slice(e.key.span) != e.key.text {
		return nil
	}
	return &Fix{Title: "rename to " + name, Edits: []Edit{{Span: e.key.span, NewText: name}}}
}

// strayKey reports a key without a meaning in its map, with the best guess of what was meant.
func (d *decoder) strayKey(v *value, e *entry, sc scope, siblings map[string]*entry) {
	name := e.key.text
	diag := Diagnostic{Rule: ruleUnknownKey, Severity: Warning, Span: e.key.span}
	home, elsewhere := homes[name]
	if main, ok := spellings[name]; ok {
		home, elsewhere = homes[main], true
	}
	switch near := nearest(name, sc.keys); {
	case name == "customHeaders":
		diag.Rule = ruleLegacyHeaders
		diag.Message = "customHeaders in the build specification is deprecated"
		diag.Help = "move the block into a file customHttp.yml at the root of the repository"
	case elsewhere:
		diag.Rule = ruleMisplacedKey
		diag.Message = fmt.Sprintf("the key %s has no effect %s", quote(name), sc.where)
		diag.Help = fmt.Sprintf("it belongs %s; check the indentation of the line", home)
		if slices.Contains(phasesOf[sc.where], name) {
			diag.Fix = d.latePhaseFix(v, e, siblings["phases"])
		}
	case near != "" && siblings[near] == nil:
		diag.Message = fmt.Sprintf("unknown key %s %s; it is ignored", quote(name), sc.where)
		diag.Help = fmt.Sprintf("did you mean %s?", quote(near))
		diag.Fix = d.renameFix(e, near)
		siblings[near] = e // no second one is renamed to it
	default:
		diag.Message = fmt.Sprintf("unknown key %s %s; it is ignored", quote(name), sc.where)
		diag.Help = fmt.Sprintf("known here: %s", strings.Join(sc.keys, ", "))
	}
	if d.within != nil && (sc.where == phasesScope.where || sc.where == testPhases.where) {
		d.strayPhase(e, sc, &diag)
	}
	if sc.where == envScope.where && diag.Rule == ruleUnknownKey && diag.Fix == nil {
		diag.Help = "variables stand one level deeper, as in env: variables: NAME: value"
	}
	d.c.add(diag)
	if diag.Rule == ruleMisplacedKey && (name == "artifacts" || name == "cache") {
		d.strayChildren(e)
	}
}

// nearest returns the candidate that name is probably a misspelling of, or "".
func nearest(name string, candidates []string) string {
	plain := simplify(name)
	best, bestDistance := "", 3
	for _, c := range candidates {
		target := simplify(c)
		if plain == target {
			return c
		}
		limit := 2
		if len(target) <= 4 {
			limit = 1
		}
		if n := distance(plain, target, limit); n <= limit && n < bestDistance {
			best, bestDistance = c, n
		}
	}
	return best
}

// simplify removes what people vary without noticing: case, dashes, underscores and blanks.
func simplify(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between two words; beyond limit it
// returns limit+1 without looking closer.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > 4*limit || len(b)-len(a) > 4*limit {
		return limit + 1 // no rune is longer than four bytes
	}
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return min(rows[len(x)][len(y)], limit+1)
}

// quote shows a text from the file in a message: quoted, on one line, and short.
func quote(text string) string {
	const longest = 60
	if r := []rune(text[:min(len(text), 4*longest+4)]); len(r) > longest {
		text = string(r[:longest-1]) + "…"
	}
	return strconv.Quote(text)
}
