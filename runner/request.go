package runner

import (
	"slices"
	"strings"

	"github.com/preamp-build/preamp/runner/engine"
)

// Request is what a build was asked for besides its source, as far as that is needed to ask for it again. It holds the
// names of variables and secrets, and no value of any.
type Request struct {
	Image         string        `json:"image,omitempty"` // as named by the job; empty: the default one, or _CUSTOM_IMAGE
	AppRoot       string        `json:"appRoot,omitempty"`
	Platform      string        `json:"platform,omitempty"`
	DefaultBranch string        `json:"defaultBranch,omitempty"`
	Commit        string        `json:"commit,omitempty"`
	Limits        engine.Limits `json:"limits"`
	Size          string        `json:"size,omitempty"`
	Variables     []string      `json:"variables,omitempty"` // names, sorted
	Secrets       []string      `json:"secrets,omitempty"`   // names, sorted
	SpecEnvWins   bool          `json:"specificationWins,omitempty"`
	PullRequest   *PullRequest  `json:"pullRequest,omitempty"`
	Trigger       Trigger       `json:"trigger,omitempty"`
	WatchPaths    []string      `json:"watchPaths,omitempty"`
	Submodules    string        `json:"submodules,omitempty"`
	LFS           string        `json:"lfs,omitempty"`
	Depth         int           `json:"depth,omitempty"`
	NoCache       bool          `json:"noCache,omitempty"`
}

// request is what the job asks for. Before the branch is known, the variables of all branches count.
func (j *Job) request() *Request {
	return &Request{
		Image: j.Image, AppRoot: j.AppRoot, Platform: j.Platform, DefaultBranch: j.DefaultBranch, Commit: j.Commit, Limits: j.Limits,
		Size: j.Size, Variables: names(slices.Concat(j.Console.all(), j.Env)), Secrets: names(j.Secrets), SpecEnvWins: j.SpecEnvWins,
		PullRequest: j.PullRequest, Trigger: j.Trigger, WatchPaths: j.WatchPaths, Submodules: j.Submodules, LFS: j.LFS, Depth: j.Depth, NoCache: j.NoCache,
	}
}

func names(vars []engine.Var) []string {
	var all []string
	for _, v := range vars {
		all = append(all, v.Name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// noCommit is the id of a commit that no repository has: what is compared with it has changed.
var noCommit = strings.Repeat("0", 40)

// Again is the job that a result is of, with its commit, image and limits, and without the values of its variables and
// secrets, whose names are in Request, and without credentials and an output folder. It is compared with the same commit
// as the first time, if with any.
func (r *Result) Again() Job {
	q := r.Request
	if q == nil {
		q = &Request{}
	}
	j := Job{
		Branch: r.Source.Branch, Commit: r.Source.Commit, AppID: r.App, AppRoot: q.AppRoot, Platform: q.Platform,
		DefaultBranch: q.DefaultBranch, Limits: q.Limits, Size: q.Size, SpecEnvWins: q.SpecEnvWins, PullRequest: q.PullRequest,
		Trigger: q.Trigger, WatchPaths: q.WatchPaths, Submodules: q.Submodules, LFS: q.LFS, Depth: q.Depth, Timeout: r.Timeout,
		Image: r.Image.ID, Pull: engine.PullMissing,
	}
	if j.Commit == "" {
		j.Commit = q.Commit
	}
	if j.Branch == "" {
		j.Branch = r.Branch
	}
	if j.Image == "" {
		j.Image = q.Image
	}
	if name, _, ok := strings.Cut(r.Image.Ref, "@"); r.Image.Digest != "" && r.Image.Ref != "" {
		if i := strings.LastIndexByte(name, ':'); !ok && i > strings.LastIndexByte(name, '/') {
			name = name[:i] // a tag may have moved on
		}
		j.Image = name + "@" + r.Image.Digest
	}
	if r.Source.URL != "" && r.Source.Path == "" {
		j.URL = r.Source.URL
	} else {
		j.Path = r.Source.Path
	}
	j.DiffBase = noCommit
	for _, d := range r.Diff {
		if fullSHA().MatchString(d.Base) {
			j.DiffBase = d.Base
		}
	}
	return j
}
