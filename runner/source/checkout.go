package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// checkOut writes the files of the commit and the index.
//
// It does not use go-git's work tree, which refuses names that git allows (a newline, a backslash) and reads all files
// back. Each folder is created exactly once and then only addressed through its own os.Root, and each file is created
// exclusively: whatever a tree says, nothing is written through a link or over another file.
//
// Then it fills in what the commit only names: the files of Git LFS, and the submodules.
func (j *job) checkOut(ctx context.Context, s *store, c *object.Commit, up upstream) error {
	w := &treeWriter{job: j, store: s, attributes: attributes{}}
	if err := w.folder(ctx, j.dest.root, "", c.TreeHash, 0); err != nil {
		return err
	}
	if err := j.fillPointers(ctx, w.lfsFiles(), up); err != nil {
		return err
	}
	if err := j.writeIndex(w.entries); err != nil {
		return err
	}
	switch {
	case len(w.submodules) == 0:
		return nil
	case j.Request.Submodules == "none":
		j.notice("submodules are not checked out: %s", few(w.submodules))
		return nil
	}
	return j.checkOutSubmodules(ctx, w.entries, up)
}

// upstream is where a checkout comes from, and where what belongs to it may be found.
type upstream struct {
	remote remote
	auth   Auth
	branch string
	repo   *repository // on this machine; nil for a server's
	// offline is true for a repository of the user's: nothing is fetched for it that it does not have itself.
	offline bool
}

// upstream is the repository as the source of a checkout of it. Its remote is only there to name things.
func (r *repository) upstream(origin, branch string) upstream {
	up := upstream{repo: r, branch: branch, offline: true}
	if known, _, err := parseRemote(origin); err == nil && origin != "" {
		up.remote = known
	}
	return up
}

type treeWriter struct {
	*job
	store      *store
	entries    []*index.Entry
	submodules []string
	pointers   []lfsFile // files that look like pointers of Git LFS
	attributes attributes
}

// folder fills the folder at dir, whose root is given, with the tree.
func (w *treeWriter) folder(ctx context.Context, root *os.Root, dir string, tree plumbing.Hash, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxTreeDepth {
		return hostile(dir, "", fmt.Sprintf("it is nested more than %d folders deep", maxTreeDepth))
	}
	t, err := object.GetTree(w.store, tree)
	if err != nil {
		return fmt.Errorf("reading the folder %q of the commit: %w", dir, err)
	}
	if err := checkTree(dir, t); err != nil {
		return err
	}
	for _, e := range t.Entries {
		if len(w.entries) >= maxTreeEntries {
			return hostile(dir, e.Name, fmt.Sprintf("the commit has more than %d files", maxTreeEntries))
		}
		if err := w.entry(ctx, root, dir, e, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *treeWriter) entry(ctx context.Context, root *os.Root, dir string, e object.TreeEntry, depth int) error {
	path := joinPath(dir, e.Name)
	var err error
	switch e.Mode {
	case filemode.Dir, filemode.Submodule:
		if err = root.Mkdir(e.Name, 0o755); err != nil {
			break
		}
		if e.Mode == filemode.Submodule {
			w.submodules = append(w.submodules, path)
			w.entries = append(w.entries, &index.Entry{Name: path, Mode: e.Mode, Hash: e.Hash})
			return nil
		}
		sub, err := root.OpenRoot(e.Name)
		if err != nil {
			return fmt.Errorf("writing %q: %w", path, err)
		}
		return errors.Join(w.folder(ctx, sub, path, e.Hash, depth+1), sub.Close())
	case filemode.Symlink:
		err = w.link(root, e)
	default:
		err = w.file(root, path, e)
	}
	if errors.Is(err, os.ErrExist) {
		return hostile(dir, e.Name, "it collides with another path, possibly because this file system ignores case")
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	info, err := root.Lstat(e.Name)
	if err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	w.entries = append(w.entries, cleanEntry(path, e.Mode, e.Hash, info))
	w.progress.tick("checking out files: %d", len(w.entries))
	return nil
}

func (w *treeWriter) link(root *os.Root, e object.TreeEntry) error {
	b, err := object.GetBlob(w.store, e.Hash)
	if err != nil {
		return err
	}
	if b.Size == 0 || b.Size > maxLinkTarget {
		return fmt.Errorf("a link with a target of %d bytes", b.Size)
	}
	r, err := b.Reader()
	if err != nil {
		return err
	}
	target, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if bytes.IndexByte(target, 0) >= 0 {
		return errors.New("a link with a zero byte in its target")
	}
	return root.Symlink(string(target), e.Name)
}

func (w *treeWriter) file(root *os.Root, path string, e object.TreeEntry) (err error) {
	b, err := object.GetBlob(w.store, e.Hash)
	if err != nil {
		return err
	}
	r, err := b.Reader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	perm := os.FileMode(0o644)
	if e.Mode == filemode.Executable {
		perm = 0o755
	}
	f, err := root.OpenFile(e.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	var small bytes.Buffer
	from := io.Reader(r)
	attributes := e.Name == ".gitattributes" && b.Size <= maxAttributes
	if attributes || b.Size <= maxPointer {
		from = io.TeeReader(r, &small)
	}
	_, err = io.Copy(f, from)
	if attributes {
		w.attributes.add(parent(path), small.String())
	}
	if p, ok := parsePointer(small.Bytes()); ok {
		w.pointers = append(w.pointers, lfsFile{pointer: p, path: path, perm: perm})
	}
	return errors.Join(err, f.Close())
}

// lfsFiles are the pointers that belong to Git LFS. Their entries in the index take the state of the file's content when
// it is there.
func (w *treeWriter) lfsFiles() []lfsFile {
	at := make(map[string]*index.Entry, len(w.pointers))
	for _, p := range w.pointers {
		at[p.path] = nil
	}
	for n, e := range w.entries {
		if _, ok := at[e.Name]; ok {
			at[e.Name] = w.entries[n]
		}
	}
	var out []lfsFile
	for _, p := range w.pointers {
		if w.attributes.lfs(p.path) {
			p.entry = at[p.path]
			out = append(out, p)
		}
	}
	return out
}

// few lists names for one line.
func few(names []string) string {
	const shown = 5
	quoted := make([]string, 0, shown)
	for _, n := range names[:min(len(names), shown)] {
		quoted = append(quoted, oneLine(n))
	}
	line := strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	return line
}
