package render

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/preamp-build/preamp/runner"
)

// amplify writes the service's own log format: a time and a level before the first line of each piece, further lines of
// the piece indented to the same column, blank lines left out.
//
// The order of the lines is the service's, also where a build of ours does things in another order: what comes too early
// is held until its turn. Lines that the service does not have begin with "# NOTE: ". What a build prints is all INFO:
// standard output and error are one stream here, so that their order is certain.
type amplify struct {
	w io.Writer
	// partial is the beginning of a line of output whose end has not come yet: the service never cuts a line in two.
	partial   string
	partialAt time.Time

	before preparation
	after  ending
}

func (a *amplify) Event(e runner.Stamped) {
	if out, ok := e.Event.(runner.Output); ok {
		a.output(e.Time, out.Text)
		return
	}
	a.flush()
	at := e.Time
	switch e := e.Event.(type) {
	case runner.SectionStarted:
		a.prepared(at)
		a.diff(at, e.Section)
		a.sectionStarted(at, e)
	case runner.SectionEnded:
		a.sectionEnded(at, e)
	case runner.PhaseStarted:
		a.info(at, "# Starting phase: "+e.Phase)
	case runner.PhaseEnded:
		if e.OK {
			a.info(at, "# Completed phase: "+e.Phase)
		}
	case runner.CommandStarted:
		a.info(at, "# Executing command: "+e.Text)
	case runner.Skipped:
		a.skipped(at, e)
	case runner.Notice:
		a.note(at, e.Message)
	case runner.Warning:
		a.chunk(at, "WARNING", "! "+e.Message)
	default:
		if !a.beginning(at, e) {
			a.end(at, e)
		}
	}
}

func (a *amplify) sectionStarted(at time.Time, e runner.SectionStarted) {
	lines := []string{"## Starting " + sectionTitle(e.Section)}
	if e.Section == "backend" && !e.Defined {
		lines = append(lines, "## Checking for associated backend environment...")
		if e.Backend == "" {
			lines = append(lines, "## No backend environment association found, continuing...")
		} else {
			lines = append(lines, "## Backend environment association found")
		}
	}
	// That only a pull is done is said by amplifyPush, in its phase, as in the service.
	a.before.defined = e.Defined
	a.info(at, lines...)
}

func (a *amplify) sectionEnded(at time.Time, e runner.SectionEnded) {
	a.after.sectionEnded(e.Section, e.OK)
	if !e.OK {
		return
	}
	a.info(at, "## Completed "+sectionTitle(e.Section))
	// The service prints it for a backend of its own making only.
	if e.Section == "backend" && !a.before.defined {
		a.info(at, fmt.Sprintf(`{"backendDuration": %d}`, int(e.Took.Seconds())))
	}
}

// skipped says what is left out. Only the words for an unchanged frontend are known from the service; the others are made
// like them.
func (a *amplify) skipped(at time.Time, e runner.Skipped) {
	if e.What == "build" { // the service decides this before there is a log
		a.note(at, "nothing is built: "+e.Why)
		return
	}
	a.prepared(at)
	a.diff(at, e.What)
	a.after.sectionEnded(e.What, true)
	switch {
	case e.Code == runner.SkipDiff && e.What == "frontend":
		a.info(at, "## Skipping Frontend Build & Deploy, No changes detected...")
	case e.Code == runner.SkipDiff && e.What == "test" && a.after.frontendSkipped:
		// "& Deploy" has said it.
	case e.Code == runner.SkipDiff:
		a.info(at, fmt.Sprintf("## Skipping %s, No changes detected...", sectionTitle(e.What)))
	default:
		a.info(at, fmt.Sprintf("## Skipping %s, %s", sectionTitle(e.What), e.Why))
	}
	if e.What == "frontend" {
		a.after.frontendSkipped = true
	}
}

// diff tells what a comparison with the last build came to, where the section that it is about begins.
func (a *amplify) diff(at time.Time, section string) {
	i := slices.IndexFunc(a.before.diffs, func(d runner.DiffDecided) bool { return d.What == section })
	if i < 0 {
		return
	}
	d := a.before.diffs[i]
	a.before.diffs = slices.Delete(a.before.diffs, i, i+1)
	switch {
	case section == "backend":
		a.info(at, "# Determining if there are buildable backend changes in the amplify directory of the repository...")
	case !slices.Contains(a.before.envNames, "AMPLIFY_DIFF_DEPLOY_ROOT"):
		a.info(at, "# NOTE: Set the AMPLIFY_DIFF_DEPLOY_ROOT environment variable to a valid relative path to override the default, ie: dist")
	}
	if d.Base != "" {
		a.info(at, "# Last built commit: "+d.Base)
	}
	if d.Skip {
		a.info(at, "# No differences detected.")
		return
	}
	line := d.Why
	if len(d.First) > 0 {
		line += ": " + strings.Join(d.First, ", ")
		if more := d.Changed - len(d.First); more > 0 {
			line += fmt.Sprintf(" and %d more", more)
		}
	}
	a.note(at, line)
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

// note writes a line that the service does not have.
func (a *amplify) note(at time.Time, line string) { a.info(at, "# NOTE: "+line) }

// chunk writes lines that belong together.
func (a *amplify) chunk(at time.Time, level string, lines ...string) {
	head := head(at, level)
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

func head(at time.Time, level string) string {
	return at.UTC().Format("2006-01-02T15:04:05.000Z") + " [" + level + "]: "
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

func base(file string) string { return path.Base(strings.ReplaceAll(file, `\`, "/")) }
