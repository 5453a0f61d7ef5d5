package source

import (
	"errors"
	"strings"
)

// Kind is what a person has to look at when the source cannot be had.
type Kind int

// The kinds of Error. The zero value is KindOther.
const (
	KindOther         Kind = iota
	KindAuth               // credentials are missing, wrong or not sufficient
	KindHostKey            // the ssh host's key is not known or is not the known one
	KindNoBranch           // the remote does not have the branch
	KindNoCommit           // the commit, tag or revision is not there or is ambiguous
	KindNotRepository      // there is no git repository at the path or URL
	KindUnreachable        // no connection to the host, or it broke
	KindTLS                // the host's certificate is not trusted or not valid
)

// String returns a short name for logs and JSON, such as "auth".
func (k Kind) String() string {
	names := [...]string{"other", "auth", "host-key", "no-branch", "no-commit", "not-a-repository", "unreachable", "tls"}
	if k < 0 || int(k) >= len(names) {
		return "other"
	}
	return names[k]
}

// Error is why a source could not be brought in. None of its texts, nor those of Err, holds a credential.
type Error struct {
	Kind Kind
	// Message says in one line what happened and with which object.
	Message string
	// Hint says what to do about it. It may be empty and may have several lines.
	Hint string
	// Err is the cause, if there is one. It answers errors.Is for what it was made of.
	Err error
}

// Error returns Message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// redacted returns a copy of e whose texts are one clean line each and hold none of the secrets.
func (e *Error) redacted(s *secrets) *Error {
	out := &Error{Kind: e.Kind, Message: oneLine(s.redact(e.Message))}
	var hint []string
	for line := range strings.SplitSeq(s.redact(e.Hint), "\n") {
		hint = append(hint, oneLine(line))
	}
	out.Hint = strings.Join(hint, "\n")
	if e.Err != nil {
		out.Err = &cause{text: oneLine(s.redact(e.Err.Error())), err: e.Err}
	}
	return out
}

// cause keeps the identity of an error but not its text: a library's error may quote a URL with a password in it.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }

// Is makes errors.Is see what the error was made of.
func (c *cause) Is(target error) bool { return errors.Is(c.err, target) }

// maxLine bounds what of a remote's words goes into an error: a server may answer with a whole page.
const maxLine = 600

// oneLine makes text from elsewhere fit for a terminal: one line, without control characters, of bounded length.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return -1
		}
		return r
	}, text)
	return shorten(text, maxLine)
}

// shorten cuts text to at most n bytes, and shows that it did.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
