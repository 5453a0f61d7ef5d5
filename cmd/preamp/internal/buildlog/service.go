package buildlog

import (
	"regexp"
	"strings"
	"sync"
)

// marker is a line of the service's runner. Its text is known: a build may print lines that begin with # as well.
type marker struct {
	prefix string
	do     func(b *builder, rest string, at int)
}

func nothing(*builder, string, int) {}

// quiet ends the command that runs and says nothing else.
func quiet(b *builder, _ string, _ int) { b.close(OK, 0) }

// markers of the service, and the notes of preamp's log in the service's form. A longer prefix comes before a shorter one.
var markers = []marker{
	{"# Executing command: ", func(b *builder, rest string, at int) { b.command(rest, nil, at) }},
	{"# Executing command:", func(b *builder, rest string, at int) { b.command(rest, nil, at) }},
	{"# Starting phase: ", func(b *builder, rest string, _ int) { b.startPhase(rest) }},
	{"# Completed phase: ", quiet},
	{"## Starting Backend Build", section("backend")},
	{"## Starting Frontend Build", section("frontend")},
	{"## Starting Tests", section("test")},
	{"## Completed ", quiet},
	{"## Skipping Frontend Build & Deploy, ", skipping("frontend")},
	{"## Skipping Frontend Build, ", skipping("frontend")},
	{"## Skipping Backend Build, ", skipping("backend")},
	{"## Skipping Tests, ", skipping("test")},
	{"## Checking for associated backend environment", nothing},
	{"## No backend environment association found", nothing},
	{"## Backend environment association found", nothing},
	{"## Build completed successfully", quiet},
	{"# Build environment configured with ", func(b *builder, rest string, at int) { b.compute(rest, at) }},
	{"# Cloning repository: ", nothing},
	{"# Switching to commit: ", func(b *builder, rest string, at int) { b.log.Commit = Fact{rest, at} }},
	{"# Checking for Git submodules at: ", submodules},
	{"# Retrieving environment cache", nothing},
	{"---- Setting Up SSM Secrets", nothing},
	{"# No package override configuration found", nothing},
	{"# Patching NPM package ", patching},
	{"# Done patching NPM package ", patched},
	{"# Installing Node version ", func(b *builder, rest string, at int) { b.update("node", rest, false, at) }},
	{"# Now using Node version ", func(b *builder, rest string, at int) { b.update("node", rest, true, at) }},
	{"# Retrieving cache", func(b *builder, _ string, at int) { b.log.CacheHit = Fact{"miss", at} }},
	{"# Extracting cache", func(b *builder, _ string, at int) { b.log.CacheHit = Fact{"hit", at} }},
	{"# Starting caching", quiet},
	{"# No custom headers found", headers("none")},
	{"No custom headers found", headers("none")},
	{"Found customHttp.yml, applying custom headers", headers("customHttp.yml")},
	{"Found custom headers in ", headers("the build specification")},
	{"# Starting build artifact upload process", quiet},
	{"# Starting environment caching", ended},
	{"# Environment caching completed", ended},
	{"Terminating logging...", func(b *builder, rest string, at int) { b.log.Old = true; ended(b, rest, at) }},
	{"# NOTE: the build image is ", func(b *builder, rest string, at int) { b.log.Image = Fact{rest, at}; b.log.Ours = true }},
	{"# NOTE: the build is stopped after ", func(b *builder, _ string, _ int) { b.log.Ours = true }},
	{"# NOTE: building the work tree, not a commit: ", func(b *builder, rest string, at int) { b.workTree(rest, at) }},
	{"# NOTE: artifacts: ", artifacts},
	{"# NOTE: ", nothing},
	{"!!! ", func(b *builder, rest string, at int) { b.failure(rest, at) }},
	{"!!!", func(b *builder, rest string, at int) { b.failure(rest, at) }},
}

func section(name string) func(*builder, string, int) {
	return func(b *builder, _ string, at int) { b.startSection(name, at) }
}

func skipping(name string) func(*builder, string, int) {
	return func(b *builder, rest string, at int) { b.skip(name, rest, at) }
}

func headers(file string) func(*builder, string, int) {
	return func(b *builder, _ string, at int) { b.close(OK, 0); b.log.Headers = Fact{file, at} }
}

func ended(b *builder, _ string, _ int) {
	b.close(OK, 0)
	b.log.Ended = true
}

func submodules(b *builder, rest string, at int) {
	b.log.Dir = Fact{strings.TrimSuffix(strings.TrimSuffix(rest, ".gitmodules"), "/"), at}
}

var firstNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d+`) })

func artifacts(b *builder, rest string, at int) {
	b.log.Files = Fact{firstNumber().FindString(rest), at}
}

// patch is "'@aws-amplify/cli' from 12.8.2 to 12.10.1..." and its relatives.
var patch = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^'([^']+)'(?: from \S+)?(?: to (?:version )?(\S+?))?(?:\.\.\.)?$`)
})

func patching(b *builder, rest string, at int) {
	if m := patch().FindStringSubmatch(rest); m != nil {
		b.update(m[1], m[2], false, at)
	}
}

func patched(b *builder, rest string, at int) {
	if m := patch().FindStringSubmatch(rest); m != nil {
		b.update(m[1], m[2], true, at)
	}
}

// update notes a live update, once for each package: its end completes its beginning.
func (b *builder) update(pkg, version string, ok bool, at int) {
	for i := range b.log.Updates {
		if u := &b.log.Updates[i]; u.Pkg == pkg {
			u.OK = u.OK || ok
			if version != "" {
				u.Version = version
			}
			return
		}
	}
	b.log.Updates = append(b.log.Updates, Update{Pkg: pkg, Version: version, OK: ok, At: at})
}

var treeFacts = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`HEAD is ([0-9a-f]*), (\d+) files? changed, (\d+) untracked`)
})

func (b *builder) workTree(rest string, at int) {
	b.log.WorkTree = true
	if m := treeFacts().FindStringSubmatch(rest); m != nil {
		b.log.Commit = Fact{m[1], at}
		if m[2] != "0" || m[3] != "0" {
			b.log.Changed = 1
		}
	}
}

// readService reads the service's form.
func readService(l *Log) {
	b := newBuilder(l)
	l.Cut = true
	for i := range l.Lines {
		text := strip(l.Lines[i].Text)
		l.Lines[i].Text = text
		if !b.marked(text, i) && text != "" {
			b.output(i)
			l.Old = l.Old || strings.Contains(text, "/amplify.sh: line ")
		}
	}
}

// marked handles a line of the runner's own.
func (b *builder) marked(text string, at int) bool {
	for _, m := range markers {
		rest, ok := strings.CutPrefix(text, m.prefix)
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		switch m.prefix {
		case "# Build environment configured with ", "# Cloning repository: ", "# NOTE: the build is stopped after ":
			b.log.Cut = false
		case "!!! ", "!!!":
			b.log.Old = b.log.Old || rest == "Non-Zero Exit Code detected"
		}
		m.do(b, rest, at)
		return true
	}
	return false
}

// isMarker tells whether a line is one that only the service's runner prints.
func isMarker(text string) bool {
	for _, m := range markers {
		if strings.HasPrefix(text, m.prefix) {
			return true
		}
	}
	return false
}
