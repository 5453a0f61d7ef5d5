package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/runner/source"
)

// lockfiles outside of an application's folder still decide what is installed for it.
var lockfiles = []string{
	"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb",
}

// compare answers the job's wish to build only what has changed since the last successful build of this branch. Where in
// doubt everything has: a first build, a commit that is gone, a changed specification or environment are reasons to build.
func (b *build) compare(ctx context.Context) ([]Diff, error) {
	deploy, _ := b.job.env("AMPLIFY_DIFF_DEPLOY")
	backend, _ := b.job.env("AMPLIFY_DIFF_BACKEND")
	var asked []Diff
	if isTrue(backend) && b.hasBackendFolder() {
		asked = append(asked, Diff{What: "backend", Root: "amplify"})
	}
	if isTrue(deploy) {
		asked = append(asked, Diff{What: "frontend", Root: b.diffRoot()})
	}
	if len(asked) == 0 {
		return nil, nil
	}
	last, note := b.r.readLast(b.result.App, b.result.Branch)
	if note != "" {
		b.warn("%s", note)
	}
	for i := range asked {
		if err := b.decide(ctx, &asked[i], last.Sections[asked[i].What]); err != nil {
			return nil, err
		}
		b.send(DiffDecided{Diff: asked[i]})
	}
	b.result.Diff = asked
	return asked, nil
}

// decide fills in what has become of one section since it was built last.
func (b *build) decide(ctx context.Context, d *Diff, last *builtFrom) error {
	d.Head = b.result.Source.Commit
	watches := []source.Watch{b.watch(d), {Globs: b.job.WatchPaths}}
	given := b.job.DiffBase != "" && (last == nil || last.Commit != b.job.DiffBase)
	if given {
		// Of a build that another machine has made, only the commit is known. Its specification is in the repository.
		last = &builtFrom{Commit: b.job.DiffBase}
		watches = append(watches, source.Watch{Globs: []string{escapeGlob(b.result.Spec)}})
	}
	if last == nil {
		d.Why = "this branch was not built successfully before"
		return nil
	}
	d.Base = last.Commit
	if !given {
		if d.Why = b.builtNow(last.Key).differs(last); d.Why != "" {
			return nil
		}
	}
	got, err := b.compareWith(ctx, last.Commit, watches)
	if err != nil {
		return err
	}
	if got.Unknown != "" {
		d.Why = fmt.Sprintf("commit %.8s cannot be compared with: %s", last.Commit, got.Why)
		return nil
	}
	for _, w := range got.Watches {
		d.Changed += w.Count
		for _, c := range w.First {
			if !slices.Contains(d.First, c.Path) {
				d.First = append(d.First, c.Path)
			}
		}
	}
	switch root := got.Watches[0]; {
	case slices.Contains(root.Absent, d.Root):
		d.Why = fmt.Sprintf("there is no folder %s: AMPLIFY_DIFF_DEPLOY_ROOT names the one that counts", d.Root)
	case d.Changed > 0:
		d.Why = fmt.Sprintf("changed since commit %.8s: %s", last.Commit, someOf(d.First, d.Changed))
	default:
		d.Skip, d.Why = true, fmt.Sprintf("nothing has changed in %s since commit %.8s", inWords(d.Root), last.Commit)
	}
	return nil
}

func (b *build) compareWith(ctx context.Context, base string, watches []source.Watch) (*source.Comparison, error) {
	if b.view != nil {
		return b.view.Compare(ctx, base, watches, 0)
	}
	return source.Compare(ctx, source.CompareRequest{
		Request: b.sourceRequest(), Checkout: b.checkout, Base: base, Scratch: b.scratch.dir, Watches: watches,
	})
}

// watch is what counts for a section besides the specification and the environment.
func (b *build) watch(d *Diff) source.Watch {
	w := source.Watch{Roots: []string{d.Root}}
	if d.What != "frontend" {
		return w
	}
	// Lockfiles and headers may lie in every folder between the repository's root and the one that counts.
	for dir := d.Root; ; dir = path.Dir(dir) {
		w.Globs = append(w.Globs, path.Join(escapeGlob(dir), "{"+strings.Join(lockfiles, ",")+"}"))
		if dir == "." || dir == "/" {
			break
		}
	}
	for _, dir := range []string{cleanFolder(b.app.AppRoot.Value), cleanFolder(b.app.Frontend.BuildPath.Value)} {
		w.Globs = append(w.Globs, path.Join(escapeGlob(dir), "{"+strings.Join(lockfiles, ",")+"}"))
	}
	w.Globs = append(w.Globs, "customHttp.{yml,yaml}", ".gitmodules")
	slices.Sort(w.Globs)
	w.Globs = slices.Compact(w.Globs)
	return w
}

// diffRoot is the folder whose changes count: the one that is named, else the application's, else the service's default.
func (b *build) diffRoot() string {
	if v, ok := b.job.env("AMPLIFY_DIFF_DEPLOY_ROOT"); ok && strings.TrimSpace(v) != "" {
		return orDot(cleanFolder(v))
	}
	if b.spec.Monorepo && cleanFolder(b.app.AppRoot.Value) != "" {
		return cleanFolder(b.app.AppRoot.Value)
	}
	return "src"
}

// hasBackendFolder looks for what AMPLIFY_DIFF_BACKEND is about; without it the service ignores the variable, too.
func (b *build) hasBackendFolder() bool {
	files, closeFiles, err := b.files()
	if err != nil {
		return false
	}
	defer closeFiles()
	info, err := fs.Stat(files, "amplify")
	if err == nil && info.IsDir() {
		return true
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		b.notice("AMPLIFY_DIFF_BACKEND has no effect: the repository has no folder amplify")
	}
	return false
}

var globSpecial = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`, ",", `\,`)

func escapeGlob(s string) string { return globSpecial.Replace(s) }

func inWords(folder string) string {
	if folder == "." {
		return "the repository"
	}
	return folder
}

// someOf names the first of some paths.
func someOf(first []string, all int) string {
	const show = 3
	text := strings.Join(first[:min(show, len(first))], ", ")
	if more := all - min(show, len(first)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
