package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"github.com/preamp-build/preamp/cache/layers"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

// The state folder:
//
//	builds/ID/          the workspace of a running build, with owner.json beside it
//	slots/APP-N/        the same for engines whose builds see this machine's paths, which have to stay the same from
//	                    build to build; APP-N.lock says that it is in use
//	jobs/APP/BRANCH     how many builds there were
//	engine.json         what the engine said of its host; see package docker
//	plain/SOURCE        there when the last build of a URL had no cache
//	history/APP/        times and sizes of earlier builds, a file for each branch
//	mirrors/            what was cloned, so that the next build fetches only what is new
//	home/               what the host engine needs
//	layers/             caches that builds mount, and the trash; see package layers

// scratch is a folder that a build has for itself.
type scratch struct {
	dir  string
	lock *flock.Flock // of a slot
}

// makeWorkspace makes the folder that will hold the repository.
func (b *build) makeWorkspace(sharesPaths bool) error {
	s, err := b.r.makeScratch(b.owner, sharesPaths, b.job)
	if err != nil {
		return fail(ClassOutput, fmt.Errorf("make a workspace: %w", err))
	}
	b.scratch = s
	b.workspace = filepath.Join(s.dir, ".src") // renamed once the repository's name is known
	return nil
}

func (r *Runner) makeScratch(owner engine.Owner, stable bool, job Job) (*scratch, error) {
	if stable {
		return r.takeSlot(owner, job)
	}
	dir := filepath.Join(r.State, "builds", owner.Build)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	layers.Spread(filepath.Dir(dir))
	return &scratch{dir: dir}, engine.WriteOwner(dir, owner)
}

// maxSlots is how many builds of one repository may run at once on an engine that shares our paths.
const maxSlots = 64

// takeSlot finds the first folder of this repository that no other build uses.
func (r *Runner) takeSlot(owner engine.Owner, job Job) (*scratch, error) {
	base := filepath.Join(r.State, "slots")
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, err
	}
	where := job.Path
	if job.URL != "" {
		where, _, _ = source.Clean(job.URL) // a token is no name of a folder; what is wrong with the address, Prepare says
	}
	name := safeName(where)
	for n := range maxSlots {
		dir := filepath.Join(base, fmt.Sprintf("%s-%d", name, n))
		lock := flock.New(dir + ".lock")
		ok, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		s := &scratch{dir: dir, lock: lock}
		// A dead build may have left files; they are nobody's now, because the lock is ours.
		if err := errors.Join(r.discard(dir), os.MkdirAll(dir, 0o700)); err != nil {
			return nil, errors.Join(err, lock.Unlock())
		}
		return s, engine.WriteOwner(dir, owner)
	}
	return nil, fmt.Errorf("%d builds of this repository are already running", maxSlots)
}

// removeWorkspace takes the build's folder away, once.
func (b *build) removeWorkspace() error {
	s := b.scratch
	if s == nil {
		return nil
	}
	b.scratch = nil
	err := errors.Join(b.r.discard(s.dir), b.endLease())
	if s.lock != nil {
		err = errors.Join(err, s.lock.Unlock())
	}
	b.sweeping = make(chan struct{})
	go func() {
		defer close(b.sweeping)
		b.r.sweep(context.Background())
	}()
	return err
}

// discard takes a build's folder away at once where it can, and leaves the removing of its many files for later.
func (r *Runner) discard(dir string) error {
	if r.Layers == nil {
		return engine.RemoveTree(dir)
	}
	if err := engine.UnmountBelow(dir); err != nil {
		return err
	}
	if r.Layers.Discard(dir) == nil {
		return nil
	}
	return engine.RemoveTree(dir)
}

// Reap removes what builds of dead processes left behind: containers, processes, workspaces. It runs at the start of
// every build, and may run at any time beside others.
func (r *Runner) Reap(ctx context.Context) ([]engine.Reaped, error) {
	info, err := r.Engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	return r.reap(ctx, info)
}

// reap is Reap for who has asked the engine already.
func (r *Runner) reap(ctx context.Context, info engine.Info) ([]engine.Reaped, error) {
	abandoned, err := r.abandoned(info)
	errs := []error{err}
	reaped, err := r.Engine.Reap(ctx, engine.Owner.Dead)
	if errs = append(errs, err); err == nil {
		errs = append(errs, r.release(abandoned))
	}
	// A folder may only go when nothing of its build can run any more, which only the engine that ran it can see to.
	kinds := []string{"builds"}
	if info.SharesPaths {
		kinds = []string{"slots"}
	}
	for _, kind := range kinds {
		dirs, err := filepath.Glob(filepath.Join(r.State, kind, "*", engine.OwnerFile))
		errs = append(errs, err)
		for _, file := range dirs {
			dir := filepath.Dir(file)
			owner, ok := engine.Abandoned(dir, engine.Owner.Dead)
			if !ok {
				continue
			}
			if err := r.removeScratch(dir, kind == "slots"); err != nil {
				errs = append(errs, err)
				continue
			}
			reaped = append(reaped, engine.Reaped{What: "workspace", ID: dir, Owner: owner})
		}
	}
	return reaped, errors.Join(errs...)
}

// removeScratch removes a dead build's folder. A slot may have found a new user since we looked.
func (r *Runner) removeScratch(dir string, slot bool) error {
	if !slot {
		return r.discard(dir)
	}
	lock := flock.New(dir + ".lock")
	ok, err := lock.TryLock()
	if err != nil || !ok {
		return err
	}
	if _, ok := engine.Abandoned(dir, engine.Owner.Dead); ok {
		err = r.discard(dir)
	}
	return errors.Join(err, lock.Unlock())
}

// nextJob counts the builds of a branch, from 1.
func (r *Runner) nextJob(app, branch string) (int, error) {
	dir := filepath.Join(r.State, "jobs", safeName(app))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("count the builds: %w", err)
	}
	file := filepath.Join(dir, safeName(branch))
	lock := flock.New(file + ".lock")
	if err := lock.Lock(); err != nil {
		return 0, fmt.Errorf("count the builds: %w", err)
	}
	defer func() { _ = lock.Unlock() }() // the file stays open no longer than this process
	n := 0
	if raw, err := os.ReadFile(file); err == nil {
		n, _ = strconv.Atoi(strings.TrimSpace(string(raw))) // a damaged count begins again
	}
	n++
	// A number that a power failure has taken back would be given twice.
	if err := renameio.WriteFile(file, []byte(strconv.Itoa(n)+"\n"), 0o600, renameio.WithTempDir(dir)); err != nil {
		return 0, fmt.Errorf("count the builds: %w", err)
	}
	return n, nil
}

// safeName is a file name for any text: readable, and different for different texts.
func safeName(s string) string {
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, s)
	if len(readable) > 40 {
		readable = readable[len(readable)-40:]
	}
	return strings.Trim(readable, "-") + "-" + shortHash(s)
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
