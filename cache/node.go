package cache

import (
	"cmp"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// kind is what a node is; there are no others in a cache.
type kind uint8

const (
	file kind = iota
	folder
	link
)

const (
	maxName   = 255  // bytes of one path component, as in every file system we know
	maxTarget = 4095 // bytes of a link's target, Linux's limit
)

// node is one file, folder or link of a cached tree.
type node struct {
	path   string // slash-separated, relative to the project root
	kind   kind
	parent bool        // a folder that is not cached itself, only something below it
	mode   fs.FileMode // permission bits only; meaningless for links
	mtime  time.Time
	size   int64  // of a file, in bytes
	target string // of a link
	refs   []ref  // of a file: where its pieces are
	stamp  stamp  // of a file in a workspace
}

func (n node) name() string { return n.path[strings.LastIndexByte(n.path, '/')+1:] }

// like reports whether n and o are the same but for what a file holds.
func (n node) like(o node) bool {
	return n.path == o.path && n.kind == o.kind && n.parent == o.parent && n.target == o.target && n.size == o.size &&
		(n.kind == link || n.mode == o.mode) && n.mtime.Equal(o.mtime)
}

// totals count what is in a tree.
type totals struct {
	Files   int   `json:"files"`
	Links   int   `json:"links"`
	Folders int   `json:"folders"`
	Bytes   int64 `json:"bytes"` // content of the files
}

func (t *totals) add(n node) {
	switch n.kind {
	case file:
		t.Files++
		t.Bytes += n.size
	case folder:
		t.Folders++
	case link:
		t.Links++
	}
}

func (t *totals) nodes() int { return t.Files + t.Links + t.Folders }

// limits bound what goes into an entry and what is accepted from one.
type limits struct {
	bytes int64 // content
	nodes int
}

func (l limits) check(t totals) error {
	if t.Bytes > l.bytes {
		return errTooBig(fmt.Sprintf("the cached files hold more than %s", size(l.bytes)))
	}
	if t.nodes() > l.nodes {
		return errTooBig(fmt.Sprintf("there are more than %d cached files and folders", l.nodes))
	}
	return nil
}

// errTooBig says that a tree or an entry exceeds a limit; its text is a reason for people.
type errTooBig string

func (e errTooBig) Error() string { return string(e) }

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// inWalk compares two paths by when a walk comes to them: / is before every other byte that a path can have.
func inWalk(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		switch {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return 1
		default:
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// localPath reports whether p is a clean path of at least one component that stays below where it starts. The
// components are what a kernel takes; a backslash is an ordinary character.
func localPath(p string) bool {
	if p == "" || strings.ContainsRune(p, 0) {
		return false
	}
	for c := range strings.SplitSeq(p, "/") {
		if c == "" || c == "." || c == ".." {
			return false
		}
	}
	return true
}
