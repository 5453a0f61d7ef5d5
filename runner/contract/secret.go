package contract

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/preamp-build/preamp/runner/source"
)

// Secret is a value that nothing shows: not fmt, whatever the verb, and not encoding/json. string(s) is the value.
type Secret string

const hidden = "***"

// Format implements fmt.Formatter without the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// String is *** where there is a value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString is the same for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText writes *** where there is a value: what is written again is a job to look at, not one to run.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON writes the repository without the credentials that its address may hold.
func (r Repository) MarshalJSON() ([]byte, error) {
	type fields Repository
	if r.URL != "" {
		var err error
		if r.URL, _, err = source.Clean(r.URL); err != nil {
			r.URL = hidden
		}
	}
	return json.Marshal(fields(r))
}

// The values of fields behind pointers are printed by fmt without asking them, whenever the verb does not fit. So what
// holds a value prints itself, as the JSON that shows none.

// Format implements fmt.Formatter.
func (j Job) Format(f fmt.State, _ rune) { format(f, j) }

// Format implements fmt.Formatter.
func (r Repository) Format(f fmt.State, _ rune) { format(f, r) }

// Format implements fmt.Formatter.
func (c Credentials) Format(f fmt.State, _ rune) { format(f, c) }

// Format implements fmt.Formatter.
func (e Environment) Format(f fmt.State, _ rune) { format(f, e) }

// Format implements fmt.Formatter.
func (c Console) Format(f fmt.State, _ rune) { format(f, c) }

// Format implements fmt.Formatter.
func (b Branch) Format(f fmt.State, _ rune) { format(f, b) }

// Format implements fmt.Formatter.
func (i Image) Format(f fmt.State, _ rune) { format(f, i) }

// Format implements fmt.Formatter.
func (l Login) Format(f fmt.State, _ rune) { format(f, l) }

func format(f fmt.State, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		raw = []byte(hidden)
	}
	_, _ = f.Write(raw)
}
