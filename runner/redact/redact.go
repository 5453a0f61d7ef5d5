// Package redact hides secrets in a build's output. It stands between the build and the events: what has passed it
// holds no known secret in any of the spellings that shells, languages and tools give a value, no matter how the output was
// cut into writes.
//
// Matching is exact and covers, for each secret: the text itself; its lines; its base64, hexadecimal, URL, JSON, shell
// and Go spellings. Every hit is replaced with [Mask]; hits that overlap are one hit. What cannot be found are values that the
// build transforms itself (reversed, encrypted, printed with a blank between any two letters). Redaction is
// protection against accidents, not against a build that wants to leak.
//
// One automaton (Aho-Corasick) holds the spellings of all secrets, so the cost for a byte of output does not depend on the
// number of secrets, nor can output be crafted that makes it slow.
package redact

import (
	"slices"
	"strings"
)

// Mask is what is written in place of a secret. It has one length for all secrets, because the length of a secret is
// worth something to who guesses it.
const Mask = "***"

// MinLength is the length in bytes, white space around it not counted, from which on a value is masked. Shorter values
// ("1", "dev", "yes") occur by chance in every log: masking them would make the log unreadable and, by where
// the masks stand, tell the value. A value of four bytes is usually still a chance hit, but it may be a PIN.
const MinLength = 4

// A Secret is a value that must not appear in a log.
type Secret struct {
	Name  string // how a person knows it, usually an environment variable; only for messages
	Value string // any bytes, also many lines; white space around it is not part of the secret
}

// A Redactor knows the secrets of one build. It is immutable and safe for concurrent use. A nil Redactor masks nothing.
type Redactor struct {
	auto  *automaton // nil: there is nothing to mask
	short []string
}

// New returns a Redactor for the secrets. Values that are empty or white space only are ignored, values shorter than
// [MinLength] are reported by [Redactor.TooShort].
//
// A Redactor takes 100 KiB and some 6 bytes for each byte of each spelling: 3 KiB for a token of 40 bytes, half a MiB for a
// private key, 40 MiB for a value of 1 MiB.
func New(secrets ...Secret) *Redactor {
	r := &Redactor{}
	b := newBuilder()
	for _, s := range secrets {
		switch text := strings.TrimSpace(s.Value); {
		case text == "":
		case len(text) < MinLength:
			if !slices.Contains(r.short, s.Name) {
				r.short = append(r.short, s.Name)
			}
		default:
			for _, f := range forms(s.Value) {
				b.insert(f)
			}
		}
	}
	r.auto = b.build()
	return r
}

// TooShort returns the names of the secrets that are not masked because they are shorter than [MinLength], in the
// order in which they were given. The caller should warn about them.
func (r *Redactor) TooShort() []string {
	if r == nil {
		return nil
	}
	return slices.Clone(r.short)
}

// String returns s with every secret masked.
func (r *Redactor) String(s string) string {
	if r == nil || r.auto == nil {
		return s
	}
	if out, hit := r.mask([]byte(s)); hit {
		return string(out)
	}
	return s
}

// Bytes returns b with every secret masked. It never changes b, and returns b itself when there is no secret in it.
func (r *Redactor) Bytes(b []byte) []byte {
	if r == nil || r.auto == nil {
		return b
	}
	if out, hit := r.mask(b); hit {
		return out
	}
	return b
}

// mask returns b with every secret masked, and whether there was one. It does not write to b.
func (r *Redactor) mask(b []byte) ([]byte, bool) {
	w := Writer{auto: r.auto, held: b[:len(b):len(b)]}
	w.scan(0)
	if len(w.hits) == 0 {
		return nil, false
	}
	w.release(len(w.held))
	return w.out, true
}
