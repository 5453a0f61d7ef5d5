package buildlog

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// builder puts a Log together while a log is read from its beginning.
type builder struct {
	log            *Log
	section, phase string
	open           *Command
	code           int // of the last failure; Unknown where it is not told
}

func newBuilder(l *Log) *builder {
	l.Versions, l.Skips, l.Sections = map[string]Fact{}, map[string]Fact{}, map[string]Fact{}
	return &builder{log: l, code: Unknown}
}

func (b *builder) startSection(name string, at int) {
	b.close(OK, 0)
	b.section, b.phase = name, ""
	if _, there := b.log.Sections[name]; !there {
		b.log.Sections[name] = Fact{name, at}
	}
}

func (b *builder) startPhase(name string) {
	b.close(OK, 0)
	b.phase = name
	if b.section == "" { // the log is cut
		switch name {
		case "preTest", "test", "postTest":
			b.section = "test"
		}
	}
}

func (b *builder) skip(section, why string, at int) {
	b.close(OK, 0)
	b.log.Skips[section] = Fact{why, at}
}

func (b *builder) command(text string, rest []string, at int) {
	b.close(OK, 0)
	b.log.Commands = append(b.log.Commands, Command{
		Section: b.section, Phase: b.phase, Text: strings.TrimSpace(text), Rest: rest, At: at, Outcome: Stopped,
	})
	b.open = &b.log.Commands[len(b.log.Commands)-1]
}

func (b *builder) output(at int) {
	if b.open == nil {
		return
	}
	b.open.Output = append(b.open.Output, at)
}

// close ends the command that runs, if there is one.
func (b *builder) close(o Outcome, code int) {
	if b.open == nil {
		return
	}
	b.open.Outcome, b.open.Code = o, code
	for _, at := range b.open.Output { // not before: pieces of events become lines only with time
		b.versions(b.log.Lines[at].Text, at)
	}
	b.open = nil
}

var exitCode = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:Error: )?Command failed with exit code (\d+)`)
})

// failure takes the text behind the marks of a failure.
func (b *builder) failure(text string, at int) {
	b.log.Failed = true
	m := exitCode().FindStringSubmatch(text)
	switch {
	case m != nil:
		b.code, _ = strconv.Atoi(m[1]) // digits; one that is too long is 0 with an error, and then no code
		b.failedCommand(b.code)
	case text == "Build failed", text == "Non-Zero Exit Code detected":
		b.failedCommand(Unknown)
	case text == "Build timed out", text == "Build cancelled":
		b.close(Stopped, 0)
		b.log.Failures = append(b.log.Failures, Fact{text, at})
	default:
		b.close(OK, 0)
		b.log.Failures = append(b.log.Failures, Fact{text, at})
	}
}

// failedCommand says how the command ended that the failure ended. Its code comes a line later than its failure.
func (b *builder) failedCommand(code int) {
	if b.open != nil {
		b.close(Failed, code)
		return
	}
	if n := len(b.log.Commands); n > 0 && code != Unknown && b.log.Commands[n-1].Outcome == Failed {
		b.log.Commands[n-1].Code = code
	}
}

const semver = `(\d+\.\d+\.\d+(?:-[\w.]+)?)`

// seen are lines by which tools tell their version.
var seen = sync.OnceValue(func() []telling {
	return []telling{
		{"node", regexp.MustCompile(`^Node\.js v` + semver)},
		{"node", regexp.MustCompile(`\bNow using node v` + semver)},
		{"npm", regexp.MustCompile(`\bNow using node \S+ \(npm v` + semver)},
		{"node", regexp.MustCompile(`\bcurrent: \{ node: 'v` + semver)},
		{"npm", regexp.MustCompile(`\bcurrent: \{ node: '[^']*', npm: '` + semver)},
		{"yarn", regexp.MustCompile(`^yarn (?:install|run) v` + semver)},
	}
})

type telling struct {
	tool string
	line *regexp.Regexp
}

// asked are commands that only ask for a version, and whose whole answer is one.
var asked = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(node|npm|yarn|pnpm|bun|ruby|hugo|python3?|deno) (?:--version|-v|-V|version)$`)
})

var bare = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^v?` + semver + `$`) })

func (b *builder) versions(text string, at int) {
	text = strings.TrimSpace(text)
	if m := asked().FindStringSubmatch(b.open.Text); m != nil {
		if v := bare().FindStringSubmatch(text); v != nil {
			b.version(m[1], v[1], at)
			return
		}
	}
	if !strings.Contains(strings.ToLower(text), "node") && !strings.HasPrefix(text, "yarn") {
		return
	}
	for _, s := range seen() {
		if v := s.line.FindStringSubmatch(text); v != nil {
			b.version(s.tool, v[1], at)
		}
	}
}

func (b *builder) version(tool, version string, at int) {
	if _, there := b.log.Versions[tool]; !there {
		b.log.Versions[tool] = Fact{version, at}
	}
}

var memory = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(\d+(?:\.\d+)?)\s?GiB Memory`) })

func (b *builder) compute(text string, at int) {
	b.log.Compute = Fact{text, at}
	if m := memory().FindStringSubmatch(text); m != nil {
		b.log.Memory, _ = strconv.ParseFloat(m[1], 64) // digits and a point
	}
}
