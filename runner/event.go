package runner

import (
	"time"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/advice"
	"github.com/preamp-build/preamp/runner/engine"
)

// Event is something that happened in a build. Everything that a person or a program sees of a build is a rendering of
// its events. Secrets are masked before an event exists, so nothing that handles one can leak them.
//
// Events of one build come one at a time and in order. An event is a value: it may be kept.
type Event interface {
	// Type is a stable name, for programs.
	Type() string
}

// Stamped is an event with its time, as the function given to Run gets it.
type Stamped struct {
	Time time.Time
	Event
}

// The events, in the order in which a build has them.
type (
	// BuildStarted is the first event.
	BuildStarted struct {
		Version  string        `json:"version"` // of the events and the result: ResultVersion
		Build    string        `json:"build"`
		Engine   engine.Info   `json:"engine"`
		Limits   engine.Limits `json:"limits"`
		Size     string        `json:"size,omitempty"` // of the service's instance
		Timeout  time.Duration `json:"timeout"`
		Isolated bool          `json:"isolated"`
	}
	// Reaped tells of what a dead preamp had left.
	Reaped struct {
		What string `json:"what"`
		ID   string `json:"id"`
		Of   string `json:"of"`
	}
	// SourceStarted comes before the repository is cloned or copied.
	SourceStarted struct {
		From     string `json:"from"` // URL or path
		WorkTree bool   `json:"workTree"`
	}
	// SourceReady says what will be built.
	SourceReady struct {
		Source
		Dir  string        `json:"dir,omitempty"` // where the build will see the repository
		Took time.Duration `json:"took"`
	}
	// Progress is a line about a step that takes long.
	Progress struct {
		Step    string `json:"step"` // source, image, cache, artifacts
		Message string `json:"message"`
		Current int64  `json:"current,omitempty"` // bytes
		Total   int64  `json:"total,omitempty"`
	}
	// SpecRead says which specification and which application of it is built, with what was found to say about it.
	SpecRead struct {
		File        string                `json:"file"`
		AppRoot     string                `json:"appRoot,omitempty"`
		Diagnostics buildspec.Diagnostics `json:"diagnostics,omitempty"`
		Source      []byte                `json:"-"`
	}
	// Planned shows what will be run.
	Planned struct {
		Plan   *Plan  `json:"plan"`
		App    string `json:"app,omitempty"`    // AWS_APP_ID
		Branch string `json:"branch,omitempty"` // AWS_BRANCH
	}
	// ImageReady says which image the build runs in.
	ImageReady struct {
		Image
		Built bool          `json:"built"`
		Took  time.Duration `json:"took"`
	}
	// CacheRestored tells how the cache was looked for.
	CacheRestored struct {
		CacheRestore
	}
	// ContainerStarted says that commands can run.
	ContainerStarted struct {
		ID   string        `json:"id"`
		Dir  string        `json:"dir"`
		Took time.Duration `json:"took"`
	}
	// SectionStarted and SectionEnded frame backend, frontend and test. A section without commands of its own has them too.
	SectionStarted struct {
		Section string `json:"section"`
		Defined bool   `json:"defined"` // in the specification
		// Backend is the managed backend environment that belongs to the branch, in the section backend; empty: none.
		Backend string `json:"backend,omitempty"`
		// PullOnly is true when only the configuration of that backend is fetched.
		PullOnly bool `json:"pullOnly,omitempty"`
	}
	// SectionEnded comes also when the section failed.
	SectionEnded struct {
		Section string        `json:"section"`
		OK      bool          `json:"ok"`
		Took    time.Duration `json:"took"`
	}
	// Skipped says what was not done, and why.
	Skipped struct {
		What string     `json:"what"` // build, backend, frontend, test
		Code SkipReason `json:"code"`
		Why  string     `json:"why"` // for people
	}
	// PhaseStarted and PhaseEnded frame the commands of a phase.
	PhaseStarted struct {
		Section string `json:"section"`
		Phase   string `json:"phase"`
	}
	// PhaseEnded comes also when a command of the phase failed.
	PhaseEnded struct {
		Section string        `json:"section"`
		Phase   string        `json:"phase"`
		OK      bool          `json:"ok"`
		Took    time.Duration `json:"took"`
	}
	// CommandStarted shows the command as it is written in the specification.
	CommandStarted struct {
		Section string `json:"section"`
		Phase   string `json:"phase"`
		Index   int    `json:"index"` // in the phase, from 0
		Text    string `json:"text"`
		File    string `json:"file"`
		Line    int    `json:"line"`
	}
	// Output is something that the running command has printed: any bytes, cut anywhere.
	Output struct {
		Text string `json:"text"`
	}
	// CommandEnded says how the command ended.
	CommandEnded struct {
		Section string        `json:"section"`
		Phase   string        `json:"phase"`
		Index   int           `json:"index"`
		Code    int           `json:"code"`
		OOM     bool          `json:"oom,omitempty"`
		Took    time.Duration `json:"took"`
	}
	// DiffDecided tells what a comparison with the last successful build came to.
	DiffDecided struct {
		Diff
	}
	// EnvCacheRestored tells of the key-value store that builds keep for each other.
	EnvCacheRestored struct {
		Found bool     `json:"found"`
		Keys  []string `json:"keys,omitempty"` // names, sorted
		Why   string   `json:"why,omitempty"`  // of there being none
	}
	// EnvCacheSaved comes also when the build failed, as its values are kept all the same.
	EnvCacheSaved struct {
		Saved bool   `json:"saved"` // false: nothing was set
		Keys  int    `json:"keys"`
		Bytes int64  `json:"bytes"`
		Why   string `json:"why,omitempty"` // of its not being saved
	}
	// LiveUpdateStarted and LiveUpdateEnded frame one entry of _LIVE_UPDATES.
	LiveUpdateStarted struct {
		Update LiveUpdate `json:"update"`
		From   string     `json:"from,omitempty"` // the version that is there
	}
	// LiveUpdateEnded comes also when the update failed, which fails no build.
	LiveUpdateEnded struct {
		Update LiveUpdateResult `json:"update"` // not embedded: an update has a type, too
	}
	// TestsReported is what the reports of the test section say.
	TestsReported struct {
		Tests
	}
	// HeadersRead tells where the deployment's custom headers come from.
	HeadersRead struct {
		Headers
	}
	// CacheSaved tells what was kept for the next build.
	CacheSaved struct {
		CacheSave
	}
	// ArtifactsReady says where the artifacts are.
	ArtifactsReady struct {
		Kind string `json:"kind"` // "build" or "test"
		Artifacts
		Took time.Duration `json:"took"`
	}
	// Notice is something worth knowing that needs no action.
	Notice struct {
		Message string `json:"message"`
	}
	// Warning is something that is probably not as it was meant.
	Warning struct {
		Message string `json:"message"`
	}
	// Failed says why the build did not succeed.
	Failed struct {
		Failure *Failure `json:"failure"`
		Source  []byte   `json:"-"` // the specification, for excerpts
	}
	// Advised is something that would make the next build cheaper. It comes at the end.
	Advised struct {
		advice.Advice
	}
	// BuildEnded is the last event.
	BuildEnded struct {
		Result *Result `json:"result"`
	}
)

// Type implements Event.
func (BuildStarted) Type() string      { return "build-started" }
func (Reaped) Type() string            { return "reaped" }
func (SourceStarted) Type() string     { return "source-started" }
func (SourceReady) Type() string       { return "source-ready" }
func (Progress) Type() string          { return "progress" }
func (SpecRead) Type() string          { return "spec-read" }
func (Planned) Type() string           { return "planned" }
func (ImageReady) Type() string        { return "image-ready" }
func (CacheRestored) Type() string     { return "cache-restored" }
func (ContainerStarted) Type() string  { return "container-started" }
func (SectionStarted) Type() string    { return "section-started" }
func (SectionEnded) Type() string      { return "section-ended" }
func (Skipped) Type() string           { return "skipped" }
func (PhaseStarted) Type() string      { return "phase-started" }
func (PhaseEnded) Type() string        { return "phase-ended" }
func (CommandStarted) Type() string    { return "command-started" }
func (Output) Type() string            { return "output" }
func (CommandEnded) Type() string      { return "command-ended" }
func (DiffDecided) Type() string       { return "diff-decided" }
func (EnvCacheRestored) Type() string  { return "env-cache-restored" }
func (EnvCacheSaved) Type() string     { return "env-cache-saved" }
func (LiveUpdateStarted) Type() string { return "live-update-started" }
func (LiveUpdateEnded) Type() string   { return "live-update-ended" }
func (TestsReported) Type() string     { return "tests-reported" }
func (HeadersRead) Type() string       { return "headers-read" }
func (CacheSaved) Type() string        { return "cache-saved" }
func (ArtifactsReady) Type() string    { return "artifacts-ready" }
func (Notice) Type() string            { return "notice" }
func (Warning) Type() string           { return "warning" }
func (Failed) Type() string            { return "failed" }
func (Advised) Type() string           { return "advice" }
func (BuildEnded) Type() string        { return "build-ended" }
