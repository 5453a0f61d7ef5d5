package source

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// MirrorLimits bound what PruneMirrors leaves. A limit that is zero is none.
type MirrorLimits struct {
	// Bytes is how much all mirrors and the files of Git LFS that are kept with them may take.
	Bytes int64
	// Age is after how long without use something goes.
	Age time.Duration
}

// Pruned is something that PruneMirrors has removed.
type Pruned struct {
	// Path was the folder of a mirror, or the file of an object of Git LFS.
	Path  string
	Bytes int64
	// Used is when a build was last given it.
	Used time.Time
}

// PruneMirrors removes from the folder, a Request's Mirror, what was not used for longest, until the rest is within the
// limits, and what processes have left that were killed. What another process is using stays. It may run at any time
// beside Prepare. The result is what was removed, also when there is an error.
func PruneMirrors(ctx context.Context, folder string, limits MirrorLimits, now time.Time) ([]Pruned, error) {
	all, err := mirrorParts(filepath.Join(folder, mirrorFormat))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Pruned) int { return cmp.Or(a.Used.Compare(b.Used), strings.Compare(a.Path, b.Path)) })
	var total int64
	for _, p := range all {
		total += p.Bytes
	}
	var out []Pruned
	for _, p := range all {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		old := limits.Age > 0 && now.Sub(p.Used) > limits.Age
		if !old && (limits.Bytes <= 0 || total <= limits.Bytes) && !isLeftover(p.Path) {
			continue
		}
		gone, err := removePart(p.Path)
		if err != nil {
			return out, err
		}
		if gone {
			total -= p.Bytes
			out = append(out, p)
		}
	}
	return out, nil
}

// isLeftover tells whether the folder is a mirror in the making; if nobody has its lock, nobody is making it any more.
func isLeftover(path string) bool { return strings.HasSuffix(path, mirrorNew) }

// mirrorParts lists everything that can be removed by itself.
func mirrorParts(top string) ([]Pruned, error) {
	var out []Pruned
	err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed while we look, or not made yet
		}
		if err != nil || path == top {
			return err
		}
		relative, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		parts := strings.Split(relative, string(filepath.Separator))
		lfs := len(parts) > 1 && parts[1] == mirrorLFS
		switch {
		case e.IsDir() && len(parts) == 2 && !lfs:
			p, err := mirrorPart(path)
			if err != nil {
				return err
			}
			out = append(out, p)
			return fs.SkipDir
		case lfs && !e.IsDir():
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				out = append(out, Pruned{Path: path, Bytes: info.Size(), Used: info.ModTime()})
			}
			return err
		}
		return nil
	})
	return out, err
}

// mirrorPart measures a mirror.
func mirrorPart(dir string) (Pruned, error) {
	p := Pruned{Path: dir}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				if path == dir || filepath.Base(path) == mirrorList {
					p.Used = info.ModTime()
				}
				if !e.IsDir() {
					p.Bytes += info.Size()
				}
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return p, err
}

// removePart removes a mirror that nobody uses, with its lock, or a file.
func removePart(path string) (bool, error) {
	if info, err := os.Lstat(path); err != nil || !info.IsDir() {
		return err == nil, ignoreMissing(os.Remove(path))
	}
	lockPath := strings.TrimSuffix(path, mirrorNew) + ".lock"
	lock := flock.New(lockPath)
	if ok, err := lock.TryLock(); !ok || err != nil {
		return false, err
	}
	if !sameFile(lock, lockPath) {
		return false, lock.Unlock()
	}
	err := os.RemoveAll(path)
	if !isLeftover(path) {
		err = errors.Join(err, os.RemoveAll(path+mirrorNew), ignoreMissing(os.Remove(lockPath)))
	}
	return err == nil, errors.Join(err, lock.Unlock())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
