package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// OwnerFile is the file that names the owner of a folder on this machine, as labels name that of a container.
const OwnerFile = "owner.json"

// WriteOwner marks dir, which must exist, as the owner's.
func WriteOwner(dir string, o Owner) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := ReplaceFile(filepath.Join(dir, OwnerFile), raw, 0o600); err != nil {
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
		return Owner{}, fmt.Errorf("read whose %s is: %w: %w", dir, errDamaged, err)
	}
	return o, nil
}

var errDamaged = errors.New("the mark is damaged")

// Abandoned says whose dir is, and whether that owner is dead. A mark that makes no sense names nobody who lives:
// as marks are put in place whole, the machine has gone down since, and the owner with it. What has no mark is not ours.
func Abandoned(dir string, dead func(Owner) bool) (Owner, bool) {
	o, err := ReadOwner(dir)
	return o, errors.Is(err, errDamaged) || err == nil && dead(o)
}

// ReplaceFile writes a file wholly or not at all, whatever happens to this process. It does not wait for the disk, as nothing does
// that a build writes: after a power failure the file may be empty. perm is subject to the umask.
func ReplaceFile(file string, data []byte, perm os.FileMode) (err error) {
	beside := filepath.Join(filepath.Dir(file), fmt.Sprintf(".%s.%016x", filepath.Base(file), rand.Uint64()))
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(beside, file)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(beside))
	}
	return err
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
