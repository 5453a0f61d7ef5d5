package runner

import (
	"time"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner/advice"
	"github.com/preamp-build/preamp/runner/engine"
)

// Result is everything about a build that has ended, as result.json holds it. In JSON, durations are in
// seconds and sizes in bytes. It holds no value of any variable.
type Result struct {
	Version  string        `json:"version"` // of this document: ResultVersion
	Preamp   string        `json:"preamp"`  // version of the program
	Build    string        `json:"build"`
	Status   Status        `json:"status"`
	ExitCode int           `json:"exitCode"` // of the command line
	Failure  *Failure      `json:"failure,omitempty"`
	Started  time.Time     `json:"started"`
	Ended    time.Time     `json:"ended"`
	Took     time.Duration `json:"took"`

	App           string             `json:"app"`
	AppRoot       string             `json:"appRoot,omitempty"`
	Platform      string             `json:"platform,omitempty"` // WEB or WEB_COMPUTE
	Branch        string             `json:"branch"`
	Job           string             `json:"job"` // AWS_JOB_ID
	Source        Source             `json:"source"`
	Spec          string             `json:"spec,omitempty"` // file
	SpecSHA256    string             `json:"specSha256,omitempty"`
	Engine        engine.Info        `json:"engine"`
	Image         Image              `json:"image"`
	Timeout       time.Duration      `json:"timeout"`
	EnvNames      []string           `json:"envNames,omitempty"`
	Request       *Request           `json:"request,omitempty"`
	Sections      []SectionResult    `json:"sections,omitempty"`
	Diff          []Diff             `json:"diff,omitempty"`
	LiveUpdates   []LiveUpdateResult `json:"liveUpdates,omitempty"`
	Cache         CacheResult        `json:"cache"`
	EnvCache      *EnvCacheResult    `json:"envCache,omitempty"`
	Tests         *Tests             `json:"tests,omitempty"`
	Headers       *Headers           `json:"headers,omitempty"`
	Artifacts     *Artifacts         `json:"artifacts,omitempty"`
	TestArtifacts *Artifacts         `json:"testArtifacts,omitempty"`
	Usage         engine.Usage       `json:"usage"`
	Skipped       []Skipped          `json:"skipped,omitempty"`
	Warnings      []string           `json:"warnings,omitempty"`
	Notices       []string           `json:"notices,omitempty"`
	Advice        []advice.Advice    `json:"advice,omitempty"` // the most important first
	Log           string             `json:"log,omitempty"`    // path
}

// Status is how a build ended.
type Status string

// The statuses.
const (
	StatusSucceeded Status = "succeeded"
	StatusSkipped   Status = "skipped" // nothing was to be done; the exit code is 0
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
	// Head is true when the commit is the head of the branch, not one that was asked for by its name.
	Head bool `json:"head,omitempty"`
	// Submodules are the folders of those that were brought.
	Submodules []string `json:"submodules,omitempty"`
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
	Stored int64         `json:"stored,omitempty"` // bytes in the store; 0 where nothing is packed
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
	// Biggest are the largest parts of it, at most ten.
	Biggest []cache.Part `json:"biggest,omitempty"`
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
	Hashes   string `json:"hashes,omitempty"` // path of the list of the files' hashes
}

// SkipReason is why something was skipped, for programs.
type SkipReason string

// The reasons.
const (
	SkipDiff          SkipReason = "no-changes"     // AMPLIFY_DIFF_DEPLOY, AMPLIFY_DIFF_BACKEND
	SkipTestsDisabled SkipReason = "tests-disabled" // USER_DISABLE_TESTS
	SkipBackend       SkipReason = "backend-off"    // AMPLIFY_SKIP_BACKEND_BUILD
	SkipCD            SkipReason = "skip-cd"        // the commit message asks for it
)

// Diff is a comparison with the last successful build of the same application and branch.
type Diff struct {
	What    string   `json:"what"` // frontend or backend
	Root    string   `json:"root"` // folder that counts, relative to the repository
	Base    string   `json:"base,omitempty"`
	Head    string   `json:"head"`
	Skip    bool     `json:"skip"`
	Why     string   `json:"why"`               // a sentence for people
	Changed int      `json:"changed,omitempty"` // paths
	First   []string `json:"first,omitempty"`   // the first of them
}

// LiveUpdate is one entry of _LIVE_UPDATES: a package to be brought to a version before the build.
type LiveUpdate struct {
	Name    string `json:"name,omitempty"` // for people
	Pkg     string `json:"pkg"`
	Type    string `json:"type"` // npm, nvm, ...
	Version string `json:"version"`
}

// LiveUpdateResult says what became of one.
type LiveUpdateResult struct {
	LiveUpdate
	From string        `json:"from,omitempty"` // version before; empty: none
	To   string        `json:"to,omitempty"`   // version afterwards
	OK   bool          `json:"ok"`
	Why  string        `json:"why,omitempty"` // of its failure
	Took time.Duration `json:"took"`
}

// EnvCacheResult tells of the key-value store that builds keep for each other. Values are never told.
type EnvCacheResult struct {
	Restored int  `json:"restored"` // keys
	Saved    bool `json:"saved"`
	Keys     int  `json:"keys"`
}

// Tests are the results that the test section's reports hold.
type Tests struct {
	Passed  int           `json:"passed"`
	Failed  int           `json:"failed"`
	Skipped int           `json:"skipped"`
	Took    time.Duration `json:"took"`
	Failing []TestCase    `json:"failing,omitempty"`
	Reports []string      `json:"reports,omitempty"` // files, relative to the repository
}

// TestCase is a test that failed.
type TestCase struct {
	Suite   string `json:"suite,omitempty"`
	Name    string `json:"name"`
	Message string `json:"message,omitempty"` // its first lines
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// Headers are the custom headers of a deployment.
type Headers struct {
	File  string `json:"file,omitempty"` // customHttp.yml or the build specification; empty: there are none
	Rules int    `json:"rules"`
	// Legacy is true for those that the build specification holds.
	Legacy bool `json:"legacy,omitempty"`
}
