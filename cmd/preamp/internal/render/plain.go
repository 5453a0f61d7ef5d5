package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/advice"
)

// plain is the form for people: a line for each thing worth knowing, the build's own output untouched between them.
type plain struct {
	mu    sync.Mutex // against the timer of a slow step
	w     io.Writer
	color bool
	fresh bool // the next byte begins a line
	slow  slowStep
}

// patience is how long a step may take before its progress is shown.
const patience = time.Second

// slowStep is a step that tells of its progress. Most are over before anybody would want to read of them.
type slowStep struct {
	name  string
	since time.Time
	last  string // not shown yet
	timer *time.Timer
}

const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

func (p *plain) Event(e runner.Stamped) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if progress, ok := e.Event.(runner.Progress); ok {
		p.progress(progress)
		return
	}
	p.endProgress()
	p.show(e)
}

func (p *plain) progress(e runner.Progress) {
	if p.slow.name != e.Step {
		p.endProgress()
		p.slow = slowStep{name: e.Step, since: time.Now(), last: e.Message}
		p.slow.timer = time.AfterFunc(patience, p.showProgress)
		return
	}
	p.slow.last = e.Message
	if time.Since(p.slow.since) >= patience {
		p.step(e.Step, "%s", e.Message)
		p.slow.last = ""
	}
}

// showProgress runs when a step has taken longer than people like to wait without a word.
func (p *plain) showProgress() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow.last != "" {
		p.step(p.slow.name, "%s", p.slow.last)
		p.slow.last = ""
	}
}

func (p *plain) endProgress() {
	if p.slow.timer != nil {
		p.slow.timer.Stop()
	}
	p.slow = slowStep{}
}

// show writes everything but progress.
func (p *plain) show(e runner.Stamped) {
	switch e := e.Event.(type) {
	case runner.BuildStarted:
		where := e.Engine.Kind + " " + e.Engine.Version
		if e.Engine.Kind == "host" {
			where = "this machine"
		}
		p.step("preamp", "build %s on %s, timeout %s", e.Build, where, took(e.Timeout))
		if !e.Isolated {
			p.paint(yellow, "warning    the build runs on this machine without a container: it can do whatever you can")
		}
	case runner.Reaped:
		p.step("clean-up", "removed a %s left by %s", e.What, e.Of)
	case runner.SourceReady:
		p.source(e)
	case runner.SpecRead:
		p.spec(e)
	case runner.ImageReady:
		p.step("image", "%s %s", e.Ref, short(e.Image.ID))
	case runner.CacheRestored:
		p.restored(e)
	case runner.Planned, runner.SourceStarted, runner.ContainerStarted, runner.SectionEnded, runner.PhaseEnded:
	case runner.SectionStarted:
		if e.Defined {
			p.paint(bold, "== "+e.Section)
		}
	case runner.Skipped:
		p.step("skipped", "%s: %s", e.What, e.Why)
	case runner.PhaseStarted:
		p.paint(bold, "-- "+e.Section+" "+e.Phase)
	case runner.CommandStarted:
		p.command(e)
	case runner.Output:
		p.output(e.Text)
	case runner.CommandEnded:
		if e.Code != 0 {
			p.paint(red, fmt.Sprintf("   exit code %d after %s", e.Code, took(e.Took)))
		} else if e.Took.Seconds() >= 1 {
			p.paint(dim, "   "+took(e.Took))
		}
	case runner.CacheSaved:
		p.saved(e)
	case runner.ArtifactsReady:
		p.artifacts(e)
	case runner.Notice:
		p.step("note", "%s", e.Message)
	case runner.Warning:
		p.paint(yellow, "warning    "+e.Message)
	case runner.Failed:
		p.failed(e)
	case runner.Advised:
		p.step("advice", "%s", adviceText(e.Advice))
	case runner.BuildEnded:
		p.ended(e.Result)
	default:
		p.service(e)
	}
}

func (p *plain) step(name, format string, args ...any) {
	p.line(fmt.Sprintf("%-10s ", name) + fmt.Sprintf(format, args...))
}

// line writes a line of our own, on a line of its own.
func (p *plain) line(s string) {
	if !p.fresh {
		s = "\n" + s
	}
	p.write(s + "\n")
}

func (p *plain) paint(color, s string) {
	if p.color {
		s = color + s + reset
	}
	p.line(s)
}

func (p *plain) output(text string) { p.write(text) }

func (p *plain) write(s string) {
	if s == "" {
		return
	}
	p.fresh = strings.HasSuffix(s, "\n")
	_, _ = io.WriteString(p.w, s) // a writer that fails cancels the build; see the command
}

func (p *plain) source(e runner.SourceReady) {
	at := fmt.Sprintf("%s %.8s %q", e.Branch, e.Commit, e.Subject)
	switch {
	case e.WorkTree && e.Changed+e.Untracked == 0:
		p.step("source", "%s: the work tree, which equals %s", e.Name, strings.TrimSpace(at))
	case e.WorkTree:
		p.step("source", "%s: the work tree, not a commit: %s with %s and %s", e.Name, strings.TrimSpace(at),
			plural(e.Changed, "changed file", "changed files"), plural(e.Untracked, "untracked", "untracked"))
	default:
		p.step("source", "%s: %s (%s)", e.Name, strings.TrimSpace(at), took(e.Took))
	}
}

func (p *plain) spec(e runner.SpecRead) {
	if e.AppRoot != "" {
		p.step("buildspec", "%s, application %s", e.File, e.AppRoot)
	} else {
		p.step("buildspec", "%s", e.File)
	}
	// Hints are about time and money; who wants them asks.
	worth := slices.DeleteFunc(slices.Clone(e.Diagnostics), func(d buildspec.Diagnostic) bool { return d.Severity == buildspec.Hint })
	p.diagnostics(worth, e.Source)
	if n := len(e.Diagnostics) - len(worth); n > 0 {
		p.step("", "%s: preamp validate shows them", plural(n, "hint", "hints"))
	}
}

func (p *plain) diagnostics(ds buildspec.Diagnostics, src []byte) {
	if len(ds) == 0 {
		return
	}
	var b bytes.Buffer
	if err := buildspec.Render(&b, ds, src); err != nil {
		return // a buffer does not fail
	}
	p.line(strings.TrimRight(b.String(), "\n"))
}

func (p *plain) restored(e runner.CacheRestored) {
	if !e.Hit {
		p.step("cache", "miss: %s", e.Reason)
		return
	}
	packed := ""
	if e.Stored > 0 {
		packed = fmt.Sprintf(" (%s packed)", humanize.Bytes(uint64(e.Stored)))
	}
	p.step("cache", "hit: %s, %s, %s%s, in %s", e.Reason, plural(e.Files, "file", "files"), humanize.Bytes(uint64(max(e.Bytes, 0))), packed, advice.Took(e.Took))
}

func (p *plain) saved(e runner.CacheSaved) {
	if !e.Saved {
		p.step("cache", "not saved: %s", e.Reason)
		return
	}
	p.step("cache", "saved: %s, %s (%s stored) in %s", plural(e.Files, "file", "files"), humanize.Bytes(uint64(e.Bytes)),
		humanize.Bytes(uint64(e.Stored)), advice.Took(e.Took))
}

func (p *plain) command(e runner.CommandStarted) {
	text := strings.TrimRight(e.Text, "\n")
	if strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\n", "\n  ")
	}
	p.paint(bold, "$ "+text)
}

func (p *plain) artifacts(e runner.ArtifactsReady) {
	name := "artifacts"
	if e.Kind == "test" {
		name = "tests"
	}
	p.step(name, "%s, %s: %s", plural(e.Files, "file", "files"), humanize.Bytes(uint64(e.Bytes)), e.Dir)
	p.step("", "%s, %s", humanize.Bytes(uint64(e.ZipBytes)), e.Zip)
}

// Failure writes a failure as the plain log shows it; src is the build specification, for excerpts.
func Failure(w io.Writer, f *runner.Failure, src []byte) {
	(&plain{w: w, fresh: true}).failed(runner.Failed{Failure: f, Source: src})
}

func (p *plain) failed(e runner.Failed) {
	f := e.Failure
	if len(f.Diagnostics) > 0 {
		p.diagnostics(f.Diagnostics, e.Source)
	} else {
		p.paint(red, "failed     "+f.Message)
	}
	if f.Hint != "" {
		p.line("           " + strings.ReplaceAll(f.Hint, "\n", "\n           "))
	}
	if f.Service != "" && len(f.Diagnostics) == 0 { // diagnostics show it where it belongs
		p.paint(dim, "           the service says: "+f.Service)
	}
}

func (p *plain) ended(r *runner.Result) {
	var parts []string
	for _, s := range r.Sections {
		if len(s.Phases) > 0 {
			parts = append(parts, s.Name+" "+took(s.Took))
		}
	}
	if r.Usage.PeakMemory > 0 {
		parts = append(parts, "peak memory "+humanize.IBytes(uint64(r.Usage.PeakMemory)))
	}
	detail := ""
	if len(parts) > 0 {
		detail = ": " + strings.Join(parts, ", ")
	}
	color := red
	if r.Status == runner.StatusSucceeded || r.Status == runner.StatusSkipped {
		color = green
	}
	p.paint(color, fmt.Sprintf("%-10s in %s%s", strings.ReplaceAll(string(r.Status), "-", " "), took(r.Took), detail))
}

func short(id string) string {
	_, hex, ok := strings.Cut(id, ":")
	if !ok {
		hex = id
	}
	return fmt.Sprintf("%.12s", hex)
}
