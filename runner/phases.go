package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

// errShellEnded says that a command ended the shell without failing: what is left of the build is not run, as in the
// service, where all commands are one script.
var errShellEnded = errors.New("the shell has ended")

// runSections runs backend, frontend and test, and stops at the first command that fails.
func (b *build) runSections(ctx context.Context) error {
	for i := range b.plan.Sections {
		s := &b.plan.Sections[i]
		if s.Skip != "" {
			b.skipped(s.Name, s.SkipCode, s.Skip)
			continue
		}
		err := b.runSection(ctx, s)
		if errors.Is(err, errShellEnded) {
			b.warn("a command ended the shell with code 0, so %s", "what comes after it in the build specification was not run")
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skipAll tells of the sections when none of them is run.
func (b *build) skipAll() {
	for _, s := range b.plan.Sections {
		if s.Skip != "" {
			b.skipped(s.Name, s.SkipCode, s.Skip)
		}
	}
}

func (b *build) skipped(what string, code SkipReason, why string) {
	s := Skipped{What: what, Code: code, Why: why}
	b.result.Skipped = append(b.result.Skipped, s)
	b.send(s)
}

func (b *build) runSection(ctx context.Context, s *Section) (err error) {
	began := time.Now()
	b.send(SectionStarted{Section: s.Name, Defined: s.Defined, Backend: s.Backend, PullOnly: s.PullOnly})
	b.result.Sections = append(b.result.Sections, SectionResult{Name: s.Name})
	res := &b.result.Sections[len(b.result.Sections)-1]
	defer func() {
		res.OK, res.Took = err == nil || errors.Is(err, errShellEnded), time.Since(began)
		b.send(SectionEnded{Section: s.Name, OK: res.OK, Took: res.Took})
	}()
	if s.Name == "test" {
		b.testsBegan = began
	}
	if err := b.enter(ctx, s.Dir); err != nil {
		return err
	}
	for i := range s.Phases {
		p := &s.Phases[i]
		if err != nil && !p.Always {
			continue
		}
		// Only a failed command leaves a later phase its turn: postTest runs for the sake of what a failed test left.
		var f *Failure
		if err != nil && (!errors.As(err, &f) || f.Class != ClassCommand) {
			break
		}
		err = errors.Join(err, b.runPhase(ctx, s, p, res))
	}
	return err
}

// enter changes to the folder in which a section begins, where the plan says one.
func (b *build) enter(ctx context.Context, dir string) error {
	if dir == "" {
		return nil
	}
	exit, err := b.container.Run(ctx, "cd -- "+session.Quote(b.r.Engine.Dir(b.containerSpec())+"/"+dir), writerFunc(func([]byte) {}))
	if err == nil && exit.Code != 0 {
		err = &Failure{Class: ClassSpec, Message: fmt.Sprintf("the build has no folder %q to change to", dir), Hint: "see buildPath"}
	}
	return err
}

func (b *build) runPhase(ctx context.Context, s *Section, p *Phase, section *SectionResult) (err error) {
	began := time.Now()
	b.send(PhaseStarted{Section: s.Name, Phase: p.Name})
	section.Phases = append(section.Phases, PhaseResult{Name: p.Name})
	res := &section.Phases[len(section.Phases)-1]
	defer func() {
		res.OK, res.Took = err == nil || errors.Is(err, errShellEnded), time.Since(began)
		b.send(PhaseEnded{Section: s.Name, Phase: p.Name, OK: res.OK, Took: res.Took})
	}()
	texts := make([]string, len(p.Commands))
	for i, c := range p.Commands {
		texts[i] = c.Text
	}
	for i, c := range p.Commands {
		b.send(CommandStarted{
			Section: s.Name, Phase: p.Name, Index: i, Text: c.Text, File: b.plan.Spec, Line: c.Pos.Line,
		})
		exit, took, err := b.runCommand(ctx, c.Text, texts[i+1:]...)
		if err != nil && !errors.Is(err, engine.ErrEnded) {
			return err
		}
		res.Commands = append(res.Commands, CommandResult{Text: c.Text, Line: c.Pos.Line, Code: exit.Code, OOM: exit.OOM, Took: took})
		b.send(CommandEnded{Section: s.Name, Phase: p.Name, Index: i, Code: exit.Code, OOM: exit.OOM, Took: took})
		switch {
		case err != nil:
			return err
		case exit.Interrupted:
			return b.stopped(ctx, s, p, c, exit)
		case exit.Code != 0:
			return b.commandFailed(s, p, c, exit)
		case exit.Ended:
			return errShellEnded
		}
	}
	return nil
}

func (b *build) runCommand(ctx context.Context, text string, next ...string) (engine.Exit, time.Duration, error) {
	began := time.Now()
	out := b.output()
	exit, err := b.container.Run(ctx, text, out, next...)
	err = errors.Join(err, out.Flush())
	return exit, time.Since(began), err
}

func (b *build) commandFailed(s *Section, p *Phase, c Command, exit engine.Exit) *Failure {
	f := &Failure{
		Class:   ClassCommand,
		Message: fmt.Sprintf("%s: a command of %s.%s failed with exit code %d: %s", b.at(c), s.Name, p.Name, exit.Code, firstLine(c.Text)),
		Service: fmt.Sprintf("Error: Command failed with exit code %d", exit.Code),
		Command: failedCommand(b.plan.Spec, s, p, c, exit),
	}
	switch {
	case exit.OOM:
		u := b.container.Usage()
		f.Hint = fmt.Sprintf("the kernel killed a process because the build had used its %s of memory (peak %s): use less%s",
			bytesText(u.MemoryLimit), bytesText(u.PeakMemory), moreMemory(u.MemoryLimit))
	case exit.Code == noProgram:
		f.Hint = "the shell did not find the command: does the image have it, or must a command before install it?"
	}
	return f
}

// at is where a command is written; those that the service does by itself are written nowhere.
func (b *build) at(c Command) string {
	if c.Pos.Line == 0 {
		return b.plan.Spec
	}
	return fmt.Sprintf("%s:%d", b.plan.Spec, c.Pos.Line)
}

// stopped is the failure of a build that was running a command when its context ended.
func (b *build) stopped(ctx context.Context, s *Section, p *Phase, c Command, exit engine.Exit) *Failure {
	f := interrupted(ctx)
	f.Command = failedCommand(b.plan.Spec, s, p, c, exit)
	if f.Class == ClassTimeout {
		f.Message = fmt.Sprintf("%s: the build timed out after %s while it ran a command of %s.%s: %s",
			b.at(c), b.plan.Timeout, s.Name, p.Name, firstLine(c.Text))
		f.Hint = "--timeout or _BUILD_TIMEOUT (minutes) give it longer"
	}
	return f
}

func failedCommand(file string, s *Section, p *Phase, c Command, exit engine.Exit) *FailedCommand {
	return &FailedCommand{Section: s.Name, Phase: p.Name, Text: c.Text, File: file, Line: c.Pos.Line, Code: exit.Code, OOM: exit.OOM}
}
