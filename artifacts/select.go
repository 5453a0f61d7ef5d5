package artifacts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// maxDepth is how deep folders may be nested. Each file costs as many system calls.
const maxDepth = 1000

// Select lists what belongs to the artifact. That nothing does is no error but a notice.
//
// Its errors are a [MissingBaseError], a [PatternError] for each invalid pattern, a [CollisionError] for each pair of files
// with one name (use [errors.As]; they are joined), and those of the file system.
func Select(ctx context.Context, o Options) (*Selection, error) {
	root, err := os.OpenRoot(o.Root)
	if err != nil {
		return nil, fmt.Errorf("artifacts: open the repository: %w", err)
	}
	defer root.Close() //nolint:errcheck // it was only read

	set, patternErr := compile(o.Files)
	base, info, baseErr := findBase(root, o)
	if err := errors.Join(baseErr, patternErr); err != nil {
		return nil, err
	}
	w := &walker{root: root, base: base, set: set, discard: o.DiscardPaths, sources: map[string]fs.FileInfo{}}
	if err := w.dir(ctx, place{virt: "", real: base, info: info}); err != nil {
		return nil, err
	}
	if err := w.followLinks(ctx); err != nil {
		return nil, err
	}
	if o.DiscardPaths {
		if err := w.flatten(); err != nil {
			return nil, err
		}
	}
	w.finalNotices(o)
	s := &Selection{Base: base, Files: w.files, Notices: w.notices.all(), root: o.Root, final: o.Final, sources: w.sources}
	slices.SortFunc(s.Files, byPath)
	for _, f := range s.Files {
		s.Bytes += f.Size
	}
	return s, nil
}

func byPath(a, b File) int { return strings.Compare(a.Path, b.Path) }

// findBase returns the path without links of the base directory.
func findBase(root *os.Root, o Options) (string, fs.FileInfo, error) {
	written := cmp.Or(o.BaseAsWritten, o.Base, ".")
	base := path.Clean(strings.TrimLeft(o.Base, "/"))
	if base == ".." || strings.HasPrefix(base, "../") {
		return "", nil, fmt.Errorf("artifact directory %q lies outside the repository: baseDirectory is relative to it and cannot leave it", written)
	}
	resolved, info, err := resolve(root, ".", base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		missing := &MissingBaseError{Base: written}
		if o.Before != nil {
			created, err := Created(o.Before, o.Root)
			if err != nil {
				return "", nil, errors.Join(missing, err)
			}
			missing.Created = created
		}
		return "", nil, missing
	case errors.Is(err, errLeaves):
		return "", nil, fmt.Errorf("artifact directory %q is a link that leaves the repository (absolute links always do): make it a relative link, or set baseDirectory to where the files are", written)
	case err != nil:
		return "", nil, fmt.Errorf("artifact directory %q: %w", written, err)
	case !info.IsDir():
		return "", nil, fmt.Errorf("artifact directory %q is not a directory: set baseDirectory to %q and files to %q", written, path.Dir(base), path.Base(base))
	case hasGit(resolved):
		return "", nil, fmt.Errorf("artifact directory %q lies in a .git folder, which is never part of an artifact", written)
	}
	return resolved, info, nil
}

// A walker collects files.
type walker struct {
	root    *os.Root
	base    string // from Root, without links
	set     patternSet
	discard bool

	files   []File
	sources map[string]fs.FileInfo
	links   []link // not decided yet
	linked  int
	notices notices
}

// A place is a folder in the walk.
type place struct {
	virt string      // where it is in the artifact; "" = its top
	real string      // from Root, without links
	info fs.FileInfo // what it was when it was found
	via  []string    // the folders that were entered through links to get here
}

// dir collects what is selected in a folder and below it. It holds no folder open while it is in those below, so depth
// does not cost file descriptors.
func (w *walker) dir(ctx context.Context, p place) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if strings.Count(p.virt, "/") >= maxDepth {
		return fmt.Errorf("artifact files: folders are nested more than %d deep below %q", maxDepth, w.base)
	}
	entries, err := w.read(p)
	if err != nil {
		return fmt.Errorf("artifact files: %w", err)
	}
	if len(p.via) > 0 {
		if err := w.reached(len(entries), p.virt); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if e.Name() == ".git" {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("artifact files: %w", err)
		}
		if err := w.entry(ctx, p, info); err != nil {
			return err
		}
	}
	return nil
}

// read returns the entries of a folder, sorted by name. The names and the information come from the opened folder,
// never from a path that could lead elsewhere by now.
func (w *walker) read(p place) ([]fs.DirEntry, error) {
	dir, err := w.root.OpenFile(p.real, os.O_RDONLY|openDirFlags, 0)
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // it was only read
	info, err := dir.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(info, p.info) {
		return nil, &ChangedError{Path: p.real}
	}
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func (w *walker) entry(ctx context.Context, p place, info fs.FileInfo) error {
	virt, source := path.Join(p.virt, info.Name()), path.Join(p.real, info.Name())
	switch mode := info.Mode(); {
	case mode.IsDir():
		if w.set.mayMatchBelow(virt) {
			return w.dir(ctx, place{virt: virt, real: source, info: info, via: p.via})
		}
	case mode&fs.ModeSymlink != 0:
		w.link(virt, source, info, p.via)
	case !w.set.match(virt):
	case mode.IsRegular():
		w.addRegular(virt, source, info)
	default:
		w.notices.add("%q was left out: it is a %s", source, kind(mode))
	}
	return nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	default:
		return "device"
	}
}

func (w *walker) addRegular(virt, source string, info fs.FileInfo) {
	f := File{Path: virt, Source: source, Size: info.Size(), Mode: 0o644}
	if info.Mode()&0o111 != 0 {
		f.Mode = 0o755
	}
	w.add(f, info)
}

func (w *walker) add(f File, info fs.FileInfo) {
	w.files = append(w.files, f)
	w.sources[f.Source] = info
}

// flatten discards the paths. One file that was found by several ways is one file; different files with one name
// are an error, for nobody could say which of them is wanted.
func (w *walker) flatten() error {
	var errs []error
	slices.SortStableFunc(w.files, byPath)
	seen := map[string]File{}
	kept := w.files[:0]
	for _, f := range w.files {
		f.Path = path.Base(f.Path)
		first, ok := seen[f.Path]
		switch {
		case !ok:
			seen[f.Path] = f
			kept = append(kept, f)
		case first.Source != f.Source:
			errs = append(errs, &CollisionError{Name: f.Path, First: first.Source, Second: f.Source})
		}
	}
	w.files = kept
	return errors.Join(errs...)
}

// finalNotices adds what can only be said when all is known.
func (w *walker) finalNotices(o Options) {
	written := cmp.Or(o.BaseAsWritten, o.Base, ".")
	for _, p := range w.set.unused() {
		w.notices.add("pattern %q matches no file in %q", p, written)
	}
	if len(w.files) == 0 {
		w.notices.add("no file was selected in %q: the artifact is empty", written)
	}
	if w.base == "." {
		if _, err := w.root.Lstat(".git"); err == nil {
			w.notices.add("the artifact directory is the whole repository; its .git was left out")
		}
	}
}
