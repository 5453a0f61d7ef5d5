package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/preamp-build/preamp/cmd/preamp/internal/render"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

// buildFlags are the flags of preamp build.
type buildFlags struct {
	branch, commit, appRoot, appID string
	defaultBranch                  string
	env, envFiles, secretFiles     []string
	image, pull                    string
	out, log                       string
	timeout                        time.Duration
	caCerts                        []string
	noCache                        bool
	auth                           source.Auth
	tokenFile                      string
	config, size, trigger          string
	specEnvWins                    bool
	watchPaths                     []string
	pullRequest                    runner.PullRequest
	platform, diffBase             string
	allApps                        bool
	jobs                           int
	noSubmodules, noLFS            bool
	depth                          int
	jobFile, events                string
	summary, junit                 string
}

func newBuild(g *global) *cobra.Command {
	var b buildFlags
	cmd := &cobra.Command{
		Use:   "build [PATH | URL]",
		Short: "Build a work tree or a repository as Amplify would",
		Long: `Build a repository as Amplify would: run the phases of its amplify.yml in a container and collect the artifacts.

PATH is a git work tree (default: the current folder). What is in it now is built, tracked files and untracked ones that
git does not ignore; --commit builds exactly one commit, as the cloud would. URL is cloned: https, http, ssh,
user@host:path or file.

Credentials for a URL come from PREAMP_GIT_TOKEN or --git-token-file, from PREAMP_GIT_USERNAME and PREAMP_GIT_PASSWORD,
from --ssh-key (PREAMP_SSH_PASSPHRASE) or --ssh-agent. The build itself gets none of them.`,
		Example: `  preamp build
  preamp build --commit HEAD --env API_URL=https://test.example.com
  preamp build https://github.com/owner/site --branch main --out /tmp/site
  preamp build --engine host --log amplify`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := b.chooseLog(); err != nil {
				return usage(err)
			}
			switch {
			case b.allApps && b.jobFile == "":
				if b.events == eventsFormat {
					b.log = "json"
				}
				return runAllApps(cmd, g, b, args)
			case b.events == eventsFormat:
				return runEvents(cmd, g, b, args)
			}
			return runBuild(cmd, g, b, args)
		},
	}
	f := cmd.Flags()
	b.jobFlags(f)
	f.StringVarP(&b.out, "out", "o", "preamp-out", "folder for artifacts, log and result; replaced by each build")
	f.BoolVar(&b.allApps, "all-apps", false, "build every application of a monorepo, each into a folder of its own below --out")
	f.IntVar(&b.jobs, "jobs", 1, "how many applications --all-apps builds at a time")
	f.StringVar(&b.jobFile, "job", "", "job document to build, in place of the flags that say what; - is standard input (preamp schema job describes it)")
	f.StringVar(&b.events, "events", "", "ndjson: write the events to standard output, one a line, the result last; the log then goes to standard error, when --log is given")
	b.logFlags(f)
	return cmd
}

// jobFlags are the flags that say what is built and with what; build and plan have them.
func (b *buildFlags) jobFlags(f *pflag.FlagSet) {
	b.inputFlags(f)
	f.StringVar(&b.branch, "branch", "", "branch to clone, and AWS_BRANCH (default: the current one, or the remote's own)")
	f.StringVar(&b.commit, "commit", "", "build exactly this commit: any revision for PATH, a SHA or tag for URL")
	f.StringVar(&b.appRoot, "app-root", "", "application of a monorepo to build, as AMPLIFY_MONOREPO_APP_ROOT")
	f.StringVar(&b.appID, "app-id", "", "AWS_APP_ID, also part of the cache key (default: made from the repository's address)")
	f.BoolVar(&b.specEnvWins, "buildspec-env-wins", false, "let env.variables of the build specification win over the console's and --env")
	f.IntVar(&b.pullRequest.ID, "pull-request", 0, "build as the preview of this pull request")
	f.StringVar(&b.pullRequest.Source, "pr-source", "", "branch that the pull request comes from (default: the branch that is built)")
	f.StringVar(&b.pullRequest.Target, "pr-target", "", "branch that the pull request goes to")
	f.StringVar(&b.trigger, "trigger", string(runner.TriggerManual), "what asked for the build: manual, or push, which heeds [skip-cd] in the commit's message")
	f.StringSliceVar(&b.watchPaths, "watch-paths", nil, "globs of further files that count for AMPLIFY_DIFF_DEPLOY, such as 'packages/shared/**'")
	f.StringVar(&b.diffBase, "diff-base", "", "commit that AMPLIFY_DIFF_DEPLOY compares with (default: the last successful build that this machine remembers)")
	f.StringVar(&b.platform, "platform", "", "kind of application: WEB, or WEB_COMPUTE for server-side rendering (default: found out from the repository)")
	f.StringVar(&b.size, "size", "", "instance whose memory and processors the build gets: standard (8 GiB, 4), large (16 GiB, 8), xlarge (72 GiB, 36)")
	f.StringVar(&b.defaultBranch, "default-branch", "", "branch whose cache a branch without its own begins with (default: main)")
	f.StringVar(&b.image, "image", "", "build image: debian, al2023, an alias such as amplify:al2023, or any reference")
	f.StringVar(&b.pull, "pull", "missing", "when to pull the image: missing, always, never")
	f.DurationVar(&b.timeout, "timeout", 0, "time limit of the build, such as 45m (default: _BUILD_TIMEOUT, or 30m)")
	f.BoolVar(&b.noSubmodules, "no-submodules", false, "leave the folders of submodules empty")
	f.IntVar(&b.depth, "depth", 0, "how many commits of a URL's history to clone where this machine has none of it (default: all, as the service does)")
	f.BoolVar(&b.noLFS, "no-lfs", false, "leave the files of Git LFS as pointers")
	f.BoolVar(&b.noCache, "no-cache", false, "neither restore nor save cache.paths")
}

// inputFlags are those that no result of a build can replace: values and credentials.
func (b *buildFlags) inputFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&b.env, "env", "e", nil, "environment variable NAME=VALUE, or NAME to pass on its value here (repeatable)")
	f.StringArrayVar(&b.envFiles, "env-file", nil, "file of NAME=VALUE lines (repeatable; --env wins)")
	f.StringArrayVar(&b.secretFiles, "secret-file", nil, "secrets as a JSON object or NAME=VALUE lines, for the variable named secrets; masked in all output")
	f.StringVar(&b.config, "config", "", "file that says what Amplify's console would (default: preamp.yml in the work tree)")
	f.StringArrayVar(&b.caCerts, "ca-cert", nil, "PEM file of certificates to trust on top of the usual ones (repeatable; also PREAMP_CA_CERT)")
	f.StringVar(&b.tokenFile, "git-token-file", "", "file with an access token for URL")
	f.StringVar(&b.auth.SSHKeyFile, "ssh-key", "", "private key for URL")
	f.BoolVar(&b.auth.SSHAgent, "ssh-agent", false, "use the keys of the ssh agent for URL")
	f.StringArrayVar(&b.auth.KnownHosts, "known-hosts", nil, "file of ssh host keys to trust (default: yours and the system's)")
}

func runBuild(cmd *cobra.Command, g *global, b buildFlags, args []string) error {
	if err := b.checkJobFlags(cmd.Flags(), args); err != nil {
		return usage(err)
	}
	req, err := b.request(cmd.Context(), cmd, args)
	var sig runner.Interrupted
	if errors.As(context.Cause(cmd.Context()), &sig) {
		return exitCode(sig.Code) // while it waited for the job; the signal has been answered
	}
	if err != nil {
		return err
	}
	job := req.job
	// Before anything can fail: the result of an earlier build must not be taken for this one's.
	if err := runner.PrepareOutput(job.Out); err != nil {
		return err
	}
	r, closeEngine, err := g.runner()
	if err != nil {
		return err
	}
	defer closeEngine()
	if err := req.useCache(r); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	defer watchReader(cmd.OutOrStdout(), cancel)()
	view, finish, err := b.renderer(cmd.OutOrStdout(), job.Out, cancel)
	if err != nil {
		return err
	}
	if err := b.mask(cmd.OutOrStdout(), &job); err != nil {
		return err
	}
	res := r.Run(ctx, job, view.Event)
	if err := errors.Join(finish(), b.report(res)); err != nil {
		return &runner.Failure{Class: runner.ClassOutput, Message: err.Error()}
	}
	if res.ExitCode != 0 {
		return exitCode(res.ExitCode)
	}
	return nil
}

// renderer shows the build on out and keeps its log, in the plain form or the service's, in the output folder.
func (b buildFlags) renderer(out io.Writer, dir string, cancel context.CancelCauseFunc) (render.Renderer, func() error, error) {
	kept := "plain"
	if b.log == "amplify" {
		kept = b.log
	}
	log, finish, err := keepLog(kept, dir)
	if err != nil {
		return nil, nil, err
	}
	screen, err := render.New(b.log, &watched{w: out, cancel: cancel}, render.Options{Color: hasColor(out), App: b.appOf()})
	if err != nil {
		return nil, nil, usage(errors.Join(err, finish()))
	}
	return render.Tee(screen, log), finish, nil
}

// appOf is the application that lines for programs have to name, because there are several in one stream.
func (b buildFlags) appOf() string {
	if b.allApps {
		return b.appRoot
	}
	return ""
}

func hasColor(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// job fills in a job from the flags, and reports everything that is wrong with them.
func (b buildFlags) job(args []string) (runner.Job, error) {
	j := runner.Job{
		Branch: b.branch, DefaultBranch: b.defaultBranch, Commit: b.commit, AppRoot: b.appRoot, AppID: b.appID, Image: b.image,
		Pull: engine.PullPolicy(b.pull), Timeout: b.timeout, NoCache: b.noCache, Auth: b.auth, SpecEnvWins: b.specEnvWins,
		Trigger: runner.Trigger(b.trigger), WatchPaths: b.watchPaths, Platform: b.platform, DiffBase: b.diffBase, Depth: b.depth,
	}
	if b.noSubmodules {
		j.Submodules = "none"
	}
	if b.noLFS {
		j.LFS = "none"
	}
	if b.pullRequest != (runner.PullRequest{}) {
		j.PullRequest = &b.pullRequest
	}
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	target := "."
	if len(args) > 0 {
		target = args[0]
	}
	var err error
	if isURL(target) {
		j.URL = target
	} else {
		j.Path, err = filepath.Abs(target)
		add(err)
	}
	if b.out != "" {
		j.Out, err = filepath.Abs(b.out)
		add(err)
	}
	if !slices.Contains([]engine.PullPolicy{engine.PullMissing, engine.PullAlways, engine.PullNever}, j.Pull) {
		add(fmt.Errorf("--pull %s: there are missing, always and never", b.pull))
	}
	j.Env, err = readEnv(b.envFiles, b.env)
	add(err)
	j.Secrets, err = readSecrets(b.secretFiles)
	add(err)
	j.CACerts, err = readCerts(b.caCerts)
	add(err)
	if s, err := b.readSettings(j.Path); err != nil {
		add(err)
	} else {
		add(b.apply(&j, s))
	}
	add(b.credentials(&j.Auth))
	if os.Getenv("SSH_AUTH_SOCK") != "" && j.Auth.SSHKeyFile == "" {
		j.Auth.SSHAgent = true // as git does
	}
	return j, errors.Join(errs...)
}

// credentials come from the environment and from files, never from the command line, which every process can read.
func (b buildFlags) credentials(a *source.Auth) error {
	a.Token = os.Getenv("PREAMP_GIT_TOKEN")
	a.Username = os.Getenv("PREAMP_GIT_USERNAME")
	a.Password = os.Getenv("PREAMP_GIT_PASSWORD")
	a.SSHKeyPassphrase = os.Getenv("PREAMP_SSH_PASSPHRASE")
	if b.tokenFile == "" {
		return nil
	}
	raw, err := os.ReadFile(b.tokenFile)
	if err != nil {
		return fmt.Errorf("--git-token-file: %w", err)
	}
	a.Token = strings.TrimSpace(string(raw))
	if a.Token == "" {
		return fmt.Errorf("--git-token-file: %s is empty", b.tokenFile)
	}
	return nil
}

var scpForm = regexp.MustCompile(`^[\w.-]+@[\w.-]+:`)

// isURL tells a repository elsewhere from a folder here.
func isURL(s string) bool { return strings.Contains(s, "://") || scpForm.MatchString(s) }

func usage(err error) error {
	return &runner.Failure{Class: runner.ClassUsage, Message: err.Error()}
}

// as is errors.As, to keep the generic form out of the callers.
func as[T error](err error, target *T) bool { return errors.As(err, target) }
