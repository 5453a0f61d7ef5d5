package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
)

// repro runs a build again.
type repro struct {
	flags   buildFlags
	cache   bool
	first   *runner.Result
	job     runner.Job
	differs []string // from the first time, in words
}

func newRepro(g *global) *cobra.Command {
	var p repro
	cmd := &cobra.Command{
		Use:   "repro RESULT [PATH | URL]",
		Short: "Run a build again from its result.json",
		Long: `Run a build again, one of this machine or of a platform, from the result.json that it left: the same commit, image,
specification and limits, and variables of the same names. RESULT is the file or its folder. PATH or URL say where the
repository is, when it is not where it was.

A result holds no values. Those of variables and secrets are given with --env, --env-file and --secret-file (a preamp.yml in
PATH counts too), or are asked for at a terminal. What cannot be as it was the first time is named.

Caches are left alone, unless --cache says otherwise. The exit code is that of the build.`,
		Example: `  preamp repro preamp-out
  preamp repro result.json --env-file .env --secret-file secrets.json
  preamp repro result.json ~/src/shop --env API_URL=https://test.example.com`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.flags.chooseLog(); err != nil {
				return usage(err)
			}
			return p.run(cmd, g, args)
		},
	}
	f := cmd.Flags()
	p.flags.inputFlags(f)
	f.StringVarP(&p.flags.out, "out", "o", "preamp-repro", "folder for artifacts, log and result; replaced by each build")
	p.flags.logFlags(f)
	f.BoolVar(&p.cache, "cache", false, "restore and save the caches of this machine")
	return cmd
}

func (p *repro) run(cmd *cobra.Command, g *global, args []string) error {
	if err := p.read(args[0]); err != nil {
		return usage(err)
	}
	if err := p.prepare(cmd, args[1:]); err != nil {
		return usage(err)
	}
	if err := runner.PrepareOutput(p.job.Out); err != nil {
		return err
	}
	r, closeEngine, err := g.runner()
	if err != nil {
		return err
	}
	defer closeEngine()
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	defer watchReader(cmd.OutOrStdout(), cancel)()
	if err := p.place(ctx, r.Engine); err != nil {
		return engineError(err)
	}
	for _, d := range p.differs {
		fmt.Fprintln(cmd.ErrOrStderr(), "preamp: not as the first time:", d)
	}
	view, finish, err := p.flags.renderer(cmd.OutOrStdout(), p.job.Out, cancel)
	if err != nil {
		return err
	}
	if err := p.flags.mask(cmd.OutOrStdout(), &p.job); err != nil {
		return err
	}
	res := r.Run(ctx, p.job, view.Event)
	if err := errors.Join(finish(), p.flags.report(res)); err != nil {
		return &runner.Failure{Class: runner.ClassOutput, Message: err.Error()}
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "preamp:", verdict(p.first, res))
	if res.ExitCode != 0 {
		return exitCode(res.ExitCode)
	}
	return nil
}

// maxResult bounds a result file, in bytes.
const maxResult = 64 << 20

func (p *repro) read(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, runner.ResultFile)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it is only read from
	raw, err := io.ReadAll(io.LimitReader(f, maxResult))
	if err != nil {
		return err
	}
	p.first = &runner.Result{}
	if err := json.Unmarshal(raw, p.first); err != nil {
		return fmt.Errorf("%s is no result of a build: %w", name, err)
	}
	if p.first.Request == nil {
		return fmt.Errorf("%s does not say what was asked for: the job could not be read, or it is not the result of a build", name)
	}
	return nil
}

// prepare puts the job together, and names what the repository does not have as it was.
func (p *repro) prepare(cmd *cobra.Command, args []string) error {
	again := p.first.Again()
	target, err := p.source(&again, args)
	if err != nil {
		return err
	}
	p.flags.pull, p.flags.appRoot = string(engine.PullMissing), p.first.AppRoot // the application whose settings count
	given, err := p.flags.job([]string{target})
	if err != nil {
		return err
	}
	again.Path, again.URL, again.Out, again.Auth, again.CACerts = given.Path, given.URL, given.Out, given.Auth, given.CACerts
	if again.URL == "" {
		again.Depth = 0 // there is no clone
	}
	again.Env, again.Secrets, again.Console, again.NoCache = given.Env, given.Secrets, given.Console, !p.cache
	p.job = again
	if hit := p.first.Cache.Restore; hit != nil && hit.Hit && !p.cache {
		p.differ("it began with a cache (%s), this begins without one; --cache takes this machine's", hit.Reason)
	}
	if v := versionText(); v != p.first.Preamp {
		p.differ("it was built by preamp %s, this is %s", p.first.Preamp, v)
	}
	return p.values(cmd)
}

func (p *repro) differ(format string, args ...any) {
	p.differs = append(p.differs, fmt.Sprintf(format, args...))
}

// source finds where the repository is to be had.
func (p *repro) source(j *runner.Job, args []string) (string, error) {
	src := p.first.Source
	if src.WorkTree && src.Changed+src.Untracked > 0 {
		p.differ("the work tree had %d changed and %d untracked files, of which only those in the commit are known", src.Changed, src.Untracked)
	}
	if src.Commit == "" && p.first.Request.Commit == "" {
		p.differ("the result names no commit, so what is there now is built")
	}
	switch {
	case len(args) > 0:
		return args[0], nil
	case j.URL != "":
		return j.URL, nil
	case j.Path == "":
		return "", errors.New("the result does not say where the repository is; give its PATH or URL")
	}
	if _, err := os.Stat(j.Path); err == nil {
		return j.Path, nil
	}
	if src.URL == "" {
		return "", fmt.Errorf("the repository is not at %s any more; give its PATH or URL", j.Path)
	}
	p.differ("the repository is not at %s, so it is cloned from %s", j.Path, src.URL)
	return src.URL, nil
}

// values makes sure that every variable of the first time has a value, and asks for those that have none.
func (p *repro) values(cmd *cobra.Command) error {
	known := slices.Concat(p.job.Env, p.job.Console.Env)
	for _, b := range p.job.Console.Branches {
		known = append(known, b.Env...)
	}
	variables, secrets := lacking(p.first.Request.Variables, known), lacking(p.first.Request.Secrets, p.job.Secrets)
	if len(variables)+len(secrets) == 0 {
		return nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return errors.New(describeLacking(variables, secrets))
	}
	lines := bufio.NewReader(in)
	for _, name := range variables {
		fmt.Fprintf(cmd.ErrOrStderr(), "variable %s: ", name)
		value, err := lines.ReadString('\n')
		if err != nil {
			return errors.New(describeLacking(variables, secrets))
		}
		p.job.Env = append(p.job.Env, engine.Var{Name: name, Value: strings.TrimRight(value, "\r\n")})
	}
	for _, name := range secrets {
		fmt.Fprintf(cmd.ErrOrStderr(), "secret %s (not shown): ", name)
		value, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return errors.New(describeLacking(nil, secrets))
		}
		p.job.Secrets = append(p.job.Secrets, engine.Var{Name: name, Value: string(value)})
	}
	return nil
}

func lacking(names []string, given []engine.Var) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(given, func(v engine.Var) bool { return v.Name == name })
	})
}

func describeLacking(variables, secrets []string) string {
	var parts []string
	if len(variables) > 0 {
		parts = append(parts, "the variables "+strings.Join(variables, ", ")+" (--env or --env-file)")
	}
	if len(secrets) > 0 {
		parts = append(parts, "the secrets "+strings.Join(secrets, ", ")+" (--secret-file)")
	}
	return "a result holds no values; give those of " + strings.Join(parts, " and of ")
}

// place finds the image, and compares the machine with that of the first time.
func (p *repro) place(ctx context.Context, e engine.Engine) error {
	info, err := e.Info(ctx)
	if err != nil {
		return err
	}
	was := p.first
	if was.Engine.Kind != "" && was.Engine.Kind != info.Kind {
		p.differ("it ran with %s, this runs with %s", was.Engine.Kind, info.Kind)
	}
	arch := was.Image.Arch
	if arch == "" {
		arch = was.Engine.Arch
	}
	if arch != "" && arch != info.Arch {
		p.differ("it ran on %s, this machine is %s", arch, info.Arch)
	}
	if limits := p.job.Limits; info.Memory > 0 && limits.Memory > info.Memory && was.Engine.Memory > info.Memory {
		p.differ("it had %d MiB of memory, this machine has %d", min(limits.Memory, was.Engine.Memory)>>20, info.Memory>>20)
	}
	if info.Kind == "host" || was.Image == (runner.Image{}) {
		p.job.Image = was.Request.Image
		return nil
	}
	_, err = e.Image(ctx, p.job.Image, engine.Pull{Policy: p.pull()}, nil)
	var ee *engine.Error
	if err == nil || !errors.As(err, &ee) || ee.Kind == engine.KindUnreachable || ctx.Err() != nil {
		return err
	}
	p.differ("the image %s (%.19s) is gone: %s; this build takes what has the name now", was.Image.Ref, was.Image.ID, ee.Message)
	p.job.Image = was.Request.Image
	if p.job.Image == "" {
		p.job.Image = was.Image.Ref
	}
	return nil
}

// pull says whether a registry can have the image: one that was made here is known by its id only.
func (p *repro) pull() engine.PullPolicy {
	if p.first.Image.Digest == "" {
		return engine.PullNever
	}
	return engine.PullMissing
}

// verdict says whether a build ended as it did the first time.
func verdict(first, now *runner.Result) string {
	var differs []string
	say := func(format string, args ...any) { differs = append(differs, fmt.Sprintf(format, args...)) }
	if first.SpecSHA256 != "" && now.SpecSHA256 != "" && first.SpecSHA256 != now.SpecSHA256 {
		say("another build specification")
	}
	switch {
	case first.Status != now.Status:
		say("it %s, and was %s the first time", now.Status, first.Status)
	case first.ExitCode != now.ExitCode:
		say("exit code %d instead of %d", now.ExitCode, first.ExitCode)
	}
	a, b := failedAt(first), failedAt(now)
	if a != b && a != "" && b != "" {
		say("it failed at %s instead of %s", b, a)
	}
	if x, y := first.Artifacts, now.Artifacts; x != nil && y != nil && x.SHA256 != y.SHA256 {
		if x.Files != y.Files {
			say("%d files in the artifacts instead of %d", y.Files, x.Files)
		} else {
			say("as many files in the artifacts, but not the same bytes")
		}
	}
	if len(differs) > 0 {
		return "differs from the first time: " + strings.Join(differs, "; ")
	}
	if b != "" {
		return "failed as it did the first time, at " + b
	}
	return "ended as it did the first time: " + string(now.Status)
}

// failedAt is the command that ended a build, in words.
func failedAt(r *runner.Result) string {
	if r.Failure == nil || r.Failure.Command == nil {
		return ""
	}
	c := r.Failure.Command
	return fmt.Sprintf("%s:%d with exit code %d", c.File, c.Line, c.Code)
}
