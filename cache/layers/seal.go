package layers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/cache"
)

// sealer takes out of an upper folder what does not belong into a layer, so that what is left is one.
type sealer struct {
	store  *Store
	paths  cache.Paths
	temp   string // a folder of ours on the same file system
	upper  *dir
	merged *dir
	below  union // the layers that the build had
	waste  *dir
	moved  int // names in waste

	added   count // what the layer has
	hidden  count // what it hides of the layers below
	skipped skipped
}

func (x *sealer) open(t Tree, layers []string) (err error) {
	if x.upper, err = openDir(t.Upper); err != nil {
		return err
	}
	if x.merged, err = openDir(t.Merged); err == nil {
		x.waste, err = openDir(x.temp)
	}
	if err == nil {
		x.below, err = openUnion(layers)
	}
	if err != nil {
		x.close()
	}
	return err
}

func (x *sealer) close() {
	for _, d := range []*dir{x.upper, x.merged, x.waste} {
		if d != nil {
			d.close()
		}
	}
	x.below.close()
}

// place is a folder on the way through an upper folder.
type place struct {
	scope cache.Scope
	path  string // relative to the root of the repository
	depth int
}

func (p place) enter(name string) (place, bool) {
	scope, ok := p.scope.Enter(name)
	return place{scope: scope, path: path.Join(p.path, name), depth: p.depth + 1}, ok
}

// prune takes everything out of d that does not belong into a layer: what is not cached, what must not be in a cache, and
// what hides something that is not in the layers. It reports whether anything is left that makes a difference.
func (x *sealer) prune(ctx context.Context, d *dir, below union, at place) (kept bool, err error) {
	if err := context.Cause(ctx); err != nil {
		return false, err
	}
	self, err := d.stat(".")
	if err != nil {
		return false, err
	}
	names, err := d.names()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		keep, err := x.one(ctx, d, name, below, at)
		if err != nil {
			return false, err
		}
		if keep {
			kept = true
			continue
		}
		if err := x.away(d, name); err != nil {
			return false, err
		}
	}
	if err := x.clean(d, ".", self, true); err != nil {
		return false, err
	}
	return kept, d.setTime(".", self.mtime)
}

// one prunes one name, and reports whether it stays.
func (x *sealer) one(ctx context.Context, d *dir, name string, below union, at place) (keep bool, err error) {
	x.store.at()
	next, ok := at.enter(name)
	if !ok {
		if at.scope.Included() && strings.EqualFold(name, ".git") {
			x.skipped.add(skippedGit, next.path)
		}
		return false, nil
	}
	e, err := d.stat(name)
	if err != nil {
		return false, err
	}
	included := next.scope.Included()
	switch {
	case e.what == whiteout:
		return x.hide(ctx, below, name, next.path)
	case e.what == folder && next.depth > cache.MaxDepth:
		x.skipped.add(skippedDeep, next.path)
		return false, nil
	case e.what == folder:
		return x.folder(ctx, d, name, below, next)
	case !included:
		return x.cover(ctx, d, name, below, next.path)
	case e.what == special:
		x.skipped.add(skippedSpecial, next.path)
		return x.cover(ctx, d, name, below, next.path)
	}
	if _, err := x.hide(ctx, below, name, next.path); err != nil {
		return false, err
	}
	x.added.add(e, next.path)
	return true, x.clean(d, name, e, false)
}

// cover handles what is not cached itself, but has replaced something that is: that must not come back.
func (x *sealer) cover(ctx context.Context, d *dir, name string, below union, at string) (bool, error) {
	hides, err := x.hide(ctx, below, name, at)
	if err != nil || !hides {
		return false, err
	}
	if err := x.away(d, name); err != nil {
		return false, err
	}
	return true, d.fail("mknod", name, d.makeWhiteout(name))
}

// hide counts what name hides of the layers below, and reports whether there is anything.
func (x *sealer) hide(ctx context.Context, below union, name, at string) (bool, error) {
	e, _, err := below.stat(name)
	if err != nil || e.what == nothing {
		return false, err
	}
	return true, below.count(ctx, name, at, &x.hidden)
}

func (x *sealer) folder(ctx context.Context, d *dir, name string, below union, at place) (keep bool, err error) {
	attrs, err := d.attributes(name)
	if err != nil {
		return false, err
	}
	for _, a := range attrs {
		if a == attrRedirect {
			return x.materialise(ctx, d, name, below, at)
		}
	}
	sub, err := d.sub(name)
	if err != nil {
		return false, err
	}
	defer sub.close()
	opaque, hides := sub.isOpaque(), false
	e, _, err := below.stat(name)
	if err != nil {
		return false, err
	}
	var under union
	if opaque || e.what != folder {
		hides, err = x.hide(ctx, below, name, at.path)
	} else {
		under, err = below.sub(name)
	}
	if err != nil {
		return false, err
	}
	defer under.close()
	kept, err := x.prune(ctx, sub, under, at)
	if under.dirs == nil && (kept || hides || at.scope.Included()) {
		x.added.Folders++
	}
	return kept || hides || at.scope.Included(), err
}

// away moves a name out of the tree.
func (x *sealer) away(d *dir, name string) error {
	x.moved++
	return d.moveTo(name, x.waste, strconv.Itoa(x.moved))
}

// clean takes from a file or folder what a cache does not keep: owners, special permissions, attributes, but for the one
// by which a folder hides those below it.
func (x *sealer) clean(d *dir, name string, e entry, isDir bool) error {
	attrs, err := d.attributes(name)
	if err != nil {
		return err
	}
	for _, a := range attrs {
		if isDir && a == attrOpaque || a == "security.selinux" { // the latter nobody can remove
			continue
		}
		if err := d.removeAttribute(name, a); err != nil {
			return err
		}
	}
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	if e.uid != uid || e.gid != gid {
		if err := unix.Fchownat(d.fd(), name, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return d.fail("chown", name, err)
		}
	}
	if e.what != link && e.mode&^0o777 != 0 {
		// It is no link, and nobody else is here to put one in its place.
		return d.fail("chmod", name, unix.Fchmodat(d.fd(), name, e.mode&0o777, 0))
	}
	return nil
}

// materialise replaces a folder that was renamed, and so is made of folders elsewhere, by a copy of what the build saw in it.
func (x *sealer) materialise(ctx context.Context, d *dir, name string, below union, at place) (bool, error) {
	if err := x.away(d, name); err != nil {
		return false, err
	}
	from, err := x.merged.walkTo(at.path)
	if err != nil {
		return false, err
	}
	defer from.close()
	self, err := from.stat(".")
	if err != nil {
		return false, err
	}
	if err := d.mkdir(name, 0o700); err != nil {
		return false, err
	}
	to, err := d.sub(name)
	if err != nil {
		return false, err
	}
	defer to.close()
	hides, err := x.hide(ctx, below, name, at.path)
	if err == nil && hides {
		err = to.setOpaque()
	}
	if err != nil {
		return false, err
	}
	kept, err := x.copyIn(ctx, from, to, at)
	x.added.Folders++
	if err == nil {
		err = errors.Join(to.f.Chmod(os.FileMode(self.mode&0o777)), to.setTime(".", self.mtime))
	}
	return kept || hides || at.scope.Included(), err
}

// copyIn copies what is cached of a folder.
func (x *sealer) copyIn(ctx context.Context, from, to *dir, at place) (kept bool, err error) {
	if err := context.Cause(ctx); err != nil {
		return false, err
	}
	names, err := from.names()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		next, ok := at.enter(name)
		if !ok {
			continue
		}
		e, err := from.stat(name)
		if err != nil {
			return false, err
		}
		took := false
		switch {
		case e.what == folder && next.depth <= cache.MaxDepth:
			took, err = x.copyFolder(ctx, from, to, name, e, next)
		case e.what == folder || !next.scope.Included():
		case e.what == regular || e.what == link:
			x.added.add(e, next.path)
			took, err = true, copyFile(from, name, e, to)
		default:
			x.skipped.add(skippedSpecial, next.path)
		}
		if err != nil {
			return false, err
		}
		kept = kept || took
	}
	return kept, nil
}

func (x *sealer) copyFolder(ctx context.Context, from, to *dir, name string, e entry, at place) (bool, error) {
	sub, err := from.sub(name)
	if err != nil {
		return false, err
	}
	defer sub.close()
	if err := to.mkdir(name, 0o700); err != nil {
		return false, err
	}
	made, err := to.sub(name)
	if err != nil {
		return false, err
	}
	defer made.close()
	kept, err := x.copyIn(ctx, sub, made, at)
	if err != nil {
		return false, err
	}
	if !kept && !at.scope.Included() {
		return false, x.away(to, name)
	}
	x.added.Folders++
	return true, errors.Join(made.f.Chmod(os.FileMode(e.mode&0o777)), made.setTime(".", e.mtime))
}

// walkTo opens the folder at a path of several components, or one.
func (d *dir) walkTo(rel string) (*dir, error) {
	at, err := d.sub(".")
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(rel, "/") {
		next, err := at.sub(name)
		at.close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// skipped collects what matches the cache paths and cannot be cached.
type skipped struct {
	paths []string
	count map[string]int
	first map[string]string
}

const (
	skippedSpecial = "sockets, pipes and devices are not cached (%d), such as %q"
	skippedDeep    = "folders 128 or more levels deep are not cached (%d), such as %q"
	skippedGit     = "nothing called .git is cached, a repository must come from a clone (%d), such as %q"
)

// skippedKept is how many paths are told of.
const skippedKept = 100

func (s *skipped) add(kind, path string) {
	if s.count == nil {
		s.count, s.first = map[string]int{}, map[string]string{}
	}
	if s.count[kind] == 0 {
		s.first[kind] = path
	}
	s.count[kind]++
	if len(s.paths) < skippedKept {
		s.paths = append(s.paths, path)
	}
}

func (s *skipped) sentences() []string {
	var list []string
	for _, kind := range []string{skippedSpecial, skippedDeep, skippedGit} {
		if s.count[kind] > 0 {
			list = append(list, fmt.Sprintf(kind, s.count[kind], s.first[kind]))
		}
	}
	return list
}
