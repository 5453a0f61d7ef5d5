package source

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// ErrNoPeek is why Peek cannot look at a source: it has no mirror, names a commit that only a clone finds, or is a work
// tree, whose files have to be looked at. Prepare it instead.
var ErrNoPeek = errors.New("the source can only be looked at in a checkout")

// Head is the commit that Prepare would check out, before there is a checkout. It holds nothing open, and may be used
// concurrently.
type Head struct {
	// Name, Branch, Commit, Subject, Message and CloneURL are those of a Checkout.
	Name, Branch, Commit, Subject, Message, CloneURL string

	request Request
	git     gitProgram
	remote  remote
	refs    *refList
	tree    plumbing.Hash
}

// Peek finds r.Commit in the repository at r.Path; or it asks the remote for the commit that r.Branch is at, or for the tag or commit r.Commit on that branch, and brings
// r.Mirror up to date. When nothing is new, that is one answer of the remote and nothing else. r.Dest is not used. A mirror
// that does not exist yet is made, which takes as long as a clone; but not with r.Depth, when the answer is ErrNoPeek.
//
// The result may be handed to Prepare as Request.Head. Failures are those of Prepare. Peek may be called concurrently.
func Peek(ctx context.Context, r Request) (*Head, error) {
	return peek(ctx, r, findGit())
}

// peek is Peek with the git program as a parameter, like prepare.
func peek(ctx context.Context, r Request, git gitProgram) (*Head, error) {
	secrets := newSecrets(r.Auth)
	j := &job{Request: r, git: git, progress: newProgress(r.Progress, secrets), secrets: secrets}
	h, err := j.peek(ctx)
	if err == nil || errors.Is(err, ErrNoPeek) {
		return h, err
	}
	return nil, j.failure(ctx, "looking at the source", err)
}

func (j *job) peek(ctx context.Context) (_ *Head, err error) {
	if j.Path != "" && j.Commit != "" {
		return j.peekHere()
	}
	if j.URL == "" || j.Mirror == "" {
		return nil, ErrNoPeek
	}
	r, inURL, err := parseRemote(j.URL)
	if err != nil {
		return nil, err
	}
	j.secrets.add(inURL.Token, inURL.Password)
	if r.scheme == "file" {
		return nil, ErrNoPeek
	}
	from := &server{j: j, remote: r, auth: j.Auth.or(inURL)}
	defer func() { err = errors.Join(err, from.Close()) }()
	refs, err := from.refs(ctx)
	if err != nil {
		return nil, err
	}
	branch, tip, err := refs.branch(j.Branch, r)
	if err != nil {
		return nil, err
	}
	if len(refs.shallow) > 0 {
		return nil, ErrNoPeek
	}
	h := &Head{Name: r.name(), Branch: branch, CloneURL: r.clean, request: j.Request, git: j.git, remote: r, refs: refs}
	m, err := j.openMirror(ctx, r, branch, j.Depth == 0)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, ErrNoPeek
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := m.update(ctx, from, refs, tip); err != nil {
		return nil, err
	}
	return h, h.read(ctx, m, tip)
}

// peekHere finds a commit of the repository at Path.
func (j *job) peekHere() (*Head, error) {
	at, err := j.findCommit()
	if err != nil {
		return nil, err
	}
	h := &Head{Name: at.repo.name(at.origin), Branch: at.branch, CloneURL: at.origin, request: j.Request}
	h.found(at.commit)
	return h, at.repo.Close()
}

func (h *Head) found(c *object.Commit) {
	h.Commit, h.Subject, h.Message, h.tree = c.Hash.String(), subject(c.Message), c.Message, c.TreeHash
}

// read finds the commit that was asked for in the mirror.
func (h *Head) read(ctx context.Context, m *mirror, tip plumbing.Hash) (err error) {
	s, err := m.git.openReading(ctx, m.dir, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	wanted, err := h.refs.wanted(h.request.Commit, tip)
	if err != nil {
		return err
	}
	c, err := s.commit(wanted)
	if errors.Is(err, plumbing.ErrObjectNotFound) && wanted != tip {
		return ErrNoPeek
	}
	if err != nil {
		return fmt.Errorf("the commit %s: %w", wanted, err)
	}
	h.found(c)
	return nil
}

// wanted is what a revision stands for, as far as that can be told without the history.
func (l *refList) wanted(rev string, tip plumbing.Hash) (plumbing.Hash, error) {
	short := strings.TrimPrefix(rev, "refs/tags/")
	tag, isTag := l.tags[short]
	switch {
	case short == "":
		return tip, nil
	case isTag:
		return tag, nil
	case plumbing.IsHash(short):
		return plumbing.NewHash(short), nil
	}
	return tip, ErrNoPeek
}

// refsOf are the branches of the remote that h was made of; nil when it was another, or none.
func (h *Head) refsOf(r remote) *refList {
	if h == nil || h.remote != r {
		return nil
	}
	return h.refs.clone()
}

// open opens the mirror for reading, or the repository at Path. A mirror is locked until the function that it returns is
// called.
func (h *Head) open(ctx context.Context) (*store, func() error, error) {
	if h.request.Path != "" {
		repo, err := findRepository(h.request.Path)
		if err != nil {
			return nil, nil, err
		}
		return repo.store, repo.Close, nil
	}
	j := &job{Request: h.request, git: h.git, secrets: newSecrets(h.request.Auth)}
	j.progress = newProgress(h.request.Progress, j.secrets)
	m, err := j.openMirror(ctx, h.remote, h.Branch, false)
	if err != nil {
		return nil, nil, err
	}
	if m == nil {
		return nil, nil, ErrNoPeek // it was pruned in the meantime
	}
	s, err := h.git.openReading(ctx, m.dir, nil)
	if err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	return s, func() error { return errors.Join(s.Close(), m.Close()) }, nil
}
