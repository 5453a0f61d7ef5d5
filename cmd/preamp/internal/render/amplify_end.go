package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/advice"
)

// ending is what is known after the sections. In the service it goes: success, cache, custom headers, artifacts, and
// whatever happened, the environment cache. A build of ours looks at the artifacts before it saves the cache.
type ending struct {
	frontend        bool // was run, or skipped
	frontendSkipped bool
	failed          bool // a section was not completed
	refused         bool // the build failed, in a section or after them
	told            bool // that the build was completed
	headers         *runner.HeadersRead
	artifacts       *runner.ArtifactsReady // of the build, held until it is known that the service would take them
	envCache        *runner.EnvCacheSaved
	advice          []advice.Advice
}

func (d *ending) sectionEnded(section string, ok bool) {
	d.frontend = d.frontend || section == "frontend"
	d.failed = d.failed || !ok
}

// end handles the events after the last section.
func (a *amplify) end(at time.Time, e runner.Event) {
	switch e := e.(type) {
	case runner.TestsReported:
		a.tests(at, e)
	case runner.CacheSaved:
		a.completed(at)
		a.cacheSaved(at, e)
	case runner.HeadersRead:
		a.after.headers = &e
	case runner.ArtifactsReady:
		a.artifacts(at, e)
	case runner.EnvCacheSaved:
		a.after.envCache = &e
	case runner.Advised:
		a.after.advice = append(a.after.advice, e.Advice)
	case runner.Failed:
		a.after.refused = true
		a.failed(at, e)
	case runner.BuildEnded:
		a.completed(at)
		a.headers(at)
		a.uploaded(at)
		a.envCached(at)
		for _, x := range a.after.advice {
			a.note(at, "advice: "+adviceText(x))
		}
	}
}

// completed is printed once, when every section was run.
func (a *amplify) completed(at time.Time) {
	if a.after.told || a.after.failed || !a.after.frontend {
		return
	}
	a.after.told = true
	a.info(at, "## Build completed successfully")
}

func (a *amplify) tests(at time.Time, e runner.TestsReported) {
	a.note(at, fmt.Sprintf("tests: %d passed, %d failed, %d skipped", e.Passed, e.Failed, e.Skipped))
	for _, c := range e.Failing {
		a.note(at, "failed test: "+testName(c))
	}
}

func testName(c runner.TestCase) string {
	name := c.Name
	if c.Suite != "" {
		name = c.Suite + " › " + name
	}
	if line, _, _ := strings.Cut(c.Message, "\n"); line != "" {
		name += ": " + line
	}
	return name
}

func (a *amplify) cacheSaved(at time.Time, e runner.CacheSaved) {
	a.info(at, "# Starting caching...")
	if e.Saved {
		a.info(at, "# Creating cache artifact...", "# Created cache artifact", "# Uploading cache artifact...", "# Uploaded cache artifact")
	} else {
		a.note(at, "the cache is not saved: "+e.Reason)
	}
	a.info(at, "# Caching completed")
}

// headers tells of custom headers, once.
func (a *amplify) headers(at time.Time) {
	h := a.after.headers
	if h == nil {
		return
	}
	a.after.headers = nil
	switch {
	case h.File == "":
		a.info(at, "# No custom headers found.")
	case h.Legacy:
		a.info(at, fmt.Sprintf("Found custom headers in %s, applying custom headers...", h.File))
		a.chunk(at, "WARNING", "! customHeaders in the build specification is the old way; customHttp.yml is today's")
	default:
		a.info(at, fmt.Sprintf("Found %s, applying custom headers...", h.File))
		a.info(at, "# Found custom headers config file.")
	}
}

func (a *amplify) artifacts(at time.Time, e runner.ArtifactsReady) {
	if e.Kind != "build" {
		a.note(at, fmt.Sprintf("test artifacts: %s in %s", plural(e.Files, "file", "files"), base(e.Zip)))
		return
	}
	a.completed(at)
	a.headers(at)
	a.after.artifacts = &e
}

// uploaded has the service's lines and the service's names for what is kept here; a note says where. After a failure there
// is only the note: the service would not have taken them.
func (a *amplify) uploaded(at time.Time) {
	e := a.after.artifacts
	if e == nil {
		return
	}
	if a.after.refused {
		a.note(at, fmt.Sprintf("artifacts, to look at: %s in %s", plural(e.Files, "file", "files"), base(e.Zip)))
		return
	}
	a.info(at, "# Starting build artifact upload process...")
	a.info(at, "# Uploading build artifact '__artifacts.zip'...")
	kept := base(e.Zip)
	if e.Hashes != "" {
		a.info(at, "# Uploading build artifact '__artifactsHash.zip'...")
		kept += ", " + base(e.Hashes)
	}
	a.info(at, "# Build artifact upload completed")
	a.note(at, fmt.Sprintf("artifacts: %s in %s", plural(e.Files, "file", "files"), kept))
}

// envCached is the last that the service does, also after a failure.
func (a *amplify) envCached(at time.Time) {
	a.info(at, "# Starting environment caching...")
	switch e := a.after.envCache; {
	case e == nil:
	case e.Saved:
		a.info(at, "# Uploading environment cache artifact...", "# Uploaded environment cache artifact")
	case e.Why != "":
		a.chunk(at, "WARNING", "! The environment cache is not saved: "+e.Why)
	}
	a.info(at, "# Environment caching completed")
}
