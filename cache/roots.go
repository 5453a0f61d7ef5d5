package cache

import (
	"errors"
	"io/fs"
	"strings"
)

// roots are the topmost of what an entry brings: without the folders that are only on the way, and without what lies in
// another root.
type roots struct {
	paths []string
	many  bool // more than are worth looking for
}

// maxRoots is how many are looked for. There is one for each path of most caches, and one for each file where a pattern names files.
const maxRoots = 256

// add takes the next node of a walk.
func (r *roots) add(n node) {
	if n.parent || r.many {
		return
	}
	if len(r.paths) > 0 && within(r.paths[len(r.paths)-1], n.path) {
		return
	}
	if len(r.paths) == maxRoots {
		r.paths, r.many = nil, true
		return
	}
	r.paths = append(r.paths, n.path)
}

// within reports whether a path lies below a folder.
func within(folder, path string) bool {
	return len(path) > len(folder) && path[len(folder)] == '/' && strings.HasPrefix(path, folder)
}

// lacks reports whether a project has none of the roots, and nothing in the way of them: then nothing in it will be replaced.
// What cannot be told counts as there.
func (d *dir) lacks(r *roots) bool {
	if r.many {
		return false
	}
	t := trail{dirs: []*dir{d}}
	defer t.back(0)
	for _, path := range r.paths {
		in, err := t.to(path)
		if err == nil {
			_, err = in.stat(path[strings.LastIndexByte(path, '/')+1:])
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}
