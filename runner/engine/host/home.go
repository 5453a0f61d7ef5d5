package host

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/preamp-build/preamp/runner/engine"
)

// Each build has a folder SCRATCH/BUILD with its HOME and the name of its owner, by which Reap knows a dead one.
const ownerFile = "owner.json"

// makeHome makes the folder of a build and returns it.
func makeHome(scratch string, owner engine.Owner) (dir string, err error) {
	raw, err := json.Marshal(owner)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(scratch, owner.Build)
	if err := os.MkdirAll(filepath.Join(dir, "home"), 0o700); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, ownerFile), raw, 0o600)
}

// removeHome removes a build's folder. Package managers leave folders there that their owner may not write.
func removeHome(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // what cannot be changed shows in the second removal
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// reapHomes removes the folders of dead builds.
func (e *Engine) reapHomes(dead func(engine.Owner) bool) (reaped []engine.Reaped, err error) {
	files, err := filepath.Glob(filepath.Join(e.scratch, "*", ownerFile))
	errs := []error{err}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // its build has just ended
		}
		var owner engine.Owner
		if err := json.Unmarshal(raw, &owner); err != nil || !dead(owner) {
			continue
		}
		dir := filepath.Dir(file)
		if err := removeHome(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		reaped = append(reaped, engine.Reaped{What: "home folder", ID: dir, Owner: owner})
	}
	return reaped, errors.Join(errs...)
}
