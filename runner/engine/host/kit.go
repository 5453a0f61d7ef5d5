package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/preamp-build/preamp/runner/engine"
)

// KitDir implements engine.Engine: beside the build's HOME.
func (e *Engine) KitDir(spec engine.Spec) string {
	return filepath.Join(e.scratch, spec.Owner.Build, "kit")
}

// writeKit puts the kit below dir, which must exist.
func writeKit(dir string, kit []engine.KitFile) (err error) {
	if len(kit) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(dir, "kit"), 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(filepath.Join(dir, "kit"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, f := range kit {
		if f.Mode.IsDir() {
			err = root.Mkdir(f.Name, 0o700)
		} else {
			err = root.WriteFile(f.Name, f.Data, 0o600)
		}
		if err = errors.Join(err, root.Chmod(f.Name, f.Mode.Perm())); err != nil { // whatever our umask is
			return err
		}
	}
	return nil
}

// ReadKit implements engine.Container.
func (p *process) ReadKit(_ context.Context, folder string, limits engine.KitLimits) (map[string][]byte, error) {
	kit := filepath.Join(p.dir, "kit")
	root, err := os.OpenRoot(kit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // it is only read from
	files, err := readFolder(root, folder, limits)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(kit, folder), err)
	}
	return files, nil
}

func readFolder(root *os.Root, folder string, limits engine.KitLimits) (map[string][]byte, error) {
	if info, err := root.Lstat(folder); err != nil || !info.IsDir() {
		return nil, errors.Join(errors.New("the build has removed or replaced the folder"), err)
	}
	dir, err := root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	files := map[string][]byte{}
	for {
		entries, err := dir.ReadDir(256)
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			if len(files) >= limits.Files {
				return nil, engine.ErrKitTooLarge
			}
			raw, err := readRegular(root, path.Join(folder, e.Name()), limits.Bytes)
			if err != nil {
				return nil, err
			}
			limits.Bytes -= int64(len(raw))
			files[e.Name()] = raw
		}
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// readRegular reads a file of at most limit bytes. A process that has escaped may have put something else in its place
// since we looked, which must not make us wait.
func readRegular(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", name, fs.ErrInvalid)
	}
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if int64(len(raw)) > limit {
		return nil, engine.ErrKitTooLarge
	}
	return raw, err
}
