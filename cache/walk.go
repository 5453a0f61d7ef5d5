package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// errChanged says that a tree changed under the eyes of a save.
var errChanged = errors.New("changed while it was being cached; does something of the build still run?")

// walker goes through a project and hands what is cached to visit: parents before children, names in byte order.
// Only the names of the folders on the way down are held in memory.
type walker struct {
	paths   Paths
	visit   func(n node) error
	notices notices
	skipped []string
	// pending are the folders on the way down that are not cached themselves and that nothing needed so far.
	pending []node
}

func (w *walker) walk(ctx context.Context, project *dir) error {
	return w.folder(ctx, project, "", w.paths.top(), 1)
}

// folder walks the folder d, whose path is rel and whose children are at the given depth.
func (w *walker) folder(ctx context.Context, d *dir, rel string, s scope, depth int) error {
	names, err := d.names()
	if err != nil {
		return unreadable(rel, err)
	}
	for _, name := range names {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := w.child(ctx, d, joined(rel, name), name, s, depth); err != nil {
			return err
		}
	}
	return nil
}

// joined is rel/name; unlike path.Join it does not look at what it joins.
func joined(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "/" + name
}

func (w *walker) child(ctx context.Context, d *dir, rel, name string, up scope, depth int) error {
	s, ok := w.paths.enter(up, rel)
	if !ok {
		if isGit(name) && rel != ".git" && up.included() && !w.paths.excluded(rel) {
			w.skip(noticeGit, rel)
		}
		return nil
	}
	included := s.included()
	leads := included || w.paths.leads(s, rel)
	if !leads {
		return nil
	}
	st, err := d.stat(name)
	if err != nil {
		return unreadable(rel, err)
	}
	n := node{path: rel, mode: modeOf(&st), mtime: mtimeOf(&st)}
	switch what := typeOf(&st); {
	case what == unix.S_IFDIR:
		n.kind, n.parent = folder, !included
		return w.enterFolder(ctx, d, name, n, s, depth)
	case !included:
		if what == unix.S_IFLNK {
			w.linkOnTheWay(rel)
		}
		return nil
	case what == unix.S_IFREG:
		n.kind, n.size, n.stamp = file, st.Size, stampOf(&st)
	case what == unix.S_IFLNK:
		n.kind = link
		if n.target, err = d.readLink(name); err != nil {
			return unreadable(rel, err)
		}
	default:
		w.skip(noticeSpecial, rel)
		return nil
	}
	return w.emit(n)
}

func (w *walker) enterFolder(ctx context.Context, d *dir, name string, n node, s scope, depth int) error {
	if depth >= MaxDepth {
		w.skip(noticeDeep, n.path)
		return nil
	}
	if n.parent {
		w.pending = append(w.pending, n)
		defer w.leave(n.path)
	} else if err := w.emit(n); err != nil {
		return err
	}
	sub, err := d.enter(name)
	if err != nil {
		return unreadable(n.path, err)
	}
	defer sub.close()
	return w.folder(ctx, sub, n.path, s, depth+1)
}

// leave forgets a pending folder in which nothing was found.
func (w *walker) leave(rel string) {
	if last := len(w.pending) - 1; last >= 0 && w.pending[last].path == rel {
		w.pending = w.pending[:last]
	}
}

// emit visits n, after the folders above it that have not been visited yet.
func (w *walker) emit(n node) error {
	for _, p := range w.pending {
		if err := w.visit(p); err != nil {
			return err
		}
	}
	w.pending = w.pending[:0]
	return w.visit(n)
}

// linkOnTheWay notes a link where a pattern spells out a folder on the way to cached files. A pattern such as **/x
// leads everywhere and did not mean this link.
func (w *walker) linkOnTheWay(rel string) {
	if slices.ContainsFunc(w.paths.include, func(g glob) bool { return strings.HasPrefix(g.text, rel+"/") }) {
		w.skip(noticeLinkUp, rel)
	}
}

func (w *walker) skip(kind notice, rel string) {
	w.notices.add(kind, rel)
	if len(w.skipped) < skippedKept {
		w.skipped = append(w.skipped, rel)
	}
}

// unreadable names what could not be read and explains errors that can only mean that the tree is not still.
func unreadable(rel string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder) {
		return fmt.Errorf("%q %w (%w)", rel, errChanged, err)
	}
	return fmt.Errorf("read %q: %w", rel, err)
}
