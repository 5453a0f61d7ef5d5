package artifacts

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

const (
	// maxHops is how many links one path may lead through, as in the kernel.
	maxHops = 40
	// maxLinkDepth is how deep links to folders that are copied may be nested.
	maxLinkDepth = 20
	// maxLinked bounds the entries that are reached through links to folders: 20 folders with two links
	// to the next one each would make a million copies of the last.
	maxLinked = 100_000
)

var (
	errLeaves = errors.New("it leaves the repository")
	errLoop   = errors.New("it leads to itself")
)

// resolve follows target from the folder dir, both relative to root, and returns the path without links of what it names. dir must
// be free of links. Its errors are errLeaves, errLoop, and those of the file system.
func resolve(root *os.Root, dir, target string) (string, fs.FileInfo, error) {
	if path.IsAbs(target) {
		return "", nil, errLeaves
	}
	at, hops := dir, 0
	rest := strings.Split(target, "/")
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if at == "." {
				return "", nil, errLeaves
			}
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, name)
		info, err := root.Lstat(next)
		if err != nil {
			return "", nil, err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if hops++; hops > maxHops {
				return "", nil, errLoop
			}
			t, err := root.Readlink(next)
			if err != nil {
				return "", nil, err
			}
			if path.IsAbs(t) {
				return "", nil, errLeaves
			}
			rest = append(strings.Split(t, "/"), rest...)
		case !info.IsDir() && len(rest) > 0:
			return "", nil, &fs.PathError{Op: "follow", Path: next, Err: fs.ErrNotExist}
		default:
			at = next
		}
	}
	info, err := root.Lstat(at)
	return at, info, err
}

// relative returns the path of target as seen from the folder dir; both are relative to the same folder and clean.
func relative(dir, target string) string {
	d, t := strings.Split(dir, "/"), strings.Split(target, "/")
	if dir == "." {
		d = nil
	}
	if target == "." {
		t = nil
	}
	for len(d) > 0 && len(t) > 0 && d[0] == t[0] {
		d, t = d[1:], t[1:]
	}
	up := slices.Repeat([]string{".."}, len(d))
	if all := append(up, t...); len(all) > 0 {
		return strings.Join(all, "/")
	}
	return "."
}

// A link is a symbolic link that may be selected. What becomes of it depends on what else is, so that is decided at the end.
type link struct {
	virt, real string      // its own path: in the artifact, and from Root
	own        fs.FileInfo // of the link
	target     string      // from Root, without links
	info       fs.FileInfo // of the target
	matched    bool        // a pattern matches the link itself
	via        []string    // the folders that were entered through links to get here
}

// link notes the link at source, which is virt in the artifact.
func (w *walker) link(virt, source string, own fs.FileInfo, via []string) {
	l := link{virt: virt, real: source, own: own, via: via, matched: w.set.match(virt)}
	if !l.matched && !w.set.mayMatchBelow(virt) {
		return
	}
	text, err := w.root.Readlink(source)
	if err == nil {
		l.target, l.info, err = resolve(w.root, path.Dir(source), text)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.notices.add("%q was left out: it is a link to %q, which does not exist", source, text)
	case err != nil:
		w.notices.add("%q was left out: it is a link to %q: %v", source, text, err)
	case hasGit(l.target):
		w.notices.add("%q was left out: it is a link into a .git folder", source)
	case l.info.Mode().IsRegular() && !l.matched:
	case l.info.IsDir(), l.info.Mode().IsRegular():
		w.links = append(w.links, l)
	case l.matched:
		w.notices.add("%q was left out: it is a link to %q, which is no file and no folder", source, text)
	}
}

// followLinks decides what becomes of the links, including those that are found on the way.
func (w *walker) followLinks(ctx context.Context) error {
	if len(w.links) == 0 {
		return nil
	}
	names := w.names()
	for len(w.links) > 0 {
		links := w.links
		w.links = nil
		for _, l := range links {
			addName(names, l.virt)
		}
		for _, l := range links {
			if err := w.decide(ctx, l, names); err != nil {
				return err
			}
		}
	}
	w.dropDangling()
	return nil
}

// decide makes l a link, a copy, or nothing. names are the files and folders that will be in the artifact.
func (w *walker) decide(ctx context.Context, l link, names map[string]struct{}) error {
	target, there := "", false // in the artifact, if it lies in Base
	inBase := within(l.target, w.base)
	if inBase {
		target = relative(w.base, l.target)
		_, there = names[target]
	}
	if !l.info.IsDir() {
		if there && !w.discard {
			w.addLink(l, target)
		} else {
			w.addRegular(l.virt, l.target, l.info)
		}
		return nil
	}
	// A pattern that names the link itself wants all it promises, even when others select only a part of the target.
	named := w.set.names(l.virt)
	switch {
	case there && (!named || w.set.covers(target)):
		if !w.discard { // else what lies in the folder is selected by its own name
			w.addLink(l, target)
		}
		return nil
	case inBase && !named, !w.set.mayMatchBelow(l.virt):
		return nil
	}
	return w.copyFolder(ctx, l)
}

func (w *walker) addLink(l link, target string) {
	f := File{Path: l.virt, Source: l.real, Mode: fs.ModeSymlink, Link: relative(path.Dir(l.virt), target)}
	w.add(f, l.own)
}

// copyFolder selects the files in the folder that l names as if they were in a folder in place of l.
func (w *walker) copyFolder(ctx context.Context, l link) error {
	switch {
	case within(path.Dir(l.real), l.target), slices.Contains(l.via, l.target):
		w.notices.add("%q was left out: it is a link to a folder in which it lies itself", l.virt)
	case len(l.via) >= maxLinkDepth:
		w.notices.add("%q was left out: it lies behind more than %d links", l.virt, maxLinkDepth)
	default:
		return w.dir(ctx, place{virt: l.virt, real: l.target, info: l.info, via: append(slices.Clip(l.via), l.target)})
	}
	return nil
}

// names returns the paths of all files, and of all folders in which they lie, "." included.
func (w *walker) names() map[string]struct{} {
	names := make(map[string]struct{}, 2*len(w.files))
	for _, f := range w.files {
		addName(names, f.Path)
	}
	return names
}

func addName(names map[string]struct{}, name string) {
	for {
		if _, ok := names[name]; ok {
			return
		}
		names[name] = struct{}{}
		if name == "." {
			return
		}
		name = path.Dir(name)
	}
}

// dropDangling drops links to folders in which, in the end, nothing was selected.
func (w *walker) dropDangling() {
	for {
		names := w.names()
		n := len(w.files)
		w.files = slices.DeleteFunc(w.files, func(f File) bool {
			if f.Mode&fs.ModeSymlink == 0 {
				return false
			}
			if _, ok := names[path.Join(path.Dir(f.Path), f.Link)]; ok {
				return false
			}
			w.notices.add("%q was left out: it is a link to a folder of which nothing is selected", f.Path)
			return true
		})
		if len(w.files) == n {
			return
		}
	}
}

// reached counts the entries that are reached through links.
func (w *walker) reached(n int, at string) error {
	if w.linked += n; w.linked > maxLinked {
		return fmt.Errorf("artifact files: links to folders lead to more than %d files, the last of them below %q: remove links, or exclude them with a pattern that begins with \"!\"", maxLinked, at)
	}
	return nil
}
