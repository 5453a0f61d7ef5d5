package host

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/preamp-build/preamp/runner/engine"
)

// makeHome makes the folder of a build, SCRATCH/BUILD, with its HOME and the name of its owner, by which Reap knows a dead
// one.
func makeHome(scratch string, owner engine.Owner) (dir string, err error) {
	dir = filepath.Join(scratch, owner.Build)
	if err := os.MkdirAll(filepath.Join(dir, "home"), 0o700); err != nil {
		return "", err
	}
	return dir, engine.WriteOwner(dir, owner)
}

// reapHomes removes the folders of dead builds.
func (e *Engine) reapHomes(dead func(engine.Owner) bool) (reaped []engine.Reaped, err error) {
	files, err := filepath.Glob(filepath.Join(e.scratch, "*", engine.OwnerFile))
	errs := []error{err}
	for _, file := range files {
		dir := filepath.Dir(file)
		owner, ok := engine.Abandoned(dir, dead)
		if !ok {
			continue // alive, or gone since we looked
		}
		if err := engine.RemoveTree(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		reaped = append(reaped, engine.Reaped{What: "home folder", ID: dir, Owner: owner})
	}
	return reaped, errors.Join(errs...)
}
