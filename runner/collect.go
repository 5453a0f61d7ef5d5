package runner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/preamp-build/preamp/artifacts"
	"github.com/preamp-build/preamp/artifacts/check"
	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner/engine"
)

// restoreCache puts back what the last build left. A miss of any kind costs time, never the build.
func (b *build) restoreCache(ctx context.Context) error {
	if b.r.Cache == nil || b.job.NoCache || b.plan.cache.Empty() {
		return nil
	}
	b.send(Progress{Step: "cache", Message: "looking for a cache"})
	got, restored, err := b.restoreLayers(ctx)
	if err == nil && !restored {
		got, err = b.r.Cache.Restore(ctx, b.cacheKey(), b.workspace)
	}
	if err != nil {
		return &Failure{Class: ClassOutput, Message: fmt.Sprintf("restore the cache: %v", err), Hint: "--no-cache builds without it", err: err}
	}
	r := CacheRestore{Hit: got.Hit, Reason: got.Reason, Files: got.Files, Bytes: got.Bytes, Stored: got.Stored, Took: got.Took}
	if got.Hit {
		r.From = got.From
	}
	b.result.Cache.Restore, b.restoreNotices, b.cached.restored = &r, got.Notices, got.Parts
	return nil
}

// tellRestored tells of the cache when it is its turn.
func (b *build) tellRestored() {
	if b.result.Cache.Restore == nil {
		return
	}
	b.send(CacheRestored{CacheRestore: *b.result.Cache.Restore})
	for _, n := range b.restoreNotices {
		b.notice("%s", n)
	}
}

func (b *build) cacheKey() cache.Key {
	img := b.result.Image.Digest
	if img == "" {
		img = b.result.Image.ID
	}
	if img == "" {
		img = b.result.Engine.Kind
	}
	arch := b.result.Image.Arch
	if arch == "" {
		arch = b.result.Engine.Arch
	}
	return cache.Key{
		App: b.result.App, Branch: b.result.Branch, DefaultBranch: b.job.DefaultBranch, Image: img, Arch: arch,
		Paths: b.plan.Cache, Dir: b.plan.Project,
	}
}

// collect takes what the build hands over. The artifacts are looked at before the cache is saved, though the service does
// it the other way round: a build that has nothing to deploy must not replace a good cache.
func (b *build) collect(ctx context.Context) error {
	if err := b.stop(ctx); err != nil {
		return err
	}
	if b.plan.Section("frontend").Skip != "" {
		return nil // nothing new to hand over; a cache that was good stays
	}
	headers := b.findHeaders()
	chosen, err := b.choose(ctx, b.plan.Artifact)
	if err != nil {
		return err
	}
	unfit := errors.Join(headers, b.checkOutput(chosen))
	if unfit == nil && b.composed == nil {
		if err := b.saveCache(ctx); err != nil {
			return err
		}
	}
	if err := b.collectTests(ctx); err != nil {
		return err
	}
	began := time.Now()
	b.send(Progress{Step: "artifacts", Message: "packing the artifacts"})
	a, err := b.deliver(ctx, chosen, "artifacts", b.plan.Artifact.Written)
	if err != nil {
		return err
	}
	b.result.Artifacts = a
	b.tellReady(ArtifactsReady{Kind: "build", Artifacts: *a, Took: time.Since(began)})
	// What is composed is taken apart by saving, so that comes last. It is told of in the service's order.
	if unfit == nil && b.composed != nil {
		if err := b.saveCache(ctx); err != nil {
			return err
		}
	}
	b.tellLater()
	return unfit // whoever wants to know why can look at the artifacts
}

// stop ends every process of the build, so that what is collected does not change while it is read.
func (b *build) stop(ctx context.Context) error {
	if err := b.container.Stop(ctx); err != nil {
		return err
	}
	if err := b.container.Fetch(ctx, "."); err != nil {
		return err
	}
	b.readEnvCache(ctx)
	if b.composed == nil { // otherwise it is what shows us the workspace
		b.release()
	}
	return nil
}

func (b *build) saveCache(ctx context.Context) error {
	if b.r.Cache == nil || b.job.NoCache || b.plan.cache.Empty() {
		return nil
	}
	b.send(Progress{Step: "cache", Message: "saving the cache"})
	got, err := b.saveTree(ctx)
	if err != nil && ctx.Err() != nil {
		return err
	}
	s := CacheSave{Saved: got.Written || got.Unchanged, Reason: got.Reason, Files: got.Files, Bytes: got.Bytes, Stored: got.Stored, Took: got.Took}
	s.Biggest, b.cached.saved, b.cached.packed = biggest(got.Parts), got.Parts, b.composed == nil
	if err != nil {
		// The build itself is good; the service fails such a build, which helps nobody.
		s.Reason = err.Error()
		b.warn("the cache was not saved: %v", err)
	}
	b.result.Cache.Save = &s
	b.send(CacheSaved{CacheSave: s})
	for _, n := range got.Notices {
		b.notice("%s", n)
	}
	return nil
}

// collectTests reads what the tests reported and keeps their artifacts, whether they passed or not.
func (b *build) collectTests(ctx context.Context) error {
	if b.testsBegan.IsZero() {
		return nil
	}
	b.readReports(ctx)
	if b.plan.Tests == nil {
		return nil
	}
	began := time.Now()
	chosen, err := b.choose(ctx, b.plan.Tests)
	var missing *artifacts.MissingBaseError
	switch {
	case errors.As(err, &missing):
		b.warn("the test artifacts' base directory %q does not exist", b.plan.Tests.Written)
		return nil
	case err != nil:
		return err
	}
	a, err := b.deliver(ctx, chosen, "test-artifacts", b.plan.Tests.Written)
	if err != nil {
		return err
	}
	b.result.TestArtifacts = a
	b.tellReady(ArtifactsReady{Kind: "test", Artifacts: *a, Took: time.Since(began)})
	return nil
}

// keepTimeout bounds the collecting of a failed build's test artifacts.
const keepTimeout = 2 * time.Minute

// keepTests collects what the tests of a failed build left: that is when somebody wants to see it. The build's own context
// may have ended by then.
func (b *build) keepTests(ctx context.Context) {
	if b.testsBegan.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	err := b.stop(ctx)
	if err == nil {
		err = b.collectTests(ctx)
	}
	b.tellLater()
	if err != nil {
		b.warn("the test artifacts could not be kept: %v", err)
	}
}

// choose lists what an artifacts section names.
func (b *build) choose(ctx context.Context, p *ArtifactPlan) (*artifacts.Selection, error) {
	base, err := check.Base(b.workspace, b.plan.Project, p.Base, b.job.Platform)
	if err != nil {
		return nil, fail(ClassOutput, err)
	}
	chosen, err := artifacts.Select(ctx, artifacts.Options{
		Root: b.workspace, Base: base, BaseAsWritten: p.Written, Files: p.Files, DiscardPaths: p.Discard, Before: b.before,
		Final: b.composed == nil, // otherwise the files become a layer of the cache
	})
	if err != nil {
		f := &Failure{Class: ClassOutput, Message: fmt.Sprintf("%s:%d: %v", b.plan.Spec, p.Pos.Line, err), err: err}
		var missing *artifacts.MissingBaseError
		if errors.As(err, &missing) {
			f.Hint, f.Service = missing.Hint(), "CustomerError: "+missing.Error()
		}
		return nil, f
	}
	for _, n := range chosen.Notices {
		b.notice("%s", n)
	}
	return chosen, nil
}

// deliver writes a selection as a folder and as a zip into the output folder.
func (b *build) deliver(ctx context.Context, chosen *artifacts.Selection, name, written string) (*Artifacts, error) {
	a := &Artifacts{Base: written, Files: len(chosen.Files), Bytes: chosen.Bytes}
	a.Dir = filepath.Join(b.job.Out, name)
	a.Zip = a.Dir + ".zip"
	if err := chosen.WriteDir(ctx, a.Dir); err != nil {
		return nil, fail(ClassOutput, fmt.Errorf("write the artifacts: %w", err))
	}
	if err := b.writeZip(ctx, chosen, a); err != nil {
		return nil, fail(ClassOutput, fmt.Errorf("pack the artifacts: %w", err))
	}
	return a, nil
}

func (b *build) writeZip(ctx context.Context, chosen *artifacts.Selection, a *Artifacts) (err error) {
	f, err := os.CreateTemp(b.job.Out, ".zip-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	sum := sha256.New()
	// One time for all entries: the same files then are the same archive, whenever they were built.
	hashes, err := chosen.WriteZipHashes(ctx, io.MultiWriter(f, sum), zipTime)
	if err != nil {
		return err
	}
	a.Hashes = a.Dir + ".hashes.json"
	var list bytes.Buffer
	if err := hashes.WriteJSON(&list); err != nil {
		return err
	}
	if err := engine.ReplaceFile(a.Hashes, list.Bytes(), 0o644); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	a.ZipBytes, a.SHA256 = info.Size(), hex.EncodeToString(sum.Sum(nil))
	if err := errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), a.Zip)
}

// zipTime is the oldest time that a zip archive can hold.
var zipTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func artifactsDirs(root string) ([]string, error) { return artifacts.Dirs(root) }

func bytesText(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

func firstLine(s string) string {
	line, rest, more := strings.Cut(strings.TrimSpace(s), "\n")
	if more && strings.TrimSpace(rest) != "" {
		line += " …"
	}
	return line
}
