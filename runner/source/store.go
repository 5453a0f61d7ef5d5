package source

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// largeObject is the size in bytes from which an object is streamed instead of held in memory.
const largeObject = 8 << 20

// store reads one repository's references, configuration and objects, also those that it borrows from others. It is
// not safe for concurrent use.
type store struct {
	*filesystem.Storage
	borrowed []*filesystem.Storage
	fast     *catFile // reads all of it, where set
	packs    packIndexes
}

// openPacked opens the destination's repository for reading. All its objects are in packs. A git that reads it may have
// been started before; then the store closes it.
func (j *job) openPacked(ctx context.Context, reader *catFile) (s *store, err error) {
	if reader == nil {
		s, err = j.git.openReading(ctx, j.dest.gitDir(), nil)
	} else if s, err = openStore(j.dest.gitDir(), j.dest.gitDir(), nil); err == nil {
		s.fast = reader
	} else {
		err = errors.Join(err, reader.Close())
	}
	if err != nil {
		return nil, err
	}
	s.packs, err = openPackIndexes(j.dest.gitDir())
	if err == nil && s.fast != nil {
		// HEAD and the configuration are going to be written anew: not while git reads them, which it does when it starts.
		_, err = s.fast.object(plumbing.TreeObject, emptyTree)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// emptyTree is an object that git has without being given it.
var emptyTree = plumbing.NewHash("4b825dc642cb6eb9a060e54bf8d69288fbee4904")

// openReading is openStore for whoever reads a few objects only: with git that needs no index in memory.
func (g gitProgram) openReading(ctx context.Context, gitDir string, objectDirs []string) (*store, error) {
	s, err := openStore(gitDir, gitDir, objectDirs)
	if err != nil || g == "" {
		return s, err
	}
	if s.fast, err = g.catFile(ctx, gitDir, objectDirs); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openStore opens the repository at gitDir. A linked worktree has its shared part in commonDir; otherwise that is
// gitDir, too. The folders in alternates are objects folders of other repositories.
func openStore(gitDir, commonDir string, alternates []string) (*store, error) {
	s := &store{}
	if own := osfs.New(gitDir); commonDir == gitDir {
		s.Storage = newStorage(own)
	} else {
		s.Storage = newStorage(dotgit.NewRepositoryFilesystem(own, osfs.New(commonDir)))
	}
	for _, dir := range alternates {
		if filepath.Base(dir) != "objects" {
			return nil, fmt.Errorf("the repository borrows objects from %s, which is not an objects folder", dir)
		}
		s.borrowed = append(s.borrowed, newStorage(osfs.New(filepath.Dir(dir))))
	}
	return s, nil
}

func newStorage(fs billy.Filesystem) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(fs, cache.NewObjectLRUDefault(), filesystem.Options{
		KeepDescriptors:      true,
		LargeObjectThreshold: largeObject,
		ExclusiveAccess:      false,
	})
}

// Close releases the files that the store holds open.
func (s *store) Close() error {
	errs := []error{s.Storage.Close(), s.packs.Close()}
	if s.fast != nil {
		errs = append(errs, s.fast.Close())
	}
	for _, b := range s.borrowed {
		errs = append(errs, b.Close())
	}
	return errors.Join(errs...)
}

// EncodedObject returns the object from the first repository that has it.
func (s *store) EncodedObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	if s.fast != nil {
		return s.fast.object(t, h)
	}
	o, err := s.Storage.EncodedObject(t, h)
	for _, b := range s.borrowed {
		if !errors.Is(err, plumbing.ErrObjectNotFound) {
			break
		}
		o, err = b.EncodedObject(t, h)
	}
	return o, err
}

// DeltaObject is EncodedObject for the pack encoder, which can use a delta as it is stored.
func (s *store) DeltaObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	o, err := s.Storage.DeltaObject(t, h)
	for _, b := range s.borrowed {
		if !errors.Is(err, plumbing.ErrObjectNotFound) {
			break
		}
		o, err = b.DeltaObject(t, h)
	}
	return o, err
}

// HasEncodedObject returns nil when one of the repositories has the object.
func (s *store) HasEncodedObject(h plumbing.Hash) error {
	if s.packs != nil {
		return s.packs.find(h)
	}
	if s.fast != nil {
		_, err := s.fast.object(plumbing.AnyObject, h)
		return err
	}
	err := s.Storage.HasEncodedObject(h)
	for _, b := range s.borrowed {
		if err == nil {
			break
		}
		err = b.HasEncodedObject(h)
	}
	return err
}

// EncodedObjectSize returns the object's size in bytes.
func (s *store) EncodedObjectSize(h plumbing.Hash) (int64, error) {
	n, err := s.Storage.EncodedObjectSize(h)
	for _, b := range s.borrowed {
		if err == nil {
			break
		}
		n, err = b.EncodedObjectSize(h)
	}
	return n, err
}

// HashesWithPrefix returns all objects whose hash begins with the bytes.
func (s *store) HashesWithPrefix(prefix []byte) ([]plumbing.Hash, error) {
	all, err := s.Storage.HashesWithPrefix(prefix)
	for _, b := range s.borrowed {
		if err != nil {
			break
		}
		var more []plumbing.Hash
		more, err = b.HashesWithPrefix(prefix)
		all = append(all, more...)
	}
	return all, err
}

// commit returns the commit that h is, or that the annotated tag h stands for.
func (s *store) commit(h plumbing.Hash) (*object.Commit, error) {
	for range 16 { // tags of tags exist; endless chains do not
		tag, err := object.GetTag(s, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return object.GetCommit(s, h)
		}
		if err != nil {
			return nil, err
		}
		h = tag.Target
	}
	return nil, fmt.Errorf("the tag %s leads to no commit", h)
}

// commitsWithPrefix returns the commits whose SHA begins with the hex digits.
func (s *store) commitsWithPrefix(digits string) ([]*object.Commit, error) {
	digits = strings.ToLower(digits)
	prefix, err := hex.DecodeString(digits[:len(digits)&^1])
	if err != nil {
		return nil, fmt.Errorf("the abbreviated commit %q: %w", digits, err)
	}
	hashes, err := s.HashesWithPrefix(prefix)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(hashes, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	var found []*object.Commit
	for _, h := range slices.Compact(hashes) {
		if !strings.HasPrefix(h.String(), digits) {
			continue
		}
		c, err := object.GetCommit(s, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue // a tree, blob or tag
		}
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, nil
}

// isAbbreviation tells whether rev can be an abbreviated SHA.
func isAbbreviation(rev string) bool {
	return len(rev) >= 4 && len(rev) < 40 && strings.Trim(strings.ToLower(rev), "0123456789abcdef") == ""
}

// ambiguous is the error for an abbreviation that several commits have.
func ambiguous(rev string, found []*object.Commit) *Error {
	lines := make([]string, 0, len(found))
	for _, c := range found[:min(len(found), 10)] {
		lines = append(lines, fmt.Sprintf("  %s %s", c.Hash.String()[:12], shorten(subject(c.Message), 60)))
	}
	return &Error{
		Kind: KindNoCommit, Message: fmt.Sprintf("the abbreviated commit %s is ambiguous: %d commits begin so", rev, len(found)),
		Hint: "Give more digits. The commits are:\n" + strings.Join(lines, "\n"),
	}
}

// alternates lists the objects folders that the one at dir borrows from, and those that these borrow from in turn.
func alternates(dir string) ([]string, error) {
	seen, queue := map[string]bool{dir: true}, []string{dir}
	var out []string
	for len(queue) > 0 {
		dir, queue = queue[0], queue[1:]
		text, err := readSmall(filepath.Join(dir, "info", "alternates"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			next := strings.TrimRight(line, "\r\n")
			if next == "" || strings.HasPrefix(next, "#") {
				continue
			}
			if !filepath.IsAbs(next) {
				next = filepath.Join(dir, next)
			}
			if next = filepath.Clean(next); !seen[next] {
				seen[next] = true
				out, queue = append(out, next), append(queue, next)
			}
		}
	}
	return out, nil
}

// readSmall reads a file of git's, none of which is large; what is behind the bound is ignored.
func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, 4<<20))
	return string(b), err
}
