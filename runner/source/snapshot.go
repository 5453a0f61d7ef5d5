package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/sync/errgroup"
)

// fromWorkTree takes the files of the work tree at Path as they are now, on top of the history that HEAD has.
func (j *job) fromWorkTree(ctx context.Context) (_ *Checkout, err error) {
	repo, err := findRepository(j.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	branch, head, err := repo.head()
	if err != nil {
		return nil, err
	}
	s := &snapshot{job: j, repo: repo, branch: branch, head: head}
	return s.take(ctx)
}

// snapshot is the work of one fromWorkTree.
type snapshot struct {
	*job
	repo   *repository
	branch string        // that HEAD is on, "" when detached
	head   plumbing.Hash // zero without any commit
	index  map[string]*index.Entry
	stamp  time.Time // when the source's index was written
	files  map[string]copied
	subs   map[string]*snapshot // the submodules of HEAD that have a repository, by their folders
	out    Checkout
}

func (s *snapshot) take(ctx context.Context) (*Checkout, error) {
	origin := s.repo.originURL(s.branch)
	s.out = Checkout{
		Name: s.repo.name(origin), Branch: firstOf(s.Branch, s.branch), CloneURL: origin, WorkTree: true,
	}
	s.progress.step("taking the work tree of %s", s.out.Name)
	refs, err := s.repo.refs()
	if err != nil {
		return nil, err
	}
	if err := s.initGitDir(); err != nil {
		return nil, err
	}
	// The history is packed while the files are copied: one is work for the processor, the other for the disk.
	entries, err := s.readIndex()
	if err != nil {
		return nil, err
	}
	if !s.head.IsZero() {
		s.limitHistory(s.repo, refs, s.head)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if s.head.IsZero() {
			return nil
		}
		return s.transfer(groupCtx, s.repo, []plumbing.Hash{s.head}, refs)
	})
	var list *listing
	group.Go(func() (err error) {
		list, err = s.copyTree(groupCtx, entries)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := s.finish(ctx, refs, list, origin); err != nil {
		return nil, err
	}
	return s.done(&s.out), nil
}

// readIndex reads what is tracked. An index with an extension that go-git does not know is replaced by the tree of
// HEAD, which differs from it only in what was added or removed and not committed yet.
func (s *snapshot) readIndex() ([]*index.Entry, error) {
	var entries []*index.Entry
	idx, err := s.repo.store.Index()
	if err == nil {
		entries = idx.Entries
	} else {
		s.notice("the index of the repository cannot be read (%v): files that were added since the last commit count as untracked", err)
		if entries, err = s.headEntries(s.repo.store); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(filepath.Join(s.repo.gitDir, "index")); err == nil {
		s.stamp = info.ModTime()
	}
	s.index = make(map[string]*index.Entry, len(entries))
	for _, e := range entries {
		if e.Stage == 0 {
			s.index[e.Name] = e
		}
	}
	return entries, nil
}

// headEntries lists the tree of HEAD.
func (s *snapshot) headEntries(from *store) ([]*index.Entry, error) {
	if s.head.IsZero() {
		return nil, nil
	}
	c, err := from.commit(s.head)
	if err != nil {
		return nil, err
	}
	return flatten(from, "", c.TreeHash, nil, 0)
}

func flatten(from *store, dir string, tree plumbing.Hash, out []*index.Entry, depth int) ([]*index.Entry, error) {
	t, err := object.GetTree(from, tree)
	if err != nil {
		return nil, err
	}
	if depth > maxTreeDepth || len(out) > maxTreeEntries {
		return nil, hostile(dir, "", "the commit has too many files or folders in each other")
	}
	for _, e := range t.Entries {
		path := joinPath(dir, e.Name)
		if e.Mode != filemode.Dir {
			out = append(out, dirtyEntry(path, e.Mode, e.Hash))
			continue
		}
		if out, err = flatten(from, path, e.Hash, out, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *snapshot) copyTree(ctx context.Context, entries []*index.Entry) (_ *listing, err error) {
	root, err := os.OpenRoot(s.repo.workTree)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	list, err := s.list(ctx, s.repo, root, entries)
	if err != nil {
		return nil, err
	}
	s.files, err = s.copyFiles(ctx, root, list)
	return list, err
}

// finish writes .git around the copied files, and counts.
func (s *snapshot) finish(ctx context.Context, refs *refList, list *listing, origin string) (err error) {
	dst, err := openStore(s.dest.gitDir(), s.dest.gitDir(), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	l := layout{commit: s.head, branch: s.branch, config: s.repo.newConfig(origin)}
	if err := s.writeLayout(dst, refs, l); err != nil {
		return err
	}
	entries, err := s.headEntries(dst)
	if err != nil {
		return err
	}
	if err := s.takeSubmodules(ctx, entries, list); err != nil {
		return err
	}
	if err := s.compare(ctx, dst, entries, list); err != nil {
		return err
	}
	if s.head.IsZero() {
		s.notice("the repository has no commit yet: all files count as untracked")
		return nil
	}
	c, err := dst.commit(s.head)
	if err != nil {
		return err
	}
	s.out.Commit, s.out.Subject, s.out.Message = c.Hash.String(), subject(c.Message), c.Message
	return nil
}

// compare decides for each file of HEAD whether the copy still is that, and writes the index accordingly.
func (s *snapshot) compare(ctx context.Context, dst *store, entries []*index.Entry, list *listing) error {
	ignoreMode := s.repo.config("core")("filemode") == "false"
	links := map[string]bool{}
	for _, dir := range list.gitlink {
		links[dir] = true
	}
	inHead := make(map[string]bool, len(entries))
	at := make(map[string]*index.Entry, len(entries))
	for n, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		inHead[e.Name], at[e.Name] = true, e
		got, there := s.files[e.Name]
		switch {
		case e.Mode == filemode.Submodule:
			if !links[e.Name] {
				s.changed(e.Name, Deleted)
			} else if sub := s.subs[e.Name]; sub != nil && (sub.head != e.Hash || sub.out.Changed > 0) {
				s.changed(e.Name, Submodule)
			}
		case !there && s.index[e.Name] != nil && s.index[e.Name].SkipWorktree:
			e.SkipWorktree = true // a sparse checkout: not there, and not deleted either
		case !there:
			s.changed(e.Name, Deleted)
		default:
			same, err := s.same(dst, e, got, ignoreMode)
			if err != nil {
				return err
			}
			if !same {
				s.changed(e.Name, Modified)
				continue
			}
			entries[n] = cleanEntry(e.Name, e.Mode, e.Hash, statOf(got.dst))
			at[e.Name] = entries[n]
		}
	}
	s.countUntracked(inHead, list)
	slices.SortFunc(s.out.Dirty, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	if err := s.fillPointers(ctx, s.lfsFiles(at), s.repo.upstream("", s.branch)); err != nil {
		return err
	}
	return s.writeIndex(entries)
}

// changed counts a path of HEAD that is not as HEAD has it.
func (s *snapshot) changed(path string, kind ChangeKind) {
	s.out.Changed++
	s.out.Dirty = append(s.out.Dirty, Change{Path: path, Kind: kind})
}

func (s *snapshot) countUntracked(inHead map[string]bool, list *listing) {
	var submodules []string // whose files git status does not look at
	for _, dir := range list.gitlink {
		if inHead[dir] {
			submodules = append(submodules, dir+"/")
		}
	}
	for path := range s.files {
		hidden := inHead[path]
		for _, prefix := range submodules {
			hidden = hidden || strings.HasPrefix(path, prefix)
		}
		if !hidden {
			s.out.Untracked++
			s.out.Dirty = append(s.out.Dirty, Change{Path: path, Kind: Added})
		}
	}
	if plain := s.plainNested(list); len(plain) > 0 {
		s.notice("repositories inside the repository are taken as plain folders, without their .git: %s", few(plain))
	}
	if len(list.odd) > 0 {
		s.notice("skipped, because they are neither files nor folders nor links: %s", few(list.odd))
	}
}

// same tells whether the copied file is the one that the entry of HEAD says. Where the source's index knows the file
// and it was not touched since, the content is not read.
func (s *snapshot) same(dst *store, e *index.Entry, got copied, ignoreMode bool) (bool, error) {
	mode := modeOf(got.src)
	if (mode == filemode.Symlink) != (e.Mode == filemode.Symlink) || (mode != e.Mode && !ignoreMode) {
		return false, nil
	}
	known := s.index[e.Name]
	if known != nil && known.Hash == e.Hash && !known.IntentToAdd && s.untouched(known, got.src) {
		return true, nil
	}
	h, err := s.hash(e.Name, got.dst)
	if err != nil {
		return false, fmt.Errorf("reading the copy of %s: %w", e.Name, err)
	}
	if h == e.Hash || mode == filemode.Symlink {
		return h == e.Hash, nil
	}
	return s.sameLFS(dst, e, got.dst)
}

func modeOf(info os.FileInfo) filemode.FileMode {
	switch {
	case info.Mode().Type() == os.ModeSymlink:
		return filemode.Symlink
	case info.Mode().Perm()&0o100 != 0:
		return filemode.Executable
	default:
		return filemode.Regular
	}
}

// untouched compares the file with what git noted about it. A file that is as young as the index may have been changed
// right after git looked at it, without its time showing that.
func (s *snapshot) untouched(known *index.Entry, info os.FileInfo) bool {
	modified := info.ModTime()
	st := statOf(info)
	return known.Size == uint32(info.Size()) && // git keeps the low 32 bits, too
		sameTime(known.ModifiedAt, modified) && sameTime(known.CreatedAt, st.changed) &&
		(known.Inode == 0 || known.Inode == st.inode) &&
		modified.Before(s.stamp)
}

// sameTime compares a time of the index, which may lack the fraction of the second or be unset, with a file's.
func sameTime(noted, now time.Time) bool {
	if noted.IsZero() {
		return true
	}
	return noted.Unix() == now.Unix() && (noted.Nanosecond() == 0 || noted.Nanosecond() == now.Nanosecond())
}

// hash returns the blob that git would make of the copied file.
func (s *snapshot) hash(path string, info os.FileInfo) (plumbing.Hash, error) {
	return hashFile(s.dest.root, filepath.FromSlash(path), info)
}

// hashFile returns the blob that git would make of a file or link.
func hashFile(root *os.Root, name string, info os.FileInfo) (_ plumbing.Hash, err error) {
	if info.Mode().Type() == os.ModeSymlink {
		target, err := root.Readlink(name)
		return plumbing.ComputeHash(plumbing.BlobObject, []byte(target)), err
	}
	f, err := root.Open(name)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := plumbing.NewHasher(plumbing.BlobObject, info.Size())
	if _, err := f.WriteTo(h); err != nil {
		return plumbing.ZeroHash, err
	}
	return h.Sum(), nil
}
