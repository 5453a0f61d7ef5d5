package source

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxMirrorFiles is how many packs and indexes a mirror may have before they are made one. Each fetch brings one of both,
// and every object is looked for in all of them.
const maxMirrorFiles = 40

// mirrorName says which mirror.
type mirrorName struct {
	remote remote
	branch string // or, of a submodule, whose it is
}

// usedMirrors are those that a job has copied from, with its submodules.
type usedMirrors struct{ names []mirrorName }

// fromMirror brings the wanted commits by way of the mirror. It is false when there is none to be used.
func (c *clone) fromMirror(ctx context.Context, rev string, wants []plumbing.Hash) (bool, error) {
	from, ok := c.from.(*server)
	if !ok {
		return false, nil
	}
	create := c.Depth == 0 || !c.shallowDoes(rev)
	done, err := c.copyMirror(ctx, from, mirrorName{c.remote, c.branch}, c.refs, c.tip, create)
	if !done || err != nil {
		return false, err
	}
	if err := c.reopen(ctx); err != nil {
		return false, err
	}
	if c.store.HasEncodedObject(c.tip) != nil {
		return false, &damagedError{"the mirror does not have the commit " + c.tip.String()}
	}
	for _, h := range wants {
		if c.store.HasEncodedObject(h) != nil { // a tag on another branch
			return true, c.fetch(ctx, demand{wants: []plumbing.Hash{h}, haves: []plumbing.Hash{c.tip}})
		}
	}
	return true, nil
}

// copyMirror brings the mirror up to date and copies it into the destination's repository. It holds the lock no longer than
// that. It is false when there is no mirror to be used. What is wrong with the mirror itself is no reason to fail: the
// commits can come from the server.
func (j *job) copyMirror(ctx context.Context, from *server, name mirrorName, refs *refList, tip plumbing.Hash, create bool) (bool, error) {
	// Of a server with a shallow history, what a commit reaches depends on the server.
	if j.Mirror == "" || len(refs.shallow) > 0 {
		return false, nil
	}
	m, err := j.openMirror(ctx, name.remote, name.branch, create)
	if err == nil && m == nil {
		return false, nil
	}
	if err == nil {
		j.used.names = append(j.used.names, name)
		copied := m.copyAhead(ctx, j.dest)
		err = m.update(ctx, from, refs, tip)
		already := <-copied
		if err == nil {
			err = m.copyTo(ctx, j.dest, already)
		}
		err = errors.Join(err, m.Close())
	}
	var known *Error
	if err == nil {
		return true, nil
	}
	if ctx.Err() != nil || errors.As(err, &known) {
		return false, err
	}
	j.notice("the mirror of %s is not used: %v", name.remote.clean, err)
	return false, j.dest.emptyPacks()
}

// update fetches what is new, and sees to it that the mirror has exactly what the tip reaches.
func (m *mirror) update(ctx context.Context, from *server, refs *refList, tip plumbing.Hash) error {
	tags := refs.tagsKey()
	if m.state.Tip == tip.String() && m.state.Tags == tags {
		return nil
	}
	exact, err := m.fetchNew(ctx, from, refs, tip)
	if err == nil && (!exact || len(m.state.Files) > maxMirrorFiles) {
		err = m.rebuild(ctx, refs, tip)
	}
	if err == nil {
		err = m.save(tip, tags)
	}
	return err
}

// fetchNew brings the tip, and tags on what was there already. The result is false when the mirror then has commits that
// the tip does not reach, as after a force push.
func (m *mirror) fetchNew(ctx context.Context, from *server, refs *refList, tip plumbing.Hash) (exact bool, err error) {
	before, err := openPackIndexes(m.dir)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, before.Close()) }()
	if m.state.Tip != "" && before.find(plumbing.NewHash(m.state.Tip)) != nil {
		return false, &damagedError{"it does not have the commit " + m.state.Tip}
	}
	// It may have to read from what is fetched: git sees new packs, and go-git looks for them when it is asked for something.
	after, err := m.git.openReading(ctx, m.dir, nil)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, after.Close()) }()
	n := demand{wants: m.lacks(before, refs, tip)}
	if len(n.wants) > 0 {
		if n.haves, err = m.haves(ctx); err != nil {
			return false, err
		}
	}
	if len(n.wants) > 0 {
		of := from.j
		from.j = m.job
		_, err := from.fetch(ctx, n)
		from.j = of
		if err != nil {
			return false, err
		}
	}
	old := plumbing.NewHash(m.state.Tip)
	if old.IsZero() || old == tip {
		return true, nil
	}
	steps, exact, err := follows(ctx, before, after, old, tip)
	if exact && len(m.state.Before) > 0 {
		m.state.Before = advanced(m.state.Before, m.state.Tip, steps)
	} else {
		m.state.Before = nil
	}
	return exact, err
}

// lacks are the commits and tags that have to be asked for. Tags on commits that are new come along by themselves.
func (m *mirror) lacks(s packIndexes, refs *refList, tip plumbing.Hash) []plumbing.Hash {
	var out []plumbing.Hash
	if s.find(tip) != nil {
		out = append(out, tip)
	}
	for _, name := range refs.tagNames() {
		commit, annotated := refs.peeled[name]
		if annotated && s.find(commit) == nil && s.find(refs.tags[name]) != nil {
			out = append(out, refs.tags[name])
		}
	}
	return out
}

// rebuild makes one pack of what the tip reaches, beside the mirror, and then puts it into the mirror's place.
func (m *mirror) rebuild(ctx context.Context, refs *refList, tip plumbing.Hash) (err error) {
	m.progress.step("putting the mirror of %s in order", m.state.URL)
	fresh := &mirror{dir: m.dir + mirrorNew, state: m.state}
	fresh.job = &job{Request: m.Request, git: m.git, progress: m.progress, secrets: m.secrets}
	if err := fresh.reset(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh.dir)) }()
	src, err := openRepository("", m.dir)
	if err != nil {
		return errors.Join(err, fresh.dest.Close())
	}
	err = fresh.transfer(ctx, src, []plumbing.Hash{tip}, refs)
	if err := errors.Join(err, src.Close(), fresh.dest.Close()); err != nil {
		return err
	}
	if err := errors.Join(m.dest.Close(), os.RemoveAll(m.dir), os.Rename(fresh.dir, m.dir)); err != nil {
		m.dest = nil
		return err
	}
	return m.openFolder()
}

// endsInSum tells whether the last 20 bytes are the SHA-1 of all those in front of them.
func endsInSum(r io.Reader) (bool, error) {
	sum := sha1.New()
	buf, kept := make([]byte, 1<<18), 0
	for {
		n, err := r.Read(buf[kept:])
		kept += n
		if kept > sha1.Size {
			sum.Write(buf[:kept-sha1.Size])
			kept = copy(buf, buf[kept-sha1.Size:kept])
		}
		if errors.Is(err, io.EOF) {
			return kept == sha1.Size && string(sum.Sum(nil)) == string(buf[:kept]), nil
		}
		if err != nil {
			return false, err
		}
	}
}

// fromURLAgain clones, and once more without mirrors when one of them turns out to be damaged in a way that only the
// checkout could notice.
func (j *job) fromURLAgain(ctx context.Context) (*Checkout, error) {
	out, err := j.fromURL(ctx)
	var (
		known *Error
		disk  *fs.PathError // of this machine, not of the mirror
	)
	if err == nil || len(j.used.names) == 0 || ctx.Err() != nil || errors.As(err, &known) || errors.As(err, &disk) {
		return out, err
	}
	notice := fmt.Sprintf("the mirror of %s is dropped, because the checkout from it failed: %v", j.used.names[0].remote.clean, err)
	errs := []error{j.dest.empty()}
	for _, name := range j.used.names {
		errs = append(errs, j.dropMirror(ctx, name))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	j.Mirror, j.notices, j.problems, j.modules = "", []string{notice}, nil, nil
	return j.fromURL(ctx)
}

// dropMirror removes a mirror.
func (j *job) dropMirror(ctx context.Context, name mirrorName) error {
	dir := j.mirrorDir(name.remote, name.branch)
	lock, err := takeLock(ctx, dir+".lock")
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(dir), lock.Unlock())
}
