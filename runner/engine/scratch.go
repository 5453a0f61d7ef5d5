package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// OwnerFile is the file that names the owner of a folder on this machine, as labels name that of a container.
const OwnerFile = "owner.json"

// WriteOwner marks dir, which must exist, as the owner's.
func WriteOwner(dir string, o Owner) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(dir, OwnerFile), raw, 0o600, renameio.WithTempDir(dir)); err != nil {
		return fmt.Errorf("mark %s: %w", dir, err)
	}
	return nil
}

// ReadOwner says whose dir is. The error wraps os.ErrNotExist when nobody has marked it.
func ReadOwner(dir string) (Owner, error) {
	var o Owner
	raw, err := os.ReadFile(filepath.Join(dir, OwnerFile))
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, fmt.Errorf("read whose %s is: %w", dir, err)
	}
	return o, nil
}

// RemoveTree removes a folder with whatever a build has put there, also folders that their owner may not write, after what is
// mounted there is gone: it is others' and must stay as it is. The mark of
// its owner goes last: what could not be removed is still known for what it is, and is tried again. That there is no such
// folder is no error.
func RemoveTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := UnmountBelow(dir); err != nil {
		return err
	}
	errs := []error{err}
	for _, e := range entries {
		if e.Name() != OwnerFile {
			errs = append(errs, removeAll(filepath.Join(dir, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func removeAll(path string) error {
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	_ = filepath.WalkDir(path, func(p string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700) // what cannot be changed shows when the removal is tried again
		}
		return nil
	})
	return os.RemoveAll(path)
}
