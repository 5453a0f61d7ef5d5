package buildlog

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

var (
	plainSection = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^== (backend|frontend|test)$`) })
	plainPhase   = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^-- (backend|frontend|test) (preBuild|build|postBuild|preTest|test|postTest)$`)
	})
	plainStep    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([a-zC -]{10}) (\S.*)$`) }) // the name of the step fills its column
	plainCode    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^   exit code (\d+) after `) })
	plainTook    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^   (?:\d+m)?(?:\d+(?:\.\d+)?s)?$`) })
	plainSource  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\S+: .*?\b([0-9a-f]{8}) "`) })
	plainUpdate  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+)(?: from \S+)? to (\S+) in `) })
	plainWarning = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^warning    (\S+) is not updated to (\S+): `) })
)

// plain is the reading of preamp's own form. What a build prints may look like any line of it; where the result beside the
// log names the commands, only those are taken for commands.
type plain struct {
	*builder
	known []Command // of the result, in their order; nil: there is none
	next  int
	yarn  bool // yarn says which script it runs with the same sign
}

func readPlain(l *Log, known []Command) {
	p := &plain{builder: newBuilder(l), known: known}
	l.Ours = true
	for i := 0; i < len(l.Lines); i++ {
		text := l.Lines[i].Text
		switch {
		case strings.HasPrefix(text, "$ "):
			i += p.maybeCommand(i)
		case p.frame(text, i):
		default:
			p.yarn = strings.HasPrefix(text, "yarn run v") || (p.yarn && strings.HasPrefix(text, "warning "))
			p.output(i)
		}
	}
}

// maybeCommand reads a command and returns how many further lines it has.
func (p *plain) maybeCommand(at int) (more int) {
	text := strings.TrimPrefix(p.log.Lines[at].Text, "$ ")
	if p.known != nil {
		if p.next >= len(p.known) || p.known[p.next].Text != strings.TrimSpace(text) {
			p.output(at)
			return 0
		}
		k := p.known[p.next]
		p.next++
		p.command(k.Text, k.Rest, at)
		return p.follows(at, k.Rest)
	}
	if p.yarn {
		p.yarn = false
		p.output(at)
		return 0
	}
	p.command(text, nil, at)
	return 0
}

// follows counts the lines after at that are the rest of a command.
func (p *plain) follows(at int, rest []string) int {
	n, i := 0, 0
	for i < len(rest) && at+n+1 < len(p.log.Lines) {
		text := strings.TrimSpace(p.log.Lines[at+n+1].Text)
		if text != "" && text != rest[i] {
			return n
		}
		if text != "" {
			i++
		}
		n++
	}
	return n
}

// frame handles a line of preamp's own.
func (p *plain) frame(text string, at int) bool {
	if m := plainSection().FindStringSubmatch(text); m != nil {
		p.startSection(m[1], at)
		return true
	}
	if m := plainPhase().FindStringSubmatch(text); m != nil {
		p.section = m[1]
		p.startPhase(m[2])
		return true
	}
	if m := plainCode().FindStringSubmatch(text); m != nil && p.open != nil {
		code, err := strconv.Atoi(m[1])
		if err != nil {
			code = Unknown
		}
		p.close(Failed, code)
		return true
	}
	if plainTook().MatchString(text) && p.open != nil && strings.TrimSpace(text) != "" {
		p.close(OK, 0)
		return true
	}
	if m := plainWarning().FindStringSubmatch(text); m != nil {
		p.update(m[1], m[2], false, at)
		return true
	}
	m := plainStep().FindStringSubmatch(text)
	return m != nil && p.step(strings.TrimRight(m[1], " "), m[2], at)
}

// step handles a line that names its step. A command whose end has no line of its own has ended when the next step comes.
func (p *plain) step(name, rest string, at int) bool {
	switch name {
	case "source":
		if m := plainSource().FindStringSubmatch(rest); m != nil {
			p.log.Commit = Fact{m[1], at}
		}
		p.log.WorkTree = strings.Contains(rest, ": the work tree")
		if strings.Contains(rest, ", not a commit") {
			p.log.Changed = 1
		}
	case "image":
		ref, _, _ := strings.Cut(rest, " ")
		p.log.Image = Fact{ref, at}
	case "cache":
		kind, _, _ := strings.Cut(rest, ":")
		if kind == "hit" || kind == "miss" {
			p.log.CacheHit = Fact{kind, at}
		} else {
			p.close(OK, 0)
		}
	case "note", "advice", "warning", "preamp", "buildspec", "diff", "clean-up":
	case "tests", "envCache":
		p.close(OK, 0)
	case "skipped":
		if what, why, ok := strings.Cut(rest, ": "); ok {
			p.skip(what, why, at)
		}
	case "update":
		if m := plainUpdate().FindStringSubmatch(rest); m != nil {
			p.update(m[1], m[2], true, at)
		}
	case "headers":
		p.close(OK, 0)
		file, _, _ := strings.Cut(rest, ":")
		p.log.Headers = Fact{file, at}
	case "artifacts":
		p.close(OK, 0)
		p.log.Files = Fact{firstNumber().FindString(rest), at}
	case "failed":
		p.plainFailure(rest, at)
	case "succeeded", "timed out", "cancelled":
		if name == "succeeded" {
			p.close(OK, 0)
		}
		p.log.Ended = true
	default:
		return false
	}
	return true
}

// plainFailure reads "failed     why", and the last line, "failed     in 3s".
func (p *plain) plainFailure(rest string, at int) {
	p.log.Failed = true
	switch {
	case strings.HasPrefix(rest, "in "):
		p.log.Ended = true
	case strings.Contains(rest, "the build timed out"):
		p.close(Stopped, 0)
		p.log.Failures = append(p.log.Failures, Fact{"Build timed out", at})
	case strings.Contains(rest, " failed with exit code "):
		if p.open != nil {
			p.close(Failed, Unknown)
		}
	default:
		p.close(OK, 0)
		p.log.Failures = append(p.log.Failures, Fact{rest, at})
	}
}
