package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Compare tells what changed since the commit base, as the function Compare does for a checkout; limit is how many paths to
// name for each watch, 0 means 10. A base that is not in the history of the branch is Unknown: with a checkout, the remote
// may be asked for it.
func (v *View) Compare(ctx context.Context, base string, watches []Watch, limit int) (*Comparison, error) {
	compiled, err := compileWatches(watches)
	if err != nil {
		return nil, err
	}
	out := &Comparison{Base: base, Head: v.head.Commit}
	switch {
	case base == "":
		err = because(NoBase, "there is no earlier commit to compare with")
	case !plumbing.IsHash(base):
		err = because(BaseInvalid, "%q is not the full SHA of a commit", base)
	default:
		out.Watches, err = v.compare(ctx, base, compiled, limit)
	}
	var u *unknown
	if errors.As(err, &u) {
		out.Watches, out.Unknown, out.Why = nil, u.reason, oneLine(u.why)
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("comparing with the commit %s: %w", oneLine(base), err)
	}
	return out, nil
}

func (v *View) compare(ctx context.Context, base string, watches []*watch, limit int) ([]Changes, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.store.HasEncodedObject(plumbing.NewHash(base)) != nil {
		return nil, because(BaseGone, "the branch %s does not have the commit %s (any more)", v.head.Branch, base)
	}
	tree, err := treeOf(v.store, base)
	if err != nil {
		return nil, err
	}
	d := &differ{store: v.store, watches: watches}
	if err := d.trees(ctx, "", tree, v.head.tree, 0); err != nil {
		return nil, incomplete(err)
	}
	return d.answers(tree, v.head.tree, limit)
}

// maxPeekFile bounds a file that is read without a checkout, in bytes.
const maxPeekFile = 8 << 20

// readBlob returns nil for one that is too large.
func readBlob(s *store, h plumbing.Hash) ([]byte, error) {
	b, err := object.GetBlob(s, h)
	if err != nil || b.Size > maxPeekFile {
		return nil, err
	}
	r, err := b.Reader()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	return text, errors.Join(err, r.Close())
}
