package render

import (
	"fmt"
	"io"
	"time"

	"github.com/preamp-build/preamp/runner"
)

// preparation is what is known before the first section. In the service it goes: environment, clone, submodules,
// environment cache, secrets, live updates, cache. A build of ours restores the cache before it has a container, and so
// before the live updates.
type preparation struct {
	planned  *runner.Planned
	envNames []string
	secrets  bool // told
	updated  bool // live updates were told
	restored *runner.CacheRestored
	done     bool
	diffs    []runner.DiffDecided
	defined  bool // the section that runs is in the specification
}

// beginning handles the events before the first section.
func (a *amplify) beginning(at time.Time, e runner.Event) bool {
	switch e := e.(type) {
	case runner.BuildStarted:
		a.info(at, "# Build environment configured with "+environment(e))
		a.note(at, "the build is stopped after "+took(e.Timeout))
	case runner.SourceStarted:
		a.info(at, "# Cloning repository: "+e.From)
	case runner.SourceReady:
		a.source(at, e)
	case runner.ImageReady:
		a.note(at, "the build image is "+e.Ref)
	case runner.Progress:
		if e.Step == "image" {
			a.note(at, e.Message)
		}
	case runner.Planned:
		a.before.planned, a.before.envNames = &e, e.Plan.EnvNames
	case runner.EnvCacheRestored:
		a.envCache(at, e)
	case runner.LiveUpdateStarted:
		a.secrets(at)
		a.updateStarted(at, e)
	case runner.LiveUpdateEnded:
		a.updateEnded(at, e.Update)
	case runner.CacheRestored:
		a.before.restored = &e
	case runner.DiffDecided:
		a.before.diffs = append(a.before.diffs, e)
	case runner.ContainerStarted, runner.SpecRead, runner.Reaped:
	default:
		return false
	}
	return true
}

func (a *amplify) source(at time.Time, e runner.SourceReady) {
	_, _ = io.WriteString(a.w, head(at, "INFO")+"\n") // the service has this empty line; a writer that fails cancels the build
	a.info(at, fmt.Sprintf("Cloning into '%s'...", e.Name))
	switch {
	case e.WorkTree:
		a.note(at, fmt.Sprintf("building the work tree, not a commit: HEAD is %.8s, %s, %d untracked", e.Commit,
			plural(e.Changed, "file changed", "files changed"), e.Untracked))
	case e.Head: // the service prints neither the commit nor the rest of this
	default:
		a.info(at, "# Switching to commit: "+e.Commit)
		// git's advice about detached heads is left out: it is for people who work in the clone.
		a.info(at, fmt.Sprintf("Note: switching to '%s'.", e.Commit), fmt.Sprintf("HEAD is now at %.7s %s", e.Commit, e.Subject))
		a.info(at, "Successfully cleaned up Git credentials")
	}
	modules := ".gitmodules"
	if e.Dir != "" {
		modules = e.Dir + "/" + modules
	}
	a.info(at, "# Checking for Git submodules at: "+modules)
	for _, dir := range e.Submodules {
		a.note(at, "checked out the submodule "+dir)
	}
}

// envCache tells of the store of envCache. Where there is none yet, the service has a warning that speaks of writing.
func (a *amplify) envCache(at time.Time, e runner.EnvCacheRestored) {
	a.info(at, "# Retrieving environment cache...")
	if e.Found {
		a.info(at, "# Retrieved environment cache")
		return
	}
	why := e.Why
	if why == "" {
		why = "no earlier build has set anything"
	}
	a.chunk(at, "WARNING", "! No environment cache: "+why)
}

// secrets tells of the build's secrets, once.
func (a *amplify) secrets(at time.Time) {
	if a.before.secrets || a.before.planned == nil {
		return
	}
	a.before.secrets = true
	a.info(at, "---- Setting Up SSM Secrets ----")
	if p := a.before.planned; p.App != "" {
		a.info(at, fmt.Sprintf(`SSM params {"Path":"/amplify/%s/%s/","WithDecryption":true}`, p.App, p.Branch))
	}
	for _, name := range a.before.envNames {
		if name == "secrets" {
			a.note(at, "the secrets come from --secret-file, not from the parameter store")
			return
		}
	}
	a.chunk(at, "WARNING", "!Failed to set up process.env.secrets")
}

func (a *amplify) updateStarted(at time.Time, e runner.LiveUpdateStarted) {
	a.before.updated = true
	u := e.Update
	if u.Type == "nvm" {
		a.info(at, "# Installing Node version "+u.Version)
		return
	}
	from := ""
	if e.From != "" {
		from = " from " + e.From
	}
	a.info(at, fmt.Sprintf("# Patching %s '%s'%s to %s...", packageKind(u), u.Pkg, from, u.Version))
}

func (a *amplify) updateEnded(at time.Time, e runner.LiveUpdateResult) {
	u := e.LiveUpdate
	switch {
	case !e.OK && u.Type == "nvm":
		a.chunk(at, "WARNING", fmt.Sprintf("! Unable to install Node version %s: %s", u.Version, e.Why))
	case !e.OK:
		a.chunk(at, "WARNING", fmt.Sprintf("! Unable to patch %s '%s': %s", packageKind(u), u.Pkg, e.Why))
	case u.Type == "nvm":
		a.info(at, "# Now using Node version "+e.To)
	default:
		a.info(at, fmt.Sprintf("# Installed '%s@%s'", u.Pkg, e.To),
			fmt.Sprintf("# Done patching %s '%s' to version %s", packageKind(u), u.Pkg, e.To))
	}
}

func packageKind(u runner.LiveUpdate) string {
	if u.Type == "npm" {
		return "NPM package"
	}
	return u.Type + " package"
}

// prepared tells, once and before the first section, what was held for its turn.
func (a *amplify) prepared(at time.Time) {
	if a.before.done {
		return
	}
	a.before.done = true
	a.secrets(at)
	if !a.before.updated {
		a.info(at, "# No package override configuration found.")
	}
	r := a.before.restored
	if r == nil && a.before.planned != nil && len(a.before.planned.Plan.Cache) > 0 {
		return // --no-cache
	}
	a.info(at, "# Retrieving cache...") // without cache paths too
	if r != nil && r.Hit {
		a.info(at, "# Extracting cache...", "# Extraction completed")
	}
	a.info(at, "# Retrieved cache")
}

// sizes are the service's build instances.
var sizes = []struct {
	name   string
	memory int64 // bytes
	cpus   float64
}{
	{"Standard", 8 << 30, 4},
	{"Large", 16 << 30, 8},
	{"XLarge", 72 << 30, 36},
}

// environment says what the build can really use: an engine gives no more than it has, and the host engine limits nothing.
// No disk space is promised, as none is set aside.
func environment(e runner.BuildStarted) string {
	if e.Engine.Kind == "host" {
		return fmt.Sprintf("no container: this machine's memory, %dvCPUs", e.Engine.CPUs)
	}
	memory, cpus := e.Limits.Memory, e.Limits.CPUs
	if e.Limits.Memory == 0 && e.Limits.CPUs == 0 {
		memory, cpus = runner.StandardLimits.Memory, runner.StandardLimits.CPUs
	}
	name := "custom build compute type"
	for _, s := range sizes {
		if s.memory == memory && s.cpus == cpus {
			name = s.name + " build compute type"
		}
	}
	less := ""
	if e.Engine.Memory > 0 && e.Engine.Memory < memory {
		memory, less = e.Engine.Memory, ", as far as the engine has it"
	}
	if e.Engine.CPUs > 0 && float64(e.Engine.CPUs) < cpus {
		cpus, less = float64(e.Engine.CPUs), ", as far as the engine has it"
	}
	return fmt.Sprintf("%s%s: %.4gGiB Memory, %gvCPUs", name, less, float64(memory)/(1<<30), cpus)
}
