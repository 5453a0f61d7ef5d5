package source

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/go-git/go-git/v5/plumbing"
)

// watch is a Watch that was checked, and what was found for it.
type watch struct {
	roots []string // "" is everything
	globs []glob
	found []Change
}

// glob is one pattern, cut where a slash separates folders.
type glob struct {
	pattern  string
	segments []string // nil when a slash is inside of braces
}

func compileWatches(list []Watch) ([]*watch, error) {
	var out []*watch
	for _, w := range list {
		c := &watch{}
		for _, root := range w.Roots {
			clean := path.Clean("/" + root)[1:]
			if path.IsAbs(root) || slices.Contains(strings.Split(root, "/"), "..") {
				return nil, fmt.Errorf("the folder to watch %q leads out of the repository: write it relative to its top", root)
			}
			c.roots = append(c.roots, clean)
		}
		for _, pattern := range w.Globs {
			pattern = strings.TrimPrefix(pattern, "./")
			if pattern == "" || path.IsAbs(pattern) || !doublestar.ValidatePattern(pattern) {
				return nil, fmt.Errorf("the pattern to watch %q is not a pattern for paths that are relative to the top of the repository", pattern)
			}
			c.globs = append(c.globs, glob{pattern: pattern, segments: globSegments(pattern)})
		}
		out = append(out, c)
	}
	return out, nil
}

// globSegments cuts a pattern at its slashes. Alternatives that span folders, as in {a,b/c}, cannot be cut.
func globSegments(pattern string) []string {
	if !strings.Contains(pattern, "{") {
		return strings.Split(pattern, "/")
	}
	depth, start := 0, 0
	var out []string
	for i := range len(pattern) {
		switch {
		case i > 0 && pattern[i-1] == '\\':
		case pattern[i] == '{':
			depth++
		case pattern[i] == '}':
			depth--
		case pattern[i] == '/' && depth > 0:
			return nil
		case pattern[i] == '/':
			out, start = append(out, pattern[start:i]), i+1
		}
	}
	return append(out, pattern[start:])
}

// covers tells whether a change at the path belongs to the watch. What is no folder at the place of a folder above a
// root is a change of that root. Of a submodule or a link, which is closed to us, anything behind it may have changed.
func (w *watch) covers(path string, closed bool) bool {
	for _, root := range w.roots {
		if within(path, root) || within(root, path) {
			return true
		}
	}
	for _, g := range w.globs {
		if doublestar.MatchUnvalidated(g.pattern, path) || (closed && g.below(path)) {
			return true
		}
	}
	return false
}

// below tells whether anything in the folder can belong to the watch.
func (w *watch) below(dir string) bool {
	for _, root := range w.roots {
		if within(dir, root) || within(root, dir) {
			return true
		}
	}
	return slices.ContainsFunc(w.globs, func(g glob) bool { return g.below(dir) })
}

// below tells whether the pattern can match something in the folder.
func (g glob) below(dir string) bool {
	if g.segments == nil {
		base, _ := doublestar.SplitPattern(g.pattern)
		return base == "." || within(dir, base) || within(base, dir)
	}
	names := strings.Split(dir, "/")
	for n, segment := range g.segments {
		switch {
		case segment == "**" || n == len(names):
			return true
		case !doublestar.MatchUnvalidated(segment, names[n]):
			return false
		}
	}
	return false
}

// answer puts together what was found. The changes of the work tree come behind those of the commits.
func (w *watch) answer(s *store, base, head plumbing.Hash, limit int) (Changes, error) {
	slices.SortStableFunc(w.found, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	out := Changes{Count: len(w.found), First: slices.Clone(w.found[:min(limit, len(w.found))])}
	for _, root := range w.roots {
		present := root == "" || slices.ContainsFunc(w.found, func(c Change) bool { return within(c.Path, root) || within(root, c.Path) })
		for _, tree := range []plumbing.Hash{base, head} {
			if present {
				break
			}
			l, folder, err := lookup(s, tree, root)
			if err != nil {
				return Changes{}, err
			}
			present = folder || l.exists()
			if !present {
				if present, err = insideClosed(s, tree, root); err != nil {
					return Changes{}, err
				}
			}
		}
		if !present {
			out.Absent = append(out.Absent, root)
		}
	}
	return out, nil
}

// insideClosed tells whether a path leads into a submodule or through a link, of whose inside the tree knows nothing.
func insideClosed(s *store, tree plumbing.Hash, path string) (bool, error) {
	for dir := parent(path); dir != ""; dir = parent(dir) {
		l, folder, err := lookup(s, tree, dir)
		if err != nil || folder || l.exists() {
			return l.exists(), err
		}
	}
	return false, nil
}
