package artifacts

import (
	"fmt"
	"strings"
)

// A MissingBaseError says that the base directory does not exist after the build.
type MissingBaseError struct {
	Base    string   // as the buildspec has it
	Created []NewDir // the folders that the build created, the likeliest first; empty if that is not known
}

// Error returns the message of the real service, which people search for.
func (e *MissingBaseError) Error() string {
	return "Artifact directory doesn't exist: " + e.Base
}

// maxHinted is how many folders a hint names.
const maxHinted = 3

// Hint returns a sentence that says which folders could have been meant, "" if nothing is known. The paths in it are relative to
// the repository.
func (e *MissingBaseError) Hint() string {
	if len(e.Created) == 0 {
		return ""
	}
	var names []string
	for _, d := range e.Created[:min(len(e.Created), maxHinted)] {
		names = append(names, d.String())
	}
	more := ""
	if n := len(e.Created) - len(names); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("The build created %s%s: is one of them the baseDirectory?", strings.Join(names, ", "), more)
}

// A PatternError says what is wrong with one pattern in the list of files.
type PatternError struct {
	Pattern string // as written
	Reason  string
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("artifact files: pattern %q: %s", e.Pattern, e.Reason)
}

// A CollisionError says that discarding the paths would give different files one name.
type CollisionError struct {
	Name          string
	First, Second string // relative to Root
}

func (e *CollisionError) Error() string {
	return fmt.Sprintf("artifact files %q and %q would both be named %q: remove discard-paths, or exclude one of them with a pattern that begins with \"!\"",
		e.First, e.Second, e.Name)
}

// A ChangedError says that a file is no longer the one that was selected.
type ChangedError struct {
	Path string // relative to Root
	Err  error  // nil: it is another file, or has another size or time
}

func (e *ChangedError) Error() string {
	why := "it is not the file that was selected"
	if e.Err != nil {
		why = e.Err.Error()
	}
	return fmt.Sprintf("artifact file %q changed while the artifact was written (is a process of the build still running?): %s", e.Path, why)
}

// Unwrap returns the underlying error.
func (e *ChangedError) Unwrap() error { return e.Err }

// maxNotices bounds what a hostile tree can make us say.
const maxNotices = 100

// notices collects messages.
type notices struct {
	list []string
	more int
}

func (n *notices) add(format string, args ...any) {
	if len(n.list) >= maxNotices {
		n.more++
		return
	}
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

func (n *notices) all() []string {
	if n.more == 0 {
		return n.list
	}
	return append(n.list, fmt.Sprintf("%d more notices like these", n.more))
}
