package source

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// fromCommit takes exactly one commit of the repository at Path, and nothing of its work tree.
func (j *job) fromCommit(ctx context.Context) (_ *Checkout, err error) {
	at, err := j.findCommit()
	if err != nil {
		return nil, err
	}
	repo, commit, refs, branch, origin := at.repo, at.commit, at.refs, at.branch, at.origin
	defer func() { err = errors.Join(err, repo.Close()) }()
	if err := j.initGitDir(); err != nil {
		return nil, err
	}
	j.progress.step("taking commit %s of %s", commit.Hash.String()[:12], repo.name(origin))
	j.limitHistory(repo, refs, commit.Hash)
	if err := j.transfer(ctx, repo, []plumbing.Hash{commit.Hash}, refs); err != nil {
		return nil, err
	}
	s, err := j.openPacked(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l := layout{commit: commit.Hash, config: repo.newConfig(origin)}
	if err := j.writeLayout(s, refs, l); err != nil {
		return nil, err
	}
	if err := j.checkOut(ctx, s, commit, repo.upstream(origin, branch)); err != nil {
		return nil, err
	}
	return j.done(&Checkout{
		Name: repo.name(origin), Branch: branch, CloneURL: origin,
		Commit: commit.Hash.String(), Subject: subject(commit.Message), Message: commit.Message,
	}), nil
}

// found is a commit of the repository at Path. The repository is open.
type found struct {
	repo           *repository
	commit         *object.Commit
	refs           *refList
	branch, origin string
}

func (j *job) findCommit() (f found, err error) {
	if f.repo, err = findRepository(j.Path); err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.repo.Close())
		}
	}()
	if f.commit, err = f.repo.resolve(j.Commit); err != nil {
		return f, err
	}
	if f.refs, err = f.repo.refs(); err != nil {
		return f, err
	}
	if f.branch, err = j.branchOf(f.repo, f.refs); err != nil {
		return f, err
	}
	f.origin = f.repo.originURL(f.branch)
	return f, nil
}

// branchOf is the branch that a commit of the repository is built for: the one that was asked for, the one that names the
// commit, or the one that the user is on.
func (j *job) branchOf(repo *repository, refs *refList) (string, error) {
	if j.Branch != "" {
		return j.Branch, nil
	}
	if _, ok := refs.heads[j.Commit]; ok {
		return j.Commit, nil
	}
	branch, _, err := repo.head()
	return branch, err
}

// newConfig is the configuration for a copy of the repository: of its own only the remote's clean URL goes along,
// which build tools like to report, and whether its file system knows exec bits.
func (r *repository) newConfig(origin string) gitConfig {
	return gitConfig{
		url: origin, fetch: "+refs/heads/*:refs/remotes/origin/*",
		ignoreMode: r.config("core")("filemode") == "false",
	}
}
