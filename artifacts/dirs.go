package artifacts

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

const (
	// hintDepth is how deep Dirs looks: packages/web/dist.
	hintDepth = 3
	// maxCounted bounds how many entries are looked at to count the files in the new folders.
	maxCounted = 100_000
)

// outputs are the names of folders that tools write their result to; the earlier, the less it can be anything else.
var outputs = []string{
	".amplify-hosting", "dist", "build", "out", "public", ".next", ".output", ".nuxt", ".svelte-kit", "_site", "www",
	"storybook-static", "browser", "site", "export", "target", "docs", "lib",
}

// byproducts are folders that builds create and nobody deploys.
var byproducts = []string{
	".git", "node_modules", "bower_components", "vendor", "coverage", "amplify", "__pycache__", "venv",
	".cache", ".npm", ".yarn", ".pnpm-store", ".turbo", ".nx", ".parcel-cache", ".angular", ".vite", ".venv", ".gradle", ".bundle", ".nyc_output",
}

// A NewDir is a folder that the build created.
type NewDir struct {
	Path  string // relative to Root, with slashes
	Files int    // in it and below, at most 100,000
}

// String returns the folder and its size, for messages.
func (d NewDir) String() string {
	if d.Files == 1 {
		return d.Path + " (1 file)"
	}
	return fmt.Sprintf("%s (%d files)", d.Path, d.Files)
}

// Dirs lists the folders below root down to the third level, sorted, without looking into .git and node_modules and without
// following links. It is meant to be called before the build, for [Created].
func Dirs(root string) ([]string, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	dirs := []string{}
	err = subdirs(r, ".", hintDepth, func(dir string) bool {
		dirs = append(dirs, dir)
		return true
	})
	slices.Sort(dirs)
	return dirs, err
}

// Created returns the folders below root that are not in before, the result of [Dirs]: those with a name that tools
// use for their output first, then those with the most files. It names only the topmost new folders, and none such as
// node_modules.
func Created(before []string, root string) ([]NewDir, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	var created []NewDir
	err = subdirs(r, ".", hintDepth, func(dir string) bool {
		if slices.Contains(byproducts, path.Base(dir)) {
			return false
		}
		if _, old := slices.BinarySearch(before, dir); old {
			return true
		}
		created = append(created, NewDir{Path: dir})
		return false
	})
	if err != nil {
		return nil, err
	}
	left := maxCounted
	for i := range created {
		if created[i].Files, err = countFiles(r, created[i].Path, &left); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(created, func(a, b NewDir) int {
		return cmp.Or(cmp.Compare(outputRank(a.Path), outputRank(b.Path)), cmp.Compare(b.Files, a.Files), strings.Compare(a.Path, b.Path))
	})
	return created, nil
}

func outputRank(dir string) int {
	if i := slices.Index(outputs, path.Base(dir)); i >= 0 {
		return i
	}
	return len(outputs)
}

// subdirs calls visit for each folder below dir, depth levels deep, and looks into it if visit returns true.
func subdirs(r *os.Root, dir string, depth int, visit func(dir string) bool) error {
	entries, err := list(r, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		sub := path.Join(dir, e.Name())
		if !e.IsDir() || !visit(sub) || depth <= 1 || e.Name() == ".git" || e.Name() == "node_modules" {
			continue
		}
		if err := subdirs(r, sub, depth-1, visit); err != nil {
			return err
		}
	}
	return nil
}

// countFiles returns the number of files below dir; it looks at no more than left entries, which it counts down.
func countFiles(r *os.Root, dir string, left *int) (int, error) {
	n := 0
	todo := []string{dir}
	for len(todo) > 0 && *left > 0 {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		entries, err := list(r, dir)
		if err != nil {
			return n, err
		}
		for _, e := range entries {
			if *left--; *left < 0 {
				return n, nil
			}
			if e.IsDir() {
				todo = append(todo, path.Join(dir, e.Name()))
			} else {
				n++
			}
		}
	}
	return n, nil
}

// list returns the entries of a folder. One that vanished, or that we may not read, is empty: this is for a hint.
func list(r *os.Root, dir string) (entries []fs.DirEntry, err error) {
	f, err := r.OpenFile(dir, os.O_RDONLY|openDirFlags, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	entries, err = f.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	return entries, nil
}
