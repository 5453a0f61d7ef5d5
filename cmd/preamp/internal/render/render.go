// Package render shows a build's events: to people as plain lines, in the service's own log format, and to programs as
// JSON lines. Renderers only write; what they write was masked before it reached them.
package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/preamp-build/preamp/runner"
)

// Renderer shows events. Event is called from one goroutine at a time.
type Renderer interface {
	Event(e runner.Stamped)
}

// Formats are the names that New takes.
var Formats = []string{"plain", "amplify", "json", "github", "gitlab"}

// Options are about the place where a renderer writes.
type Options struct {
	Color bool // the place is a terminal that shows colours
	// Random gives words that nobody can guess, for the form github; nil: crypto/rand does.
	Random func() string
	App    string // the application of a monorepo that JSON lines have to name, because others write there too
}

// New makes the renderer of that name.
func New(format string, w io.Writer, o Options) (Renderer, error) {
	switch format {
	case "plain", "":
		return &plain{w: w, color: o.Color, fresh: true}, nil
	case "amplify":
		return &amplify{w: w}, nil
	case "json":
		return &jsonLines{w: w, app: o.App}, nil
	case "github":
		return newGitHub(w, o), nil
	case "gitlab":
		return newGitLab(w, o), nil
	}
	return nil, fmt.Errorf("there is no log format %q; there are %s", format, strings.Join(Formats, ", "))
}

// Tee hands events to several renderers.
func Tee(rs ...Renderer) Renderer { return tee(rs) }

type tee []Renderer

func (t tee) Event(e runner.Stamped) {
	for _, r := range t {
		r.Event(e)
	}
}

// took is a duration as people read it.
func took(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()+0.5))
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	default:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
