package runner

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

// Job is one build to be done. The command line's flags, and later a queue's messages, fill the same struct.
type Job struct {
	// Path is a folder in a git work tree, URL a repository elsewhere; exactly one is set.
	Path, URL string
	// Branch is the branch to clone, and AWS_BRANCH. Empty: the work tree's or the remote's own.
	Branch string
	// Commit is the exact commit to build. Empty: the branch's head, or what is in the work tree now.
	Commit string
	// Auth holds the credentials for URL.
	Auth source.Auth
	// Submodules and LFS say whether submodules are checked out, and whether files of Git LFS get their content. Empty: they
	// are, "none": they are not.
	Submodules, LFS string
	// Depth is how many commits of the history of URL are cloned where this machine has none of it yet. 0: all.
	Depth int
	// AppID is AWS_APP_ID and part of the cache key. Empty: made from the repository's address.
	AppID string
	// AppRoot selects an application of a monorepo, as AMPLIFY_MONOREPO_APP_ROOT does.
	AppRoot string
	// DefaultBranch is the branch whose cache a branch without its own begins with. Empty: "main".
	DefaultBranch string
	// Console holds the variables that the service's console would have. Env comes on top of them, for this build alone;
	// the last of a name wins.
	Console Console
	Env     []engine.Var
	// SpecEnvWins lets env.variables of the build specification win over Console and Env.
	SpecEnvWins bool
	// PullRequest makes the build the preview of one. Nil: it is none.
	PullRequest *PullRequest
	// Trigger says what asked for the build. Empty: TriggerManual.
	Trigger Trigger
	// WatchPaths are globs of further files, relative to the repository, that count for AMPLIFY_DIFF_DEPLOY, such as the
	// shared packages of a monorepo.
	WatchPaths []string
	// Platform is the service's kind of application: WEB, WEB_COMPUTE. Empty: found out from the repository.
	Platform string
	// Secrets reach the build as one JSON object in the variable `secrets`, and are masked wherever they would be shown.
	Secrets []engine.Var
	// Image is what --image or _CUSTOM_IMAGE says. Empty: the default image.
	Image string
	Pull  engine.PullPolicy
	// RegistryLogin is for the registry of Image. The zero value means the login that this machine has.
	RegistryLogin engine.RegistryLogin
	// Timeout bounds the build, without the time that its image takes to be brought. Zero: _BUILD_TIMEOUT or
	// DefaultTimeout.
	Timeout time.Duration
	// Limits bound the container. The zero value means those of the service's standard instance.
	Limits engine.Limits
	// Size is the name in Sizes that the limits are from; empty: "standard", or limits of their own.
	Size string
	// CACerts are PEM certificates to trust on top of the usual ones, by preamp and by the build.
	CACerts []byte
	// Out is the folder for artifacts, log and result. See Output.
	Out string
	// DiffBase is the commit that AMPLIFY_DIFF_DEPLOY and AMPLIFY_DIFF_BACKEND compare with, in place of the last successful
	// build that this machine remembers. Empty: that one.
	DiffBase string
	// NoCache keeps the build from reading and writing caches.
	NoCache bool
}

// Trigger is what asked for a build.
type Trigger string

// The triggers.
const (
	TriggerManual Trigger = "manual" // somebody did
	TriggerPush   Trigger = "push"   // a commit did, which may say that it does not want one
)

// DefaultTimeout is the service's.
const DefaultTimeout = 30 * time.Minute

// Sizes are the instances of the service, with a bound on processes that the service has not.
var Sizes = map[string]engine.Limits{
	"standard": {Memory: 8 << 30, CPUs: 4, PIDs: 8192},
	"large":    {Memory: 16 << 30, CPUs: 8, PIDs: 16384},
	"xlarge":   {Memory: 72 << 30, CPUs: 36, PIDs: 32768},
}

// StandardLimits are those of the instance that the service takes where it is not told another.
var StandardLimits = Sizes["standard"]

var fullSHA = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`) })

// Format implements fmt.Formatter: whatever the verb, no credential and no variable's value is shown.
func (j Job) Format(f fmt.State, _ rune) {
	what := j.Path
	if j.URL != "" {
		what = "a repository elsewhere" // its address may hold a password
	}
	fmt.Fprintf(f, "job: %s %s %s", what, j.Branch, j.Commit)
}

// Validate reports everything that makes the job impossible before anything is done for it, as a *Failure of ClassUsage.
// Run begins with it.
func (j *Job) Validate() error {
	var problems []string
	if (j.Path == "") == (j.URL == "") {
		problems = append(problems, "a job needs a path or a URL, and only one of them")
	}
	if j.Out == "" {
		problems = append(problems, "a job needs an output folder")
	}
	if j.Depth < 0 {
		problems = append(problems, "the depth of the history is negative")
	}
	if j.Depth > 0 && j.URL == "" {
		problems = append(problems, "a depth is for a URL: of a folder here, the history costs nothing")
	}
	if j.Timeout < 0 {
		problems = append(problems, "the timeout is negative")
	}
	switch j.Platform {
	case "", platformStatic, platformCompute:
	default:
		problems = append(problems, fmt.Sprintf("%q is no platform: there are %s and %s", j.Platform, platformStatic, platformCompute))
	}
	switch j.Trigger {
	case "", TriggerManual, TriggerPush:
	default:
		problems = append(problems, fmt.Sprintf("%q is no trigger: there are %s and %s", j.Trigger, TriggerManual, TriggerPush))
	}
	if j.PullRequest != nil && j.PullRequest.ID <= 0 {
		problems = append(problems, "a pull request's number is greater than 0")
	}
	if j.DiffBase != "" && !fullSHA().MatchString(j.DiffBase) {
		problems = append(problems, fmt.Sprintf("%q is no full id of a commit to compare with", j.DiffBase))
	}
	for _, glob := range j.WatchPaths {
		if !doublestar.ValidatePattern(glob) {
			problems = append(problems, fmt.Sprintf("%q is no glob of paths to watch", glob))
		}
	}
	problems = append(problems, j.Console.problems()...)
	for _, v := range slices.Concat(j.Console.all(), j.Env, j.Secrets) {
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00") {
			problems = append(problems, fmt.Sprintf("%q cannot be a variable", v.Name))
		}
	}
	if len(problems) > 0 {
		return &Failure{Class: ClassUsage, Message: strings.Join(problems, "; ")}
	}
	return nil
}

// settle puts the console's variables for a branch below those of the job, once the branch is known. Until then only
// what is for all branches counts.
func (j *Job) settle(branch string) {
	j.Env = slices.Concat(j.Console.env(branch, j.PullRequest != nil), j.Env)
	j.Console = Console{}
}

// env is the value of a variable of the job, and whether it is there.
func (j *Job) env(name string) (string, bool) {
	for _, v := range slices.Backward(slices.Concat(j.Console.Env, j.Env)) {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}
