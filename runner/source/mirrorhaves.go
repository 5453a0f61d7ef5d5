package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// ancestor is a commit that a mirror has because its tip reaches it.
type ancestor struct {
	Commit string `json:"commit"`
	// Apart is about how many commits it is before the tip.
	Apart int `json:"apart"`
}

// maxAncestors bounds what a mirror knows of its history, and tells a server.
const maxAncestors = 32

// haves are the old tip and some commits before it, ever fewer: after a force push the server may know only those.
func (m *mirror) haves(ctx context.Context) ([]plumbing.Hash, error) {
	if m.state.Tip == "" {
		return nil, nil
	}
	if len(m.state.Before) == 0 {
		if err := m.lookBack(ctx); err != nil {
			return nil, err
		}
	}
	out := []plumbing.Hash{plumbing.NewHash(m.state.Tip)}
	for _, a := range m.state.Before {
		out = append(out, plumbing.NewHash(a.Commit))
	}
	return out, nil
}

// lookBack reads the history for the commits before the tip. Later on they are only counted on: in a long history that
// takes longer than the fetch.
func (m *mirror) lookBack(ctx context.Context) (err error) {
	s, err := m.git.openReading(ctx, m.dir, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	const farthest = 1 << 12
	h, next := plumbing.NewHash(m.state.Tip), 1
	for n := 0; n <= farthest; n++ {
		if n == next {
			m.state.Before, next = append(m.state.Before, ancestor{h.String(), n}), 2*n+1
		}
		c, err := object.GetCommit(s, h)
		if err != nil {
			return fmt.Errorf("the commit %s: %w", h, err)
		}
		if len(c.ParentHashes) == 0 {
			break
		}
		h = c.ParentHashes[0]
	}
	return nil
}

// advanced are the ancestors of a new tip, from those of the one before it, which is so many steps back. They stay ever
// fewer: one is left out when the next one is close to the one before.
func advanced(list []ancestor, tip string, steps int) []ancestor {
	all := []ancestor{{tip, steps}}
	for _, a := range list {
		all = append(all, ancestor{a.Commit, a.Apart + steps})
	}
	var out []ancestor
	last := 0
	for n, a := range all {
		if n+1 < len(all) && all[n+1].Apart <= 2*last+1 {
			continue
		}
		out, last = append(out, a), a.Apart
	}
	return out[:min(len(out), maxAncestors)]
}

// follows tells whether the new tip reaches the old one, and how many commits are between them. Only commits that were not
// there before have to be looked at: on the way from one to the other there are no others.
func follows(ctx context.Context, before packIndexes, after *store, old, tip plumbing.Hash) (steps int, ok bool, err error) {
	seen, queue := map[plumbing.Hash]bool{tip: true}, []plumbing.Hash{tip}
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		h := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if h == old {
			return steps, true, nil
		}
		if before.find(h) == nil {
			continue
		}
		steps++
		c, err := object.GetCommit(after, h)
		if err != nil {
			return 0, false, fmt.Errorf("the commit %s: %w", h, err)
		}
		for _, parent := range c.ParentHashes {
			if !seen[parent] {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	return 0, false, nil
}
