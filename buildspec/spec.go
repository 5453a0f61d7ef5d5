package buildspec

import "fmt"

// Pos is a place in a file. Line and Column count from 1; Column counts characters (runes), not bytes, and a tab is
// one character. A byte order mark is not counted. The zero Pos means that the place is unknown.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// IsValid reports whether the position is known.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String returns "line:column", or "-" for an unknown position.
func (p Pos) String() string {
	if !p.IsValid() {
		return "-"
	}
	return fmt.Sprintf("%d:%d", p.Line, p.Column)
}

func (p Pos) before(q Pos) bool {
	if p.Line != q.Line {
		return p.Line < q.Line
	}
	return p.Column < q.Column
}

// Span is a stretch of a file from Start up to, not including, End. The zero Span means that the place is unknown.
type Span struct {
	Start Pos `json:"start"`
	End   Pos `json:"end"`
}

// String returns "start-end", or "-" for an unknown span.
func (s Span) String() string {
	if !s.Start.IsValid() {
		return "-"
	}
	return s.Start.String() + "-" + s.End.String()
}

// Text is a scalar of the file. Value is its text after YAML's unquoting and folding; numbers and booleans keep the
// spelling of the file (010 stays "010"). Span is where it is written, quotes included; for a value that came through
// an alias or a merge key it is the place of the anchored original. A default has a Value and no Span.
type Text struct {
	Value string
	Span  Span
}

// Set reports whether the text was written in the file, as against absent, null or a default.
func (t Text) Set() bool { return t.Span.Start.IsValid() }

// Variable is one entry of env.variables.
type Variable struct{ Name, Value Text }

// Spec is a build specification that can be built from. It is a plain value: safe to read concurrently.
type Spec struct {
	// File is the name under which the file was parsed.
	File string
	// Version is the file's version as written; the service never checks it.
	Version Text
	// Monorepo reports whether the file has an applications key.
	Monorepo bool
	// Apps holds the applications in the order of the file. It is never empty, and has exactly one element when the
	// specification is not a monorepo's.
	Apps []App
}

// App is one application: the whole file, or one entry of applications.
type App struct {
	// AppRoot is the application's folder as written. Without applications it is kept, but means nothing.
	AppRoot Text
	// Env holds env.variables in the order of the file; names are unique.
	Env []Variable
	// Backend, Frontend and Test are the sections; Backend and Test are nil where they are absent or null. A Spec
	// returned by [Parse] always has a Frontend.
	Backend, Frontend, Test *Section
	// Span covers the application's map.
	Span Span
}

// Section is backend, frontend or test.
type Section struct {
	// Name is "backend", "frontend" or "test".
	Name string
	// BuildPath is the folder that the commands start in, as written; unset means the application's root.
	BuildPath Text
	// Phases holds the phases that are written, in the order of execution: preBuild, build, postBuild, or preTest, test,
	// postTest. A phase may be empty.
	Phases []Phase
	// Artifacts is nil when the section has none; never nil in a frontend returned by [Parse].
	Artifacts *Artifacts
	// CachePaths holds cache.paths as written.
	CachePaths []Text
	// HasCache reports whether cache.paths is written (it may be an empty list): only then the service reads and saves
	// a cache.
	HasCache bool
	// Span goes from the section's key to the end of its value.
	Span Span
}

// Phase is a named list of commands.
type Phase struct {
	// Name is the phase's key: "preBuild", "build", "postBuild", "preTest", "test" or "postTest".
	Name string
	// Commands holds the commands in order. A command may be several lines long, may consist of a shell comment only,
	// and never contains a NUL character.
	Commands []Text
	// Span goes from the phase's key to the end of its value.
	Span Span
}

// Artifacts says which files a section hands over.
type Artifacts struct {
	// BaseDirectory is the folder that Files are relative to, as written; a leading slash does not mean the root of the
	// machine. Always set in a frontend.
	BaseDirectory Text
	// Files holds glob patterns. When the file has none it is the single default "**/*", which is not [Text.Set].
	Files []Text
	// DiscardPaths reports whether all files are to be put flat into the artifact's root. The default is false.
	DiscardPaths bool
	// ConfigFilePath is the test section's configFilePath, as written.
	ConfigFilePath Text
	// Span goes from the artifacts key to the end of its value.
	Span Span
}
