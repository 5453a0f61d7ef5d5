package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// deltaWindow is how many objects go-git compares each one with when it packs without git: it keeps the pack of a
// long history from growing to many times its size.
const deltaWindow = 10

// storePack writes a pack that comes from elsewhere into the destination's .git, with its index.
func (j *job) storePack(ctx context.Context, pack io.Reader) error {
	if j.git == "" {
		return j.indexPack(ctx, pack)
	}
	start, err := io.ReadAll(io.LimitReader(withContext(ctx, pack), smallPack))
	if err != nil {
		return err
	}
	if len(start) < smallPack {
		return j.indexPack(ctx, bytes.NewReader(start))
	}
	in := &failing{r: io.MultiReader(bytes.NewReader(start), pack)}
	err = j.git.run(ctx, j.dest.gitDir(), nil, in, "index-pack", "--stdin")
	if in.err != nil {
		return in.err // git only says that its input ended early; this is why
	}
	return err
}

// smallPack is up to how many bytes of a pack go-git has indexed before git has started.
const smallPack = 64 << 10

// indexPack is storePack without git.
func (j *job) indexPack(ctx context.Context, pack io.Reader) error {
	s, err := openStore(j.dest.gitDir(), j.dest.gitDir(), nil)
	if err != nil {
		return err
	}
	err = packfile.UpdateObjectStorage(s.Storage, withContext(ctx, pack))
	return errors.Join(err, s.Close())
}

// failing remembers why a reader ended.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// withContext makes a reader end when ctx does.
func withContext(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(b []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(b)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// transfer packs what the wanted commits reach in a repository on this machine, and the annotated tags on it, into the
// destination's .git. With a git program that takes a fraction of the time, unless it is done before git has started; the result
// means the same.
func (j *job) transfer(ctx context.Context, src *repository, wants []plumbing.Hash, refs *refList) error {
	// The end of a shallow history has to be known before anybody walks it.
	if err := j.writeShallow(refs.shallow); err != nil {
		return err
	}
	if j.git != "" && !fewObjects(src.objectDirs) {
		err := j.transferByGit(ctx, src, wants, refs)
		if err == nil || ctx.Err() != nil {
			return err
		}
		j.progress.step("packing without git, because: %v", err)
	}
	return j.transferByGoGit(ctx, src, wants, refs)
}

// handful is how many files of objects, and how many bytes of them, are packed before git has started. It is changed by tests alone.
var handful = struct {
	files int
	bytes int64
}{128, 256 << 10}

// fewObjects reports whether there are no more in folders of objects.
func fewObjects(dirs []string) bool {
	files, size := 0, int64(0)
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			files, size = files+1, size+info.Size()
			if files > handful.files || size > handful.bytes {
				return errMany
			}
			return nil
		})
		if err != nil {
			return false
		}
	}
	return true
}

var errMany = errors.New("many objects")

// transferByGit runs git in the destination's repository, which borrows the source's objects for as long as that
// takes: so nothing is written into the source, not even a temporary file, and its configuration is not read.
func (j *job) transferByGit(ctx context.Context, src *repository, wants []plumbing.Hash, refs *refList) error {
	// git includes those annotated tags whose commit it packs, for the tags that it sees. The file is written anew
	// with what was really there, later.
	if err := j.writePackedRefs(tagRefs(refs.tags)); err != nil {
		return err
	}
	var revs bytes.Buffer
	for _, h := range wants {
		fmt.Fprintln(&revs, h)
	}
	return j.git.run(ctx, j.dest.gitDir(), src.objectDirs, &revs,
		"pack-objects", "--revs", "--include-tag", "--delta-base-offset", "--window=0", "-q", filepath.Join("objects", "pack", "pack"))
}

func (j *job) transferByGoGit(ctx context.Context, src *repository, wants []plumbing.Hash, refs *refList) (err error) {
	w := walker{store: src.store, seen: map[plumbing.Hash]bool{}, shallow: map[plumbing.Hash]bool{}}
	for _, h := range refs.shallow {
		w.shallow[h] = true
	}
	for _, h := range wants {
		if err := w.tag(h, true); err != nil {
			return err
		}
	}
	if err := w.walk(ctx); err != nil {
		return unreadable(src, err)
	}
	for _, h := range refs.tags {
		if err := w.tag(h, false); err != nil {
			return err
		}
	}
	out, err := openStore(j.dest.gitDir(), j.dest.gitDir(), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	pack, err := out.PackfileWriter()
	if err != nil {
		return err
	}
	stoppable := writerFunc(func(b []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return pack.Write(b)
	})
	_, err = packfile.NewEncoder(stoppable, src.store, false).Encode(w.found, deltaWindow)
	return errors.Join(unreadable(src, err), pack.Close())
}

// limitHistory ends the history of the copy at the commit when the source is a partial clone, of which older files may
// never have been fetched.
func (j *job) limitHistory(src *repository, refs *refList, h plumbing.Hash) {
	if src.partial() {
		refs.shallow = append(refs.shallow, h)
		j.notice("the repository is a partial clone: only the last commit goes along, not the history before it")
	}
}

// walker collects what commits reach.
type walker struct {
	store   *store
	shallow map[plumbing.Hash]bool // commits whose parents are not there
	seen    map[plumbing.Hash]bool
	found   []plumbing.Hash
	commits []plumbing.Hash // still to walk
}

func (w *walker) add(h plumbing.Hash) bool {
	if w.seen[h] {
		return false
	}
	w.seen[h] = true
	w.found = append(w.found, h)
	return true
}

// tag adds the tag objects from h down to the object they stand for: always, or only when that object was found.
func (w *walker) tag(h plumbing.Hash, want bool) error {
	var chain []plumbing.Hash
	for range 16 {
		tag, err := object.GetTag(w.store, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			break
		}
		if err != nil {
			return err
		}
		chain = append(chain, h)
		h = tag.Target
	}
	if !want && !w.seen[h] {
		return nil
	}
	for _, t := range chain {
		w.add(t)
	}
	if want {
		w.commits = append(w.commits, h)
	}
	return nil
}

func (w *walker) walk(ctx context.Context) error {
	for len(w.commits) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		h := w.commits[len(w.commits)-1]
		w.commits = w.commits[:len(w.commits)-1]
		if !w.add(h) {
			continue
		}
		c, err := object.GetCommit(w.store, h)
		if err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		if !w.shallow[h] {
			w.commits = append(w.commits, c.ParentHashes...)
		}
		if err := w.tree(c.TreeHash); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) tree(root plumbing.Hash) error {
	trees := []plumbing.Hash{root}
	for len(trees) > 0 {
		h := trees[len(trees)-1]
		trees = trees[:len(trees)-1]
		if !w.add(h) {
			continue
		}
		t, err := object.GetTree(w.store, h)
		if err != nil {
			return fmt.Errorf("tree %s: %w", h, err)
		}
		for _, e := range t.Entries {
			switch e.Mode {
			case filemode.Submodule: // a commit of another repository
			case filemode.Dir:
				trees = append(trees, e.Hash)
			default:
				w.add(e.Hash)
			}
		}
	}
	return nil
}

// unreadable explains an object that is missing in the user's repository.
func unreadable(src *repository, err error) error {
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return err
	}
	e := &Error{
		Kind: KindNotRepository, Err: err,
		Message: fmt.Sprintf("the repository %s lacks a part of its history: %v", src.gitDir, err),
		Hint:    "Check it with: git fsck",
	}
	if src.partial() {
		e.Message = fmt.Sprintf("the repository %s is a partial clone, which lacks files of this commit", src.gitDir)
		e.Hint = "Fetch the rest first: git fetch --refetch --no-filter\nOr build from the URL instead."
	}
	return e
}
