// Package compare lays the logs of two builds beside each other and finds where they really part.
//
// What always differs (times, hashes, ids, sizes, paths of machines, how packages were fetched) is not compared, and
// neither is the order of the lines that one command prints: its two streams reach the logs in different ways.
package compare

import (
	"fmt"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp/internal/buildlog"
)

// Class is the kind of a difference, for programs.
type Class string

// The classes.
const (
	Commit    Class = "commit"    // another commit was built
	Spec      Class = "spec"      // one of the build specifications cannot be used
	Update    Class = "update"    // other live updates
	Skip      Class = "skip"      // a section was only run in one
	Command   Class = "command"   // another command
	Version   Class = "version"   // a tool has another version
	Variable  Class = "variable"  // an environment variable is missing or has another value
	Tool      Class = "tool"      // a program that only one image has
	Memory    Class = "memory"    // out of memory
	Result    Class = "result"    // a command ended differently
	Output    Class = "output"    // a command printed something else
	Artifacts Class = "artifacts" // other artifacts
	Headers   Class = "headers"   // other custom headers
	Failure   Class = "failure"   // another failure outside of the commands
	Timeout   Class = "timeout"   // one of the logs stops
)

// Spot is a place in one of the logs.
type Spot struct {
	Line int    `json:"line"` // from 1; 0 = nothing in the log shows it
	Text string `json:"text,omitempty"`
	at   int    // index of the log's lines, or buildlog.None
}

// Difference is one finding.
type Difference struct {
	Class   Class  `json:"class"`
	Where   string `json:"where,omitempty"`   // section and phase
	Command string `json:"command,omitempty"` // its first line
	Message string `json:"message"`           // what differs, one sentence
	Advice  string `json:"advice,omitempty"`
	Cloud   Spot   `json:"cloud"`
	Build   Spot   `json:"build"`
	// More is how many further lines of the same output differ.
	More int `json:"more,omitempty"`
}

// Report is what a comparison came to.
type Report struct {
	Equal       bool         `json:"equal"`
	Differences []Difference `json:"differences"` // the first is the first in the logs
	// Circumstances differ as well, but are no reason by themselves.
	Circumstances []string `json:"circumstances,omitempty"`
	Compared      int      `json:"compared"` // commands that both logs have

	cloud, build *buildlog.Log
}

type comparison struct {
	cloud, build *buildlog.Log
	report       *Report
}

// Compare compares the log of the cloud with that of a build. Both may be cut.
func Compare(cloud, build *buildlog.Log) *Report {
	c := &comparison{cloud: cloud, build: build, report: &Report{Differences: []Difference{}, cloud: cloud, build: build}}
	c.commits()
	c.circumstances()
	if !c.specs() {
		c.updates()
		c.skips()
		c.commands()
		c.failures()
		c.headers()
		c.artifacts()
		if c.report.Compared == 0 && len(c.cloud.Commands)+len(c.build.Commands) > 0 {
			c.also("no command is in both logs, so none was compared")
		}
	}
	c.report.Equal = len(c.report.Differences) == 0
	return c.report
}

func (c *comparison) add(d Difference) { c.report.Differences = append(c.report.Differences, d) }

func (c *comparison) also(format string, args ...any) {
	c.report.Circumstances = append(c.report.Circumstances, fmt.Sprintf(format, args...))
}

// spot is a place in a log by its index.
func spot(l *buildlog.Log, at int) Spot {
	if at < 0 || at >= len(l.Lines) {
		return Spot{at: buildlog.None}
	}
	return Spot{Line: l.Lines[at].Number, Text: l.Lines[at].Text, at: at}
}

func (c *comparison) commits() {
	a, b := c.cloud.Commit, c.build.Commit
	if a.Known() && b.Known() && !sameCommit(a.Value, b.Value) {
		c.add(Difference{
			Class: Commit, Message: fmt.Sprintf("the cloud built the commit %.8s, this is a build of %.8s", a.Value, b.Value),
			Advice: fmt.Sprintf("build the same one: preamp build --commit %.12s", a.Value),
			Cloud:  spot(c.cloud, a.At), Build: spot(c.build, b.At),
		})
	}
	if c.build.WorkTree && c.build.Changed > 0 {
		c.also("the build is not of a commit, but of a work tree with changes; --commit builds exactly one")
	}
	if !a.Known() && c.cloud.Form == buildlog.Service && !c.cloud.Cut {
		c.also("the cloud's log does not name its commit, as it built the head of the branch")
	}
}

func sameCommit(a, b string) bool {
	n := min(len(a), len(b))
	return n >= 7 && a[:n] == b[:n]
}

// circumstances are worth knowing when something differs, and nothing when nothing does.
func (c *comparison) circumstances() {
	a, b := c.cloud, c.build
	if a.Memory > 0 && b.Memory > 0 && a.Memory != b.Memory {
		c.also("memory: %.4g GiB in the cloud, %.4g GiB here", a.Memory, b.Memory)
	}
	if a.Image.Known() && b.Image.Known() && a.Image.Value != b.Image.Value {
		c.also("image: %s and %s", a.Image.Value, b.Image.Value)
	}
	if a.CacheHit.Known() && b.CacheHit.Known() && a.CacheHit.Value != b.CacheHit.Value {
		c.also("cache: %s in the cloud, %s here", a.CacheHit.Value, b.CacheHit.Value)
	}
	for _, tool := range []string{"node", "npm", "yarn", "pnpm"} {
		x, y := a.Versions[tool], b.Versions[tool]
		if x.Known() && y.Known() && x.Value != y.Value {
			c.also("%s: %s in the cloud, %s here", tool, x.Value, y.Value)
		}
	}
	for _, l := range []*buildlog.Log{a, b} {
		if l.Cut {
			c.also("%s does not begin where a build begins; what is missing is not compared", l.Name)
		}
	}
}

// specs says when one of the builds ended before its first command. There is nothing to compare then.
func (c *comparison) specs() bool {
	a, b := early(c.cloud), early(c.build)
	switch {
	case a == nil && b == nil:
		return false
	case a != nil && b != nil:
		if sameFailure(a.Value, b.Value) {
			return true
		}
		c.add(Difference{
			Class: failureClass(a.Value), Message: fmt.Sprintf("both end before their first command, the cloud with %q, this build with %q", a.Value, b.Value),
			Cloud: spot(c.cloud, a.At), Build: spot(c.build, b.At),
		})
	case a != nil:
		c.add(Difference{
			Class: failureClass(a.Value), Message: fmt.Sprintf("the cloud ended before its first command: %s", a.Value), Advice: advice(failureClass(a.Value), c.build),
			Cloud: spot(c.cloud, a.At), Build: begin(c.build),
		})
	default:
		c.add(Difference{
			Class: failureClass(b.Value), Message: fmt.Sprintf("this build ended before its first command: %s", b.Value), Advice: advice(failureClass(b.Value), c.build),
			Cloud: begin(c.cloud), Build: spot(c.build, b.At),
		})
	}
	return true
}

// early is the failure of a build that has run nothing.
func early(l *buildlog.Log) *buildlog.Fact {
	if len(l.Commands) > 0 || len(l.Sections) > 0 || len(l.Skips) > 0 || len(l.Failures) == 0 {
		return nil
	}
	return &l.Failures[0]
}

// begin is where the work of a build begins.
func begin(l *buildlog.Log) Spot {
	if len(l.Commands) > 0 {
		return spot(l, l.Commands[0].At)
	}
	return spot(l, 0)
}

// failureClass tells what a failure outside of the commands is about.
func failureClass(text string) Class {
	t := strings.ToLower(text)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(t, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("timed out"):
		return Timeout
	case has("build spec", "buildspec:", "monorepo spec", "monorepo app root", "frontend definition", "amplify.yml") && !has("base directory"):
		return Spec
	case has("artifact", "build output", "base directory", "required-server-files", "standalone", "deploy-manifest", "bundle"):
		return Artifacts
	case has("nodejs version", "node.js version"):
		return Version
	case has("header"):
		return Headers
	}
	return Failure
}

// sameFailure compares what two builds ended with. Ours may say more than the service.
func sameFailure(a, b string) bool {
	strip := func(s string) string {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "CustomerError: "), "Error: ")
		return strings.ToLower(normal(s))
	}
	x, y := strip(a), strip(b)
	return x == y || (len(x) > 10 && strings.Contains(y, x)) || (len(y) > 10 && strings.Contains(x, y))
}

func (c *comparison) updates() {
	if c.cloud.Cut && len(c.cloud.Updates) == 0 || c.build.Cut && len(c.build.Updates) == 0 {
		return
	}
	for _, u := range c.cloud.Updates {
		v := findUpdate(c.build, u.Pkg)
		switch {
		case v == nil:
			c.add(Difference{
				Class: Update, Message: fmt.Sprintf("only the cloud brings %s to version %s before the build", u.Pkg, u.Version),
				Advice: "pass on the variable of the console: --env _LIVE_UPDATES='[...]'", Cloud: spot(c.cloud, u.At), Build: begin(c.build),
			})
		case !sameVersion(u.Version, v.Version) || u.OK != v.OK:
			c.add(Difference{
				Class: Update, Message: fmt.Sprintf("the live update of %s comes to %s in the cloud, to %s here", u.Pkg, state(u), state(*v)),
				Advice: "look at _LIVE_UPDATES in the console, and at versions such as \"latest\"", Cloud: spot(c.cloud, u.At), Build: spot(c.build, v.At),
			})
		}
	}
	for _, v := range c.build.Updates {
		if findUpdate(c.cloud, v.Pkg) == nil {
			c.add(Difference{
				Class: Update, Message: fmt.Sprintf("only this build brings %s to version %s before the build", v.Pkg, v.Version),
				Advice: "leave _LIVE_UPDATES out, or set it in the console", Cloud: begin(c.cloud), Build: spot(c.build, v.At),
			})
		}
	}
}

func state(u buildlog.Update) string {
	if u.OK {
		return u.Version
	}
	return u.Version + ", which failed"
}

// sameVersion takes 17 and 17.6.0 for the same: the service names a version as it was asked for.
func sameVersion(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

func findUpdate(l *buildlog.Log, pkg string) *buildlog.Update {
	for i := range l.Updates {
		if l.Updates[i].Pkg == pkg {
			return &l.Updates[i]
		}
	}
	return nil
}

func (c *comparison) skips() {
	for _, name := range []string{"backend", "frontend", "test"} {
		a, aSkipped := c.cloud.Skips[name]
		b, bSkipped := c.build.Skips[name]
		aRan, aThere := c.cloud.Sections[name]
		bRan, bThere := c.build.Sections[name]
		switch {
		case aSkipped && !bSkipped && bThere:
			c.add(Difference{
				Class: Skip, Where: name, Message: fmt.Sprintf("the cloud skipped the section %s (%s), this build ran it", name, a.Value),
				Advice: advice(Skip, c.build), Cloud: spot(c.cloud, a.At), Build: spot(c.build, bRan.At),
			})
		case bSkipped && !aSkipped && aThere:
			c.add(Difference{
				Class: Skip, Where: name, Message: fmt.Sprintf("this build skipped the section %s (%s), the cloud ran it", name, b.Value),
				Advice: advice(Skip, c.build), Cloud: spot(c.cloud, aRan.At), Build: spot(c.build, b.At),
			})
		}
	}
}

// failures compares what went wrong outside of the commands.
func (c *comparison) failures() {
	a, b := reached(c.cloud), reached(c.build)
	switch {
	case a == nil && b == nil:
	case a != nil && b != nil:
		if !sameFailure(a.Value, b.Value) {
			c.add(Difference{
				Class: failureClass(a.Value), Message: fmt.Sprintf("the cloud failed with %q, this build with %q", a.Value, b.Value),
				Cloud: spot(c.cloud, a.At), Build: spot(c.build, b.At),
			})
		}
	case a != nil && (c.build.Ended && !c.build.Failed):
		c.add(Difference{
			Class: failureClass(a.Value), Message: "only the cloud failed: " + a.Value, Advice: advice(failureClass(a.Value), c.build),
			Cloud: spot(c.cloud, a.At), Build: end(c.build),
		})
	case b != nil && (c.cloud.Ended && !c.cloud.Failed):
		c.add(Difference{
			Class: failureClass(b.Value), Message: "only this build failed: " + b.Value, Advice: advice(failureClass(b.Value), c.build),
			Cloud: end(c.cloud), Build: spot(c.build, b.At),
		})
	}
}

func reached(l *buildlog.Log) *buildlog.Fact {
	if len(l.Failures) == 0 {
		return nil
	}
	return &l.Failures[0]
}

func end(l *buildlog.Log) Spot { return spot(l, len(l.Lines)-1) }

func (c *comparison) headers() {
	a, b := c.cloud.Headers, c.build.Headers
	if a.Known() && b.Known() && a.Value != b.Value && !(a.Value != "none" && b.Value != "none") {
		c.add(Difference{
			Class: Headers, Message: fmt.Sprintf("custom headers: %s in the cloud, %s here", a.Value, b.Value),
			Advice: "the service reads customHttp.yml in the repository's root, and headers of the console where there is none",
			Cloud:  spot(c.cloud, a.At), Build: spot(c.build, b.At),
		})
	}
}

func (c *comparison) artifacts() {
	a, b := c.cloud.Files, c.build.Files
	if a.Known() && b.Known() && a.Value != b.Value {
		c.add(Difference{
			Class: Artifacts, Message: fmt.Sprintf("the artifacts are %s files in one build and %s in the other", a.Value, b.Value),
			Advice: "compare the lists of both artifacts.zip", Cloud: spot(c.cloud, a.At), Build: spot(c.build, b.At),
		})
	}
}
