package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// findBase opens a store that has the commit beside those of the checkout: in the checkout, in the user's repository, or
// fetched from the remote into a folder of its own. The build never sees what was only needed to compare.
func (c *comparer) findBase(ctx context.Context, base plumbing.Hash) (*store, func() error, error) {
	gitDir := filepath.Join(c.Dest, ".git")
	s, err := c.git.openReading(ctx, gitDir, nil)
	if err != nil {
		return nil, nil, err
	}
	if s.HasEncodedObject(base) == nil {
		return s, s.Close, nil
	}
	ends, err := s.Shallow()
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, nil, err
	}
	if c.Path != "" {
		return c.baseInRepository(gitDir, base)
	}
	s, release, err := c.baseFromRemote(ctx, gitDir, base)
	var u *unknown
	if errors.As(err, &u) && u.reason == BaseGone && len(ends) > 0 {
		u.reason, u.why = BaseShallow, "the remote's history is shallow and ends before the commit "+c.Base
	}
	return s, release, err
}

// baseInRepository looks into the user's own repository, which keeps commits for a while that no branch has any more.
func (c *comparer) baseInRepository(gitDir string, base plumbing.Hash) (*store, func() error, error) {
	repo, err := findRepository(c.Path)
	if err != nil {
		return nil, nil, because(BaseUnreachable, "%v", err)
	}
	has := repo.store.HasEncodedObject(base) == nil
	ends, err := repo.store.Shallow()
	if err := errors.Join(err, repo.Close()); err != nil {
		return nil, nil, err
	}
	switch {
	case has:
		s, err := openStore(gitDir, gitDir, repo.objectDirs)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	case len(ends) > 0:
		return nil, nil, because(BaseShallow, "the clone is shallow and does not have the commit %s; git fetch --unshallow gets it", c.Base)
	}
	return nil, nil, because(BaseGone, "the repository does not have the commit %s (any more)", c.Base)
}

// baseFromRemote fetches the commit. Servers need not give out one that no branch has.
func (c *comparer) baseFromRemote(ctx context.Context, gitDir string, base plumbing.Hash) (_ *store, _ func() error, err error) {
	r, inURL, err := parseRemote(c.URL)
	if err != nil {
		return nil, nil, because(BaseUnreachable, "%v", err)
	}
	c.secrets.add(inURL.Token, inURL.Password)
	if r.scheme == "file" {
		repo, err := openAt(r.path)
		if err != nil {
			return nil, nil, because(BaseUnreachable, "%v", err)
		}
		return c.borrow(gitDir, base, repo)
	}
	scratch, err := os.MkdirTemp(c.Scratch, "preamp-compare-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(scratch) }
	if err := c.fetchBase(ctx, scratch, &server{j: c.job, remote: r, auth: c.Auth.or(inURL)}, base); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	s, err := openStore(filepath.Join(scratch, ".git"), filepath.Join(scratch, ".git"), []string{filepath.Join(gitDir, "objects")})
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return s, func() error { return errors.Join(s.Close(), remove()) }, nil
}

// borrow reads a repository on this machine that was cloned from.
func (c *comparer) borrow(gitDir string, base plumbing.Hash, repo *repository) (*store, func() error, error) {
	defer repo.Close() //nolint:errcheck // only read
	if _, err := object.GetCommit(repo.store, base); err != nil {
		return nil, nil, because(BaseGone, "the repository does not have the commit %s (any more)", c.Base)
	}
	s, err := openStore(gitDir, gitDir, repo.objectDirs)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// fetchBase brings the commit into a repository in scratch. What the checkout has is not sent again.
func (c *comparer) fetchBase(ctx context.Context, scratch string, from *server, base plumbing.Hash) (err error) {
	d, err := openDest(scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	c.dest = d
	if err := c.initGitDir(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	c.progress.step("asking %s for the commit %s to compare with", from.remote.clean, c.Base)
	refs, err := from.refs(ctx)
	if err != nil {
		return unreachable(err)
	}
	gone := because(BaseGone, "%s does not have the commit %s any more, or does not give it", from.remote.clean, c.Base)
	if !refs.any && !refs.offers(base) {
		return gone
	}
	_, err = from.fetch(ctx, demand{wants: []plumbing.Hash{base}, haves: []plumbing.Hash{plumbing.NewHash(c.Checkout.Commit)}})
	var known *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known) && known.Kind != KindOther && known.Kind != KindNotRepository:
		return unreachable(err)
	case ctx.Err() != nil:
		return err
	}
	return gone
}

func unreachable(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return because(BaseUnreachable, "the remote cannot be asked for the commit to compare with: %s", known.Message)
	}
	return fmt.Errorf("asking for the commit to compare with: %w", err)
}
