package layers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/preamp-build/preamp/cache"
)

// Store keeps generations in a folder of this machine:
//
//	DIR/lock                serialises what takes no time: choosing, making visible, collecting
//	DIR/l/ID/               a layer
//	DIR/g/APP/BRANCH/KEY    the manifest of the newest generation of a key
//	DIR/u/BUILD             a lease, locked by the process that holds it
//	DIR/t/                  the trash: what is being made, and what is to be removed
//
// Several processes may use it at once. It has to be on the file system of the workspaces, and belong to nobody but preamp.
// Its methods are safe for concurrent use.
type Store struct {
	dir    string
	limits Limits
	now    func() time.Time
	room   func() (room, error)
	small  int    // see smallTree
	step   func() // tests end the process in it
}

// at marks a point between two changes of the store.
func (s *Store) at() {
	if s.step != nil {
		s.step()
	}
}

// Limits bound what is kept. Zero fields stand for the defaults.
type Limits struct {
	// Bytes of content, and how many Files and links a generation may have; what exceeds them is not saved, with a reason.
	Bytes int64 // DefaultMaxBytes
	Files int   // DefaultMaxFiles
	// Trash is how many bytes Sweep leaves to be removed later; negative: none.
	Trash int64 // DefaultMaxTrash
}

// The defaults of Limits. Those of a generation are those of cache.Local.
const (
	DefaultMaxBytes = 20 << 30
	DefaultMaxFiles = 4_000_000
	DefaultMaxTrash = 8 << 30
)

const (
	// flattenAt is how many layers a generation may have before Tidy makes one of them.
	flattenAt = 8
	// maxLayers is how many it may have at all: mount options have to name them all in one page.
	maxLayers = 24
)

// Open opens the store in the folder dir, and makes it if there is none, for the current user only.
func Open(dir string, limits Limits) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder for layers: %w", err)
	}
	if limits.Bytes == 0 {
		limits.Bytes = DefaultMaxBytes
	}
	if limits.Files == 0 {
		limits.Files = DefaultMaxFiles
	}
	if limits.Trash == 0 {
		limits.Trash = DefaultMaxTrash
	}
	s := &Store{dir: dir, limits: limits, now: time.Now, small: smallTree}
	s.room = func() (room, error) { return roomOf(s.dir) }
	for _, sub := range []string{"l", "g", "u", "t"} {
		if err := os.MkdirAll(s.path(sub), 0o700); err != nil {
			return nil, fmt.Errorf("folder for layers: %w", err)
		}
	}
	Spread(s.path("t"))
	return s, nil
}

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// locked runs f while no other does, in this process or another. f must be quick.
func (s *Store) locked(f func() error) error {
	lock := flock.New(s.path("lock"))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock the layers: %w", err)
	}
	return errors.Join(f(), lock.Close())
}

// Conflict looks whether the checkout at root holds anything that p selects, and answers the first such path, or "".
func Conflict(ctx context.Context, p cache.Paths, root string) (string, error) {
	d, err := openDir(root)
	if err != nil {
		return "", err
	}
	defer d.close()
	return conflict(ctx, d, p.Scope(), "")
}

func conflict(ctx context.Context, d *dir, at cache.Scope, rel string) (string, error) {
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	names, err := d.names()
	if err != nil {
		return "", err
	}
	for _, name := range names {
		next, ok := at.Enter(name)
		if !ok {
			continue
		}
		e, err := d.stat(name)
		if err != nil {
			return "", err
		}
		path := filepath.Join(rel, name)
		if next.Included() && e.what != folder {
			return path, nil
		}
		if e.what != folder {
			continue
		}
		below, err := d.sub(name)
		if err != nil {
			return "", err
		}
		found, err := conflict(ctx, below, next, path)
		below.close()
		if err != nil || found != "" {
			return found, err
		}
	}
	return "", nil
}

func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// safeName makes a file name of any string: no two strings share one, and a person can tell them apart.
func safeName(text string) string {
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, text)
	sum := sha256.Sum256([]byte(text))
	return readable[:min(len(readable), 40)] + "-" + hex.EncodeToString(sum[:16])
}
