package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// takeSubmodules gives the submodules of HEAD, whose files were copied already, repositories of their own: with the
// history that they have in the work tree, and with the user's changes on top of it. Folders of submodules that are not
// checked out stay empty.
func (s *snapshot) takeSubmodules(ctx context.Context, entries []*index.Entry, list *listing) error {
	s.subs = map[string]*snapshot{}
	if s.Request.Submodules == "none" || !slices.ContainsFunc(entries, func(e *index.Entry) bool { return e.Mode == filemode.Submodule }) {
		return nil
	}
	mods, err := s.readModules()
	if err != nil {
		return err
	}
	config := s.config
	for _, e := range entries {
		if e.Mode != filemode.Submodule || !slices.Contains(list.gitlink, e.Name) {
			continue
		}
		m, err := mods.at(e.Name)
		if err == nil && m.Update == "none" && !slices.Contains(list.nested, e.Name) {
			continue
		}
		if err == nil {
			err = s.takeSubmodule(ctx, m, e.Name, list)
		}
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			if err := s.problem(m.problem(e.Name, s.secrets), err); err != nil {
				return fmt.Errorf("the submodule %q: %w", e.Name, err)
			}
			continue
		}
		config.submodules = append(config.submodules, submoduleConfig{name: m.Name, url: cleanURL(m.URL)})
	}
	return s.writeConfig(config)
}

// takeSubmodule is what take is for the outermost work tree, with files that are there already.
func (s *snapshot) takeSubmodule(ctx context.Context, m module, place string, list *listing) (err error) {
	workTree := filepath.Join(s.repo.workTree, filepath.FromSlash(place))
	gitDir, err := gitDirOf(workTree)
	if err != nil {
		return err
	}
	if gitDir == "" {
		return &Error{
			Kind: KindNotRepository, Message: fmt.Sprintf("the submodule %s is not checked out in your work tree", oneLine(place)),
			Hint: "Check it out first: git submodule update --init --recursive -- " + shellQuote(oneLine(place)),
		}
	}
	repo, err := openRepository(workTree, gitDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	branch, head, err := repo.head()
	if err != nil {
		return err
	}
	d, err := s.dest.submodule(place, m.Name)
	if err != nil {
		return err
	}
	child := s.child(d)
	sub := &snapshot{job: child, repo: repo, branch: branch, head: head, files: cut(s.files, place)}
	if err := sub.takeRepository(ctx, list.below(place)); err != nil {
		var known *Error
		if errors.As(err, &known) && ctx.Err() == nil {
			return errors.Join(err, sub.forget())
		}
		return errors.Join(err, d.Close())
	}
	s.subs[place] = sub
	s.adopt(child, place, SubmoduleCheckout{Name: m.Name, Commit: sub.out.Commit})
	return d.Close()
}

// takeRepository writes the repository around the files.
func (s *snapshot) takeRepository(ctx context.Context, list *listing) error {
	refs, err := s.repo.refs()
	if err != nil {
		return err
	}
	if err := s.initGitDir(); err != nil {
		return err
	}
	if _, err := s.readIndex(); err != nil {
		return err
	}
	if !s.head.IsZero() {
		s.limitHistory(s.repo, refs, s.head)
		if err := s.transfer(ctx, s.repo, []plumbing.Hash{s.head}, refs); err != nil {
			return err
		}
	}
	return s.finish(ctx, refs, list, s.repo.originURL(s.branch))
}

// forget removes the repository of a submodule, but not its files: they are then a plain folder.
func (s *snapshot) forget() error {
	return errors.Join(s.dest.root.Remove(".git"), s.dest.Close(), s.dest.above.git.RemoveAll(s.dest.repository))
}

// cut returns the files below a folder, with paths relative to it.
func cut(files map[string]copied, place string) map[string]copied {
	out := map[string]copied{}
	for path, f := range files {
		if rest, ok := strings.CutPrefix(path, place+"/"); ok {
			out[rest] = f
		}
	}
	return out
}

// below is the part of the listing in a folder, relative to it.
func (l *listing) below(place string) *listing {
	trim := func(paths []string) (out []string) {
		for _, p := range paths {
			if rest, ok := strings.CutPrefix(p, place+"/"); ok {
				out = append(out, rest)
			}
		}
		return out
	}
	return &listing{gitlink: trim(l.gitlink), nested: trim(l.nested)}
}

// plainNested are the repositories in the listing that are in the copy without one, and in no submodule that has one.
func (s *snapshot) plainNested(list *listing) []string {
	return slices.DeleteFunc(slices.Clone(list.nested), func(path string) bool {
		for place := range s.subs {
			if within(path, place) {
				return true
			}
		}
		return false
	})
}

// sameLFS tells whether the file is the content for which HEAD has a pointer.
func (s *snapshot) sameLFS(dst *store, e *index.Entry, info os.FileInfo) (_ bool, err error) {
	if size, err := dst.EncodedObjectSize(e.Hash); err != nil || size > maxPointer {
		return false, err
	}
	blob, err := object.GetBlob(dst, e.Hash)
	if err != nil {
		return false, err
	}
	r, err := blob.Reader()
	if err != nil {
		return false, err
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return false, err
	}
	p, ok := parsePointer(text)
	if !ok || p.size != info.Size() {
		return false, nil
	}
	f, err := s.dest.root.Open(filepath.FromSlash(e.Name))
	if err != nil {
		return false, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)) == p.oid, errors.Join(err, f.Close())
}

// lfsFiles are the files of the work tree that are pointers still. The entries are those of the index, where it has them.
func (s *snapshot) lfsFiles(entries map[string]*index.Entry) []lfsFile {
	rules := attributes{}
	for path, f := range s.files {
		if filepath.Base(path) == ".gitattributes" && f.dst.Mode().IsRegular() && f.dst.Size() <= maxAttributes {
			if text, err := s.dest.root.ReadFile(filepath.FromSlash(path)); err == nil {
				rules.add(parent(path), string(text))
			}
		}
	}
	if len(rules) == 0 {
		return nil
	}
	var out []lfsFile
	for _, path := range sortedKeys(s.files) {
		info := s.files[path].dst
		if !info.Mode().IsRegular() || info.Size() > maxPointer || !rules.lfs(path) || s.inSubmodule(path) {
			continue
		}
		if p, ok := pointerOf(s.dest.root, filepath.FromSlash(path)); ok {
			f := lfsFile{pointer: p, path: path, perm: info.Mode().Perm()}
			// Only a pointer that is the one of HEAD may be called unchanged when its content is there.
			if e := entries[path]; e != nil && !e.ModifiedAt.IsZero() {
				f.entry = e
			}
			out = append(out, f)
		}
	}
	return out
}

func (s *snapshot) inSubmodule(path string) bool {
	for place := range s.subs {
		if within(path, place) {
			return true
		}
	}
	return false
}
