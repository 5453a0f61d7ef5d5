package runner

import (
	"fmt"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
)

// backendSkips are the variables that turn the managed backend off. The second is the undocumented twin of the first.
var backendSkips = []string{"AMPLIFY_SKIP_BACKEND_BUILD", "PROCESS_SKIP_BACKEND"}

// backend adds the step that the service does by itself for an application without a backend section when a managed
// backend environment belongs to its branch: the frontend then gets that environment's configuration. The service knows
// what belongs to a branch; preamp takes it from the variables that say so.
func (p *Plan) backend(app *buildspec.App, f Facts) {
	if app.Backend != nil {
		return // amplifyPush in there follows the same variables
	}
	name, ok := backendEnvironment(f.Job, f.Branch)
	if !ok {
		return
	}
	s := &p.Sections[0]
	s.Skip, s.SkipCode = "", "" // a backend that has not changed is not deployed; its configuration is needed all the same
	for _, v := range backendSkips {
		if value, _ := f.Job.env(v); isTrue(value) {
			s.Skip, s.SkipCode = fmt.Sprintf("%s is %s", v, value), SkipBackend
			return
		}
	}
	pullOnly, _ := f.Job.env("AMPLIFY_BACKEND_PULL_ONLY")
	s.Backend, s.PullOnly = name, isTrue(pullOnly)
	s.Phases = []Phase{{Name: "build", Commands: []Command{{Text: "amplifyPush --pull"}}}}
	if p.Start != p.AppRoot { // the backend is the application's, wherever its frontend is built
		p.Start, p.Sections[1].Dir = p.AppRoot, orDot(p.Project)
	}
}

// backendEnvironment is the name of the managed backend environment of a build, and whether it has one.
func backendEnvironment(job *Job, branch string) (name string, ok bool) {
	arn, _ := job.env("AWS_BACKEND_ENVIRONMENT_ARN")
	id, _ := job.env("AMPLIFY_BACKEND_APP_ID")
	if arn == "" && id == "" {
		return "", false
	}
	if _, rest, found := strings.Cut(arn, "/backendenvironments/"); found && rest != "" {
		branch = rest
	}
	if user, _ := job.env("USER_BRANCH"); user != "" {
		branch = user
	}
	return branch, true
}
