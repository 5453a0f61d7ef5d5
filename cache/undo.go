package cache

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// undo removes what a restore has made, if it has replaced nothing, and reports whether the project at path is now what
// it was. A folder that was not there before holds nothing but what the restore put there.
func (x *extractor) undo(path string, r *indexReader) bool {
	if x.touched {
		return false
	}
	project, err := os.OpenRoot(path)
	if err != nil {
		return false
	}
	err = x.removeMade(project, r)
	return errors.Join(err, project.Close()) == nil
}

func (x *extractor) removeMade(project *os.Root, r *indexReader) error {
	gone := ""
	for i := 0; ; i++ {
		n, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !x.made.has(i) || gone != "" && strings.HasPrefix(n.path, gone) {
			continue
		}
		if n.kind == folder {
			gone = n.path + "/"
		}
		if err := project.RemoveAll(filepath.FromSlash(n.path)); err != nil {
			return err
		}
	}
}
