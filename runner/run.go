// Package runner does one build: from a Job to a Result, telling of everything on the way as events.
//
// The way of a build, in the order of this package's files:
//
//	job.go        what is to be done
//	run.go        the way itself: source, specification, plan, image, cache, container, phases, artifacts
//	early.go      what is decided before there is a checkout, and ahead.go: what is begun meanwhile
//	plan.go       what can be decided before a container exists, and env.go: with which variables
//	phases.go     the commands, one by one, in one shell
//	collect.go    what is kept of it: caches and artifacts
//	cleanup.go    what is taken away, whatever happened
//	result.go     what is known at the end, and exit.go: how it ended
//	event.go      what everybody else gets to see
//
// It chooses no engine, no store and no output format; whoever makes a Runner does. It holds no state but in the Runner's
// folder, so that builds may run side by side in one process. What another program uses of it is Runner with Run, Preview,
// Applications and Reap, Job, PrepareOutput, the events, and Result; package contract has them as JSON documents.
package runner

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cache/layers"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/kit"
	"github.com/preamp-build/preamp/runner/source"
)

// Runner does builds. It is safe for concurrent use: builds share nothing but the state folder, the engine and the store,
// and each has its own files there.
type Runner struct {
	// Engine runs the containers.
	Engine engine.Engine
	// Images brings the image that a job names. Engines without images need none.
	Images ImageProvider
	// Cache keeps what cache.paths names. Nil: nothing is kept.
	Cache cache.Store
	// EnvCache keeps what builds set with envCache. Nil: nothing is kept.
	EnvCache cache.EnvStore
	// Layers keeps the same where the engine can compose workspaces of layers; Cache is then asked on a miss. It lies in State.
	// What builds leave goes to its trash. Nil: workspaces are never composed, and are removed at once.
	Layers *layers.Store
	// State is a folder of this machine that belongs to preamp: workspaces of running builds, counters. It is made when
	// it does not exist.
	State string
	// Version is preamp's own, for results.
	Version string
	// Log is for whoever debugs preamp; builds are told of by events. The zero value is silent.
	Log zerolog.Logger
}

// ImageProvider makes images available to the engine.
type ImageProvider interface {
	// Ensure makes the image that name means available, by pulling it or by building it from our recipe. name may be
	// empty: the default image. notices are sentences for the user.
	Ensure(ctx context.Context, name string, pull engine.Pull, progress func(engine.Progress)) (img engine.Image, built bool, notices []string, err error)
}

// Run does one build. emit gets every event, one at a time; it may be nil. Run returns when nothing of the build is left
// but its result, which is never nil and is also in Job.Out, and what the trash of Layers still holds. A build that fails is
// not an error of Run: why and how is in Result.Failure. When ctx ends, the build is stopped and cleaned up; its cause tells
// in the result why (see Interrupted).
func (r *Runner) Run(ctx context.Context, job Job, emit func(Stamped)) *Result {
	b := newBuild(r, job, emit)
	err := b.guarded(ctx)
	b.cleanUp()
	res := b.finish(ctx, err)
	b.awaitSweep()
	return res
}

// guarded turns a panic into a failure: the container has to go even when preamp itself is broken.
func (b *build) guarded(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			b.r.Log.Error().Str("build", b.id).Bytes("stack", debug.Stack()).Msgf("panic: %v", v)
			err = &Failure{Class: ClassBug, Message: fmt.Sprintf("preamp itself failed: %v", v), Hint: "please report it, with what --debug prints"}
		}
	}()
	return b.run(ctx)
}

// run is the way of one build. Each step leaves in b what the next ones need.
func (b *build) run(ctx context.Context) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, b.jobTimeout(), errTimeout)
	defer cancel()
	if err := b.getSource(limited); err != nil {
		return b.classified(limited, err)
	}
	if b.early || b.unwanted() {
		return nil
	}
	if err := b.readSpec(); err != nil {
		return err
	}
	if err := b.makePlan(limited); err != nil {
		return err
	}
	if b.plan.Idle() {
		b.skipAll()
		return nil
	}
	b.notePlain(b.plan.cache.Empty())
	// A first build may have to make its image, which is no part of the time that the service would count.
	if err := b.getImage(ctx); err != nil {
		return b.classified(ctx, err)
	}
	limited, cancel = context.WithTimeoutCause(ctx, b.plan.Timeout-b.sourceTook, errTimeout)
	defer cancel()
	if err := b.restoreEnvCache(limited); err != nil {
		return b.classified(limited, err)
	}
	if err := b.restoreCache(limited); err != nil {
		return b.classified(limited, err)
	}
	if err := b.start(limited); err != nil {
		return b.classified(limited, err)
	}
	if err := b.prepare(limited); err != nil {
		return b.classified(limited, err)
	}
	err := b.runSections(limited)
	b.askEnvCache(limited)
	if err != nil {
		b.keepTests(ctx)
		return b.classified(limited, err)
	}
	if err := b.collect(limited); err != nil {
		return b.classified(limited, err)
	}
	b.remember()
	return nil
}

// classified is err as a Failure, or nil. It looks at the context while that still tells why.
func (b *build) classified(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return classify(ctx, err)
}

// begin checks the job, and asks the engine who it is.
func (b *build) begin(ctx context.Context) error {
	if err := b.job.Validate(); err != nil {
		return err
	}
	info, err := b.askEngine(ctx)
	if err != nil {
		return b.classified(ctx, err)
	}
	b.result.Engine = info
	b.send(BuildStarted{Version: ResultVersion, Build: b.id, Engine: info, Limits: b.job.Limits, Size: b.job.Size, Timeout: b.jobTimeout(), Isolated: info.Isolated})
	for _, name := range b.redactor.TooShort() {
		b.warn("the value of %s is too short to be masked: it can be seen in the log", name)
	}
	if b.scratch != nil {
		return nil
	}
	return b.makeWorkspace(info.SharesPaths)
}

// getSource clones or copies what is to be built, unless it can be seen from afar that there is nothing to do.
func (b *build) getSource(ctx context.Context) (err error) {
	began := time.Now()
	from := b.job.Path
	if b.job.URL != "" {
		from, _, _ = source.Clean(b.job.URL) // what is wrong with it, Prepare says
	}
	b.send(SourceStarted{From: from, WorkTree: b.job.Path != "" && b.job.Commit == ""})
	if b.early, err = b.decideEarly(ctx, began); b.early || err != nil {
		return err
	}
	if err := b.startAhead(ctx, false); err != nil {
		return err
	}
	co, err := source.Prepare(ctx, b.sourceRequest())
	if err != nil {
		return err
	}
	return b.arrived(co, time.Since(began))
}

// arrived notes what the source is.
func (b *build) arrived(co *source.Checkout, took time.Duration) error {
	b.checkout, b.sourceTook = co, took
	b.result.Source = Source{
		Name: co.Name, URL: co.CloneURL, Path: b.job.Path, Branch: co.Branch, Commit: co.Commit, Subject: co.Subject,
		WorkTree: co.WorkTree, Changed: co.Changed, Untracked: co.Untracked, Head: b.job.Commit == "",
	}
	for _, m := range co.Submodules {
		b.result.Source.Submodules = append(b.result.Source.Submodules, m.Path)
	}
	if err := b.identify(co); err != nil {
		return err
	}
	b.send(SourceReady{Source: b.result.Source, Dir: b.r.Engine.Dir(b.containerSpec()), Took: b.sourceTook})
	for _, n := range co.Notices {
		b.notice("%s", n)
	}
	for _, p := range co.Problems {
		b.warn("%s", p)
		for hint := range strings.Lines(p.Err.Hint) {
			b.notice("%s", strings.TrimSpace(hint))
		}
	}
	return nil
}

// sourceRequest is the same before and after the workspace got its name, but for that, and for what is known of its head.
func (b *build) sourceRequest() source.Request {
	return source.Request{
		Path: b.job.Path, URL: b.job.URL, Branch: b.job.Branch, Commit: b.job.Commit, Auth: b.job.Auth,
		Submodules: b.job.Submodules, LFS: b.job.LFS, CACerts: b.job.CACerts, Dest: b.workspace, Exclude: []string{b.job.Out, b.r.State},
		Mirror: b.r.mirrors(), Depth: b.job.Depth, Head: b.head,
		Progress: func(line string) { b.send(Progress{Step: "source", Message: line}) },
	}
}

// readSpec finds, parses and selects. Everything that is wrong with the file is reported at once.
func (b *build) readSpec() error {
	files, closeFiles, err := b.files()
	if err != nil {
		return fail(ClassBug, err)
	}
	defer closeFiles()
	file, raw, err := b.findSpec(files)
	if err != nil {
		return err
	}
	b.specRaw, b.result.Spec, b.result.SpecSHA256 = raw, file, longHash(string(raw))
	spec, found := buildspec.Check(file, raw, buildspec.Facts{FS: files, Dir: path.Dir(file), AppRoot: b.appRoot()})
	if found.HasErrors() {
		f := &Failure{Class: ClassSpec, Message: found.Err().Error(), Diagnostics: found, err: found.Err()}
		for _, d := range found {
			if d.Amplify != "" {
				f.Service = d.Amplify
				break
			}
		}
		return f
	}
	b.app, b.selection, err = spec.Select(b.appRoot())
	if err != nil {
		f := fail(ClassSpec, err)
		var se *buildspec.SelectError
		if errors.As(err, &se) {
			f.Service = se.Amplify
		}
		return f
	}
	b.spec, b.found = spec, found
	if err := b.number(); err != nil {
		return err
	}
	b.send(SpecRead{File: file, AppRoot: b.app.AppRoot.Value, Diagnostics: found, Source: raw})
	return nil
}

// makePlan decides everything that the container does not have a say in.
func (b *build) makePlan(ctx context.Context) error {
	diffs, err := b.compare(ctx)
	if err != nil {
		return b.classified(ctx, err)
	}
	b.result.Platform, b.framework = b.platform()
	plan, err := Compile(b.spec, b.app, b.selection, Facts{
		Job: &b.job, Source: b.result.Source, Build: b.id, AppID: b.result.App, Branch: b.result.Branch, JobID: b.result.Job,
		Dir: b.r.Engine.Dir(b.containerSpec()), Engine: b.result.Engine, Now: b.result.Started, NextSSR: b.nextSSR(), Diffs: diffs,
	})
	if err != nil {
		return err
	}
	b.plan = plan
	b.result.AppRoot, b.result.Timeout, b.result.EnvNames = plan.AppRoot, plan.Timeout, plan.EnvNames
	b.send(Planned{Plan: plan, App: b.result.App, Branch: b.result.Branch})
	for _, n := range plan.Notices {
		b.notice("%s", n)
	}
	for _, w := range plan.Warnings {
		b.warn("%s", w)
	}
	return b.checkStart()
}

// getImage brings the image. Its time is not the build's.
func (b *build) getImage(ctx context.Context) error {
	if b.r.Images == nil {
		return nil
	}
	began := time.Now()
	name := b.imageName()
	progress := func(p engine.Progress) {
		b.send(Progress{Step: "image", Message: p.Message, Current: p.Current, Total: p.Total})
	}
	var got ensured
	if b.ahead != nil && b.ahead.name == name {
		got = b.ahead.awaitImage(ctx, progress)
	} else {
		if err := b.dropAhead(); err != nil {
			return err
		}
		got = b.ensure(ctx, name, progress)
	}
	for _, n := range got.notices {
		b.notice("%s", n)
	}
	if got.err != nil {
		return got.err
	}
	img := got.img
	b.rememberImage(img.ID)
	b.imageKit = img.Labels[kit.Label]
	b.result.Image = Image{Ref: img.Ref, ID: img.ID, Digest: img.Digest, Arch: img.Arch, Pulled: img.Pulled}
	b.send(ImageReady{Image: b.result.Image, Built: got.built, Took: time.Since(began)})
	return nil
}

// imageName is the image that the job asks for; "" leaves the choice to the provider.
func (b *build) imageName() string {
	if b.job.Image != "" {
		return b.job.Image
	}
	v, _ := b.job.env("_CUSTOM_IMAGE")
	return v
}

// start makes the container around the workspace and opens the shell in it.
func (b *build) start(ctx context.Context) error {
	began := time.Now()
	spec := b.containerSpec()
	spec.Start, spec.Env = b.plan.Start, b.plan.env
	dir := b.r.Engine.KitDir(spec)
	spec.Kit, spec.Init = kit.Files(dir, b.envBefore), kit.Setup(dir)
	if b.imageKit == kit.Sum(dir) {
		spec.Kit = kit.Beyond(b.envBefore)
	}
	c, err := b.startContainer(ctx, spec)
	if engine.IsKind(err, engine.KindNotComposed) && b.composed != nil {
		if err := b.decompose(ctx, err); err != nil {
			return err
		}
		spec.Stack, spec.Workspace = nil, b.workspace
		c, err = b.r.Engine.Start(ctx, spec)
	}
	if err != nil {
		return err
	}
	b.container = c
	b.reap(ctx)
	b.tidyMeanwhile(ctx)
	b.send(ContainerStarted{ID: c.ID(), Dir: b.r.Engine.Dir(spec), Took: time.Since(began)})
	return nil
}

// prepare does what comes before the first command. The service puts the cache back last; here that was done before there
// was a container, and is told of in the service's order.
func (b *build) prepare(ctx context.Context) error {
	if err := b.liveInstall(ctx); err != nil {
		return err
	}
	b.tellRestored()
	return nil
}

// containerSpec is what the engine has to know, but for what only the plan says.
func (b *build) containerSpec() engine.Spec {
	return engine.Spec{
		Owner: b.owner, Image: b.result.Image.ID, Workspace: b.workspace, Stack: b.stack(), Dir: containerDir(b.repoID, b.folderName()),
		CACerts: b.job.CACerts, Limits: b.job.Limits,
	}
}

func (b *build) jobTimeout() time.Duration {
	if b.plan != nil {
		return b.plan.Timeout
	}
	p := Plan{}
	p.timeout(&b.job)
	return p.Timeout
}
