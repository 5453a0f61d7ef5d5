package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// repository is one on this machine. It is only ever read.
type repository struct {
	workTree   string // "" when bare
	gitDir     string // of this worktree
	commonDir  string // shared by all worktrees; mostly gitDir
	objectDirs []string
	store      *store
}

// findRepository opens the repository whose work tree path is in.
func findRepository(path string) (*repository, error) {
	abs, err := filepath.Abs(path)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, &Error{Kind: KindNotRepository, Message: "the source folder cannot be opened: " + err.Error(), Err: err}
	}
	for dir := abs; ; dir = filepath.Dir(dir) {
		gitDir, err := gitDirOf(dir)
		if err != nil {
			return nil, err
		}
		if gitDir != "" {
			return openRepository(dir, gitDir)
		}
		if isGitDir(dir) {
			return nil, &Error{
				Kind: KindNotRepository, Message: dir + " is inside a repository without a work tree",
				Hint: "Give it as the URL of the source to build a commit of it.",
			}
		}
		if dir == filepath.Dir(dir) {
			return nil, &Error{
				Kind: KindNotRepository, Message: abs + " is not in a git repository",
				Hint: "Run in a clone, or make one of it: git init",
			}
		}
	}
}

// openAt opens the repository at exactly this path, bare or not.
func openAt(path string) (*repository, error) {
	gitDir, err := gitDirOf(path)
	if err != nil {
		return nil, err
	}
	if gitDir != "" {
		return openRepository(path, gitDir)
	}
	for _, dir := range []string{path, path + ".git"} {
		if isGitDir(dir) {
			return openRepository("", dir)
		}
	}
	return nil, &Error{Kind: KindNotRepository, Message: "there is no git repository at " + path}
}

// gitDirOf returns where the repository of the work tree dir is: in .git, or where the file .git points to. It is ""
// when dir is not the top of a work tree.
func gitDirOf(dir string) (string, error) {
	dotGit := filepath.Join(dir, ".git")
	info, err := os.Stat(dotGit)
	if errors.Is(err, os.ErrNotExist) || (err == nil && info.IsDir() && !isGitDir(dotGit)) {
		return "", nil
	}
	if err != nil {
		return "", &Error{Kind: KindNotRepository, Message: "the repository cannot be opened: " + err.Error(), Err: err}
	}
	if info.IsDir() {
		return dotGit, nil
	}
	text, err := readSmall(dotGit)
	target, ok := strings.CutPrefix(text, "gitdir:")
	if err != nil || !ok {
		return "", &Error{Kind: KindNotRepository, Message: dotGit + " is neither a repository nor a pointer to one", Err: err}
	}
	target = strings.TrimRight(strings.TrimLeft(target, " "), "\r\n")
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	if !isGitDir(target) {
		return "", &Error{
			Kind: KindNotRepository, Message: fmt.Sprintf("%s points to %s, where there is no repository", dotGit, target),
			Hint: "If the main repository was moved, run there: git worktree repair",
		}
	}
	return target, nil
}

// isGitDir tells whether dir looks like a repository to git.
func isGitDir(dir string) bool {
	if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil {
		return false
	}
	if _, err := os.Stat(filepath.Join(dir, "commondir")); err == nil {
		return true
	}
	for _, part := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(dir, part)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

func openRepository(workTree, gitDir string) (*repository, error) {
	r := &repository{workTree: workTree, gitDir: gitDir, commonDir: gitDir}
	common, err := readSmall(filepath.Join(gitDir, "commondir"))
	if err == nil {
		common = strings.TrimRight(common, "\r\n")
		if !filepath.IsAbs(common) {
			common = filepath.Join(gitDir, common)
		}
		r.commonDir = filepath.Clean(common)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	objects := filepath.Join(r.commonDir, "objects")
	borrowed, err := alternates(objects)
	if err != nil {
		return nil, err
	}
	r.objectDirs = append([]string{objects}, borrowed...)
	if r.store, err = openStore(r.gitDir, r.commonDir, borrowed); err != nil {
		return nil, err
	}
	if err := r.readable(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// readable refuses the formats that go-git would misread.
func (r *repository) readable() error {
	extensions := r.config("extensions")
	for key, want := range map[string]string{"objectformat": "sha1", "refstorage": "files"} {
		if got := extensions(key); got != "" && got != want {
			return &Error{
				Kind:    KindNotRepository,
				Message: fmt.Sprintf("the repository %s uses %s=%s, which preamp cannot read yet", r.commonDir, key, got),
				Hint:    "It has to be in git's default formats, which are sha1 and files.",
			}
		}
	}
	return nil
}

// config returns a getter for one section of the repository's own configuration. What cannot be read is as if unset:
// nothing that is asked here decides about security.
func (r *repository) config(section string) func(key string) string {
	cfg, err := r.store.Config()
	if err != nil || cfg.Raw == nil {
		return func(string) string { return "" }
	}
	return cfg.Raw.Section(section).Options.Get
}

// Close releases the repository.
func (r *repository) Close() error { return r.store.Close() }

// partial tells whether objects of the repository may have been left at a remote.
func (r *repository) partial() bool {
	if r.config("extensions")("partialclone") != "" {
		return true
	}
	cfg, err := r.store.Config()
	if err != nil || cfg.Raw == nil {
		return false
	}
	for _, remote := range cfg.Raw.Section("remote").Subsections {
		if remote.Options.Get("promisor") == "true" {
			return true
		}
	}
	return false
}

// originURL is the URL of the remote that the branch, or else origin, comes from; without credentials, and "" when it
// is not one that others could reach.
func (r *repository) originURL(branch string) string {
	cfg, err := r.store.Config()
	if err != nil {
		return ""
	}
	names := []string{"origin"}
	if b, ok := cfg.Branches[branch]; ok && b.Remote != "" {
		names = []string{b.Remote, "origin"}
	}
	for _, name := range names {
		if remote, ok := cfg.Remotes[name]; ok && len(remote.URLs) > 0 {
			if clean := cleanURL(remote.URLs[0]); clean != "" {
				return clean
			}
		}
	}
	return ""
}

// name is what a clone of the repository would be called.
func (r *repository) name(origin string) string {
	if origin != "" {
		return repositoryName(origin)
	}
	return repositoryName(firstOf(r.workTree, r.gitDir))
}

// head returns the branch that HEAD is on, "" when detached, and its commit, zero when there is none yet.
func (r *repository) head() (string, plumbing.Hash, error) {
	ref, err := r.store.Reference(plumbing.HEAD)
	if err != nil {
		return "", plumbing.ZeroHash, fmt.Errorf("reading HEAD of %s: %w", r.gitDir, err)
	}
	if ref.Type() == plumbing.HashReference {
		return "", ref.Hash(), nil
	}
	branch := ref.Target().Short()
	ref, err = storer.ResolveReference(r.store, ref.Target())
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return branch, plumbing.ZeroHash, nil
	}
	if err != nil {
		return "", plumbing.ZeroHash, fmt.Errorf("reading the branch %s of %s: %w", branch, r.gitDir, err)
	}
	return branch, ref.Hash(), nil
}

// resolve returns the commit that a revision names.
func (r *repository) resolve(rev string) (*object.Commit, error) {
	if isAbbreviation(rev) && !r.hasRef(rev) {
		found, err := r.store.commitsWithPrefix(rev)
		if err != nil {
			return nil, err
		}
		if len(found) > 1 {
			return nil, ambiguous(rev, found)
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	opened, err := git.Open(plainStore{r.store}, nil)
	if err != nil {
		return nil, &Error{Kind: KindNotRepository, Message: fmt.Sprintf("the repository %s cannot be read: %v", r.gitDir, err), Err: err}
	}
	hash, err := opened.ResolveRevision(plumbing.Revision(rev))
	if err != nil {
		refs, refsErr := r.refs()
		if refsErr != nil {
			return nil, refsErr
		}
		e := &Error{
			Kind: KindNoCommit, Message: fmt.Sprintf("there is no commit %s in %s", oneLine(rev), firstOf(r.workTree, r.gitDir)), Err: err,
			Hint: "Fetch it first if it is on the remote only: git fetch",
		}
		if near := nearest(rev, append(refs.branches(), refs.tagNames()...)); len(near) > 0 {
			e.Hint += "\nBranches and tags here: " + strings.Join(near, ", ")
		}
		return nil, e
	}
	return r.store.commit(*hash)
}

// plainStore keeps the configuration from go-git, which refuses any extension of the format that it has not heard of.
// Those that matter for reading, readable has refused already.
type plainStore struct{ *store }

// Config returns an empty configuration.
func (plainStore) Config() (*config.Config, error) { return config.NewConfig(), nil }

func (r *repository) hasRef(short string) bool {
	for _, prefix := range []string{"refs/tags/", "refs/heads/", "refs/remotes/"} {
		if _, err := r.store.Reference(plumbing.ReferenceName(prefix + short)); err == nil {
			return true
		}
	}
	return false
}
