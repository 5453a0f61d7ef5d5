package source

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
)

// dest is the folder being filled. Everything below it is written through root and git, which are never left.
type dest struct {
	path    string // absolute
	root    *os.Root
	gitPath string   // absolute
	git     *os.Root // nil until there is a repository
	created bool     // by us, to be removed again on failure
	// Of a submodule: the folder that it is in, where it is there, and where its repository is in the other's.
	above             *dest
	place, repository string
}

func openDest(path string) (*dest, error) {
	if path == "" {
		return nil, errors.New("no destination folder was given")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("destination folder %s: %w", path, err)
	}
	d := &dest{path: abs, gitPath: filepath.Join(abs, ".git")}
	entries, err := os.ReadDir(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.created = true
		if err := os.MkdirAll(abs, 0o755); err != nil {
			return nil, fmt.Errorf("creating the destination folder: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("destination folder: %w", err)
	case len(entries) > 0:
		return nil, fmt.Errorf("the destination folder %s is not empty", abs)
	}
	if d.root, err = os.OpenRoot(abs); err != nil {
		return nil, fmt.Errorf("destination folder: %w", err)
	}
	return d, nil
}

// gitDir is the absolute path of the repository.
func (d *dest) gitDir() string { return d.gitPath }

// Close releases the folder.
func (d *dest) Close() error {
	if d.git == nil {
		return d.root.Close()
	}
	return errors.Join(d.git.Close(), d.root.Close())
}

// submodule is the folder at place in d, for a submodule of that name. Its repository goes where git would have it, in
// that of d, so that its work tree can be moved and mounted together with the rest.
func (d *dest) submodule(place, name string) (*dest, error) {
	for dir := place; dir != ""; dir = parent(dir) {
		info, err := d.root.Lstat(filepath.FromSlash(dir))
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("%q is not a folder", dir)
		}
	}
	root, err := d.root.OpenRoot(filepath.FromSlash(place))
	if err != nil {
		return nil, err
	}
	repository := path.Join("modules", name)
	return &dest{
		path: filepath.Join(d.path, filepath.FromSlash(place)), root: root, above: d, place: place,
		gitPath: filepath.Join(d.gitPath, filepath.FromSlash(repository)), repository: filepath.FromSlash(repository),
	}, nil
}

// makeGit makes the empty folder of the repository and, for a submodule, the file that points to it.
func (d *dest) makeGit() (err error) {
	if d.above == nil {
		if err := d.root.Mkdir(".git", 0o755); err != nil {
			return err
		}
		d.git, err = d.root.OpenRoot(".git")
		return err
	}
	if err := d.above.git.MkdirAll(filepath.Dir(d.repository), 0o755); err != nil {
		return err
	}
	if err := d.above.git.Mkdir(d.repository, 0o755); err != nil {
		return err
	}
	if d.git, err = d.above.git.OpenRoot(d.repository); err != nil {
		return err
	}
	to, err := filepath.Rel(d.path, d.gitPath)
	if err != nil {
		return err
	}
	f, err := d.root.OpenFile(".git", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "gitdir: %s\n", filepath.ToSlash(to))
	return errors.Join(err, f.Close())
}

// workTreeFromGit is the way from the repository to a submodule's work tree; "" where git finds it by itself.
func (d *dest) workTreeFromGit() string {
	if d.above == nil {
		return ""
	}
	back, err := filepath.Rel(d.gitPath, d.path)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(back)
}

// drop closes a submodule and removes all of it but its empty folder.
func (d *dest) drop() error {
	entries, err := os.ReadDir(d.path)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, d.root.RemoveAll(e.Name()))
	}
	errs = append(errs, d.Close(), d.above.git.RemoveAll(d.repository))
	return errors.Join(errs...)
}

// link makes the file at name in the work tree another name of the file in the repository.
func (d *dest) link(inGit, name string) error {
	top, work, repo := d, filepath.FromSlash(name), filepath.FromSlash(inGit)
	for ; top.above != nil; top = top.above {
		work, repo = filepath.Join(filepath.FromSlash(top.place), work), filepath.Join(top.repository, repo)
	}
	return top.root.Link(filepath.Join(".git", repo), work)
}

// discard empties the folder after a failure, and removes it when it was not there before.
func (d *dest) discard() error {
	entries, err := os.ReadDir(d.path)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, d.root.RemoveAll(e.Name()))
	}
	errs = append(errs, d.Close())
	if d.created {
		errs = append(errs, os.Remove(d.path))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("emptying the destination folder %s: %w", d.path, err)
	}
	return nil
}

// empty removes everything from the folder, to begin again.
func (d *dest) empty() error {
	entries, err := os.ReadDir(d.path)
	errs := []error{err}
	if d.git != nil {
		errs = append(errs, d.git.Close())
		d.git = nil
	}
	for _, e := range entries {
		errs = append(errs, d.root.RemoveAll(e.Name()))
	}
	return errors.Join(errs...)
}

// emptyPacks removes the packs of the repository.
func (d *dest) emptyPacks() error {
	return errors.Join(d.git.RemoveAll("objects/pack"), d.git.Mkdir("objects/pack", 0o755))
}
