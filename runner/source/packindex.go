package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
)

// packIndexes tells which objects the packs of a repository have. It looks them up in the files, where go-git would read the
// whole index first, which takes longer than most of a small fetch.
type packIndexes []*os.File

// The version 2 of the format: a signature and the version, for each first byte how many objects have that or a smaller one,
// and then their hashes in order.
const (
	indexHeader = "\xfftOc\x00\x00\x00\x02"
	indexFanout = int64(len(indexHeader))
	indexHashes = indexFanout + 256*4
)

// openPackIndexes opens those of the repository gitDir. Packs that appear later are not seen.
func openPackIndexes(gitDir string) (packIndexes, error) {
	dir := filepath.Join(gitDir, "objects", "pack")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := packIndexes{}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".idx" {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, errors.Join(err, out.Close())
		}
		out = append(out, f)
		header := make([]byte, len(indexHeader))
		if _, err := f.ReadAt(header, 0); err != nil || string(header) != indexHeader {
			return nil, errors.Join(&damagedError{fmt.Sprintf("%s is not an index of a pack", e.Name())}, out.Close())
		}
	}
	return out, nil
}

// Close closes the files.
func (p packIndexes) Close() error {
	var errs []error
	for _, f := range p {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// find returns nil when one of the packs has the object, and else plumbing.ErrObjectNotFound.
func (p packIndexes) find(h plumbing.Hash) error {
	for _, f := range p {
		found, err := inIndex(f, h)
		if err != nil {
			return err
		}
		if found {
			return nil
		}
	}
	return plumbing.ErrObjectNotFound
}

func inIndex(f *os.File, h plumbing.Hash) (bool, error) {
	var fanout [8]byte
	at := indexFanout + 4*int64(h[0]) - 4
	part := fanout[:]
	if h[0] == 0 { // there is no number in front
		at, part = at+4, fanout[4:]
	}
	if _, err := f.ReadAt(part, at); err != nil {
		return false, err
	}
	from, to := int64(binary.BigEndian.Uint32(fanout[:4])), int64(binary.BigEndian.Uint32(fanout[4:]))
	for from < to {
		middle := (from + to) / 2
		var found plumbing.Hash
		if _, err := f.ReadAt(found[:], indexHashes+middle*int64(len(found))); err != nil {
			return false, err
		}
		switch bytes.Compare(h[:], found[:]) {
		case 0:
			return true, nil
		case -1:
			to = middle
		default:
			from = middle + 1
		}
	}
	return false, nil
}
