package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/sync/errgroup"
)

// checkOut writes the files of the commit and the index. The store is that of the destination.
//
// It does not use go-git's work tree, which refuses names that git allows (a newline, a backslash) and reads all files
// back. First all folders are made, each exactly once, when there is no link yet that one could be behind; then files and
// links, each exclusively, in a folder that was reached without a link: whatever a tree says, nothing is written through one or
// over another file. Every object is compared with its hash while it is read.
//
// Then it fills in what the commit only names: the files of Git LFS, and the submodules.
func (j *job) checkOut(ctx context.Context, s *store, c *object.Commit, up upstream) error {
	w := &treeWriter{job: j, attributes: attributes{}}
	if err := w.write(ctx, s, c); err != nil {
		return err
	}
	if err := j.fillPointers(ctx, w.lfsFiles(), up); err != nil {
		return err
	}
	if err := j.writeIndex(w.entries); err != nil {
		return err
	}
	switch {
	case len(w.submodules) == 0:
		return nil
	case j.Request.Submodules == "none":
		j.notice("submodules are not checked out: %s", few(w.submodules))
		return nil
	}
	return j.checkOutSubmodules(ctx, w.entries, up)
}

// checkoutWorkers write files at once. More of them than processors help nothing.
const checkoutWorkers = 2

// checkoutChunk is how many files in a row a worker writes, before it leaves as many to the next one: two that write into
// one folder wait for each other.
const checkoutChunk = 64

// write makes the folders and then the files of the commit.
func (w *treeWriter) write(ctx context.Context, s *store, c *object.Commit) (err error) {
	readers := make([]oneList, 0, checkoutWorkers)
	defer func() {
		for _, r := range readers {
			err = errors.Join(err, r.Close())
		}
	}()
	for range checkoutWorkers {
		r, err := w.objects(ctx)
		if err != nil {
			return err
		}
		readers = append(readers, r)
	}
	if err := w.plan(ctx, s.objects(), c); err != nil {
		return err
	}
	parts := make([][]planned, len(readers))
	turn := 0
	for chunk := range slices.Chunk(w.files, checkoutChunk) {
		parts[turn] = append(parts[turn], chunk...)
		turn = (turn + 1) % len(parts)
	}
	group, ctx := errgroup.WithContext(ctx)
	made := make(chan struct{}) // git unpacks the first files while the folders are made
	group.Go(func() error {
		defer close(made)
		return w.makeFolders()
	})
	for n, r := range readers {
		group.Go(func() error { return w.writeFiles(ctx, r, parts[n], made) })
	}
	return group.Wait()
}

// upstream is where a checkout comes from, and where what belongs to it may be found.
type upstream struct {
	remote remote
	auth   Auth
	branch string
	repo   *repository // on this machine; nil for a server's
	// offline is true for a repository of the user's: nothing is fetched for it that it does not have itself.
	offline bool
	user    string // of a submodule: the repository, branch and folder that it is in; "" for the outermost
}

// upstream is the repository as the source of a checkout of it. Its remote is only there to name things.
func (r *repository) upstream(origin, branch string) upstream {
	up := upstream{repo: r, branch: branch, offline: true}
	if known, _, err := parseRemote(origin); err == nil && origin != "" {
		up.remote = known
	}
	return up
}

// few lists names for one line.
func few(names []string) string {
	const shown = 5
	quoted := make([]string, 0, shown)
	for _, n := range names[:min(len(names), shown)] {
		quoted = append(quoted, oneLine(n))
	}
	line := strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	return line
}
