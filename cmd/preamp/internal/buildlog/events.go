package buildlog

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// event holds the fields of all of preamp's events that are read here.
type event struct {
	Type     string   `json:"type"`
	Section  string   `json:"section"`
	Phase    string   `json:"phase"`
	Text     string   `json:"text"`
	Code     any      `json:"code"` // a number, or of Skipped a word
	OOM      bool     `json:"oom"`
	Dir      string   `json:"dir"`
	Commit   string   `json:"commit"`
	WorkTree bool     `json:"workTree"`
	Changed  int      `json:"changed"`
	Untr     int      `json:"untracked"`
	Ref      string   `json:"ref"`
	Hit      bool     `json:"hit"`
	What     string   `json:"what"`
	Why      string   `json:"why"`
	Kind     string   `json:"kind"`
	Files    int      `json:"files"`
	File     string   `json:"file"`
	Pkg      string   `json:"pkg"`
	To       string   `json:"to"`
	Version  string   `json:"version"`
	OK       bool     `json:"ok"`
	Failure  *failure `json:"failure"`
	Limits   struct {
		Memory int64   `json:"memory"`
		CPUs   float64 `json:"cpus"`
	} `json:"limits"`
	Plan *struct {
		EnvNames []string `json:"envNames"`
	} `json:"plan"`
}

type failure struct {
	Class   string `json:"class"`
	Message string `json:"message"`
	Service string `json:"service"`
}

// text is what the log of the service would say of it, or else our words.
func (f *failure) text() string {
	switch {
	case f.Class == "timeout":
		return "Build timed out"
	case f.Service != "":
		return f.Service
	}
	return f.Message
}

// eventReader reads JSON lines. Each event becomes the lines that a person would see.
type eventReader struct {
	*builder
	number int // of the line that is read
	fresh  bool
}

func readEvents(l *Log, raw []byte) {
	r := &eventReader{builder: newBuilder(l), fresh: true}
	l.Ours, l.Lines = true, nil
	for line := range strings.SplitSeq(string(raw), "\n") {
		r.number++
		var e event
		if json.Unmarshal([]byte(line), &e) == nil {
			r.read(&e)
		}
	}
}

// show adds a visible line and returns its index.
func (r *eventReader) show(format string, args ...any) int {
	r.fresh = true
	r.log.Lines = append(r.log.Lines, Line{r.number, cleanLine(fmt.Sprintf(format, args...))})
	return len(r.log.Lines) - 1
}

func (r *eventReader) read(e *event) {
	switch e.Type {
	case "output":
		r.printed(e.Text)
	case "command-started":
		text, rest := Split(e.Text)
		r.section, r.phase = e.Section, e.Phase
		r.command(text, rest, r.show("$ %s", text))
		for _, line := range rest {
			r.show("  %s", line)
		}
	case "command-ended":
		code, _ := e.Code.(float64) // a number in all that we write
		if r.open != nil {
			r.open.OOM = e.OOM
		}
		if code != 0 {
			r.show("exit code %d", int(code))
			r.close(Failed, int(code))
		} else {
			r.close(OK, 0)
		}
	case "section-started":
		r.startSection(e.Section, r.show("== %s", e.Section))
	case "phase-started":
		r.section = e.Section
		r.startPhase(e.Phase)
	case "failed":
		if f := e.Failure; f != nil {
			r.log.Failed = true
			if at := r.show("failed: %s", f.Message); f.Class != "command" {
				r.log.Failures = append(r.log.Failures, Fact{f.text(), at})
			}
		}
	case "build-ended":
		r.log.Ended = true
	default:
		r.fact(e)
	}
}

// fact reads the events that are about the build as a whole.
func (r *eventReader) fact(e *event) {
	l := r.log
	switch e.Type {
	case "build-started":
		l.Memory = float64(e.Limits.Memory) / (1 << 30)
		l.Compute = Fact{fmt.Sprintf("%.4gGiB Memory, %gvCPUs", l.Memory, e.Limits.CPUs), r.show("build started")}
	case "source-ready":
		l.Commit, l.WorkTree, l.Changed = Fact{e.Commit, r.show("commit %s", e.Commit)}, e.WorkTree, e.Changed+e.Untr
	case "planned":
		if e.Plan != nil {
			l.EnvNames = e.Plan.EnvNames
		}
	case "image-ready":
		l.Image = Fact{e.Ref, r.show("image %s", e.Ref)}
	case "container-started":
		l.Dir = Fact{e.Dir, None}
	case "cache-restored":
		kind := map[bool]string{true: "hit", false: "miss"}[e.Hit]
		l.CacheHit = Fact{kind, r.show("cache %s", kind)}
	case "skipped":
		r.skip(e.What, e.Why, r.show("skipped %s: %s", e.What, e.Why))
	case "live-update-ended":
		version := e.To
		if version == "" {
			version = e.Version
		}
		r.update(e.Pkg, version, e.OK, r.show("update of %s to %s", e.Pkg, version))
	case "headers-read":
		l.Headers = headerFact(e.File, r.show("headers %s", e.File))
	case "artifacts-ready":
		if e.Kind == "build" {
			l.Files = Fact{strconv.Itoa(e.Files), r.show("artifacts: %d files", e.Files)}
		}
	}
}

func headerFact(file string, at int) Fact {
	if file == "" {
		file = "none"
	}
	return Fact{file, at}
}

// printed adds output, whose pieces end anywhere.
func (r *eventReader) printed(text string) {
	for piece := range strings.Lines(text) {
		whole := strings.HasSuffix(piece, "\n")
		if n := len(r.log.Lines); !r.fresh && n > 0 {
			if len(r.log.Lines[n-1].Text) < maxLine {
				r.log.Lines[n-1].Text = cleanLine(r.log.Lines[n-1].Text + strings.TrimRight(piece, "\n"))
			}
		} else {
			r.output(r.show("%s", strings.TrimRight(piece, "\n")))
		}
		r.fresh = whole
	}
}

// Split gives the first line of a command and its further ones, as logs can be compared by them.
func Split(text string) (first string, rest []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case first == "":
			first = line
		default:
			rest = append(rest, line)
		}
	}
	return first, rest
}
