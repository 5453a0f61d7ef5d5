package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// errChanged says that a tree changed under the eyes of a save.
var errChanged = errors.New("changed while it was being cached; does something of the build still run?")

// walker goes through a project and hands what is cached to visit: parents before children, names in byte order.
// Only the names of the folders on the way down are held in memory.
type walker struct {
	paths   Paths
	visit   func(ctx context.Context, dir *os.Root, n node) error
	notices notices
	skipped []string
	// pending are the folders on the way down that are not cached themselves and that nothing needed so far.
	pending []pendingFolder
}

type pendingFolder struct {
	dir *os.Root // that holds it
	n   node
}

func (w *walker) walk(ctx context.Context, project *os.Root) error {
	return w.folder(ctx, project, "", w.paths.top(), 1)
}

// folder walks the folder dir, whose path is rel and whose children are at the given depth.
func (w *walker) folder(ctx context.Context, dir *os.Root, rel string, s scope, depth int) error {
	names, err := readNames(dir)
	if err != nil {
		return unreadable(rel, err)
	}
	for _, name := range names {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := w.child(ctx, dir, path.Join(rel, name), name, s, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) child(ctx context.Context, dir *os.Root, rel, name string, up scope, depth int) error {
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
	info, err := dir.Lstat(name)
	if err != nil {
		return unreadable(rel, err)
	}
	n := node{path: rel, mode: info.Mode().Perm(), mtime: info.ModTime()}
	switch mode := info.Mode(); {
	case mode.IsDir():
		n.kind, n.parent = folder, !included
		return w.enterFolder(ctx, dir, name, n, s, depth)
	case !included:
		if mode&fs.ModeSymlink != 0 {
			w.linkOnTheWay(rel)
		}
		return nil
	case mode.IsRegular():
		n.kind, n.size = file, info.Size()
	case mode&fs.ModeSymlink != 0:
		n.kind = link
		if n.target, err = dir.Readlink(name); err != nil {
			return unreadable(rel, err)
		}
	default:
		w.skip(noticeSpecial, rel)
		return nil
	}
	return w.emit(ctx, dir, n)
}

func (w *walker) enterFolder(ctx context.Context, dir *os.Root, name string, n node, s scope, depth int) error {
	if depth >= MaxDepth {
		w.skip(noticeDeep, n.path)
		return nil
	}
	if n.parent {
		w.pending = append(w.pending, pendingFolder{dir, n})
		defer w.leave(n.path)
	} else if err := w.emit(ctx, dir, n); err != nil {
		return err
	}
	sub, err := descend(dir, name)
	if err != nil {
		return unreadable(n.path, err)
	}
	err = w.folder(ctx, sub, n.path, s, depth+1)
	return errors.Join(err, sub.Close())
}

// leave forgets a pending folder in which nothing was found.
func (w *walker) leave(rel string) {
	if last := len(w.pending) - 1; last >= 0 && w.pending[last].n.path == rel {
		w.pending = w.pending[:last]
	}
}

// emit visits n, after the folders above it that have not been visited yet.
func (w *walker) emit(ctx context.Context, dir *os.Root, n node) error {
	for _, p := range w.pending {
		if err := w.visit(ctx, p.dir, p.n); err != nil {
			return err
		}
	}
	w.pending = w.pending[:0]
	return w.visit(ctx, dir, n)
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

// readNames lists a folder in byte order.
func readNames(dir *os.Root) ([]string, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// unreadable names what could not be read and explains errors that can only mean that the tree is not still.
func unreadable(rel string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder) {
		return fmt.Errorf("%q %w (%w)", rel, errChanged, err)
	}
	return fmt.Errorf("read %q: %w", rel, err)
}
