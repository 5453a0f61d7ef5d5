package cache

import (
	"cmp"
	"slices"
	"strings"
)

// Part is a piece of a cached tree that people know by its name: a package of a node_modules, otherwise a folder of the
// second level, such as .next/cache.
type Part struct {
	Path  string `json:"path"`  // relative to the project root, in valid UTF-8
	Files int    `json:"files"` // regular files and symbolic links
	Bytes int64  `json:"bytes"` // content of the regular files
	// Replaced is how many of the files that were restored the build has certainly removed or written anew, and Kept how
	// many it certainly has not. Of the others a store cannot tell.
	Replaced int `json:"replaced,omitempty"`
	Kept     int `json:"kept,omitempty"`
}

// maxParts bounds a tally; what comes later counts as its folder's. A large project installs half as many packages.
const maxParts = 4096

// Tally counts the parts of a tree while something else goes through it. The zero value is empty. It is for one goroutine.
type Tally struct {
	parts map[string]*Part
	last  *Part  // that of the last path: paths come folder by folder
	below string // what its paths begin with
	whole bool   // all that is below it belongs to it: it is in a node_modules
}

// Add counts something at path, slash-separated and relative to the project root. Numbers may be negative.
func (t *Tally) Add(path string, files int, bytes int64) {
	p := t.part(path)
	p.Files += files
	p.Bytes += bytes
}

// Found counts a file at path that was restored, and says whether it is still that file.
func (t *Tally) Found(path string, kept bool) {
	if kept {
		t.part(path).Kept++
	} else {
		t.part(path).Replaced++
	}
}

// Merge counts everything that o has.
func (t *Tally) Merge(o []Part) {
	for _, p := range o {
		at := t.named(p.Path)
		at.Files += p.Files
		at.Bytes += p.Bytes
		at.Replaced += p.Replaced
		at.Kept += p.Kept
	}
}

// Parts lists what was counted, the largest first.
func (t *Tally) Parts() []Part {
	var list []Part
	for _, p := range t.parts {
		if p.Files > 0 || p.Replaced > 0 {
			list = append(list, *p)
		}
	}
	slices.SortFunc(list, func(a, b Part) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
	return list
}

func (t *Tally) part(path string) *Part {
	if t.last != nil && strings.HasPrefix(path, t.below) && (t.whole || !strings.Contains(path[len(t.below):], modules+"/")) {
		return t.last
	}
	name := partOf(path)
	p := t.named(strings.ToValidUTF8(name, "\uFFFD"))
	// A part that is a file has nothing below it, but another may begin with its name.
	t.last, t.below, t.whole = p, name+"/", strings.Contains("/"+name, "/"+modules+"/")
	return p
}

func (t *Tally) named(name string) *Part {
	if t.parts == nil {
		t.parts = map[string]*Part{}
	}
	p := t.parts[name]
	if i := strings.LastIndexByte(name, '/'); p == nil && len(t.parts) >= maxParts && i > 0 {
		return t.named(name[:i])
	}
	if p == nil {
		p = &Part{Path: name}
		t.parts[name] = p
	}
	return p
}

const modules = "node_modules"

// partOf is the name of the part that a path belongs to.
func partOf(path string) string {
	depth, found := 0, false
	for at := 0; at < len(path); depth++ {
		end := strings.IndexByte(path[at:], '/')
		if end < 0 {
			return path
		}
		name := path[at : at+end]
		switch {
		case found && !strings.HasPrefix(name, "@") && name != ".pnpm":
			return path[:at+end]
		case found: // a scope, or pnpm's own folder, has the packages below it
			next := strings.IndexByte(path[at+end+1:], '/')
			if next < 0 {
				return path
			}
			return path[:at+end+1+next]
		case name == modules:
			found = true
		case depth == 1 && !strings.Contains(path[at+end:], "/"+modules+"/"):
			return path[:at+end]
		}
		at += end + 1
	}
	return path
}
