package source

import (
	"bytes"
	"encoding/hex"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// maxPointer is the size in bytes from which on a file is no pointer of Git LFS.
const maxPointer = 1024

// pointer is what a commit has in place of a file of Git LFS.
type pointer struct {
	oid  string // SHA-256 of the content, in lower case
	size int64
}

// object is where Git LFS keeps the content, below the folder lfs of a repository.
func (p pointer) object() string { return path.Join("objects", p.oid[:2], p.oid[2:4], p.oid) }

// parsePointer reads a pointer. One with extensions is none for us: its content is the output of a program.
func parsePointer(text []byte) (pointer, bool) {
	var p pointer
	if len(text) == 0 || len(text) > maxPointer || !bytes.HasPrefix(text, []byte("version ")) {
		return p, false
	}
	for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		key, value, ok := strings.Cut(line, " ")
		if !ok || (n == 0) != (key == "version") {
			return p, false
		}
		switch key {
		case "version":
			if value != "https://git-lfs.github.com/spec/v1" && value != "http://git-media.io/v/2" && value != "https://hawser.github.com/spec/v1" {
				return p, false
			}
		case "oid":
			oid, ok := strings.CutPrefix(value, "sha256:")
			if _, err := hex.DecodeString(oid); !ok || err != nil || len(oid) != 64 || oid != strings.ToLower(oid) {
				return p, false
			}
			p.oid = oid
		case "size":
			size, err := strconv.ParseInt(value, 10, 64)
			if err != nil || size < 0 {
				return p, false
			}
			p.size = size
		default:
			return p, false
		}
	}
	return p, p.oid != ""
}

// lfsFile is a pointer in a work tree.
type lfsFile struct {
	pointer
	path  string
	perm  os.FileMode
	entry *index.Entry // to be brought up to date when the content is there
}
