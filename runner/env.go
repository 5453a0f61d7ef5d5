package runner

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/redact"
	"github.com/preamp-build/preamp/runner/session"
	"github.com/preamp-build/preamp/runner/source"
)

// environment puts together what the build's session exports. Where two say different things, the later one of this list
// wins:
//
//  1. env.variables of the build specification
//  2. the console's variables for all branches
//  3. the console's variables for this branch
//  4. the job's own variables
//  5. `secrets`, the job's secrets as one JSON object
//  6. what the service itself sets
//
// That the console wins over the specification is a choice: the service does not document it. Job.SpecEnvWins moves the
// specification behind the job's variables. Credentials and the region
// are the exception to the last rule: AWS_ACCESS_KEY_ID and its like are no part of the list, and reach a build that
// was given them.
func (p *Plan) environment(app *buildspec.App, f Facts) {
	if f.Job.SpecEnvWins {
		p.env = slices.Concat(f.Job.Env, specEnv(app))
	} else {
		p.env = slices.Concat(specEnv(app), f.Job.Env)
	}
	p.checkEnv(f.Job.Env)
	if len(f.Job.Secrets) > 0 {
		p.env = append(p.env, engine.Var{Name: "secrets", Value: secretsJSON(f.Job.Secrets)})
	}
	p.env = append(p.env, p.service(f)...)

	p.env = slices.DeleteFunc(p.env, func(v engine.Var) bool {
		if session.Exportable(v.Name) {
			return false
		}
		p.Warnings = append(p.Warnings, fmt.Sprintf("the variable %q is not set: no shell can hold a variable of that name", v.Name))
		return true
	})
	for _, v := range p.env {
		p.EnvNames = append(p.EnvNames, v.Name)
	}
	slices.Sort(p.EnvNames)
	p.EnvNames = slices.Compact(p.EnvNames)
}

// The region and account where nothing is known of them. Builds that talk to AWS need both from their user anyway.
const (
	defaultRegion  = "us-east-1"
	unknownAccount = "000000000000"
)

// standalone is what the service sets for Next.js; its log says so in the words of the notice.
const standalone = "NEXT_PRIVATE_STANDALONE"

// service is what the service sets in every build. CI is not among it: neither a document nor a log shows it, and builds
// that treat warnings as errors under CI pass there.
func (p *Plan) service(f Facts) []engine.Var {
	region := defaultRegion
	for _, name := range []string{"AWS_DEFAULT_REGION", "AWS_REGION"} {
		if v, ok := f.Job.env(name); ok {
			region = v
		}
	}
	arn := fmt.Sprintf("arn:aws:amplify:%s:%s:apps/%s/branches/%s", region, unknownAccount, f.AppID, strings.ReplaceAll(f.Branch, "/", "%2F"))
	vars := []engine.Var{
		{Name: "AWS_APP_ID", Value: f.AppID},
		{Name: "AWS_BRANCH", Value: f.Branch},
		{Name: "AWS_BRANCH_ARN", Value: arn},
		{Name: "AWS_CLONE_URL", Value: f.Source.URL},
		{Name: "AWS_COMMIT_ID", Value: f.Source.Commit},
		{Name: "AWS_JOB_ID", Value: f.JobID},
		{Name: "AWS_REGION", Value: region},
		{Name: "AWS_DEFAULT_REGION", Value: region},
		{Name: "CODEBUILD_SRC_DIR", Value: f.Dir},
		{Name: "CODEBUILD_BUILD_ID", Value: "preamp:" + f.Build},
		{Name: "CODEBUILD_BUILD_ARN", Value: fmt.Sprintf("arn:aws:codebuild:%s:%s:build/preamp:%s", region, unknownAccount, f.Build)},
		{Name: "CODEBUILD_BUILD_NUMBER", Value: strings.TrimLeft(f.JobID, "0")},
		{Name: "CODEBUILD_RESOLVED_SOURCE_VERSION", Value: f.Source.Commit},
		{Name: "CODEBUILD_SOURCE_REPO_URL", Value: f.Source.URL},
		{Name: "CODEBUILD_START_TIME", Value: fmt.Sprint(f.Now.UnixMilli())},
	}
	vars = append(vars, f.Job.PullRequest.env()...)
	if _, given := f.Job.env(standalone); f.NextSSR && !given {
		p.Notices = append(p.Notices, "Setting "+standalone+"=true to produce .next/standalone directory")
		vars = append(vars, engine.Var{Name: standalone, Value: "true"})
	}
	if f.Source.URL == "" { // a repository without a remote
		vars = slices.DeleteFunc(vars, func(v engine.Var) bool { return v.Value == "" })
	}
	if _, given := f.Job.env("AMPLIFY_MONOREPO_APP_ROOT"); p.AppRoot != "" && (!given || f.Job.AppRoot != "") {
		vars = append(vars, engine.Var{Name: "AMPLIFY_MONOREPO_APP_ROOT", Value: p.AppRoot})
	}
	return vars
}

// secretsJSON is one object with all of them; of a name given twice the last one.
func secretsJSON(secrets []engine.Var) string {
	m := map[string]string{}
	for _, s := range secrets {
		m[s.Name] = s.Value
	}
	raw, _ := json.Marshal(m) // a map of strings always can be
	return string(raw)
}

// secretName recognises variables that hold credentials by what people call them.
func secretName(name string) bool {
	n := strings.ToUpper(name)
	for _, word := range []string{"SECRET", "PASSWORD", "PASSWD", "TOKEN", "PRIVATE_KEY", "API_KEY", "APIKEY", "CREDENTIAL", "AUTH_KEY"} {
		if strings.Contains(n, word) {
			return true
		}
	}
	return false
}

// SecretValues are the values that no output of ours shows, for others that mask what passes through them.
func (j *Job) SecretValues() []string {
	var all []string
	for _, s := range j.secrets() {
		all = append(all, s.Value)
	}
	return all
}

// secrets are the values that no output of ours may show: the job's secrets, its credentials, and those of its variables
// whose name says that they are one.
func (j *Job) secrets() []redact.Secret {
	var all []redact.Secret
	for _, s := range j.Secrets {
		all = append(all, redact.Secret{Name: s.Name, Value: s.Value})
	}
	for _, v := range slices.Concat(j.Console.all(), j.Env) {
		// A guess by name must not hide what every log is full of, such as the "true" of USE_TOKEN_AUTH.
		if secretName(v.Name) && len(v.Value) >= 8 {
			all = append(all, redact.Secret{Name: v.Name, Value: v.Value})
		}
	}
	inURL := source.Auth{}
	if j.URL != "" {
		_, inURL, _ = source.Clean(j.URL)
	}
	for name, value := range map[string]string{
		"the URL's token": inURL.Token, "the URL's password": inURL.Password, "the access token": j.Auth.Token, "the password": j.Auth.Password, "the key's passphrase": j.Auth.SSHKeyPassphrase, "the ssh key": j.Auth.SSHKey,
		"the registry's password": j.RegistryLogin.Password, "the registry's token": j.RegistryLogin.Token,
	} {
		if value != "" {
			all = append(all, redact.Secret{Name: name, Value: value})
		}
	}
	slices.SortFunc(all, func(a, b redact.Secret) int { return strings.Compare(a.Name, b.Name) })
	return all
}
