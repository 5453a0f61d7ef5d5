package runner

import (
	"time"

	"github.com/preamp-build/preamp/runner/engine"
)

// Result is everything about a build that has ended, as result.json holds it. Durations are in nanoseconds, sizes in
// bytes. It holds no value of any variable.
type Result struct {
	Version  int           `json:"version"` // of this document; 1
	Preamp   string        `json:"preamp"`  // version of the program
	Build    string        `json:"build"`
	Status   Status        `json:"status"`
	ExitCode int           `json:"exitCode"` // of the command line
	Failure  *Failure      `json:"failure,omitempty"`
	Started  time.Time     `json:"started"`
	Ended    time.Time     `json:"ended"`
	Took     time.Duration `json:"took"`

	App           string          `json:"app"`
	AppRoot       string          `json:"appRoot,omitempty"`
	Branch        string          `json:"branch"`
	Job           string          `json:"job"` // AWS_JOB_ID
	Source        Source          `json:"source"`
	Spec          string          `json:"spec,omitempty"` // file
	Engine        engine.Info     `json:"engine"`
	Image         Image           `json:"image"`
	Timeout       time.Duration   `json:"timeout"`
	EnvNames      []string        `json:"envNames,omitempty"`
	Sections      []SectionResult `json:"sections,omitempty"`
	Cache         CacheResult     `json:"cache"`
	Artifacts     *Artifacts      `json:"artifacts,omitempty"`
	TestArtifacts *Artifacts      `json:"testArtifacts,omitempty"`
	Usage         engine.Usage    `json:"usage"`
	Skipped       []Skipped       `json:"skipped,omitempty"`
	Warnings      []string        `json:"warnings,omitempty"`
	Notices       []string        `json:"notices,omitempty"`
	Log           string          `json:"log,omitempty"` // path
}

// Status is how a build ended.
type Status string

// The statuses.
const (
	StatusSucceeded Status = "succeeded"
	StatusFailed    Status = "failed"
	StatusTimedOut  Status = "timed-out"
	StatusCancelled Status = "cancelled"
)

// Source is what was built.
type Source struct {
	Name      string `json:"name"`
	URL       string `json:"url,omitempty"`
	Path      string `json:"path,omitempty"`
	Branch    string `json:"branch,omitempty"`
	Commit    string `json:"commit,omitempty"`
	Subject   string `json:"subject,omitempty"`
	WorkTree  bool   `json:"workTree"`
	Changed   int    `json:"changed,omitempty"`
	Untracked int    `json:"untracked,omitempty"`
}

// Image is what the build ran in.
type Image struct {
	Ref    string `json:"ref,omitempty"`
	ID     string `json:"id,omitempty"`
	Digest string `json:"digest,omitempty"`
	Arch   string `json:"arch,omitempty"`
	Pulled bool   `json:"pulled,omitempty"`
}

// SectionResult is a section that was begun.
type SectionResult struct {
	Name   string        `json:"name"`
	OK     bool          `json:"ok"`
	Took   time.Duration `json:"took"`
	Phases []PhaseResult `json:"phases,omitempty"`
}

// PhaseResult is a phase that was begun.
type PhaseResult struct {
	Name     string          `json:"name"`
	OK       bool            `json:"ok"`
	Took     time.Duration   `json:"took"`
	Commands []CommandResult `json:"commands,omitempty"`
}

// CommandResult is a command that was begun.
type CommandResult struct {
	Text string        `json:"text"`
	Line int           `json:"line"`
	Code int           `json:"code"`
	OOM  bool          `json:"oom,omitempty"`
	Took time.Duration `json:"took"`
}

// CacheResult is what happened with the cache; nil parts did not happen.
type CacheResult struct {
	Restore *CacheRestore `json:"restore,omitempty"`
	Save    *CacheSave    `json:"save,omitempty"`
}

// CacheRestore tells how the cache was looked for, and why that ended as it did.
type CacheRestore struct {
	Hit    bool          `json:"hit"`
	Reason string        `json:"reason"`
	From   string        `json:"from,omitempty"` // branch
	Files  int           `json:"files"`
	Bytes  int64         `json:"bytes"`
	Took   time.Duration `json:"took"`
}

// CacheSave tells what was kept.
type CacheSave struct {
	Saved  bool          `json:"saved"`
	Reason string        `json:"reason,omitempty"`
	Files  int           `json:"files"`
	Bytes  int64         `json:"bytes"`
	Stored int64         `json:"stored"` // bytes in the store
	Took   time.Duration `json:"took"`
}

// Artifacts are files that a build handed over.
type Artifacts struct {
	Base     string `json:"base"` // as written in the specification
	Dir      string `json:"dir"`  // path on this machine
	Zip      string `json:"zip,omitempty"`
	Files    int    `json:"files"`
	Bytes    int64  `json:"bytes"`
	ZipBytes int64  `json:"zipBytes,omitempty"`
	SHA256   string `json:"sha256,omitempty"` // of the zip, hexadecimal
}
