package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

// Class is the kind of an end, and the exit code of the command line for it.
type Class int

// The classes.
const (
	ClassOK        Class = 0 // built, or skipped
	ClassCommand   Class = 1 // the build's own command failed
	ClassUsage     Class = 2
	ClassSpec      Class = 3 // the build specification cannot be built from
	ClassSource    Class = 4 // the repository, its branch or commit cannot be had
	ClassEngine    Class = 5 // the image or the container engine
	ClassOutput    Class = 6 // artifacts or caches
	ClassTimeout   Class = 7
	ClassBug       Class = 70 // preamp's own fault
	ClassCancelled Class = 130
)

// String is the class in a word.
func (c Class) String() string {
	switch c {
	case ClassOK:
		return "ok"
	case ClassCommand:
		return "command"
	case ClassUsage:
		return "usage"
	case ClassSpec:
		return "spec"
	case ClassSource:
		return "source"
	case ClassEngine:
		return "engine"
	case ClassOutput:
		return "output"
	case ClassTimeout:
		return "timeout"
	case ClassCancelled:
		return "cancelled"
	default:
		return "bug"
	}
}

// MarshalText writes the class as its word.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads such a word; one of a newer preamp is an error.
func (c *Class) UnmarshalText(text []byte) error {
	for _, known := range []Class{
		ClassOK, ClassCommand, ClassUsage, ClassSpec, ClassSource, ClassEngine, ClassOutput, ClassTimeout, ClassBug, ClassCancelled,
	} {
		if known.String() == string(text) {
			*c = known
			return nil
		}
	}
	return fmt.Errorf("there is no class of failures %q", text)
}

// Failure says why a build did not succeed, in a form for people and one for programs. It is an error.
type Failure struct {
	Class   Class  `json:"class"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Service is what the service prints in this case, without the marks before it; empty where that is not known.
	Service string `json:"service,omitempty"`
	// Command is set when a command failed.
	Command *FailedCommand `json:"command,omitempty"`
	// Diagnostics are the findings about the build specification, when that is what failed.
	Diagnostics buildspec.Diagnostics `json:"diagnostics,omitempty"`

	err error
	// exit overrides the class as exit code; 0 = no.
	exit int
}

// FailedCommand is the command that ended a build.
type FailedCommand struct {
	Section string `json:"section"`
	Phase   string `json:"phase"`
	Text    string `json:"text"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Code    int    `json:"code"`
	OOM     bool   `json:"oom,omitempty"`
}

// Error gives the message and the hint as one line.
func (f *Failure) Error() string {
	if f.Hint != "" {
		return f.Message + " (" + f.Hint + ")"
	}
	return f.Message
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.err }

// ExitCode is the exit code of the command line.
func (f *Failure) ExitCode() int {
	if f.exit != 0 {
		return f.exit
	}
	return int(f.Class)
}

// fail makes a failure of an error.
func fail(class Class, err error) *Failure {
	return &Failure{Class: class, Message: err.Error(), err: err}
}

// errTimeout is the cause of the context of a build that took too long.
var errTimeout = errors.New("the build took longer than its timeout")

// Interrupted is the cause to cancel a build's context with when a signal asks for it.
type Interrupted struct {
	Signal string // for people
	Code   int    // the exit code, 128 + the signal's number
}

// Error says which signal it was.
func (i Interrupted) Error() string { return "cancelled by " + i.Signal }

// classify turns whatever ended a build into a Failure. The context comes first: what fails because the context ended is
// a symptom of that.
func classify(ctx context.Context, err error) *Failure {
	var f *Failure
	if errors.As(err, &f) && f.Class != ClassEngine && f.Class != ClassSource && f.Class != ClassOutput {
		return f
	}
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	if f != nil {
		return f
	}
	var se *source.Error
	if errors.As(err, &se) {
		return &Failure{Class: ClassSource, Message: se.Message, Hint: se.Hint, err: err}
	}
	var ee *engine.Error
	if errors.As(err, &ee) {
		return engineFailure(ee)
	}
	return fail(ClassBug, err)
}

func engineFailure(ee *engine.Error) *Failure {
	message := ee.Message
	if ee.Err != nil {
		message = fmt.Sprintf("%s: %v", ee.Message, ee.Err)
	}
	return &Failure{Class: ClassEngine, Message: message, Hint: ee.Hint, err: ee}
}

// interrupted is the failure of a build whose context has ended.
func interrupted(ctx context.Context) *Failure {
	cause := context.Cause(ctx)
	if errors.Is(cause, errTimeout) || errors.Is(cause, context.DeadlineExceeded) {
		return &Failure{Class: ClassTimeout, Message: "the build timed out", err: cause}
	}
	var sig Interrupted
	if errors.As(cause, &sig) {
		return &Failure{Class: ClassCancelled, Message: "the build was " + sig.Error(), err: cause, exit: sig.Code}
	}
	return &Failure{Class: ClassCancelled, Message: "the build was cancelled", err: cause}
}
