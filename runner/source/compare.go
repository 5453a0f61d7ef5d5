package source

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// CompareRequest says what to compare with what.
type CompareRequest struct {
	// Request is what Prepare was called with, and Checkout what it returned. Request.Dest still holds what Prepare put
	// there: a build that has begun would be taken for the user's changes. Where Dest does not have the base commit,
	// it is asked for at Request.URL, or looked up in the repository that Request.Path is in.
	Request  Request
	Checkout *Checkout
	// Base is the full SHA of the commit to compare with, such as that of the last successful build.
	Base string
	// Watches are asked about in one go.
	Watches []Watch
	// Limit is how many paths to name for each watch; 0 means 10. All are counted.
	Limit int
	// Scratch is an existing folder for the objects of a base that has to be fetched; "" means the system's. Nothing
	// stays in it.
	Scratch string
}

// Watch is one question: did anything change here? A path that is in one of the roots or matches one of the globs
// belongs to it.
type Watch struct {
	// Roots are folders or files, relative to the top of the repository, with slashes. "" and "." are all of it.
	Roots []string
	// Globs are doublestar patterns for whole paths: packages/ui/**, {package-lock,bun}.json*, **/*.graphql.
	Globs []string
}

// Comparison is what changed between two commits, or between a commit and a work tree.
type Comparison struct {
	// Base and Head are full SHAs. Head is "" in a repository without any commit.
	Base, Head string
	// WorkTree is true when the files of a snapshot were compared, rather than those of Head.
	WorkTree bool
	// Watches has the changes for each watch of the request, in its order. It is nil when Unknown says why not.
	Watches []Changes
	// Unknown is "" when the comparison was possible. Otherwise nothing is known and everything may have changed.
	Unknown Unknown
	// Why explains Unknown in one line that holds no credentials.
	Why string
}

// Changes is the answer to a Watch.
type Changes struct {
	// Count is how many paths changed, and First are the first of them, sorted by their bytes.
	Count int
	First []Change
	// Absent are those roots that neither side has: most likely somebody misspelt them.
	Absent []string
}

// Unknown is why two states could not be compared.
type Unknown string

// The reasons of a Comparison that says nothing.
const (
	NoBase          Unknown = "no-base"      // there is no commit to compare with: the first build of a branch
	BaseInvalid     Unknown = "not-a-commit" // what is given as the base is not the SHA of a commit
	BaseGone        Unknown = "base-gone"    // the commit is nowhere any more, as after a force push
	BaseShallow     Unknown = "shallow"      // the history that there is ends before the commit
	BaseUnreachable Unknown = "unreachable"  // the remote that may have the commit could not be asked
	HeadUnborn      Unknown = "unborn"       // the source has no commit yet
	Incomplete      Unknown = "incomplete"   // a repository lacks a part of one of the commits
)

// Compare tells what changed since the commit r.Base. Its cost is that of the changes, not of the repository: where a
// folder is equal in both, nothing below it is looked at. When the two cannot be compared the result says so, and the
// error is nil: whoever wants to skip a build must then not skip it. An error means that the request makes no sense,
// that ctx ended, or that files could not be read. The folder at Request.Dest is only read.
func Compare(ctx context.Context, r CompareRequest) (*Comparison, error) {
	return compare(ctx, r, findGit())
}

// compare is Compare with the git program as a parameter, like prepare.
func compare(ctx context.Context, r CompareRequest, git gitProgram) (*Comparison, error) {
	if r.Checkout == nil {
		return nil, errors.New("comparing needs the checkout that Prepare returned")
	}
	watches, err := compileWatches(r.Watches)
	if err != nil {
		return nil, err
	}
	out := &Comparison{Base: r.Base, Head: r.Checkout.Commit, WorkTree: r.Checkout.WorkTree}
	secrets := newSecrets(r.Request.Auth)
	c := &comparer{
		CompareRequest: r, watches: watches,
		job: &job{Request: r.Request, git: git, secrets: secrets, progress: newProgress(r.Request.Progress, secrets)},
	}
	err = c.run(ctx, out)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("comparing with the commit %s was cancelled: %w", oneLine(r.Base), context.Cause(ctx))
	}
	var u *unknown
	if errors.As(err, &u) {
		out.Watches, out.Unknown, out.Why = nil, u.reason, oneLine(secrets.redact(u.why))
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("comparing with the commit %s: %s", oneLine(r.Base), oneLine(secrets.redact(err.Error())))
	}
	return out, nil
}

// unknown is a comparison that was not possible.
type unknown struct {
	reason Unknown
	why    string
}

func (u *unknown) Error() string { return u.why }

func because(reason Unknown, format string, args ...any) *unknown {
	return &unknown{reason: reason, why: fmt.Sprintf(format, args...)}
}

// comparer is the work of one Compare.
type comparer struct {
	CompareRequest
	*job
	watches []*watch
}

func (c *comparer) run(ctx context.Context, out *Comparison) (err error) {
	switch {
	case c.Base == "":
		return because(NoBase, "there is no earlier commit to compare with")
	case !plumbing.IsHash(c.Base):
		return because(BaseInvalid, "%q is not the full SHA of a commit", c.Base)
	case c.Checkout.Commit == "":
		return because(HeadUnborn, "the repository has no commit yet")
	}
	s, release, err := c.findBase(ctx, plumbing.NewHash(c.Base))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	base, err := treeOf(s, c.Base)
	if err != nil {
		return err
	}
	head, err := treeOf(s, c.Checkout.Commit)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(c.CompareRequest.Request.Dest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	d := &differ{store: s, watches: c.watches, dirty: map[string]bool{}}
	for _, change := range c.Checkout.Dirty {
		d.dirty[change.Path] = true
	}
	if err := d.trees(ctx, "", base, head, 0); err != nil {
		return incomplete(err)
	}
	if err := d.workTree(ctx, root, base, c.Checkout.Dirty); err != nil {
		return incomplete(err)
	}
	out.Watches, err = d.answers(base, head, c.Limit)
	return err
}

// answers puts together what was found, with up to limit paths for each watch.
func (d *differ) answers(base, head plumbing.Hash, limit int) ([]Changes, error) {
	if limit <= 0 {
		limit = 10
	}
	var out []Changes
	for _, w := range d.watches {
		changes, err := w.answer(d.store, base, head, limit)
		if err != nil {
			return nil, incomplete(err)
		}
		out = append(out, changes)
	}
	return out, nil
}

// treeOf returns the tree of a commit.
func treeOf(s *store, commit string) (plumbing.Hash, error) {
	c, err := object.GetCommit(s, plumbing.NewHash(commit))
	if err == nil {
		return c.TreeHash, nil
	}
	if errors.Is(err, plumbing.ErrObjectNotFound) && s.HasEncodedObject(plumbing.NewHash(commit)) == nil {
		return plumbing.ZeroHash, because(BaseInvalid, "%s is not a commit but another object of the repository", commit)
	}
	return plumbing.ZeroHash, incomplete(err)
}

// incomplete takes a missing object for what it is: a repository of which not everything was fetched.
func incomplete(err error) error {
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return because(Incomplete, "the repository lacks a part of one of the commits: %v", err)
	}
	return err
}
