package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// View is what a commit holds, as a file system, without a checkout. Of links, of what is in submodules, of files that Git
// LFS keeps apart and of those larger than 8 MiB it knows only that they are there: whoever asks for more is told
// ErrNoPeek, and Exact is false from then on. Times are zero. It may be used concurrently.
type View struct {
	head    *Head
	mu      sync.Mutex
	store   *store
	release func() error
	trees   map[plumbing.Hash]*object.Tree
	inexact atomic.Bool
}

var (
	_ fs.ReadDirFS = (*View)(nil)
	_ fs.StatFS    = (*View)(nil)
)

// View opens the commit for reading. It has to be closed, and soon: until then others wait for the mirror. ctx has to live
// as long as it does. The error is ErrNoPeek when the mirror is gone.
func (h *Head) View(ctx context.Context) (*View, error) {
	s, release, err := h.open(ctx)
	if err != nil {
		return nil, err
	}
	return &View{head: h, store: s, release: release, trees: map[plumbing.Hash]*object.Tree{}}, nil
}

// Close lets go of the repository.
func (v *View) Close() error { return v.release() }

// Exact reports whether all that was asked was answered as a checkout would have done.
func (v *View) Exact() bool { return !v.inexact.Load() }

// Stat implements fs.StatFS.
func (v *View) Stat(name string) (fs.FileInfo, error) {
	e, err := v.find("stat", name)
	if err != nil {
		return nil, err
	}
	if e.mode() == fs.ModeSymlink {
		return nil, v.unknown("stat", name)
	}
	if e.mode().IsRegular() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if e.size, err = v.store.EncodedObjectSize(e.entry.Hash); err != nil {
			return nil, v.failed("stat", name, err)
		}
	}
	return e, nil
}

// ReadDir implements fs.ReadDirFS.
func (v *View) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := v.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.entry.Mode != filemode.Dir {
		if e.mode().IsRegular() {
			return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
		}
		return nil, v.unknown("open", name)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	t, err := v.tree(e.entry.Hash)
	if err != nil {
		return nil, v.failed("open", name, err)
	}
	var out []fs.DirEntry
	for _, child := range t.Entries {
		out = append(out, viewEntry{&treeFile{entry: child}, v, path.Join(name, child.Name)})
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// Open implements fs.FS.
func (v *View) Open(name string) (fs.File, error) {
	e, err := v.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.entry.Mode == filemode.Dir {
		entries, err := v.ReadDir(name)
		return &treeFolder{treeFile: e, entries: entries}, err
	}
	if !e.mode().IsRegular() {
		return nil, v.unknown("open", name)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	text, err := readBlob(v.store, e.entry.Hash)
	if err != nil {
		return nil, v.failed("open", name, err)
	}
	if _, kept := parsePointer(text); text == nil || kept {
		return nil, v.unknown("open", name)
	}
	e.size, e.Reader = int64(len(text)), bytes.NewReader(text)
	return e, nil
}

func (v *View) find(op, name string) (*treeFile, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at := &treeFile{entry: object.TreeEntry{Name: ".", Mode: filemode.Dir, Hash: v.head.tree}}
	if name == "." {
		return at, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for part := range strings.SplitSeq(name, "/") {
		switch at.entry.Mode {
		case filemode.Dir:
		case filemode.Symlink, filemode.Submodule:
			return nil, v.unknown(op, name)
		default:
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		t, err := v.tree(at.entry.Hash)
		if err != nil {
			return nil, v.failed(op, name, err)
		}
		i := slices.IndexFunc(t.Entries, func(e object.TreeEntry) bool { return e.Name == part })
		if i < 0 {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		at = &treeFile{entry: t.Entries[i]}
	}
	return at, nil
}

func (v *View) tree(h plumbing.Hash) (*object.Tree, error) {
	if t, ok := v.trees[h]; ok {
		return t, nil
	}
	t, err := object.GetTree(v.store, h)
	if err == nil {
		v.trees[h] = t
	}
	return t, err
}

func (v *View) unknown(op, name string) error { return v.failed(op, name, ErrNoPeek) }

func (v *View) failed(op, name string, err error) error {
	v.inexact.Store(true)
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// treeFile is an entry of a tree: its facts and, when it was opened, its content.
type treeFile struct {
	entry object.TreeEntry
	size  int64
	*bytes.Reader
}

func (f *treeFile) mode() fs.FileMode {
	switch f.entry.Mode {
	case filemode.Dir, filemode.Submodule:
		return fs.ModeDir | 0o755
	case filemode.Symlink:
		return fs.ModeSymlink
	case filemode.Executable:
		return 0o755
	}
	return 0o644
}

func (f *treeFile) Name() string               { return path.Base(f.entry.Name) }
func (f *treeFile) Size() int64                { return f.size }
func (f *treeFile) Mode() fs.FileMode          { return f.mode() }
func (f *treeFile) ModTime() time.Time         { return time.Time{} }
func (f *treeFile) IsDir() bool                { return f.mode().IsDir() }
func (f *treeFile) Sys() any                   { return nil }
func (f *treeFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *treeFile) Close() error               { return nil }

// viewEntry is an entry of a listing, of which only Info costs more than the listing.
type viewEntry struct {
	*treeFile
	view *View
	path string
}

func (e viewEntry) Type() fs.FileMode { return e.mode().Type() }

func (e viewEntry) Info() (fs.FileInfo, error) {
	if e.Type() == fs.ModeSymlink {
		return e.treeFile, nil
	}
	return e.view.Stat(e.path)
}

// treeFolder is an open folder.
type treeFolder struct {
	*treeFile
	entries []fs.DirEntry
}

func (f *treeFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("is a directory")}
}

func (f *treeFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		all := f.entries
		f.entries = nil
		return all, nil
	}
	if len(f.entries) == 0 {
		return nil, io.EOF
	}
	some := f.entries[:min(n, len(f.entries))]
	f.entries = f.entries[len(some):]
	return some, nil
}
