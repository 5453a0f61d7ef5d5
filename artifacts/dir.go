package artifacts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// WriteDir writes the artifact as a folder. dst must not exist, or be an empty folder; folders above it are created. After an
// error there is nothing at dst (an empty folder, if it was there before). When dst did not exist it appears at
// once and complete, even if the machine fails meanwhile.
//
// Files get the modes 0644 and 0755 whatever the umask, folders 0755, and the current time. Those that are handed over (see
// Options.Final) keep theirs.
func (s *Selection) WriteDir(ctx context.Context, dst string) error {
	entries, err := os.ReadDir(dst)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.writeNewDir(ctx, dst)
	case err != nil:
		return fmt.Errorf("artifact folder: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("artifact folder %s is not empty: remove what is in it, or choose another", dst)
	}
	if err := s.writeTree(ctx, dst); err != nil {
		return errors.Join(err, clearDir(dst))
	}
	return nil
}

// writeNewDir writes to a folder beside dst, which then gets its name.
func (s *Selection) writeNewDir(ctx context.Context, dst string) (err error) {
	parent := filepath.Dir(filepath.Clean(dst))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("artifact folder: %w", err)
	}
	partial, err := os.MkdirTemp(parent, "."+filepath.Base(dst)+".partial-")
	if err != nil {
		return fmt.Errorf("artifact folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	if err := s.writeTree(ctx, partial); err != nil {
		return err
	}
	if err := os.Chmod(partial, 0o755); err != nil {
		return fmt.Errorf("artifact folder: %w", err)
	}
	if err := os.Rename(partial, dst); err != nil {
		return fmt.Errorf("artifact folder: %w", err)
	}
	return nil
}

func clearDir(dir string) error {
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// writeTree writes all files into the empty folder dst.
func (s *Selection) writeTree(ctx context.Context, dst string) error {
	src, err := os.OpenRoot(s.root)
	if err != nil {
		return fmt.Errorf("artifacts: open the repository: %w", err)
	}
	defer src.Close() //nolint:errcheck // it was only read
	out, err := os.OpenRoot(dst)
	if err != nil {
		return fmt.Errorf("artifact folder: %w", err)
	}
	defer out.Close() //nolint:errcheck // the files in it are closed with care

	made := map[string]struct{}{".": {}}
	for _, f := range s.Files {
		if err := mkdirs(out, path.Dir(f.Path), made); err != nil {
			return err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, f := range s.Files {
		if f.Mode&fs.ModeSymlink != 0 {
			continue
		}
		g.Go(func() error { return s.writeFile(gctx, out, src, f) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// Links come last: nothing is written through them.
	for _, f := range s.Files {
		if f.Mode&fs.ModeSymlink == 0 {
			continue
		}
		if err := out.Symlink(f.Link, f.Path); err != nil {
			return fmt.Errorf("artifact folder: %w", err)
		}
	}
	return ctx.Err()
}

// mkdirs makes the folder dir and those above it that are not in made.
func mkdirs(out *os.Root, dir string, made map[string]struct{}) error {
	if _, ok := made[dir]; ok {
		return nil
	}
	if err := mkdirs(out, path.Dir(dir), made); err != nil {
		return err
	}
	if err := out.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("artifact folder: %w", err)
	}
	if err := out.Chmod(dir, 0o755); err != nil { // the umask
		return fmt.Errorf("artifact folder: %w", err)
	}
	made[dir] = struct{}{}
	return nil
}

func (s *Selection) writeFile(ctx context.Context, out, src *os.Root, f File) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.final {
		if given, err := s.give(out, src, f); given || err != nil {
			return err
		}
	}
	file, err := out.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("artifact folder: %w", err)
	}
	defer func() {
		if cerr := file.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("artifact folder: %w", cerr)
		}
	}()
	if err := s.copyTo(ctx, file, src, f); err != nil {
		return err
	}
	if err := file.Chmod(f.Mode.Perm()); err != nil {
		return fmt.Errorf("artifact folder: %w", err)
	}
	return nil
}
