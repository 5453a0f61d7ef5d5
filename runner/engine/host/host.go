// Package host runs builds on this machine without a container: bash itself, with a clean environment and a HOME of its
// own, but with every right of the user who started preamp. It isolates nothing, so it is used only when asked for.
//
// What a build starts is found again by its process group and by marks in its environment. A process that leaves the
// group (setsid) and also clears its environment (env -i), or becomes another user, is not found: it outlives Stop,
// Close and Reap, and may still write to the workspace. Builds of strangers belong into containers.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

// Engine starts bash on this machine. It is safe for concurrent use.
type Engine struct {
	scratch string
}

var _ engine.Engine = (*Engine)(nil)

// New makes the engine. scratch is a folder in which each build gets a HOME, removed when the build is closed.
func New(scratch string) *Engine { return &Engine{scratch: scratch} }

// Info implements engine.Engine.
func (e *Engine) Info(context.Context) (engine.Info, error) {
	if _, err := exec.LookPath("bash"); err != nil {
		return engine.Info{}, &engine.Error{Kind: engine.KindUnreachable, Message: "this machine has no bash", Hint: "install bash", Err: err}
	}
	return engine.Info{
		Kind: "host", Version: runtime.Version(), Endpoint: "this machine", OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPUs: runtime.NumCPU(), SharesPaths: true,
	}, nil
}

// Image implements engine.Engine: there are no images here.
func (e *Engine) Image(context.Context, string, engine.Pull, func(engine.Progress)) (engine.Image, error) {
	return engine.Image{OS: runtime.GOOS, Arch: runtime.GOARCH}, nil
}

// Dir implements engine.Engine: a build sees the workspace where it is.
func (e *Engine) Dir(spec engine.Spec) string { return spec.Workspace }

// passed are the variables of this process that a build gets: where programs are, and how text is encoded. Everything
// else of the host's environment, with all the credentials in it, stays out.
var passed = []string{"PATH", "LANG", "LC_ALL", "TZ"}

// process is one bash; see engine.Container.
type process struct {
	spec    engine.Spec
	grace   time.Duration
	dir     string // this build's own, with its home
	home    string
	cmd     *exec.Cmd
	pipes   [3]*os.File // our ends of input, output and control
	session *session.Session
	exited  chan struct{}
	ended   atomic.Bool // no further command can run
	hungUp  atomic.Bool // we ended the session
	peak    atomic.Int64
	cpu     atomic.Int64
	close   sync.Once
	err     error
}

// Start implements engine.Engine.
func (e *Engine) Start(ctx context.Context, spec engine.Spec) (_ engine.Container, err error) {
	if ctx.Err() != nil {
		return nil, startStopped(ctx)
	}
	dir, err := makeHome(e.scratch, spec.Owner)
	if err != nil {
		return nil, &engine.Error{Message: "make the build's home", Err: err}
	}
	p := &process{spec: spec, grace: spec.Grace, dir: dir, home: filepath.Join(dir, "home"), exited: make(chan struct{})}
	if p.grace == 0 {
		p.grace = engine.DefaultGrace
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if err := writeKit(dir, spec.Kit); err != nil {
		return nil, &engine.Error{Message: "write preamp's own files for the build", Err: err}
	}
	setup, err := p.setup()
	if err != nil {
		return nil, err
	}
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.Kill(context.WithoutCancel(ctx)) })
	defer stop()
	p.session, err = session.Open(session.Pipes{Input: p.pipes[0], Copy: session.CopyFrom(p.pipes[1], p.pipes[2])}, setup)
	if !stop() {
		return nil, startStopped(ctx)
	}
	if err != nil {
		return nil, &engine.Error{Message: "start bash on this machine", Err: err}
	}
	return p, nil
}

func startStopped(ctx context.Context) error {
	return fmt.Errorf("start bash on this machine: %w", context.Cause(ctx))
}

// start runs the shell in a process group of its own, connected by pipes that only it and we hold.
func (p *process) start(ctx context.Context) error {
	argv := session.Argv()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir = p.spec.Workspace
	p.cmd.Env = p.environ()
	ownGroup(p.cmd)
	var files [6]*os.File // reader and writer of input, output, control
	for i := 0; i < len(files); i += 2 {
		var err error
		if files[i], files[i+1], err = os.Pipe(); err != nil {
			closeAll(files[:]...)
			return &engine.Error{Message: "make the pipes of the build's shell", Err: err}
		}
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = files[0], files[3], files[5]
	err := p.cmd.Start()
	closeAll(files[0], files[3], files[5])
	if err != nil {
		closeAll(files[1], files[2], files[4])
		return &engine.Error{Kind: engine.KindUnreachable, Message: "start bash on this machine", Err: err}
	}
	p.pipes = [3]*os.File{files[1], files[2], files[4]}
	go p.await(context.WithoutCancel(ctx))
	return nil
}

// await learns the end of the shell, and sees to it that nothing which the shell left behind keeps the pipes open.
func (p *process) await(ctx context.Context) {
	_ = p.cmd.Wait() // the exit code is in ProcessState; that it is not 0 is the build's affair
	p.recordUsage()
	_ = killBuild(ctx, p.spec.Owner.Build, p.cmd.Process.Pid) // Stop tries again, and says so
	close(p.exited)
	// What a killed process wrote is still in the pipe and will be read; a process that nobody can find must not make
	// the readers wait for ever.
	deadline := time.Now().Add(drainTimeout)
	_ = p.pipes[1].SetReadDeadline(deadline)
	_ = p.pipes[2].SetReadDeadline(deadline)
}

// drainTimeout bounds the reading after the shell's end. It only matters when a process has escaped.
const drainTimeout = 10 * time.Second

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

func (p *process) environ() []string {
	env := []string{"HOME=" + p.home, "SHELL=/bin/bash", buildVar + "=" + p.spec.Owner.Build}
	for _, l := range []struct{ name, value string }{
		{ownerHostVar, p.spec.Owner.Host}, {ownerPIDVar, fmt.Sprint(p.spec.Owner.PID)}, {ownerStartVar, p.spec.Owner.Start},
	} {
		env = append(env, l.name+"="+l.value)
	}
	for _, name := range passed {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func (p *process) setup() (session.Setup, error) {
	s := session.Setup{Dir: filepath.Join(p.spec.Workspace, filepath.FromSlash(p.spec.Start)), Init: p.spec.Init, Halt: p.halt()}
	if len(p.spec.CACerts) > 0 {
		env, err := p.trust()
		if err != nil {
			return s, err
		}
		s.Env = env
	}
	for _, v := range p.spec.Env {
		s.Env = append(s.Env, session.Assignment{Name: v.Name, Value: v.Value})
	}
	return s, nil
}

// trust writes the certificate files into the build's home.
func (p *process) trust() ([]session.Assignment, error) {
	extra := filepath.Join(p.home, ".preamp-extra-ca.pem")
	bundle := filepath.Join(p.home, ".preamp-ca-bundle.pem")
	var all []byte
	for _, f := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		if raw, err := os.ReadFile(f); err == nil {
			all = raw
			break
		}
	}
	all = append(append(all, '\n'), p.spec.CACerts...)
	if err := errors.Join(os.WriteFile(extra, p.spec.CACerts, 0o600), os.WriteFile(bundle, all, 0o600)); err != nil {
		return nil, &engine.Error{Message: "write the extra certificates", Err: err}
	}
	return session.TrustEnv(extra, bundle), nil
}

func (p *process) ID() string { return fmt.Sprintf("process %d", p.cmd.Process.Pid) }

// Run implements engine.Container.
func (p *process) Run(ctx context.Context, command string, out io.Writer, next ...string) (engine.Exit, error) {
	if p.ended.Load() {
		return engine.Exit{}, engine.ErrEnded
	}
	res, interrupted, err := p.session.RunUntil(ctx, command, out, p.grace, p, next...)
	if errors.Is(err, session.ErrClosed) || res.Ended && p.hungUp.Load() {
		return engine.Exit{}, engine.ErrEnded
	}
	exit := engine.Exit{Code: res.Code, Dir: res.Dir, Ended: res.Ended, Interrupted: interrupted}
	if res.Ended {
		p.ended.Store(true)
		<-p.exited
		exit.Code = exitCode(p.cmd.ProcessState)
	}
	return exit, err
}

// Terminate implements session.Stopper.
func (p *process) Terminate(context.Context) error {
	if err := os.WriteFile(p.halt(), nil, 0o600); err != nil {
		return err
	}
	return terminateBuild(p.spec.Owner.Build, p.cmd.Process.Pid, p.session.PID())
}

// halt is the file that keeps the shell from beginning what was sent ahead.
func (p *process) halt() string { return filepath.Join(p.dir, "halt") }

// Kill implements session.Stopper.
func (p *process) Kill(ctx context.Context) error {
	group := p.cmd.Process.Pid
	select {
	case <-p.exited:
		group = 0 // its number may be another's by now
	default:
	}
	return killBuild(ctx, p.spec.Owner.Build, group)
}

// Stop implements engine.Container.
func (p *process) Stop(ctx context.Context) error {
	p.hungUp.Store(true)
	p.ended.Store(true)
	if p.session != nil {
		p.session.Close()
	}
	err := p.Kill(ctx)
	select {
	case <-p.exited:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		return &engine.Error{Message: "stop the build's processes", Err: err}
	}
	return nil
}

// Fetch implements engine.Container: the build worked on the workspace itself.
func (p *process) Fetch(context.Context, ...string) error { return nil }

// Usage implements engine.Container. The peak is that of the largest single process, which is all that the kernel says
// of a process tree without a control group.
func (p *process) Usage() engine.Usage {
	return engine.Usage{PeakMemory: p.peak.Load(), CPUTime: time.Duration(p.cpu.Load())}
}

// Close implements engine.Container.
func (p *process) Close() error {
	p.close.Do(func() {
		if p.cmd != nil && p.cmd.Process != nil {
			ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
			defer cancel()
			p.err = p.Stop(ctx)
		}
		closeAll(p.pipes[:]...)
		p.err = errors.Join(p.err, engine.RemoveTree(p.dir))
	})
	return p.err
}

// Reap implements engine.Engine: it ends the processes of builds whose preamp is gone, and removes their homes.
func (e *Engine) Reap(ctx context.Context, dead func(engine.Owner) bool) ([]engine.Reaped, error) {
	var reaped []engine.Reaped
	owners := map[string]engine.Owner{}
	for pid, env := range managedProcesses() {
		owner := ownerOf(env)
		if owner.Build == "" || !dead(owner) {
			continue
		}
		owners[owner.Build] = owner
		reaped = append(reaped, engine.Reaped{What: "process", ID: fmt.Sprint(pid), Owner: owner})
	}
	var errs []error
	for build := range owners {
		errs = append(errs, killBuild(ctx, build, 0))
	}
	homes, err := e.reapHomes(dead)
	reaped, errs = append(reaped, homes...), append(errs, err)
	slices.SortFunc(reaped, func(a, b engine.Reaped) int { return strings.Compare(a.ID, b.ID) })
	return reaped, errors.Join(errs...)
}
