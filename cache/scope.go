package cache

import (
	"path"
	"slices"
	"strings"
)

// Scope is what a walk from the root of a repository down to a file or folder knows about it: whether it is cached, and
// whether something below it can be. It spares a walk the comparing of whole paths. The zero value is not in use.
type Scope struct {
	paths *Paths
	above []string // the folders of the project root that are still to come
	path  string   // relative to the project root
	scope scope
}

// Scope is that of the root of the repository.
func (p Paths) Scope() Scope {
	s := Scope{paths: &p}
	if p.dir != "" {
		s.above = strings.Split(p.dir, "/")
	}
	return s
}

// Enter steps to name, one level below. ok is false when neither it nor anything below it is cached.
func (s Scope) Enter(name string) (next Scope, ok bool) {
	next = Scope{paths: s.paths}
	if len(s.above) > 0 {
		next.above = s.above[1:]
		return next, name == s.above[0] && !isGit(name)
	}
	up := s.scope
	if s.path == "" {
		up = s.paths.top()
	}
	next.path = path.Join(s.path, name)
	if next.scope, ok = s.paths.enter(up, next.path); !ok {
		return next, false
	}
	return next, next.scope.included() || s.paths.leads(next.scope, next.path)
}

// Included reports whether the file or folder itself is cached. The project root and what is above it are not.
func (s Scope) Included() bool { return len(s.above) == 0 && s.path != "" && s.scope.included() }

// IsOf reports whether p was compiled from the patterns and the project root that k has.
func (p Paths) IsOf(k Key) bool {
	return p.dir == cleanDir(k.Dir) && slices.Equal(sortedSet(p.patterns), sortedSet(k.Paths))
}

// Branches are the branches whose entries serve a build with this key, the best one first.
func (k Key) Branches() []string { return k.branches() }

// On is the key of the same build on another branch, without a fallback.
func (k Key) On(branch string) Key {
	k.DefaultBranch = ""
	return k.on(branch)
}

// Differences says in words why an entry that was saved under the key old does not serve a build with the key k; "" when
// it does, but for the branch.
func (k Key) Differences(old Key) string { return k.differences(old) }
