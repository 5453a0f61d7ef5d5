package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// treeWriter writes the files of one commit.
type treeWriter struct {
	*job
	folders    []string  // those above before those below
	files      []planned // folder by folder
	submodules []string
	entries    []*index.Entry // sorted by path; each file's is filled in when it is written

	mu         sync.Mutex // for what the workers find
	attributes attributes
	pointers   []lfsFile // files that look like pointers of Git LFS
	written    int
}

// planned is a file or a link that is to be written.
type planned struct {
	dir  string
	from object.TreeEntry
	to   *index.Entry
}

func (p planned) path() string { return joinPath(p.dir, p.from.Name) }

// folderTree is a folder of which the tree has to be read.
type folderTree struct {
	dir  string
	tree plumbing.Hash
}

// plan reads the trees, level by level, and refuses what must not be written.
func (w *treeWriter) plan(ctx context.Context, from objects, c *object.Commit) error {
	level := []folderTree{{"", c.TreeHash}}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxTreeDepth {
			return hostile(level[0].dir, "", fmt.Sprintf("it is nested more than %d folders deep", maxTreeDepth))
		}
		var next []folderTree
		wanted := make([]plumbing.Hash, len(level))
		for n, f := range level {
			wanted[n] = f.tree
		}
		err := from.each(ctx, wanted, func(n int, o readObject) error {
			t, err := readTree(o)
			if err == nil {
				err = checkTree(level[n].dir, t)
			}
			if err == nil {
				next, err = w.planFolder(level[n].dir, t, next)
			}
			return err
		})
		var refused *Error
		if err != nil && !errors.As(err, &refused) {
			return fmt.Errorf("reading the folders of the commit: %w", err)
		}
		if err != nil {
			return err
		}
		level = next
	}
	slices.SortFunc(w.entries, func(a, b *index.Entry) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(w.submodules)
	return nil
}

// maxTree bounds one folder's list of names, in bytes.
const maxTree = 256 << 20

func readTree(o readObject) (*object.Tree, error) {
	if o.kind != plumbing.TreeObject || o.size > maxTree {
		return nil, fmt.Errorf("a folder is a %s of %d bytes: %w", o.kind, o.size, plumbing.ErrObjectNotFound)
	}
	text, err := io.ReadAll(o.r)
	if err != nil {
		return nil, err
	}
	return parseTree(text)
}

// parseTree reads a folder's list of names. go-git's reader is made for large ones: it takes longer than git does to unpack.
func parseTree(text []byte) (*object.Tree, error) {
	t := &object.Tree{}
	for len(text) > 0 {
		mode, rest, ok := bytes.Cut(text, []byte{' '})
		name, hash, named := bytes.Cut(rest, []byte{0})
		if !ok || !named || len(hash) < len(plumbing.ZeroHash) {
			return nil, errors.New("a folder is cut off")
		}
		m, err := filemode.New(string(mode))
		if err != nil {
			return nil, fmt.Errorf("a folder has an entry with the mode %q", mode)
		}
		e := object.TreeEntry{Name: string(name), Mode: m}
		text = hash[copy(e.Hash[:], hash):]
		t.Entries = append(t.Entries, e)
	}
	return t, nil
}

func (w *treeWriter) planFolder(dir string, t *object.Tree, next []folderTree) ([]folderTree, error) {
	for _, e := range t.Entries {
		if len(w.entries)+len(w.folders) >= maxTreeEntries {
			return nil, hostile(dir, e.Name, fmt.Sprintf("the commit has more than %d files", maxTreeEntries))
		}
		name := joinPath(dir, e.Name)
		switch e.Mode {
		case filemode.Dir:
			w.folders = append(w.folders, name)
			next = append(next, folderTree{name, e.Hash})
		case filemode.Submodule:
			w.folders = append(w.folders, name)
			w.submodules = append(w.submodules, name)
			w.entries = append(w.entries, &index.Entry{Name: name, Mode: e.Mode, Hash: e.Hash})
		default:
			to := &index.Entry{Name: name}
			w.files = append(w.files, planned{dir: dir, from: e, to: to})
			w.entries = append(w.entries, to)
		}
	}
	return next, nil
}

func (w *treeWriter) makeFolders() error {
	to, err := newTrail(w.dest.root)
	if err != nil {
		return err
	}
	defer to.Close()
	for _, dir := range w.folders {
		in, err := to.to(parent(dir))
		if err == nil {
			err = in.mkdir(path.Base(dir))
		}
		if err != nil {
			return writing(dir, err)
		}
	}
	return nil
}

// writing explains why a path could not be written.
func writing(path string, err error) error {
	if errors.Is(err, os.ErrExist) {
		return hostile("", path, "it collides with another path, possibly because this file system ignores case")
	}
	return fmt.Errorf("writing %q: %w", path, err)
}

// writeFiles writes one part of the files, as soon as the channel says that the folders were made.
func (w *treeWriter) writeFiles(ctx context.Context, from objects, list []planned, folders <-chan struct{}) error {
	to, err := newTrail(w.dest.root)
	if err != nil {
		return err
	}
	defer to.Close()
	buf := make([]byte, 64<<10)
	wanted := make([]plumbing.Hash, len(list))
	for n, f := range list {
		wanted[n] = f.from.Hash
	}
	return from.each(ctx, wanted, func(n int, o readObject) error {
		<-folders
		if ctx.Err() != nil {
			return ctx.Err() // because they could not be made
		}
		p := list[n]
		in, err := to.to(p.dir)
		if err == nil && o.kind != plumbing.BlobObject {
			err = fmt.Errorf("it is a %s: %w", o.kind, plumbing.ErrObjectNotFound)
		}
		var now stat
		if err == nil && p.from.Mode == filemode.Symlink {
			now, err = writeLink(in, p.from.Name, o)
		} else if err == nil {
			now, err = w.writeFile(in, p, o, buf)
		}
		if err != nil {
			return writing(p.path(), err)
		}
		*p.to = *cleanEntry(p.path(), p.from.Mode, p.from.Hash, now)
		w.count()
		return nil
	})
}

func (w *treeWriter) count() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written++
	w.progress.tick("checking out files: %d", w.written)
}

func writeLink(in *folder, name string, o readObject) (stat, error) {
	if o.size == 0 || o.size > maxLinkTarget {
		return stat{}, fmt.Errorf("a link with a target of %d bytes", o.size)
	}
	target, err := io.ReadAll(o.r)
	if err != nil {
		return stat{}, err
	}
	if bytes.IndexByte(target, 0) >= 0 {
		return stat{}, errors.New("a link with a zero byte in its target")
	}
	return in.symlink(string(target), name)
}

func (w *treeWriter) writeFile(in *folder, p planned, o readObject, buf []byte) (now stat, err error) {
	perm := os.FileMode(0o644)
	if p.from.Mode == filemode.Executable {
		perm = 0o755
	}
	f, err := in.create(p.from.Name, perm)
	if err != nil {
		return stat{}, err
	}
	defer func() {
		is, closed := f.close()
		now, err = is, errors.Join(err, closed)
	}()
	var small bytes.Buffer
	from := o.r
	attributes := p.from.Name == ".gitattributes" && o.size <= maxAttributes
	if attributes || o.size <= maxPointer {
		from = io.TeeReader(from, &small)
	}
	if _, err = io.CopyBuffer(f, from, buf); err != nil {
		return stat{}, err
	}
	if attributes {
		w.mu.Lock()
		w.attributes.add(p.dir, small.String())
		w.mu.Unlock()
	}
	if found, ok := parsePointer(small.Bytes()); ok {
		w.mu.Lock()
		w.pointers = append(w.pointers, lfsFile{pointer: found, path: p.path(), perm: perm, entry: p.to})
		w.mu.Unlock()
	}
	return stat{}, nil
}

// lfsFiles are the pointers that belong to Git LFS, in the order of their paths. Their entries in the index take the state
// of the file's content when it is there.
func (w *treeWriter) lfsFiles() []lfsFile {
	slices.SortFunc(w.pointers, func(a, b lfsFile) int { return strings.Compare(a.path, b.path) })
	var out []lfsFile
	for _, p := range w.pointers {
		if w.attributes.lfs(p.path) {
			out = append(out, p)
		}
	}
	return out
}
