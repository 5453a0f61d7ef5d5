package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Amplify refuses a cache artifact of more than 5 GB, compressed. How much it holds unpacked Amplify does not bound; we
// do, since a few kilobytes can unpack to a full disk.
const (
	DefaultMaxStored = 5 << 30  // bytes of one entry in the store
	DefaultMaxBytes  = 20 << 30 // bytes of content
	DefaultMaxNodes  = 4_000_000
)

// DefaultMaxTotal is how much all entries of a Local may take up together.
const DefaultMaxTotal = 10 << 30 // bytes

// Options are the limits of a Local. The zero value of each stands for its default. What exceeds those of an entry is
// not saved and not restored, with a reason.
type Options struct {
	MaxStored int64 // bytes of one entry in the store, compressed; DefaultMaxStored if 0
	MaxBytes  int64 // bytes of content of one entry, unpacked; DefaultMaxBytes if 0
	MaxNodes  int   // files, folders and links of one entry; DefaultMaxNodes if 0
	// MaxTotal bounds all entries together, in bytes of the store; DefaultMaxTotal if 0. When a save exceeds it, the
	// entries go that were not used for the longest time. See Local.GC.
	MaxTotal int64
	// Links keeps the files of content-addressed stores, npm's and pnpm's, as files too, so that a restore moves them into
	// a workspace on the same file system instead of unpacking them. They have hard links in the store and in the
	// workspace that was saved until that is removed; then their content must not be changed any more without a save.
	// It takes up the space of the files a second time, and works on Linux only.
	Links bool
}

// Local keeps entries in a folder of this machine:
//
//	DIR/lock                          serialises what takes no time: replacing and removing entries
//	DIR/v2/APP/lock                   held by saves and restores together, by a collection of garbage alone
//	DIR/v2/APP/entries/BRANCH/ID.cache
//	                                  an entry: the index of a tree; ID is that of its Key
//	DIR/v2/APP/chunks/SHA256          what its files hold, shared with the application's other entries
//	DIR/v2/APP/stat/HASH              the stat index of a workspace
//	DIR/v2/APP/links/ID@BOOT@BYTES/*  files of an entry, see Options.Links
//	DIR/v2/APP/tmp/*                  objects being written
//
// APP and BRANCH are a readable part of the name and the SHA-256 of the whole. Several processes may use the same
// folder; it has to be on a file system with locks and belong to nobody but preamp.
//
// A save or a restore holds about 40 MiB, a save with Options.Links up to 60, whatever the size of files and caches, and up
// to 24 MiB more to remember a million files. A Local has nothing to close.
type Local struct {
	dir       string
	objects   backend // chunks and entries
	stats     backend // stat indexes, which mean something on this machine only
	maxStored int64
	maxTotal  int64
	limits    limits
	links     bool
}

const (
	formatFolder = "v2" // another format gets another folder
	oldFormat    = "v1" // whole archives, which nobody reads any more
	entrySuffix  = ".cache"
)

// NewLocal opens the store in the folder dir and makes it, for the current user only, if there is none. What writers
// left that died is removed, and so are entries in the format of older versions.
func NewLocal(dir string, opts Options) (*Local, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	top := filepath.Join(dir, formatFolder)
	l := &Local{
		dir:       dir,
		objects:   &disk{top: top},
		stats:     &disk{top: top},
		maxStored: orDefault(opts.MaxStored, DefaultMaxStored),
		maxTotal:  orDefault(opts.MaxTotal, DefaultMaxTotal),
		limits: limits{
			bytes: orDefault(opts.MaxBytes, DefaultMaxBytes),
			nodes: orDefault(opts.MaxNodes, DefaultMaxNodes),
		},
		links: opts.Links,
	}
	if err := os.MkdirAll(top, 0o700); err != nil {
		return nil, fmt.Errorf("cache folder %s: %w", dir, err)
	}
	err = l.locked(func() error { return os.RemoveAll(filepath.Join(dir, oldFormat)) })
	if err = errors.Join(err, l.recover()); err != nil {
		return nil, fmt.Errorf("clean up the cache folder %s: %w", dir, err)
	}
	return l, nil
}

// recover collects the garbage of applications where a writer may have died.
func (l *Local) recover() error {
	apps, err := l.objects.folders("")
	if err != nil {
		return err
	}
	var errs []error
	for _, app := range apps {
		if l.objects.unswept(app) {
			_, err := l.collect(app)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
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
	Used    time.Time // when it was saved or restored the last time
	Files   int       // regular files and symbolic links
	Bytes   int64     // content
	Size    int64     // bytes the entry takes up; chunks that it shares with other entries count for each
}

// List describes all entries, in no particular order. It reads what they say about themselves without verifying them;
// those that say nothing readable are left out.
func (l *Local) List(ctx context.Context) ([]Entry, error) {
	apps, err := l.objects.folders("")
	var list []Entry
	for _, app := range apps {
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			break
		}
		var more []Entry
		more, err = l.listFolder(entriesOf(app))
		list = append(list, more...)
	}
	if err != nil {
		return nil, fmt.Errorf("list the cache folder %s: %w", l.dir, err)
	}
	return list, nil
}

func (l *Local) listFolder(folder string) ([]Entry, error) {
	infos, err := l.objects.list(folder)
	var list []Entry
	for _, info := range infos {
		e, err := l.openEntry(info.name)
		if err != nil {
			continue // gone meanwhile, or damaged: a restore will say so
		}
		m := e.sealed.meta
		e.close()
		list = append(list, Entry{
			Key: m.Key.key(), Created: m.Created, Used: info.used,
			Files: m.Tree.Files + m.Tree.Links, Bytes: m.Tree.Bytes, Size: info.size + m.stored(),
		})
	}
	return list, err
}

// Remove removes all entries of a branch and answers how many there were. Restores under way are not disturbed.
func (l *Local) Remove(ctx context.Context, app, branch string) (int, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, fmt.Errorf("remove the cache of branch %q: %w", branch, err)
	}
	removed := 0
	err := l.locked(func() error {
		entries, err := l.objects.list(entriesOf(safeName(app)) + "/" + safeName(branch))
		errs := []error{err}
		for _, e := range entries {
			err := l.objects.remove(e.name)
			if err == nil {
				removed++
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	if err == nil {
		_, err = l.collect(safeName(app))
	}
	if err != nil {
		return removed, fmt.Errorf("remove the cache of branch %q of app %q: %w", branch, app, err)
	}
	return removed, nil
}

// entriesOf is where the entries of an application's folder are.
func entriesOf(app string) string { return app + "/entries" }

// chunksOf is where the chunks of an application's folder are.
func chunksOf(app string) string { return app + "/chunks" }

// entryName is the name of the entry with the key k.
func entryName(k Key) string {
	return entriesOf(safeName(k.App)) + "/" + safeName(k.Branch) + "/" + k.ID() + entrySuffix
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
