package contract

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

// Runner is the job as package runner wants it. Relative paths are made absolute from the current folder; Out is empty
// where the document names no folder. The cache's folder is not in it: whoever makes the Runner chooses the store.
func (j *Job) Runner() (runner.Job, error) {
	out := runner.Job{
		URL: j.Repository.URL, Branch: j.Repository.Branch, Commit: j.Repository.Commit, Submodules: orNone(j.Repository.Submodules),
		LFS: orNone(j.Repository.LFS), Depth: j.Repository.Depth, WatchPaths: j.WatchPaths, Trigger: runner.Trigger(j.Trigger), CACerts: []byte(j.CACertificates),
		Secrets: vars(j.Secrets),
	}
	if a := j.Repository.Credentials; a != nil {
		out.Auth = source.Auth{
			Token: string(a.Token), Username: a.Username, Password: string(a.Password), SSHKey: string(a.SSHKey), SSHKeyFile: a.SSHKeyFile,
			SSHKeyPassphrase: string(a.SSHPassphrase), SSHAgent: a.SSHAgent, KnownHosts: a.KnownHostsFiles, KnownHostsText: a.KnownHosts,
		}
	}
	if a := j.App; a != nil {
		out.AppID, out.AppRoot, out.Platform, out.DefaultBranch = a.ID, a.Root, a.Platform, a.DefaultBranch
	}
	if e := j.Environment; e != nil {
		out.Env, out.SpecEnvWins, out.Console = vars(e.Variables), e.SpecificationWins, e.Console.runner()
	}
	j.image(&out)
	j.limits(&out)
	if j.Cache != nil {
		out.NoCache = j.Cache.Off
	}
	if j.Diff != nil {
		out.DiffBase = j.Diff.Base
	}
	if p := j.PullRequest; p != nil {
		out.PullRequest = &runner.PullRequest{ID: p.ID, Source: p.Source, Target: p.Target}
	}
	return out, j.paths(&out)
}

func (j *Job) image(out *runner.Job) {
	out.Pull = engine.PullMissing
	if j.Image == nil {
		return
	}
	out.Image = j.Image.Name
	if j.Image.Pull != "" {
		out.Pull = engine.PullPolicy(j.Image.Pull)
	}
	if l := j.Image.Login; l != nil {
		out.RegistryLogin = engine.RegistryLogin{Username: l.Username, Password: string(l.Password), Token: string(l.Token)}
	}
}

func (j *Job) limits(out *runner.Job) {
	l := j.Limits
	if l == nil {
		return
	}
	out.Timeout = time.Duration(l.Timeout * float64(time.Second))
	if l.Size != "" {
		out.Limits, out.Size = runner.Sizes[l.Size], l.Size
		return
	}
	if l.Memory == 0 && l.CPUs == 0 && l.Processes == 0 {
		return
	}
	out.Limits = runner.StandardLimits
	if l.Memory > 0 {
		out.Limits.Memory = l.Memory
	}
	if l.CPUs > 0 {
		out.Limits.CPUs = l.CPUs
	}
	if l.Processes > 0 {
		out.Limits.PIDs = l.Processes
	}
}

// paths fills in the folders of this machine.
func (j *Job) paths(out *runner.Job) error {
	folder := ""
	if j.Output != nil {
		folder = j.Output.Folder
	}
	for to, from := range map[*string]string{&out.Path: j.Repository.Path, &out.Out: folder} {
		if from == "" {
			continue
		}
		abs, err := filepath.Abs(from)
		if err != nil {
			return fmt.Errorf("the current folder is not known: %w", err)
		}
		*to = abs
	}
	return nil
}

func (c *Console) runner() runner.Console {
	var out runner.Console
	if c == nil {
		return out
	}
	out.Env = vars(c.Variables)
	for _, b := range c.Branches {
		out.Branches = append(out.Branches, runner.BranchEnv{Pattern: b.Pattern, Env: vars(b.Variables)})
	}
	return out
}

// vars are the variables in the order of their names.
func vars(m map[string]Secret) []engine.Var {
	var out []engine.Var
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, engine.Var{Name: name, Value: string(m[name])})
	}
	return out
}

// orNone is what the runner calls it: everything is the empty word there.
func orNone(s string) string {
	if s == "all" {
		return ""
	}
	return s
}
