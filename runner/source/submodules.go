package source

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// Bounds on submodules. A repository may name itself, or others that name it in turn.
const (
	maxSubmoduleDepth = 8
	maxSubmodules     = 1000 // in one repository
)

// checkOutSubmodules brings the submodules among the entries, each at the commit that its entry names. One that cannot
// be had is a Problem: its folder stays empty, as the service leaves it.
func (j *job) checkOutSubmodules(ctx context.Context, entries []*index.Entry, up upstream) error {
	mods, err := j.readModules()
	if err != nil {
		return err
	}
	config, count := j.config, 0
	for _, e := range entries {
		if e.Mode != filemode.Submodule {
			continue
		}
		count++
		m, err := mods.at(e.Name)
		if err == nil && m.Update == "none" {
			j.notice("the submodule %s is not checked out: .gitmodules says update = none", oneLine(e.Name))
			continue
		}
		if err == nil && (count > maxSubmodules || j.depth >= maxSubmoduleDepth) {
			err = &Error{Kind: KindOther, Message: fmt.Sprintf("the submodule %s is one too many: preamp follows %d in a repository, and %d levels of them",
				oneLine(e.Name), maxSubmodules, maxSubmoduleDepth)}
		}
		var url string
		if err == nil {
			url, err = j.checkOutSubmodule(ctx, m, e, up)
		}
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			if err := j.problem(m.problem(e.Name, j.secrets), err); err != nil {
				return fmt.Errorf("the submodule %q: %w", e.Name, err)
			}
			continue
		}
		config.submodules = append(config.submodules, submoduleConfig{name: m.Name, url: url})
	}
	return j.writeConfig(config)
}

// checkOutSubmodule fills the folder of one submodule, or leaves it as it was. It returns the clean URL.
func (j *job) checkOutSubmodule(ctx context.Context, m module, e *index.Entry, up upstream) (url string, err error) {
	from, sub, err := j.openSubmodule(m, e, up)
	if err != nil {
		return "", err
	}
	d, err := j.dest.submodule(e.Name, m.Name)
	if err != nil {
		return "", errors.Join(err, closeRepository(sub.repo))
	}
	child := j.child(d)
	switch origin := from.(type) {
	case *server:
		origin.j = child
	case *local:
		origin.j = child
	}
	err = child.fillSubmodule(ctx, from, e.Hash, sub)
	if from, ok := from.(*server); ok {
		err = errors.Join(err, from.Close())
	}
	err = errors.Join(err, closeRepository(sub.repo))
	if err != nil {
		return "", errors.Join(err, d.drop())
	}
	j.adopt(child, e.Name, SubmoduleCheckout{Name: m.Name, URL: sub.remote.clean, Commit: e.Hash.String()})
	return sub.remote.clean, d.Close()
}

func closeRepository(r *repository) error {
	if r == nil {
		return nil
	}
	return r.Close()
}

// child is the work for a submodule in d.
func (j *job) child(d *dest) *job {
	return &job{Request: j.Request, dest: d, git: j.git, progress: j.progress, secrets: j.secrets, used: j.used, depth: j.depth + 1}
}

// adopt takes over what the work for the submodule at place has collected.
func (j *job) adopt(child *job, place string, m SubmoduleCheckout) {
	for _, n := range child.notices {
		j.notice("in the submodule %s: %s", oneLine(place), n)
	}
	for _, p := range child.problems {
		for n := range p.Paths {
			p.Paths[n] = joinPath(place, p.Paths[n])
		}
		j.problems = append(j.problems, p)
	}
	m.Path = place
	j.modules = append(j.modules, m)
	for _, inner := range child.modules {
		inner.Path = joinPath(place, inner.Path)
		j.modules = append(j.modules, inner)
	}
}

// openSubmodule finds out where the submodule's commit can be had: in the user's own copy of it, or at its URL.
func (j *job) openSubmodule(m module, e *index.Entry, up upstream) (origin, upstream, error) {
	sub := upstream{offline: up.offline, user: strings.Join([]string{up.user, up.remote.clean, up.branch, e.Name}, "\x00")}
	if up.repo != nil {
		repo, err := up.repo.submodule(m, e.Hash)
		if err != nil {
			return nil, sub, err
		}
		if sub.repo = repo; repo != nil {
			sub.remote.clean = repo.originURL("")
			return &local{repo: repo}, sub, nil
		}
		if up.offline {
			return nil, sub, &Error{
				Kind:    KindNoCommit,
				Message: fmt.Sprintf("the commit %s of the submodule %s is not in your clone", e.Hash, oneLine(e.Name)),
				Hint:    "Fetch it first: git submodule update --init --recursive -- " + shellQuote(oneLine(e.Name)),
			}
		}
	}
	var err error
	if sub.remote, sub.auth, err = m.resolve(up); err != nil {
		return nil, sub, err
	}
	j.secrets.add(sub.auth.Token, sub.auth.Password)
	return &server{remote: sub.remote, auth: sub.auth}, sub, nil
}

// submodule opens the repository's own copy of a submodule, if there is one that has the commit.
func (r *repository) submodule(m module, commit plumbing.Hash) (*repository, error) {
	var places []string
	if r.workTree != "" {
		if gitDir, err := gitDirOf(filepath.Join(r.workTree, filepath.FromSlash(m.Path))); err == nil && gitDir != "" {
			places = append(places, gitDir)
		}
	}
	if gitDir := filepath.Join(r.commonDir, "modules", filepath.FromSlash(m.Name)); isGitDir(gitDir) {
		places = append(places, gitDir)
	}
	for _, gitDir := range places {
		sub, err := openRepository("", gitDir)
		if err != nil {
			return nil, err
		}
		if sub.store.HasEncodedObject(commit) == nil {
			sub.workTree = filepath.Join(firstOf(r.workTree, r.gitDir), filepath.FromSlash(m.Path))
			return sub, nil
		}
		if err := sub.Close(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// fillSubmodule brings one commit in and checks it out, with HEAD detached as git submodule update leaves it.
func (j *job) fillSubmodule(ctx context.Context, from origin, commit plumbing.Hash, up upstream) (err error) {
	if err := j.initGitDir(); err != nil {
		return err
	}
	j.progress.step("checking out the submodule %s", oneLine(j.dest.place))
	refs, err := from.refs(ctx)
	if err != nil {
		return err
	}
	if up.repo != nil {
		j.limitHistory(up.repo, refs, commit)
	}
	if err := j.fetchSubmodule(ctx, from, refs, commit, up); err != nil {
		return err
	}
	s, err := j.openPacked(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	c, err := s.commit(commit)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return noSubmoduleCommit(from, commit, err)
	}
	if err != nil {
		return err
	}
	l := layout{
		commit: commit, refs: map[string]plumbing.Hash{}, symref: map[string]string{},
		config: gitConfig{url: up.remote.clean, fetch: "+refs/heads/*:refs/remotes/origin/*"},
	}
	for name, h := range refs.heads {
		if up.repo == nil && s.HasEncodedObject(h) == nil {
			l.refs["refs/remotes/origin/"+name] = h
			if name == refs.head {
				l.symref["refs/remotes/origin/HEAD"] = "refs/remotes/origin/" + name
			}
		}
	}
	if err := j.writeLayout(s, refs, l); err != nil {
		return err
	}
	return j.checkOut(ctx, s, c, up)
}

// fetchSubmodule asks for the commit itself. Where a server does not give that out, all branches are fetched, as git
// does it.
func (j *job) fetchSubmodule(ctx context.Context, from origin, refs *refList, commit plumbing.Hash, up upstream) error {
	if refs.any || refs.offers(commit) {
		err := j.fetchOne(ctx, from, refs, commit, up)
		var known *Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &known) || (known.Kind != KindOther && known.Kind != KindNotRepository) {
			return err
		}
	}
	if _, here := from.(*local); here {
		return noSubmoduleCommit(from, commit, plumbing.ErrObjectNotFound)
	}
	var wants []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for _, h := range refs.heads {
		if !seen[h] {
			seen[h], wants = true, append(wants, h)
		}
	}
	if len(wants) == 0 {
		return noSubmoduleCommit(from, commit, plumbing.ErrObjectNotFound)
	}
	_, err := from.fetch(ctx, demand{wants: wants})
	return err
}

// fetchOne brings one commit, by way of a mirror where there is one. Each user of a submodule has its own: two that are at
// different commits would else undo each other's.
func (j *job) fetchOne(ctx context.Context, from origin, refs *refList, commit plumbing.Hash, up upstream) error {
	if s, ok := from.(*server); ok {
		done, err := j.copyMirror(ctx, s, mirrorName{s.remote, "submodule\x00" + up.user}, refs, commit, j.Depth == 0)
		if done || err != nil {
			return err
		}
	}
	ends, err := from.fetch(ctx, demand{wants: []plumbing.Hash{commit}, depth: j.Depth})
	refs.shallow = append(refs.shallow, ends...)
	return err
}

func noSubmoduleCommit(from origin, commit plumbing.Hash, err error) error {
	e := &Error{Kind: KindNoCommit, Err: err, Message: fmt.Sprintf("there is no commit %s in the repository of the submodule", commit)}
	if s, ok := from.(*server); ok {
		e.Message = fmt.Sprintf("%s has no commit %s, which the submodule is at", s.remote.clean, commit)
		e.Hint = "Push the submodule's commit there, or commit another one in the repository that uses it."
	}
	return e
}

// problem describes the submodule of which something is missing.
func (m module) problem(place string, s *secrets) Problem {
	p := Problem{Part: PartSubmodule, Paths: []string{place}, Name: m.Name, Line: m.Line, URL: m.URL}
	if strings.Contains(m.URL, "@") || strings.Contains(m.URL, "?") {
		if r, _, err := parseRemote(m.URL); err == nil {
			p.URL = r.clean
		} else {
			p.URL = ""
		}
	}
	p.URL = oneLine(s.redact(p.URL))
	return p
}
