package source

import (
	"strconv"
	"strings"
)

// maxAttributes bounds a .gitattributes file, in bytes. git has a bound, too.
const maxAttributes = 1 << 20

// attributes are the lines of .gitattributes that say which files Git LFS filters, by the folder that they are in.
type attributes map[string][]attributeRule

type attributeRule struct {
	pattern ignoreRule
	lfs     bool // the filter is lfs, rather than another or none
}

// add takes in the text of a .gitattributes that lies in dir.
func (a attributes) add(dir, text string) {
	macros := map[string]bool{}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		pattern, rest := cutPattern(strings.Trim(line, " \t\r\n"))
		lfs, set := filterOf(strings.Fields(rest), macros)
		if name, ok := strings.CutPrefix(pattern, "[attr]"); ok {
			if set {
				macros[name] = lfs
			}
			continue
		}
		if rule, ok := parseIgnore(pattern); ok && set && !rule.negated {
			a[dir] = append(a[dir], attributeRule{pattern: rule, lfs: lfs})
		}
	}
}

// cutPattern splits a line behind its pattern, which may be quoted.
func cutPattern(line string) (pattern, rest string) {
	if strings.HasPrefix(line, `"`) {
		if quoted, err := strconv.QuotedPrefix(line); err == nil {
			if pattern, err := strconv.Unquote(quoted); err == nil {
				return pattern, line[len(quoted):]
			}
		}
	}
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], line[i:]
	}
	return line, ""
}

// filterOf returns what a line says about the filter: the last word about it counts.
func filterOf(words []string, macros map[string]bool) (lfs, set bool) {
	for _, word := range words {
		switch value, ok := strings.CutPrefix(word, "filter="); {
		case ok:
			lfs, set = value == "lfs", true
		case word == "filter" || word == "-filter" || word == "!filter":
			lfs, set = false, true
		default:
			if value, ok := macros[word]; ok {
				lfs, set = value, true
			}
		}
	}
	return lfs, set
}

// lfs tells whether the file at path is one of Git LFS: the nearest folder decides, and in it the last line.
func (a attributes) lfs(path string) bool {
	for dir := path; dir != ""; {
		dir = parent(dir)
		relative := path
		if dir != "" {
			relative = path[len(dir)+1:]
		}
		rules := a[dir]
		for n := len(rules) - 1; n >= 0; n-- {
			if rules[n].pattern.matches(relative, false) {
				return rules[n].lfs
			}
		}
	}
	return false
}
