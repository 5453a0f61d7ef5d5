package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// listing is what of a work tree goes into a snapshot. Paths are relative to its top, with slashes.
type listing struct {
	files   []listed
	gitlink []string // folders of submodules, which exist in the snapshot even when empty
	odd     []string // what is neither file, folder nor link
	nested  []string // repositories inside the repository
}

type listed struct {
	path string
	info os.FileInfo // of the file or link itself
}

// lister walks a work tree. It follows no link: what is behind one is not part of the tree.
type lister struct {
	exclude []string // absolute
	top     string   // absolute path of the outermost work tree
	out     *listing
}

// tree is one repository of the walk: the outermost or a nested one, which has an index and patterns of its own.
type tree struct {
	prefix  string // of its paths in the snapshot, "" or ending in a slash
	tracked map[string]*index.Entry
	parents map[string]bool // folders with something tracked below
}

func newTree(prefix string, entries []*index.Entry) *tree {
	t := &tree{prefix: prefix, tracked: make(map[string]*index.Entry, len(entries)), parents: map[string]bool{}}
	for _, e := range entries {
		t.tracked[e.Name] = e
		for dir := parent(e.Name); dir != "" && !t.parents[dir]; dir = parent(dir) {
			t.parents[dir] = true
		}
	}
	return t
}

func parent(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return ""
	}
	return path[:i]
}

// list returns what belongs to a snapshot of the work tree: what is tracked, and what is not ignored.
func (j *job) list(ctx context.Context, repo *repository, root *os.Root, entries []*index.Entry) (*listing, error) {
	l := &lister{top: repo.workTree, out: &listing{}}
	for _, path := range append([]string{j.dest.path}, j.Exclude...) {
		for _, spelling := range []string{path, resolved(path)} {
			l.exclude = append(l.exclude, filepath.Clean(spelling))
		}
	}
	rules, err := repo.baseRules()
	if err != nil {
		return nil, err
	}
	if err := l.folder(ctx, root, newTree("", entries), "", rules, false); err != nil {
		return nil, err
	}
	return l.out, nil
}

// resolved is the path without links, as far as it exists.
func resolved(path string) string {
	if straight, err := filepath.EvalSymlinks(path); err == nil {
		return straight
	}
	if dir := filepath.Dir(path); dir != path {
		return filepath.Join(resolved(dir), filepath.Base(path))
	}
	return path
}

func (l *lister) excluded(path string) bool {
	return slices.Contains(l.exclude, filepath.Join(l.top, filepath.FromSlash(path)))
}

// folder lists one folder of t. With onlyTracked the folder is ignored and only in it because of tracked files.
func (l *lister) folder(ctx context.Context, root *os.Root, t *tree, dir string, rules *ignoreRules, onlyTracked bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := readDir(root)
	if err != nil {
		return fmt.Errorf("reading the folder %s: %w", firstOf(t.prefix+dir, "."), err)
	}
	if !onlyTracked {
		text, err := readIgnore(root, ".gitignore")
		if err != nil {
			return fmt.Errorf("reading %s: %w", t.prefix+joinPath(dir, ".gitignore"), err)
		}
		rules = rules.with(dir, text)
	}
	for _, e := range entries {
		path := joinPath(dir, e.Name())
		if isDotGit(e.Name(), ".git") || l.excluded(t.prefix+path) {
			continue
		}
		wanted := !onlyTracked && !rules.ignored(path, e.IsDir())
		if e.IsDir() {
			err = l.subfolder(ctx, root, t, path, e.Name(), rules, !wanted)
		} else if _, tracked := t.tracked[path]; tracked || wanted {
			err = l.file(root, e.Name(), t.prefix+path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readDir(root *os.Root) ([]fs.DirEntry, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, errors.Join(err, f.Close())
}

func (l *lister) file(root *os.Root, name, path string) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone meanwhile
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeSymlink {
		l.out.odd = append(l.out.odd, path)
		return nil
	}
	l.out.files = append(l.out.files, listed{path: path, info: info})
	return nil
}

func (l *lister) subfolder(
	ctx context.Context, root *os.Root, t *tree, path, name string, rules *ignoreRules, onlyTracked bool,
) error {
	entry := t.tracked[path]
	submodule := entry != nil && entry.Mode == filemode.Submodule
	if onlyTracked && !submodule && !t.parents[path] {
		return nil
	}
	sub, err := root.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the folder %s: %w", t.prefix+path, err)
	}
	if submodule {
		l.out.gitlink = append(l.out.gitlink, t.prefix+path)
	}
	if gitDir, err := gitDirOf(filepath.Join(l.top, filepath.FromSlash(t.prefix+path))); err != nil || gitDir != "" {
		err = l.nested(ctx, sub, t, path, gitDir)
		return errors.Join(err, sub.Close())
	}
	return errors.Join(l.folder(ctx, sub, t, path, rules, onlyTracked), sub.Close())
}

// nested lists a repository inside the repository. Its own index and patterns decide, as when git is run in it; when
// its repository cannot be read, only the patterns in its files do.
func (l *lister) nested(ctx context.Context, root *os.Root, t *tree, path, gitDir string) error {
	l.out.nested = append(l.out.nested, t.prefix+path)
	var (
		entries []*index.Entry
		rules   *ignoreRules
	)
	if gitDir != "" {
		repo, err := openRepository(filepath.Join(l.top, filepath.FromSlash(t.prefix+path)), gitDir)
		if err == nil {
			if idx, err := repo.store.Index(); err == nil {
				entries = idx.Entries
			}
			rules, err = repo.baseRules()
			if err := errors.Join(err, repo.Close()); err != nil {
				return err
			}
		}
	}
	return l.folder(ctx, root, newTree(t.prefix+path+"/", entries), "", rules, false)
}
