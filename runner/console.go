package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/engine"
)

// Console is what the service's console knows of an application and the repository does not: variables for all branches,
// and those of single branches.
type Console struct {
	// Env applies to all branches.
	Env []engine.Var `json:"env,omitempty"`
	// Branches override it. Where several match, exact names come after patterns, and otherwise the later one wins.
	Branches []BranchEnv `json:"branches,omitempty"`
}

// BranchEnv holds the variables of the branches that a pattern matches.
type BranchEnv struct {
	// Pattern is a branch's name, or a glob in which * stays within a name's part and ** does not.
	Pattern string       `json:"pattern"`
	Env     []engine.Var `json:"env"`
}

// env is what the console would give to a build of the branch. A pull request's preview gets only what is for all
// branches, as in the service: the values of the branch that it goes to are not for code from elsewhere.
func (c Console) env(branch string, preview bool) []engine.Var {
	vars := slices.Clone(c.Env)
	if preview {
		return vars
	}
	for _, exact := range []bool{false, true} {
		for _, b := range c.Branches {
			if (b.Pattern == branch) == exact && (exact || matchBranch(b.Pattern, branch)) {
				vars = append(vars, b.Env...)
			}
		}
	}
	return vars
}

func matchBranch(pattern, branch string) bool {
	ok, err := doublestar.Match(pattern, branch)
	return err == nil && ok
}

func (c Console) problems() []string {
	var problems []string
	for _, b := range c.Branches {
		if b.Pattern == "" || !doublestar.ValidatePattern(b.Pattern) {
			problems = append(problems, fmt.Sprintf("%q is no name or pattern of branches", b.Pattern))
		}
	}
	return problems
}

// all are the variables of all branches, whether they are for this build or not.
func (c Console) all() []engine.Var {
	vars := slices.Clone(c.Env)
	for _, b := range c.Branches {
		vars = append(vars, b.Env...)
	}
	return vars
}

// PullRequest makes a build the preview of a pull request.
type PullRequest struct {
	ID int `json:"id"` // AWS_PULL_REQUEST_ID
	// Source and Target are the branches that it comes from and goes to.
	Source string `json:"source"`
	Target string `json:"target"`
}

// branch is the name under which the service builds a preview.
func (p *PullRequest) branch() string { return fmt.Sprintf("pr-%d", p.ID) }

func (p *PullRequest) env() []engine.Var {
	if p == nil {
		return nil
	}
	return []engine.Var{
		{Name: "AWS_PULL_REQUEST_ID", Value: fmt.Sprint(p.ID)},
		{Name: "AWS_PULL_REQUEST_SOURCE_BRANCH", Value: p.Source},
		{Name: "AWS_PULL_REQUEST_DESTINATION_BRANCH", Value: p.Target},
	}
}

// The limits that the console sets to a variable, in characters.
const maxEnvName, maxEnvValue = 255, 5500

// credentialNames are the variables that begin with AWS and that a user has to be able to set here, because preamp has no
// role of its own that it could give to a build.
var credentialNames = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
	"AWS_BACKEND_ENVIRONMENT_ARN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED",
}

// checkEnv says which of the job's variables the console would have refused.
func (p *Plan) checkEnv(vars []engine.Var) {
	seen := map[string]bool{}
	for _, v := range slices.Backward(vars) { // of a name given twice the last one counts
		if seen[v.Name] {
			continue
		}
		seen[v.Name] = true
		switch n := len([]rune(v.Value)); {
		case strings.HasPrefix(v.Name, "AWS") && !slices.Contains(credentialNames, v.Name):
			p.Warnings = append(p.Warnings, fmt.Sprintf("the console takes no variable whose name begins with AWS: %s could not be set there", v.Name))
		case len([]rune(v.Name)) > maxEnvName:
			p.Warnings = append(p.Warnings, fmt.Sprintf("the console takes names of up to %d characters: that of %.40s… has %d", maxEnvName, v.Name, len([]rune(v.Name))))
		case n > maxEnvValue:
			p.Warnings = append(p.Warnings, fmt.Sprintf("the console takes values of up to %d characters: that of %s has %d", maxEnvValue, v.Name, n))
		}
	}
}

// specEnv are the variables that the build specification sets.
func specEnv(app *buildspec.App) []engine.Var {
	var vars []engine.Var
	for _, v := range app.Env {
		vars = append(vars, engine.Var{Name: v.Name.Value, Value: v.Value.Value})
	}
	return vars
}
