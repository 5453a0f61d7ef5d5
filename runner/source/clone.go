package source

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// fromURL clones one branch and checks out its head or one exact commit.
func (j *job) fromURL(ctx context.Context) (_ *Checkout, err error) {
	r, inURL, err := parseRemote(j.URL)
	if err != nil {
		return nil, err
	}
	auth := j.Auth.or(inURL)
	j.secrets.add(inURL.Token, inURL.Password)
	var from interface {
		origin
		Close() error
	} = &server{j: j, remote: r, auth: auth}
	if r.scheme == "file" {
		repo, err := openAt(r.path)
		if err != nil {
			return nil, err
		}
		from = &local{j: j, repo: repo}
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	j.progress.step("cloning %s", r.clean)
	refs := j.Head.refsOf(r)
	if refs == nil {
		if refs, err = from.refs(ctx); err != nil {
			return nil, err
		}
	}
	if err := j.initGitDir(); err != nil {
		return nil, err
	}
	c := &clone{job: j, from: from, remote: r, auth: auth, refs: refs}
	defer func() { err = errors.Join(err, c.closeStore()) }()
	if j.git != "" { // it starts while the server answers
		if c.reader, err = j.git.catFile(ctx, j.dest.gitDir(), nil); err != nil {
			return nil, err
		}
	}
	return c.run(ctx)
}

// clone is the work between the first contact and the checkout.
type clone struct {
	*job
	from   origin
	remote remote
	auth   Auth
	refs   *refList
	branch string
	tip    plumbing.Hash // of the branch
	reader *catFile      // of the destination, from before there is anything in it; nil when it is in use
	store  *store        // of the destination
}

func (c *clone) closeStore() error {
	var err error
	if c.reader != nil {
		err = c.reader.Close()
	}
	if c.store != nil {
		err = errors.Join(err, c.store.Close())
	}
	c.reader, c.store = nil, nil
	return err
}

// fetch brings commits in.
func (c *clone) fetch(ctx context.Context, n demand) error {
	ends, err := c.from.fetch(ctx, n)
	if err != nil {
		return err
	}
	c.refs.shallow = append(c.refs.shallow, ends...)
	return c.reopen(ctx)
}

// reopen opens the store anew, which does not see packs that appear later.
func (c *clone) reopen(ctx context.Context) error {
	reader := c.reader
	c.reader = nil
	err := c.closeStore()
	if err == nil {
		c.store, err = c.openPacked(ctx, reader)
	} else if reader != nil {
		err = errors.Join(err, reader.Close())
	}
	return err
}

func (c *clone) run(ctx context.Context) (*Checkout, error) {
	if err := c.chooseBranch(); err != nil {
		return nil, err
	}
	rev := strings.TrimPrefix(c.Commit, "refs/tags/")
	tag, isTag := c.refs.tags[rev]
	wants := []plumbing.Hash{c.tip}
	if isTag {
		wants = append(wants, tag)
	}
	if err := c.bring(ctx, rev, wants); err != nil {
		return nil, err
	}
	commit, err := c.choose(ctx, rev, tag, isTag)
	if err != nil {
		return nil, err
	}
	l := layout{
		commit: commit.Hash,
		refs:   map[string]plumbing.Hash{"refs/remotes/origin/" + c.branch: c.tip},
		symref: map[string]string{},
		config: gitConfig{
			url: c.remote.clean, branch: c.branch,
			fetch: fmt.Sprintf("+refs/heads/%[1]s:refs/remotes/origin/%[1]s", c.branch),
		},
	}
	if c.refs.head == c.branch {
		l.symref["refs/remotes/origin/HEAD"] = "refs/remotes/origin/" + c.branch
	}
	if commit.Hash == c.tip {
		l.branch = c.branch
	} else {
		l.refs["refs/heads/"+c.branch] = c.tip
	}
	if err := c.writeLayout(c.store, c.refs, l); err != nil {
		return nil, err
	}
	up := upstream{remote: c.remote, auth: c.auth, branch: c.branch}
	if l, ok := c.from.(*local); ok {
		up.repo = l.repo
	}
	if err := c.checkOut(ctx, c.store, commit, up); err != nil {
		return nil, err
	}
	return c.done(&Checkout{
		Name: c.remote.name(), Branch: c.branch, CloneURL: c.remote.clean,
		Commit: commit.Hash.String(), Subject: subject(commit.Message), Message: commit.Message,
	}), nil
}

// bring brings the wanted commits: out of the mirror where there is one to be used, else from where the clone comes from.
func (c *clone) bring(ctx context.Context, rev string, wants []plumbing.Hash) error {
	done, err := c.fromMirror(ctx, rev, wants)
	if done || err != nil {
		return err
	}
	n := demand{wants: wants}
	if c.shallowDoes(rev) {
		n.depth = c.Depth
	}
	return c.fetch(ctx, n)
}

// shallowDoes tells whether the commit can be had without its history: one that nothing points to may not be given, and
// what is abbreviated has to be looked for in all of it.
func (c *clone) shallowDoes(rev string) bool {
	_, isTag := c.refs.tags[rev]
	return rev == "" || isTag || (plumbing.IsHash(rev) && plumbing.NewHash(rev) == c.tip)
}

func (c *clone) chooseBranch() (err error) {
	c.branch, c.tip, err = c.refs.branch(c.Branch, c.remote)
	return err
}

// branch is the branch that was asked for, and its tip.
func (l *refList) branch(asked string, from remote) (string, plumbing.Hash, error) {
	branch := strings.TrimPrefix(asked, "refs/heads/")
	if branch == "" {
		branch = l.head
	}
	tip, ok := l.heads[branch]
	if ok {
		return branch, tip, nil
	}
	e := &Error{Kind: KindNoBranch, Message: fmt.Sprintf("%s has no branch %s", from.clean, oneLine(branch))}
	names := l.branches()
	switch {
	case len(names) == 0:
		e.Message = from.clean + " is empty: it has no branch and no commit yet"
		return "", tip, e
	case branch == "":
		e.Message = from.clean + " does not say which branch is its default"
		e.Hint = "Name one of its branches: "
	default:
		e.Hint = "Its branches are: "
	}
	near := nearest(branch, names)
	if len(near) < len(names) {
		e.Hint = fmt.Sprintf("It has %d branches, among them: ", len(names))
	}
	e.Hint += strings.Join(near, ", ")
	if _, ok := l.tags[branch]; ok {
		e.Hint = "There is a tag of that name: ask for it as the commit instead of as the branch.\n" + e.Hint
	}
	return "", tip, e
}

// choose returns the commit to check out, and fetches it when the branch does not have it.
func (c *clone) choose(ctx context.Context, rev string, tag plumbing.Hash, isTag bool) (*object.Commit, error) {
	switch {
	case rev == "":
		return c.store.commit(c.tip)
	case isTag:
		return c.store.commit(tag)
	case plumbing.IsHash(rev):
		h := plumbing.NewHash(rev)
		if c.store.HasEncodedObject(h) != nil {
			if err := c.fetchExactly(ctx, h); err != nil {
				return nil, err
			}
		}
		found, err := c.store.commit(h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return nil, &Error{Kind: KindNoCommit, Message: rev + " is not a commit but another object of the repository", Err: err}
		}
		return found, err
	case isAbbreviation(rev):
		return c.abbreviated(ctx, rev)
	}
	e := &Error{Kind: KindNoCommit, Message: fmt.Sprintf("%s has no tag or commit %s", c.remote.clean, oneLine(rev))}
	e.Hint = "A commit is given by its SHA, in full or abbreviated to at least 4 digits, or by a tag."
	if near := nearest(rev, c.refs.tagNames()); len(near) > 0 {
		e.Hint += "\nTags: " + strings.Join(near, ", ")
	}
	return nil, e
}

// fetchExactly asks for a commit that the branch does not reach: one of another branch, or one that no branch has any
// more, as after a force push. Servers need not give the latter.
func (c *clone) fetchExactly(ctx context.Context, h plumbing.Hash) error {
	missing := &Error{
		Kind:    KindNoCommit,
		Message: fmt.Sprintf("there is no commit %s on branch %s of %s", h, c.branch, c.remote.clean),
	}
	if !c.refs.any && !c.refs.offers(h) {
		missing.Hint = "The server does not give out commits by their SHA alone: name the branch that the commit is on."
		return missing
	}
	c.progress.step("the commit is not on branch %s: asking for it directly", c.branch)
	err := c.fetch(ctx, demand{wants: []plumbing.Hash{h}, haves: []plumbing.Hash{c.tip}})
	if err == nil || ctx.Err() != nil {
		return err
	}
	var known *Error
	if errors.As(err, &known) && known.Kind != KindOther && known.Kind != KindNotRepository {
		return err
	}
	missing.Err = err
	missing.Hint = "The server was asked for it directly, too, and does not have it or does not give it."
	return missing
}

// abbreviated finds the one commit that begins with the digits, in what was cloned or among the tips of the others.
func (c *clone) abbreviated(ctx context.Context, rev string) (*object.Commit, error) {
	found, err := c.store.commitsWithPrefix(rev)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, ambiguous(rev, found)
	}
	if tips := c.refs.offered(rev); len(tips) == 1 {
		if err := c.fetchExactly(ctx, tips[0]); err != nil {
			return nil, err
		}
		return c.store.commit(tips[0])
	}
	return nil, &Error{
		Kind:    KindNoCommit,
		Message: fmt.Sprintf("no commit on branch %s of %s begins with %s", c.branch, c.remote.clean, rev),
		Hint:    "A commit of another branch must be given by its full SHA, or with that branch.",
	}
}
