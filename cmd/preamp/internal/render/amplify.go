package render

import (
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner"
)

// amplify writes the service's own log format: a time and a level before the first line of each piece, further lines of
// the piece indented to the same column, blank lines left out.
type amplify struct {
	w io.Writer
	// partial is the beginning of a line of output whose end has not come yet: the service never cuts a line in two.
	partial   string
	partialAt time.Time
	builtOK   bool
}

func (a *amplify) Event(e runner.Stamped) {
	if out, ok := e.Event.(runner.Output); ok {
		a.output(e.Time, out.Text)
		return
	}
	a.flush()
	at := e.Time
	switch e := e.Event.(type) {
	case runner.BuildStarted:
		a.info(at, "# Build environment configured with "+environment(e))
	case runner.SourceStarted:
		a.info(at, "# Cloning repository: "+e.From)
	case runner.SourceReady:
		a.source(at, e)
	case runner.ImageReady:
		a.info(at, "# Using build image: "+e.Ref)
	case runner.Progress:
		if e.Step == "image" {
			a.info(at, e.Message)
		}
	case runner.Planned:
		if len(e.Plan.Cache) > 0 {
			a.info(at, "# Retrieving cache...")
		}
	case runner.CacheRestored:
		if e.Hit {
			a.info(at, "# Extracting cache...", "# Extraction completed")
		}
		a.info(at, "# Retrieved cache")
	case runner.SectionStarted:
		a.sectionStarted(at, e)
	case runner.SectionEnded:
		if e.OK {
			a.info(at, fmt.Sprintf("## Completed %s", sectionTitle(e.Section)))
		}
	case runner.PhaseStarted:
		a.info(at, "# Starting phase: "+e.Phase)
	case runner.PhaseEnded:
		if e.OK {
			a.info(at, "# Completed phase: "+e.Phase)
		}
	case runner.CommandStarted:
		a.info(at, "# Executing command: "+e.Text)
	case runner.Skipped:
		a.info(at, fmt.Sprintf("## Skipping %s, %s", sectionTitle(e.What), e.Why))
	case runner.CacheSaved:
		a.completed(at)
		a.info(at, "# Starting caching...", "# Creating cache artifact...", "# Created cache artifact",
			"# Uploading cache artifact...", "# Uploaded cache artifact", "# Caching completed")
	case runner.ArtifactsReady:
		if e.Kind == "build" {
			a.completed(at)
			a.info(at, "# Starting build artifact upload process...")
			a.info(at, fmt.Sprintf("# Uploading build artifact '%s'...", path.Base(e.Zip)), "# Build artifact upload completed")
		}
	case runner.Notice:
		a.info(at, "# NOTE: "+e.Message)
	case runner.Warning:
		a.chunk(at, "WARNING", "! "+e.Message)
	case runner.Failed:
		a.failed(at, e)
	case runner.BuildEnded:
		a.info(at, "# Starting environment caching...", "# Environment caching completed")
	}
}

func (a *amplify) source(at time.Time, e runner.SourceReady) {
	a.info(at, fmt.Sprintf("Cloning into '%s'...", e.Name))
	if e.WorkTree {
		a.info(at, fmt.Sprintf("# NOTE: building the work tree, not a commit: HEAD is %.8s, %d files changed, %d untracked", e.Commit, e.Changed, e.Untracked))
		return
	}
	a.info(at, "# Switching to commit: "+e.Commit, fmt.Sprintf("HEAD is now at %.7s %s", e.Commit, e.Subject),
		"Successfully cleaned up Git credentials")
}

func (a *amplify) sectionStarted(at time.Time, e runner.SectionStarted) {
	lines := []string{"## Starting " + sectionTitle(e.Section)}
	if e.Section == "backend" && !e.Defined {
		lines = append(lines, "## Checking for associated backend environment...", "## No backend environment association found, continuing...")
	}
	a.info(at, lines...)
}

// completed is printed once, when every section was run.
func (a *amplify) completed(at time.Time) {
	if !a.builtOK {
		a.builtOK = true
		a.info(at, "## Build completed successfully")
	}
}

func (a *amplify) failed(at time.Time, e runner.Failed) {
	f := e.Failure
	switch {
	case f.Class == runner.ClassCommand:
		a.chunk(at, "ERROR", "!!! Build failed")
		a.chunk(at, "ERROR", "!!! "+f.Service)
		a.chunk(at, "ERROR", "!!! "+oneLine(f))
	case len(f.Diagnostics) > 0:
		var b strings.Builder
		if err := buildspec.Render(&b, f.Diagnostics, e.Source); err == nil {
			a.chunk(at, "ERROR", append([]string{"!!! CustomerError: Unable to parse build spec"}, strings.Split(b.String(), "\n")...)...)
		}
	case f.Service != "":
		if f.Class == runner.ClassOutput {
			a.completed(at)
		}
		lines := []string{"!!! " + f.Service}
		if f.Hint != "" {
			lines = append(lines, f.Hint)
		}
		a.chunk(at, "ERROR", lines...)
	default:
		a.chunk(at, "ERROR", "!!! Build failed")
		a.chunk(at, "ERROR", "!!! Error: "+oneLine(f))
	}
}

func oneLine(f *runner.Failure) string {
	if f.Hint == "" {
		return f.Message
	}
	return f.Message + " (" + f.Hint + ")"
}

// maxPartial bounds how much of an unfinished line is kept back.
const maxPartial = 64 << 10

func (a *amplify) output(at time.Time, text string) {
	text = a.partial + text
	if a.partial != "" {
		at = a.partialAt
	}
	a.partial = ""
	i := strings.LastIndexByte(text, '\n')
	if rest := text[i+1:]; len(rest) <= maxPartial {
		text, a.partial, a.partialAt = text[:i+1], rest, at
	}
	a.info(at, strings.Split(text, "\n")...)
}

func (a *amplify) flush() {
	if a.partial != "" {
		line := a.partial
		a.partial = ""
		a.info(a.partialAt, line)
	}
}

func (a *amplify) info(at time.Time, lines ...string) { a.chunk(at, "INFO", lines...) }

// chunk writes lines that belong together.
func (a *amplify) chunk(at time.Time, level string, lines ...string) {
	head := at.UTC().Format("2006-01-02T15:04:05.000Z") + " [" + level + "]: "
	indent := strings.Repeat(" ", len(head))
	var b strings.Builder
	for _, block := range lines {
		for line := range strings.SplitSeq(block, "\n") {
			line = strings.TrimRight(line, " \t\r")
			if line == "" {
				continue
			}
			if b.Len() == 0 {
				b.WriteString(head + line + "\n")
			} else {
				b.WriteString(indent + strings.TrimLeft(line, " \t") + "\n")
			}
		}
	}
	_, _ = io.WriteString(a.w, b.String()) // a writer that fails cancels the build; see the command
}

func sectionTitle(section string) string {
	switch section {
	case "backend":
		return "Backend Build"
	case "frontend":
		return "Frontend Build"
	default:
		return "Tests"
	}
}

// environment says what the build can really use: an engine gives no more than it has, and the host engine limits nothing.
func environment(e runner.BuildStarted) string {
	if e.Engine.Kind == "host" {
		return fmt.Sprintf("no container: this machine's memory, %dvCPUs, timeout %s", e.Engine.CPUs, took(e.Timeout))
	}
	memory, cpus := e.Limits.Memory, e.Limits.CPUs
	if e.Engine.Memory > 0 {
		memory = min(memory, e.Engine.Memory)
	}
	if e.Engine.CPUs > 0 {
		cpus = min(cpus, float64(e.Engine.CPUs))
	}
	return fmt.Sprintf("%s: %.4gGiB Memory, %gvCPUs, timeout %s", e.Engine.Kind, float64(memory)/(1<<30), cpus, took(e.Timeout))
}
