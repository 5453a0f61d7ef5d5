// Package proc runs whole processes and tells what they took: time on the wall, processor time and memory.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Cmd is a process to run.
type Cmd struct {
	Args []string
	Dir  string
	Env  []string // added to ours; the last one of a name counts
	// OK are the exit codes that are no failure besides 0, such as the 1 of git diff.
	OK []int
	// File receives the standard output, for archives; otherwise it is in Result.Out.
	File string
}

// Result is what a process took.
type Result struct {
	Wall time.Duration
	CPU  time.Duration // its own and that of the children that it waited for
	RSS  int64         // the highest resident memory in bytes, of itself or of the largest of those children
	Out  []byte        // its standard output
}

// tail is how much of a process's output an error quotes, in bytes.
const tail = 2000

// Run runs a process to its end. The error of one that fails quotes the end of what it said.
//
// The kernel counts what the parent has resident when it forks as the child's, so whoever compares RSS must be small.
func Run(ctx context.Context, c Cmd) (r Result, err error) {
	if len(c.Args) == 0 {
		return r, errors.New("there is no program to run")
	}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env = c.Dir, append(os.Environ(), c.Env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if c.File != "" {
		f, err := os.Create(c.File)
		if err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		cmd.Stdout = f
	}
	forget()
	began := time.Now()
	runErr := cmd.Run()
	r.Wall, r.Out = time.Since(began), out.Bytes()
	if state := cmd.ProcessState; state != nil {
		r.CPU = state.UserTime() + state.SystemTime()
		if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
			r.RSS = usage.Maxrss * rssUnit
		}
	}
	if runErr != nil && !allowed(runErr, c.OK) {
		if ctx.Err() != nil {
			return r, context.Cause(ctx)
		}
		return r, fmt.Errorf("%s: %w%s", strings.Join(c.Args, " "), runErr, quoted(out.Bytes(), said.Bytes()))
	}
	return r, nil
}

func allowed(err error, codes []int) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	for _, code := range codes {
		if exit.ExitCode() == code {
			return true
		}
	}
	return false
}

func quoted(out, said []byte) string {
	text := bytes.TrimSpace(said)
	if len(text) == 0 {
		text = bytes.TrimSpace(out)
	}
	if len(text) == 0 {
		return ""
	}
	if len(text) > tail {
		text = text[len(text)-tail:]
	}
	return ": " + string(text)
}

// Own is the resident memory of this process in bytes that a child is charged with.
func Own() int64 {
	forget()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss * rssUnit
}
