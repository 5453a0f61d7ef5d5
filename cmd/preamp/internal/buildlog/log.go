// Package buildlog reads the logs of builds: those that people copy from the Amplify console, of today's runner and of
// earlier ones, and those of preamp in all their forms. What they tell comes out in one structure, so that two of them
// can be laid beside each other.
//
// A log is foreign text. Nothing in it is an error but that it is no build log at all; a line that means nothing to this
// package stays a line.
package buildlog

import "strings"

// Form is how a log is written.
type Form string

// The forms.
const (
	Service Form = "amplify" // the service's, also as preamp prints it
	Plain   Form = "plain"   // preamp's, for people
	Events  Form = "json"    // preamp's, one event a line
)

// Line is a visible line of a log.
type Line struct {
	Number int    // in the file, from 1; several lines of one event have the same
	Text   string // without time, level, indentation, colours
}

// None is the place of what no line tells.
const None = -1

// Fact is something that a log says, and where: At is an index of Log.Lines, or None when a result beside the log says it.
type Fact struct {
	Value string
	At    int
}

// Known reports whether the log says it at all.
func (f Fact) Known() bool { return f.Value != "" }

// Outcome is how a command ended.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Failed  Outcome = "failed"
	Stopped Outcome = "stopped" // the log ends while it runs
)

// Unknown is the exit code of a failure whose code the log does not tell.
const Unknown = -1

// Command is a command that was begun.
type Command struct {
	Section, Phase string
	Text           string   // its first line
	Rest           []string // its further lines, where they can be told from output; not blank, trimmed
	At             int
	Output         []int // indices of Log.Lines
	Outcome        Outcome
	Code           int // 0, or of the failure, or Unknown
	OOM            bool
}

// Where is the command's place in the build: "frontend.build".
func (c *Command) Where() string { return strings.Trim(c.Section+"."+c.Phase, ".") }

// Update is an entry of the live updates.
type Update struct {
	Pkg, Version string // Version as it was in the end, or as asked for
	OK           bool
	At           int
}

// Log is what a log tells. A log may be cut at both ends.
type Log struct {
	Name  string // for people
	Form  Form
	Ours  bool // made by preamp
	Old   bool // by the runner of the years before 2024, which lost the quotes of commands
	Lines []Line
	// Cut is true when the log does not begin where a build begins, Ended when it tells how the build ended.
	Cut, Ended bool

	Compute, Image, Commit, Dir Fact
	// Memory is that of the machine in GiB; 0 = not told.
	Memory float64
	// WorkTree is true when no commit was built but files as they lay there; Changed are those that differ from Commit.
	WorkTree bool
	Changed  int

	Versions map[string]Fact // tool → version, as first seen
	Updates  []Update
	Skips    map[string]Fact // section → why
	Sections map[string]Fact // those that were begun
	Commands []Command
	// Failures are the texts behind "!!!", without what only says that a command failed.
	Failures []Fact
	Failed   bool
	Headers  Fact // "none", or the file
	Files    Fact // how many artifacts
	CacheHit Fact // "hit" or "miss"
	EnvNames []string
}

// NotALogError says why a text is not the log of a build.
type NotALogError struct {
	Name    string
	Message string
	Hint    string
}

// Error gives name and message.
func (e *NotALogError) Error() string { return e.Name + ": " + e.Message }
