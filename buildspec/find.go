package buildspec

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// ErrNotFound says that a repository has no build specification. Errors of [Find] wrap it with the places looked at.
var ErrNotFound = errors.New("no build specification")

// fileNames are the names of a specification, the documented one first.
var fileNames = []string{"amplify.yml", "amplify.yaml"}

// Find looks for the specification of a repository: amplify.yml, then amplify.yaml, at the root and then in appRoot
// (as for [Spec.Select]; "" when unset). It returns the first one's slash-separated path, and in also those that are
// there too and are not used. Only regular files count. The error wraps [ErrNotFound] when there is none, and is the
// file system's when it cannot be read.
//
// The repository is untrusted: fsys should be one that symbolic links cannot leave, such as that of an os.Root.
func Find(fsys fs.FS, appRoot string) (name string, also []string, err error) {
	folders := []string{"."}
	if root := cleanRoot(appRoot); root != "" && fs.ValidPath(root) {
		folders = append(folders, root)
	}
	var candidates, found []string
	for _, folder := range folders {
		for _, file := range fileNames {
			candidates = append(candidates, path.Join(folder, file))
		}
	}
	for _, candidate := range candidates {
		info, err := fs.Stat(fsys, candidate)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", nil, fmt.Errorf("looking for a build specification: %w", err)
		case info.Mode().IsRegular():
			found = append(found, candidate)
		}
	}
	if len(found) == 0 {
		return "", nil, fmt.Errorf("%w: looked for %s", ErrNotFound, quoteAll(candidates))
	}
	return found[0], slices.Clip(found[1:]), nil
}
