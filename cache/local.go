package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Amplify refuses a cache artifact of more than 5 GB, compressed. How much it holds unpacked Amplify does not bound; we
// do, since a few kilobytes can unpack to a full disk.
const (
	DefaultMaxStored = 5 << 30  // bytes of one entry in the store
	DefaultMaxBytes  = 20 << 30 // bytes of content
	DefaultMaxNodes  = 4_000_000
)

// Options are the limits of a Local. The zero value of each stands for its default. What exceeds them is not saved and
// not restored, with a reason.
type Options struct {
	MaxStored int64 // bytes of one entry in the store, compressed; DefaultMaxStored if 0
	MaxBytes  int64 // bytes of content of one entry, unpacked; DefaultMaxBytes if 0
	MaxNodes  int   // files, folders and links of one entry; DefaultMaxNodes if 0
}

// Local keeps entries in a folder of this machine, one file each:
//
//	DIR/lock                        serialises what takes no time: making, renaming and removing entries
//	DIR/v1/APP/BRANCH/ID.cache      an entry; ID is that of its Key
//	DIR/v1/APP/BRANCH/.tmp-*        an entry being written, locked by its writer
//
// APP and BRANCH are a readable part of the name and the SHA-256 of the whole. Several processes may use the same
// folder; it has to be on a file system with locks and belong to nobody but preamp. Nothing limits the number of
// entries: see List and Remove.
//
// It holds no more than about 16 MiB for a save or a restore, plus the names in the folders on the way to the current
// file. It has nothing to close.
type Local struct {
	dir       string
	maxStored int64
	limits    limits
}

const (
	formatFolder = "v1" // another format gets another folder, and older versions of preamp keep theirs
	entrySuffix  = ".cache"
	tempPrefix   = ".tmp-"
)

// NewLocal opens the store in the folder dir and makes it, for the current user only, if there is none. Files left by
// writers that died are removed.
func NewLocal(dir string, opts Options) (*Local, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	l := &Local{
		dir:       dir,
		maxStored: orDefault(opts.MaxStored, DefaultMaxStored),
		limits: limits{
			bytes: orDefault(opts.MaxBytes, DefaultMaxBytes),
			nodes: orDefault(opts.MaxNodes, DefaultMaxNodes),
		},
	}
	if err := os.MkdirAll(filepath.Join(dir, formatFolder), 0o700); err != nil {
		return nil, fmt.Errorf("cache folder %s: %w", dir, err)
	}
	folders, err := l.folders()
	if err != nil {
		return nil, fmt.Errorf("cache folder %s: %w", dir, err)
	}
	for _, f := range folders {
		if err := l.locked(func() error { return sweep(f) }); err != nil {
			return nil, fmt.Errorf("clean up the cache folder %s: %w", dir, err)
		}
	}
	return l, nil
}

func orDefault[T int | int64](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}

// Entry describes an entry of a Local.
type Entry struct {
	Key     Key // without DefaultBranch
	Created time.Time
	Files   int   // regular files and symbolic links
	Bytes   int64 // content
	Size    int64 // bytes the entry takes up
}

// List describes all entries, in no particular order. It reads what they say about themselves without verifying them;
// those that say nothing readable are left out.
func (l *Local) List(ctx context.Context) ([]Entry, error) {
	folders, err := l.folders()
	if err != nil {
		return nil, fmt.Errorf("list the cache folder %s: %w", l.dir, err)
	}
	var list []Entry
	for _, f := range folders {
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("list the cache folder %s: %w", l.dir, err)
		}
		list = append(list, listFolder(f)...)
	}
	return list, nil
}

func listFolder(folder string) []Entry {
	var list []Entry
	for _, name := range namesIn(folder, func(n string) bool { return strings.HasSuffix(n, entrySuffix) }) {
		e, err := openEntry(filepath.Join(folder, name))
		if e != nil {
			e.close()
		}
		if err != nil {
			continue // gone meanwhile, or damaged: a restore will say so
		}
		m := e.sealed.meta
		list = append(list, Entry{
			Key: m.Key.key(), Created: m.Created,
			Files: m.Tree.Files + m.Tree.Links, Bytes: m.Tree.Bytes, Size: e.info.Size(),
		})
	}
	return list
}

// Remove removes all entries of a branch and answers how many there were. Restores under way are not disturbed.
func (l *Local) Remove(ctx context.Context, app, branch string) (int, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, fmt.Errorf("remove the cache of branch %q: %w", branch, err)
	}
	folder, removed := l.folder(app, branch), 0
	err := l.locked(func() error {
		var errs []error
		for _, name := range namesIn(folder, func(n string) bool { return strings.HasSuffix(n, entrySuffix) }) {
			err := os.Remove(filepath.Join(folder, name))
			if err == nil {
				removed++
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	if err != nil {
		return removed, fmt.Errorf("remove the cache of branch %q of app %q: %w", branch, app, err)
	}
	return removed, nil
}

// folder is where the entries of a branch are.
func (l *Local) folder(app, branch string) string {
	return filepath.Join(l.dir, formatFolder, safeName(app), safeName(branch))
}

// safeName makes a file name of any string: no two strings share one, and a person can tell them apart.
func safeName(s string) string {
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, s)
	sum := sha256.Sum256([]byte(s))
	return readable[:min(len(readable), 40)] + "-" + hex.EncodeToString(sum[:])
}

// folders are the folders of all branches.
func (l *Local) folders() ([]string, error) {
	top := filepath.Join(l.dir, formatFolder)
	apps, err := os.ReadDir(top)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, app := range apps {
		if !app.IsDir() {
			continue
		}
		for _, branch := range namesIn(filepath.Join(top, app.Name()), func(string) bool { return true }) {
			list = append(list, filepath.Join(top, app.Name(), branch))
		}
	}
	return list, nil
}

// namesIn lists the names in a folder that fit; a folder that is not there, or no folder, has none.
func namesIn(folder string, fits func(string) bool) []string {
	var names []string
	entries, _ := os.ReadDir(folder) // a read error shows when an entry is opened; here it would only hide the rest
	for _, e := range entries {
		if fits(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// locked runs f while no other does, in this process or another. f must be quick.
func (l *Local) locked(f func() error) error {
	lock, err := os.OpenFile(filepath.Join(l.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err := flock(lock, true); err != nil {
		return errors.Join(err, lock.Close())
	}
	return errors.Join(f(), lock.Close())
}

// sweep removes what dead writers left in a branch's folder. A live one holds a lock on its file. Call it locked: a
// file that is made but not yet locked would look dead.
func sweep(folder string) error {
	var errs []error
	for _, name := range namesIn(folder, func(n string) bool { return strings.HasPrefix(n, tempPrefix) }) {
		errs = append(errs, sweepOne(filepath.Join(folder, name)))
	}
	return errors.Join(errs...)
}

func sweepOne(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dead, err := flock(f, false)
	if dead {
		err = os.Remove(path)
	}
	return errors.Join(err, f.Close())
}
