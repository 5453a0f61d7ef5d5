package render

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/advice"
)

// service writes the events of what the service does around the commands.
func (p *plain) service(e runner.Event) {
	switch e := e.(type) {
	case runner.DiffDecided:
		p.diff(e)
	case runner.EnvCacheRestored:
		p.envCache(e)
	case runner.EnvCacheSaved:
		p.envCached(e)
	case runner.LiveUpdateStarted: // its end says all of it
	case runner.LiveUpdateEnded:
		p.updated(e.Update)
	case runner.TestsReported:
		p.tests(e)
	case runner.HeadersRead:
		p.headers(e)
	}
}

// diff says why something is built after all; that it is skipped is said where it is.
func (p *plain) diff(e runner.DiffDecided) {
	if !e.Skip {
		p.step("diff", "%s: %s", e.What, e.Why)
	}
}

func (p *plain) envCache(e runner.EnvCacheRestored) {
	switch {
	case e.Found:
		p.step("envCache", "%s", strings.Join(e.Keys, ", "))
	case e.Why != "":
		p.step("envCache", "none: %s", e.Why)
	}
}

// envCached says nothing where nothing was set: most builds have no use for it.
func (p *plain) envCached(e runner.EnvCacheSaved) {
	switch {
	case e.Saved:
		p.step("envCache", "saved: %s, %s", plural(e.Keys, "value", "values"), humanize.Bytes(uint64(max(e.Bytes, 0))))
	case e.Why != "":
		p.paint(yellow, "warning    the values of envCache are not saved: "+e.Why)
	}
}

func (p *plain) updated(e runner.LiveUpdateResult) {
	if !e.OK {
		p.paint(yellow, fmt.Sprintf("warning    %s is not updated to %s: %s", e.Pkg, e.Version, e.Why))
		return
	}
	from := ""
	if e.From != "" && e.From != e.To {
		from = " from " + e.From
	}
	p.step("update", "%s%s to %s in %s", e.Pkg, from, e.To, took(e.Took))
}

func (p *plain) tests(e runner.TestsReported) {
	p.step("tests", "%d passed, %d failed, %d skipped", e.Passed, e.Failed, e.Skipped)
	for _, c := range e.Failing {
		at := ""
		if c.File != "" {
			at = " (" + c.File
			if c.Line > 0 {
				at += fmt.Sprintf(":%d", c.Line)
			}
			at += ")"
		}
		p.paint(red, "           failed: "+testName(c)+at)
	}
}

func (p *plain) headers(e runner.HeadersRead) {
	if e.File == "" {
		return // as most have none
	}
	p.step("headers", "%s: %s", e.File, plural(e.Rules, "rule", "rules"))
}

// adviceText is a piece of advice as one line, with the id by which preamp explain knows it.
func adviceText(a advice.Advice) string {
	var b strings.Builder
	if a.File != "" {
		fmt.Fprintf(&b, "%s:%d:", a.File, a.Line)
		if a.Column > 0 {
			fmt.Fprintf(&b, "%d:", a.Column)
		}
		b.WriteByte(' ')
	}
	b.WriteString(a.Message)
	if a.Help != "" {
		b.WriteString("; " + a.Help)
	}
	fmt.Fprintf(&b, " [%s]", a.ID)
	return printable(strings.ReplaceAll(b.String(), "\n", " "))
}
