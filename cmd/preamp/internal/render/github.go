package render

import (
	"crypto/rand"
	"io"
	"slices"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/cmd/preamp/internal/workflow"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/advice"
)

// github is the plain form with what GitHub Actions makes of it: phases are groups that fold, and what is wrong is shown at
// its lines. What the build prints cannot give orders to the workflow: commands in it are not heeded.
type github struct {
	plain  *plain
	random func() string
	open   bool     // a group is
	rules  []string // that were annotated
	token  string   // while the build's output is shown: the word that lets commands be heeded again
}

func newGitHub(w io.Writer, o Options) *github {
	g := &github{plain: &plain{w: w, color: o.Color, fresh: true}, random: o.Random}
	if g.random == nil {
		g.random = rand.Text
	}
	return g
}

func (g *github) Event(e runner.Stamped) {
	switch x := e.Event.(type) {
	case runner.BuildStarted:
		g.group("Prepare")
	case runner.SectionStarted:
		g.endGroup()
	case runner.PhaseStarted:
		g.group(x.Section + " " + x.Phase)
	case runner.CommandStarted: // the specification's words are not to be heeded either
		g.token = g.random()
		g.write(workflow.Command("stop-commands", g.token))
	case runner.Failed, runner.CacheSaved, runner.HeadersRead, runner.Advised, runner.BuildEnded:
		g.endGroup()
	}
	g.plain.Event(e)
	switch x := e.Event.(type) {
	case runner.CommandEnded:
		g.heed()
	case runner.PhaseEnded:
		g.endGroup()
	case runner.SpecRead:
		for _, d := range x.Diagnostics {
			g.rules = append(g.rules, d.Rule)
			g.write(workflow.Finding(fileOf(d, x.File), d))
		}
	case runner.Warning:
		g.write(workflow.Annotation("warning", workflow.Place{}, "preamp", x.Message))
	case runner.Advised:
		g.advice(x.Advice)
	case runner.Failed:
		g.failed(x.Failure)
	}
}

// heed lets commands be heeded again, after a command of the build, or when it was cut short.
func (g *github) heed() {
	if g.token != "" {
		g.write(workflow.Command(g.token, ""))
		g.token = ""
	}
}

func (g *github) failed(f *runner.Failure) {
	if len(f.Diagnostics) > 0 {
		for _, d := range f.Diagnostics {
			g.write(workflow.Finding(fileOf(d, ""), d))
		}
		return
	}
	at := workflow.Place{}
	if c := f.Command; c != nil {
		at = workflow.Place{File: c.File, Line: c.Line}
	}
	message := f.Message
	if f.Hint != "" {
		message += "\n" + f.Hint
	}
	g.write(workflow.Annotation("error", at, "preamp: "+f.Class.String(), message))
}

// advice annotates what there is something to do about, unless the rule behind it has annotated the place already.
func (g *github) advice(a advice.Advice) {
	if a.Help == "" || a.Rule != "" && slices.Contains(g.rules, a.Rule) {
		return
	}
	g.write(workflow.Annotation("notice", workflow.Place{File: a.File, Line: a.Line, Column: a.Column}, "preamp: "+a.ID, a.Message+"\n"+a.Help))
}

func fileOf(d buildspec.Diagnostic, otherwise string) string {
	if d.File != "" {
		return d.File
	}
	return otherwise
}

func (g *github) group(title string) {
	g.endGroup()
	g.open = true
	g.write(workflow.Command("group", title))
}

func (g *github) endGroup() {
	g.heed()
	if g.open {
		g.open = false
		g.write(workflow.Command("endgroup", ""))
	}
}

// write puts a command on a line of its own.
func (g *github) write(line string) {
	g.plain.mu.Lock()
	defer g.plain.mu.Unlock()
	g.plain.line(line[:len(line)-1])
}
