package runner

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner/engine"
)

// Plan is everything about a build that can be decided before a container exists. Running it decides nothing.
type Plan struct {
	Spec    string `json:"spec"` // file
	AppRoot string `json:"appRoot,omitempty"`
	// Start is where the session begins and Project what caches and artifacts are relative to; both are relative to the
	// repository, slash-separated, "" = its root.
	Start    string        `json:"start"`
	Project  string        `json:"project"`
	Sections []Section     `json:"sections"`
	EnvNames []string      `json:"envNames"`
	Timeout  time.Duration `json:"timeout"`
	Cache    []string      `json:"cache,omitempty"` // patterns as written
	// LiveUpdates are what _LIVE_UPDATES asks for, in the order in which it is done.
	LiveUpdates []LiveUpdate  `json:"liveUpdates,omitempty"`
	Artifact    *ArtifactPlan `json:"artifacts,omitempty"`
	Tests       *ArtifactPlan `json:"testArtifacts,omitempty"`
	Notices     []string      `json:"notices,omitempty"`
	Warnings    []string      `json:"warnings,omitempty"`
	env         []engine.Var  // in the order of precedence, lowest first
	cache       cache.Paths
	limits      engine.Limits
}

// Section is backend, frontend or test, with what will be run of it.
type Section struct {
	Name     string     `json:"name"`
	Defined  bool       `json:"defined"`        // in the specification
	Dir      string     `json:"dir,omitempty"`  // folder to change to first, relative to the repository; "" = stay
	Skip     string     `json:"skip,omitempty"` // why nothing of it is run
	SkipCode SkipReason `json:"skipCode,omitempty"`
	// Backend is the managed backend environment, where the service does a step of its own for it; see SectionStarted.
	Backend  string  `json:"backend,omitempty"`
	PullOnly bool    `json:"pullOnly,omitempty"`
	Phases   []Phase `json:"phases,omitempty"`
}

// Phase is a named list of commands.
type Phase struct {
	Name string `json:"name"`
	// Always is true for postTest, which runs also after a failed test.
	Always   bool      `json:"always,omitempty"`
	Commands []Command `json:"commands"`
}

// Command is one command and where it is written.
type Command struct {
	Text string        `json:"text"`
	Pos  buildspec.Pos `json:"pos"`
}

// ArtifactPlan says what is collected.
type ArtifactPlan struct {
	Written string        `json:"baseDirectory"` // as written
	Base    string        `json:"base"`          // relative to the repository
	Files   []string      `json:"files"`
	Discard bool          `json:"discardPaths,omitempty"`
	Report  string        `json:"report,omitempty"` // pattern of the test report
	Pos     buildspec.Pos `json:"pos"`
}

// Facts are what a plan depends on besides the specification. A plan is a pure function of both.
type Facts struct {
	Job    *Job
	Source Source
	Build  string // id
	AppID  string
	Branch string // AWS_BRANCH
	JobID  string // ten digits
	Dir    string // where the build sees the repository
	Engine engine.Info
	Now    time.Time
	// NextSSR says that the application is one of Next.js whose pages a server renders.
	NextSSR bool
	// Diffs are the comparisons with the last successful build that the job asks for.
	Diffs []Diff
}

// Compile makes the plan for one application. notice is what its selection had to say.
func Compile(spec *buildspec.Spec, app *buildspec.App, notice string, f Facts) (*Plan, error) {
	p := &Plan{Spec: spec.File, limits: f.Job.Limits}
	if notice != "" {
		p.Notices = append(p.Notices, notice)
	}
	if spec.Monorepo {
		p.AppRoot = cleanFolder(app.AppRoot.Value)
	}
	p.Start, p.Project = p.AppRoot, p.AppRoot
	if bp := app.Frontend.BuildPath; bp.Set() {
		p.Project = cleanFolder(bp.Value)
	}
	if !filepath.IsLocal(filepath.FromSlash(orDot(p.Start))) || !filepath.IsLocal(filepath.FromSlash(orDot(p.Project))) {
		return nil, &Failure{Class: ClassSpec, Message: fmt.Sprintf("%s: the application's folder lies outside the repository", spec.File)}
	}
	p.sections(app, f.Job)
	p.skipUnchanged(f.Diffs)
	p.backend(app, f)
	p.liveUpdates(f.Job)
	p.timeout(f.Job)
	p.artifacts(app)
	p.cachePaths(app)
	p.environment(app, f)
	p.misplaced(app)
	return p, nil
}

// sections lists what will be run, in the service's order.
func (p *Plan) sections(app *buildspec.App, job *Job) {
	backend := Section{Name: "backend", Defined: app.Backend != nil, Phases: phases(app.Backend)}
	frontend := Section{Name: "frontend", Defined: true, Phases: phases(app.Frontend)}
	if p.Project != p.Start {
		// Where backend commands begin when the frontend has a buildPath is not documented. We take the appRoot, and
		// change to the buildPath where the frontend begins.
		if app.Backend == nil {
			p.Start = p.Project
		} else {
			frontend.Dir = orDot(p.Project)
		}
	}
	p.Sections = []Section{backend, frontend}
	if app.Test != nil {
		test := Section{Name: "test", Defined: true, Phases: phases(app.Test)}
		if v, _ := job.env("USER_DISABLE_TESTS"); isTrue(v) {
			test.Skip, test.SkipCode = "USER_DISABLE_TESTS is "+v, SkipTestsDisabled
		}
		p.Sections = append(p.Sections, test)
	}
}

// skipUnchanged takes out the sections for which nothing has changed. What is not built is neither tested.
func (p *Plan) skipUnchanged(diffs []Diff) {
	for _, d := range diffs {
		if !d.Skip {
			continue
		}
		for i := range p.Sections {
			s := &p.Sections[i]
			if (s.Name == d.What || s.Name == "test" && d.What == "frontend") && s.Skip == "" {
				s.Skip, s.SkipCode = d.Why, SkipDiff
			}
		}
	}
}

// Idle reports whether nothing is left to be run, so that no container is needed.
func (p *Plan) Idle() bool {
	return !slices.ContainsFunc(p.Sections, func(s Section) bool { return s.Skip == "" && s.Defined })
}

// Section is the section of that name, or nil.
func (p *Plan) Section(name string) *Section {
	for i := range p.Sections {
		if p.Sections[i].Name == name {
			return &p.Sections[i]
		}
	}
	return nil
}

func phases(s *buildspec.Section) []Phase {
	if s == nil {
		return nil
	}
	var out []Phase
	for _, ph := range s.Phases {
		q := Phase{Name: ph.Name, Always: ph.Name == "postTest", Commands: []Command{}}
		for _, c := range ph.Commands {
			q.Commands = append(q.Commands, Command{Text: c.Value, Pos: c.Span.Start})
		}
		out = append(out, q)
	}
	return out
}

// The bounds that the service sets to _BUILD_TIMEOUT, in minutes.
const minTimeout, maxTimeout = 5, 120

func (p *Plan) timeout(job *Job) {
	p.Timeout = DefaultTimeout
	if job.Timeout > 0 {
		p.Timeout = job.Timeout
		return
	}
	v, ok := job.env("_BUILD_TIMEOUT")
	if !ok {
		return
	}
	n, err := strconv.Atoi(strings.TrimSpace(v))
	switch {
	case err != nil:
		p.Warnings = append(p.Warnings, fmt.Sprintf("_BUILD_TIMEOUT is %q, which is no number of minutes; using %s", v, p.Timeout))
	case n < minTimeout || n > maxTimeout:
		clamped := min(max(n, minTimeout), maxTimeout)
		p.Warnings = append(p.Warnings, fmt.Sprintf("_BUILD_TIMEOUT is %d minutes, the service takes %d to %d; using %d", n, minTimeout, maxTimeout, clamped))
		p.Timeout = time.Duration(clamped) * time.Minute
	default:
		p.Timeout = time.Duration(n) * time.Minute
	}
}

func (p *Plan) artifacts(app *buildspec.App) {
	p.Artifact = p.artifact(app.Frontend.Artifacts)
	if app.Test != nil {
		p.Tests = p.artifact(app.Test.Artifacts)
	}
}

func (p *Plan) artifact(a *buildspec.Artifacts) *ArtifactPlan {
	if a == nil {
		return nil
	}
	plan := &ArtifactPlan{Written: a.BaseDirectory.Value, Discard: a.DiscardPaths, Pos: a.BaseDirectory.Span.Start}
	// A leading slash means the project's folder, never that of the machine. That the base may leave the project
	// upwards, while it stays in the repository, is what monorepos rely on.
	plan.Base = path.Join(p.Project, strings.TrimLeft(a.BaseDirectory.Value, "/"))
	for _, f := range a.Files {
		plan.Files = append(plan.Files, f.Value)
	}
	if a.ConfigFilePath.Set() { // the test report, which the service reads beside the files
		plan.Files = append(plan.Files, a.ConfigFilePath.Value)
		plan.Report = a.ConfigFilePath.Value
	}
	return plan
}

func (p *Plan) cachePaths(app *buildspec.App) {
	for _, c := range app.Frontend.CachePaths {
		p.Cache = append(p.Cache, c.Value)
	}
	paths, problems := cache.Compile(p.Project, p.Cache)
	p.cache = paths
	for _, problem := range problems {
		at := app.Frontend.CachePaths[problem.Index].Span.Start
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s:%s: cache path %q: %s", p.Spec, at, problem.Pattern, problem.Message))
	}
}

// followed are the variables that preamp follows, but as the service only when they come from the console.
var followed = []string{
	"_BUILD_TIMEOUT", "_CUSTOM_IMAGE", "_LIVE_UPDATES", "USER_DISABLE_TESTS", "AMPLIFY_MONOREPO_APP_ROOT", "AMPLIFY_DIFF_DEPLOY",
	"AMPLIFY_DIFF_DEPLOY_ROOT", "AMPLIFY_DIFF_BACKEND",
}

// misplaced says which variables of the specification would have to be the console's to do something.
func (p *Plan) misplaced(app *buildspec.App) {
	for _, v := range app.Env {
		if slices.Contains(followed, v.Name.Value) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s:%s: %s has no effect in the build specification; the service takes it from the console, preamp from --env",
				p.Spec, v.Name.Span.Start, v.Name.Value))
		}
	}
}

// cleanFolder is a folder of the repository as people write it ("/", "./apps/web/") in one form; "" is the root.
func cleanFolder(s string) string {
	c := path.Clean(strings.TrimLeft(strings.TrimSpace(s), "/"))
	if c == "." {
		return ""
	}
	return c
}

func orDot(s string) string {
	if s == "" {
		return "."
	}
	return s
}

// isTrue reads a switch as the service writes them: true, TRUE, 1.
func isTrue(s string) bool {
	return slices.Contains([]string{"true", "1", "yes"}, strings.ToLower(strings.TrimSpace(s)))
}
