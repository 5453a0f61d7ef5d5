package runner

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	// AppID is AWS_APP_ID and part of the cache key. Empty: made from the repository's address.
	AppID string
	// AppRoot selects an application of a monorepo, as AMPLIFY_MONOREPO_APP_ROOT does.
	AppRoot string
	// DefaultBranch is the branch whose cache a branch without its own begins with. Empty: "main".
	DefaultBranch string
	// Env is what the console's environment variables are in the service; the last of a name wins.
	Env []engine.Var
	// Secrets reach the build as one JSON object in the variable `secrets`, and are masked wherever they would be shown.
	Secrets []engine.Var
	// Image is what --image or _CUSTOM_IMAGE says. Empty: the default image.
	Image string
	Pull  engine.PullPolicy
	// Timeout bounds the build, without the time that its image takes to be brought. Zero: _BUILD_TIMEOUT or
	// DefaultTimeout.
	Timeout time.Duration
	// Limits bound the container. The zero value means those of the service's standard instance.
	Limits engine.Limits
	// CACerts are PEM certificates to trust on top of the usual ones, by preamp and by the build.
	CACerts []byte
	// Out is the folder for artifacts, log and result. See Output.
	Out string
	// NoCache keeps the build from reading and writing caches.
	NoCache bool
}

// DefaultTimeout is the service's.
const DefaultTimeout = 30 * time.Minute

// StandardLimits are those of the service's standard instance, with a bound on processes that the service has not.
var StandardLimits = engine.Limits{Memory: 8 << 30, CPUs: 4, PIDs: 8192}

// validate reports everything that makes the job impossible before anything is done for it.
func (j *Job) validate() error {
	var problems []string
	if (j.Path == "") == (j.URL == "") {
		problems = append(problems, "a job needs a path or a URL, and only one of them")
	}
	if j.Out == "" {
		problems = append(problems, "a job needs an output folder")
	}
	if j.Timeout < 0 {
		problems = append(problems, "the timeout is negative")
	}
	for _, v := range slices.Concat(j.Env, j.Secrets) {
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00") {
			problems = append(problems, fmt.Sprintf("%q cannot be a variable", v.Name))
		}
	}
	if len(problems) > 0 {
		return &Failure{Class: ClassUsage, Message: strings.Join(problems, "; ")}
	}
	return nil
}

// env is the value of a variable of the job, and whether it is there.
func (j *Job) env(name string) (string, bool) {
	for _, v := range slices.Backward(j.Env) {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}
