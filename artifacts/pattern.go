package artifacts

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

const (
	maxPattern = 4096 // bytes
	// maxBraces bounds the alternatives of one pattern: the matcher tries all combinations.
	maxBraces = 8
)

// A pattern is one entry of the list of files.
type pattern struct {
	text    string   // as written
	exclude bool     //
	all     bool     // matches everything
	literal string   // if not "": matches this path and all below it
	globs   []string // otherwise: any of these
	prefix  string   // the folder in which all matches lie; "" = Base
	depth   int      // matches have exactly that many path elements; 0 = any number
	used    bool     // it matched something
}

// A patternSet is the list of files, in order.
type patternSet []*pattern

// compile reads the patterns. Its error names all that are wrong.
func compile(files []string) (patternSet, error) {
	var set patternSet
	var errs []error
	including := false
	for _, text := range files {
		p, reason := compilePattern(text)
		if reason != "" {
			errs = append(errs, &PatternError{Pattern: text, Reason: reason})
			continue
		}
		including = including || !p.exclude
		set = append(set, p)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if !including {
		set = append(patternSet{{all: true, used: true}}, set...)
	}
	return set, nil
}

// compilePattern returns the pattern, or the reason why it is none.
func compilePattern(text string) (p *pattern, reason string) {
	body, exclude := strings.CutPrefix(text, "!")
	switch {
	case body == "":
		return nil, "it is empty; everything is **/*"
	case len(body) > maxPattern:
		return nil, "it is too long"
	case strings.ContainsRune(body, 0):
		return nil, "it contains a NUL byte"
	case strings.Contains(body, `\`):
		return nil, `it contains a backslash; folders are separated with /, and a wildcard that is meant literally is written [*]`
	case strings.Count(body, "{") > maxBraces:
		return nil, "it has too many {alternatives}; write several patterns"
	case !doublestar.ValidatePattern(body):
		return nil, "a bracket or brace is not closed, or is empty"
	}
	elems, reason := splitPattern(body)
	if reason != "" {
		return nil, reason
	}
	if len(elems) > 0 && strings.HasSuffix(body, "/") {
		elems = append(elems, "**")
	}
	p = &pattern{text: text, exclude: exclude}
	p.classify(elems)
	return p, ""
}

func hasMeta(s string) bool { return strings.ContainsAny(s, "*?[{") }

// splitPattern returns the elements of the path without "", "." and "..".
func splitPattern(body string) (elems []string, reason string) {
	const leaves = "it leaves the base directory"
	for elem := range strings.SplitSeq(body, "/") {
		switch elem {
		case "", ".":
		case "..":
			if len(elems) == 0 {
				return nil, leaves
			}
			if hasMeta(strings.Join(elems, "/")) {
				return nil, `it has ".." after a wildcard`
			}
			elems = elems[:len(elems)-1]
		default:
			for alt := range strings.FieldsFuncSeq(elem, func(r rune) bool { return strings.ContainsRune("{},", r) }) {
				if alt == ".." {
					return nil, leaves
				}
			}
			elems = append(elems, elem)
		}
	}
	return elems, ""
}

func (p *pattern) classify(elems []string) {
	body := strings.Join(elems, "/")
	switch {
	case body == "", body == "**", body == "**/*", body == "**/**":
		p.all = true
	case !hasMeta(body):
		p.literal, p.prefix = body, body
	default:
		p.globs = []string{body}
		if strings.Contains(body, "[") {
			// Frameworks name files "[id].html"; who writes that here means the file more often than "i.html".
			p.globs = append(p.globs, strings.NewReplacer("[", `\[`, "]", `\]`).Replace(body))
		}
		fixed := body[:strings.IndexAny(body, "*?[{")]
		p.prefix = fixed[:max(strings.LastIndexByte(fixed, '/'), 0)]
		if !strings.Contains(body, "**") && !strings.ContainsAny(body, "[{") {
			p.depth = len(elems)
		}
	}
}

func (p *pattern) match(name string) bool {
	if p.all {
		return true
	}
	if p.literal != "" {
		return within(name, p.literal)
	}
	for _, g := range p.globs {
		if doublestar.MatchUnvalidated(g, name) {
			return true
		}
	}
	return false
}

// match reports whether the file with the path name, relative to Base, is selected.
func (s patternSet) match(name string) bool {
	decided, selected := false, false
	for i := len(s) - 1; i >= 0; i-- {
		p := s[i]
		if decided && p.used || !p.match(name) {
			continue
		}
		p.used = true
		if !decided {
			decided, selected = true, !p.exclude
		}
	}
	return selected
}

// mayMatchBelow reports whether anything in the folder dir could be selected. It may err on the side of true.
func (s patternSet) mayMatchBelow(dir string) bool {
	for i := len(s) - 1; i >= 0; i-- {
		p := s[i]
		switch {
		case p.exclude && p.covers(dir):
			p.used = true
			return false // the patterns before this one have no say below dir
		case !p.exclude && p.reaches(dir):
			return true
		}
	}
	return false
}

// reaches reports whether p could match something in the folder dir.
func (p *pattern) reaches(dir string) bool {
	if p.depth > 0 && strings.Count(dir, "/")+1 >= p.depth {
		return false
	}
	return p.prefix == "" || within(dir, p.prefix) || within(p.prefix, dir)
}

// covers reports whether p matches all that is in the folder dir.
func (p *pattern) covers(dir string) bool {
	switch {
	case p.all:
		return true
	case p.literal != "":
		return within(dir, p.literal)
	}
	return strings.HasSuffix(p.globs[0], "/**") && doublestar.MatchUnvalidated(p.globs[0], dir)
}

// names reports whether a pattern names the path dir, or something below it, without a wildcard.
func (s patternSet) names(dir string) bool {
	return slices.ContainsFunc(s, func(p *pattern) bool { return !p.exclude && p.prefix != "" && within(p.prefix, dir) })
}

// covers reports whether one pattern selects all that is in the folder dir, exclusions aside.
func (s patternSet) covers(dir string) bool {
	return slices.ContainsFunc(s, func(p *pattern) bool { return !p.exclude && p.covers(dir) })
}

// unused returns the patterns that matched nothing, as written.
func (s patternSet) unused() []string {
	var all []string
	for _, p := range s {
		if !p.used {
			all = append(all, p.text)
		}
	}
	return all
}

// within reports whether the clean path name is dir or lies below it.
func within(name, dir string) bool {
	return dir == "." || name == dir || len(name) > len(dir) && name[len(dir)] == '/' && name[:len(dir)] == dir
}

// hasGit reports whether some element of the path is named .git.
func hasGit(name string) bool {
	for ; name != "." && name != "/"; name = path.Dir(name) {
		if path.Base(name) == ".git" {
			return true
		}
	}
	return false
}
