package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// differ compares two trees for several watches at once.
type differ struct {
	store   *store
	watches []*watch
	dirty   map[string]bool // paths that the work tree decides about, not the head
	visited int
}

// leaf is one side of a path: nothing, a file, a link or a submodule. The zero value is nothing.
type leaf struct {
	mode filemode.FileMode
	hash plumbing.Hash
}

func (l leaf) exists() bool { return l != leaf{} }

// trees reports what differs between two trees, of which either may be missing, in the order of the paths.
func (d *differ) trees(ctx context.Context, dir string, a, b plumbing.Hash, depth int) error {
	if a == b {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	before, err := d.entries(dir, a, depth)
	if err != nil {
		return err
	}
	after, err := d.entries(dir, b, depth)
	if err != nil {
		return err
	}
	for len(before) > 0 || len(after) > 0 {
		var x, y object.TreeEntry
		order := compareFirst(before, after)
		if order <= 0 {
			x, before = before[0], before[1:]
		}
		if order >= 0 {
			y, after = after[0], after[1:]
		}
		if err := d.entry(ctx, joinPath(dir, firstOf(x.Name, y.Name)), x, y, depth); err != nil {
			return err
		}
	}
	return nil
}

// compareFirst tells which list is behind: less than zero when the first entry of a comes first. As in git, the name of
// a folder has a slash at its end, which makes this the order of the whole paths.
func compareFirst(a, b []object.TreeEntry) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return cmp.Compare(sortName(a[0]), sortName(b[0]))
}

func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func (d *differ) entries(dir string, tree plumbing.Hash, depth int) ([]object.TreeEntry, error) {
	if tree.IsZero() {
		return nil, nil
	}
	t, err := object.GetTree(d.store, tree)
	if err != nil {
		return nil, fmt.Errorf("the folder %q: %w", dir, err)
	}
	d.visited += len(t.Entries)
	if depth > maxTreeDepth || d.visited > maxTreeEntries {
		return nil, because(Incomplete, "the commits have too many files, or folders in each other, to be compared")
	}
	return t.Entries, nil
}

// entry reports one name. Where both sides have it they are of one sort: folders, or not folders.
func (d *differ) entry(ctx context.Context, path string, x, y object.TreeEntry, depth int) error {
	if x.Mode == filemode.Dir || y.Mode == filemode.Dir {
		for _, w := range d.watches {
			if w.below(path) {
				return d.trees(ctx, path, x.Hash, y.Hash, depth+1)
			}
		}
		return nil
	}
	if !d.dirty[path] {
		d.report(path, leaf{x.Mode, x.Hash}, leaf{y.Mode, y.Hash})
	}
	return nil
}

// report counts a path for the watches that it belongs to, if it differs.
func (d *differ) report(path string, x, y leaf) {
	kind := kindOf(x, y)
	if kind == "" {
		return
	}
	closed := func(l leaf) bool { return l.mode == filemode.Submodule || l.mode == filemode.Symlink }
	for _, w := range d.watches {
		if w.covers(path, closed(x) || closed(y)) {
			w.found = append(w.found, Change{Path: path, Kind: kind})
		}
	}
}

func kindOf(x, y leaf) ChangeKind {
	x.mode, y.mode = indexMode(x.mode), indexMode(y.mode)
	file := func(m filemode.FileMode) bool { return m == filemode.Regular || m == filemode.Executable }
	switch {
	case x == y:
		return ""
	case !x.exists():
		return Added
	case !y.exists():
		return Deleted
	case x.mode == filemode.Submodule && y.mode == filemode.Submodule:
		return Submodule
	case x.mode != y.mode && !(file(x.mode) && file(y.mode)):
		return Retyped
	case x.hash == y.hash:
		return ModeOnly
	}
	return Modified
}

// indexMode is the mode as git has it today: old trees have files with other bits.
func indexMode(m filemode.FileMode) filemode.FileMode {
	if m == filemode.Deprecated {
		return filemode.Regular
	}
	return m
}

// workTree reports the paths that a snapshot has changed on top of the head. What it changed back to what the base has
// is no change.
func (d *differ) workTree(ctx context.Context, root *os.Root, base plumbing.Hash, dirty []Change) error {
	for _, change := range dirty {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !slices.ContainsFunc(d.watches, func(w *watch) bool { return w.covers(change.Path, true) }) {
			continue
		}
		before, _, err := lookup(d.store, base, change.Path)
		if err != nil {
			return err
		}
		after, err := onDisk(root, change)
		if err != nil {
			return err
		}
		d.report(change.Path, before, after)
	}
	return nil
}

// onDisk is what the snapshot has at a path. A changed submodule has no hash: it equals no commit.
func onDisk(root *os.Root, change Change) (leaf, error) {
	switch change.Kind {
	case Submodule:
		return leaf{mode: filemode.Submodule}, nil
	case Deleted:
		return leaf{}, nil
	}
	name := filepath.FromSlash(change.Path)
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.IsDir()) {
		return leaf{}, nil
	}
	if err != nil {
		return leaf{}, err
	}
	h, err := hashFile(root, name, info)
	if err != nil {
		return leaf{}, fmt.Errorf("reading %q: %w", change.Path, err)
	}
	return leaf{modeOf(info), h}, nil
}

// lookup finds a path in a tree. A folder has its tree's hash, but counts as nothing among leaves: folder is then true.
func lookup(s *store, tree plumbing.Hash, path string) (_ leaf, folder bool, err error) {
	names := strings.Split(path, "/")
	for n, name := range names {
		t, err := object.GetTree(s, tree)
		if err != nil {
			return leaf{}, false, err
		}
		i := slices.IndexFunc(t.Entries, func(e object.TreeEntry) bool { return e.Name == name })
		switch {
		case i < 0:
			return leaf{}, false, nil
		case n == len(names)-1 && t.Entries[i].Mode == filemode.Dir:
			return leaf{}, true, nil
		case n == len(names)-1:
			return leaf{t.Entries[i].Mode, t.Entries[i].Hash}, false, nil
		case t.Entries[i].Mode != filemode.Dir:
			// Of what is inside a submodule or behind a link the tree knows nothing.
			return leaf{}, false, nil
		}
		tree = t.Entries[i].Hash
	}
	return leaf{}, true, nil
}
