package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/preamp-build/preamp/runner"
)

// gitlab is the plain form with the marks by which GitLab's log folds phases.
type gitlab struct {
	plain *plain
	open  string // the section that is
	count int
}

func newGitLab(w io.Writer, o Options) *gitlab {
	return &gitlab{plain: &plain{w: w, color: o.Color, fresh: true}}
}

func (g *gitlab) Event(e runner.Stamped) {
	switch x := e.Event.(type) {
	case runner.BuildStarted:
		g.start(e.Time, "Prepare", true)
	case runner.SectionStarted:
		g.end(e.Time)
	case runner.PhaseStarted:
		g.start(e.Time, x.Section+" "+x.Phase, false)
	case runner.Failed, runner.CacheSaved, runner.HeadersRead, runner.Advised, runner.BuildEnded:
		g.end(e.Time)
	}
	g.plain.Event(e)
	if _, ok := e.Event.(runner.PhaseEnded); ok {
		g.end(e.Time)
	}
}

// clearLine keeps the marks from being seen where nobody understands them.
const clearLine = "\x1b[0K"

func (g *gitlab) start(at time.Time, title string, collapsed bool) {
	g.end(at)
	g.count++
	g.open = fmt.Sprintf("preamp_%d_%s", g.count, strings.ReplaceAll(title, " ", "_"))
	option := ""
	if collapsed {
		option = "[collapsed=true]"
	}
	g.write(fmt.Sprintf("%ssection_start:%d:%s%s\r%s%s", clearLine, at.Unix(), g.open, option, clearLine, title))
}

func (g *gitlab) end(at time.Time) {
	if g.open != "" {
		g.write(fmt.Sprintf("%ssection_end:%d:%s\r%s", clearLine, at.Unix(), g.open, clearLine))
		g.open = ""
	}
}

func (g *gitlab) write(line string) {
	g.plain.mu.Lock()
	defer g.plain.mu.Unlock()
	g.plain.line(line)
}
