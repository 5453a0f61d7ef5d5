package engine

import (
	"encoding/json"
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
	if err := renameio.WriteFile(filepath.Join(dir, OwnerFile), raw, 0o600); err != nil {
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

// RemoveTree removes a folder with whatever a build has put there, also folders that their owner may not write. That
// there is no such folder is no error.
func RemoveTree(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // what cannot be changed shows when the removal is tried again
		}
		return nil
	})
	return os.RemoveAll(dir)
}
