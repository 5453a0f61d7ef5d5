// Package work does one thing with one of preamp's packages, in a process of its own: preamp-bench runs itself for that, so
// that what is measured is a whole process, as it is with its peers.
package work

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Request is one thing to do; which fields count depends on what it is.
type Request struct {
	Do    string `json:"do"`
	Root  string `json:"root,omitempty"`  // the tree or the workspace
	Store string `json:"store,omitempty"` // where caches are kept
	To    string `json:"to,omitempty"`    // what is written
	Files int    `json:"files,omitempty"`
	Round int    `json:"round,omitempty"`

	URL    string `json:"url,omitempty"`
	Mirror string `json:"mirror,omitempty"`
	Depth  int    `json:"depth,omitempty"`
	Base   string `json:"base,omitempty"` // a commit
	Watch  string `json:"watch,omitempty"`

	// Changes is what a build does to a composed workspace before it is saved.
	Changes Changes `json:"changes,omitempty"`
}

// Changes says how much of a tree changes.
type Changes string

// The Changes that are measured.
const (
	Nothing Changes = "nothing"
	Percent Changes = "percent" // one file of a hundred
)

// Response is what came of it.
type Response struct {
	Took    time.Duration `json:"took"` // of the thing alone, where more had to be done for it
	Files   int           `json:"files,omitempty"`
	Bytes   int64         `json:"bytes,omitempty"`   // content
	Added   int64         `json:"added,omitempty"`   // new in the store
	Changed int64         `json:"changed,omitempty"` // what had changed
	Known   bool          `json:"known,omitempty"`   // nothing had to be written, or nothing differs
	Commit  string        `json:"commit,omitempty"`
}

// Command is the first argument of a preamp-bench that is to do a Request, which is the second.
const Command = "do"

var kinds = map[string]func(context.Context, Request) (Response, error){
	"modules": modules, "change": change, "site": site,
	"save": save, "restore": restore,
	"compose": compose, "compose-save": composeSave, "take-apart": takeApart,
	"clone": clone, "compare": compare, "peek": peek,
	"zip": zip,
}

// Main does a Request in JSON and writes the Response.
func Main(ctx context.Context, text string, out io.Writer) error {
	var r Request
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	do, ok := kinds[r.Do]
	if !ok {
		return fmt.Errorf("there is nothing called %q to do", r.Do)
	}
	answer, err := do(ctx, r)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Do, err)
	}
	return json.NewEncoder(out).Encode(answer)
}
