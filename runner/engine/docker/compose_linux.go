package docker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/runner/engine"
)

// kernelRelease is what uname -r prints.
func kernelRelease() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("ask for the kernel's release: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

func mountOverlay(target, options string, readOnly bool) error {
	flags := uintptr(unix.MS_NODEV | unix.MS_NOSUID | unix.MS_NOEXEC)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	if err := unix.Mount("overlay", target, "overlay", flags, options); err != nil {
		return fmt.Errorf("mount an overlay at %s: %w", target, err)
	}
	return nil
}

// tryOverlay makes a small overlay below dir and looks whether it does what a build needs: not every file system can be
// above in one, another overlay least of all.
func tryOverlay(dir, options string) (err error) {
	base, err := os.MkdirTemp(dir, ".overlay-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(base)) }()
	path := func(name string) string { return filepath.Join(base, name) }
	for _, name := range []string{"lower", "lower/folder", "upper", "work", "merged"} {
		if err := os.Mkdir(path(name), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(path("lower/folder/file"), nil, 0o600); err != nil {
		return err
	}
	options = fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,%s", path("lower"), path("upper"), path("work"), options)
	if err := mountOverlay(path("merged"), options, false); err != nil {
		return err
	}
	err = errors.Join(os.Rename(path("merged/folder"), path("merged/renamed")), os.Remove(path("merged/renamed/file")))
	return errors.Join(err, engine.Unmount(path("merged")))
}
