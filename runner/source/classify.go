package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// classify turns what a conversation with a remote ended in into the one line a person needs.
func classify(err error, r remote, a Auth) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	for _, rule := range []func(error, remote, Auth) *Error{tlsError, answerError, sshError, networkError} {
		if e := rule(err, r, a); e != nil {
			e.Err = err
			return e
		}
	}
	return &Error{Kind: KindOther, Message: fmt.Sprintf("cloning %s failed: %v", r.clean, err), Err: err}
}

func tlsError(err error, r remote, _ Auth) *Error {
	e := &Error{Kind: KindTLS}
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		other   *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
	)
	switch {
	case errors.As(err, &unknown):
		e.Message = fmt.Sprintf("the certificate of %s is signed by an authority that this machine does not trust", r.address())
		e.Hint = "If the host has its own authority, give that authority's certificate with --ca-cert FILE."
	case errors.As(err, &name):
		e.Message = fmt.Sprintf("the certificate of %s is for another host: %v", r.address(), name)
	case errors.As(err, &invalid):
		e.Message = fmt.Sprintf("the certificate of %s is not valid: %v", r.address(), invalid)
		if invalid.Reason == x509.Expired {
			e.Hint = "It has expired or is not valid yet: check this machine's clock, too."
		}
	case errors.As(err, &other):
		e.Message = fmt.Sprintf("the certificate of %s cannot be verified: %v", r.address(), other.Err)
	case errors.As(err, &record), strings.Contains(err.Error(), "gave HTTP response to HTTPS client"):
		e.Message = fmt.Sprintf("%s does not speak TLS on this port", r.address())
		e.Hint = "Check the port, or whether the URL should begin with http://."
	case errors.As(err, &alert):
		e.Message = fmt.Sprintf("%s refused the TLS connection: %v", r.address(), alert)
	default:
		return nil
	}
	return e
}

// answerError covers what a git server answers in words or HTTP states.
func answerError(err error, r remote, a Auth) *Error {
	_, _, given := a.basic(r.host)
	var refused *pktline.ErrorLine
	switch {
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return &Error{Kind: KindNoBranch, Message: r.clean + " is empty: it has no branch and no commit yet"}
	case errors.Is(err, transport.ErrAuthenticationRequired) && given:
		return &Error{
			Kind: KindAuth, Message: r.clean + " does not accept these credentials",
			Hint: "Check that the token is not expired and may read this repository's contents.",
		}
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return &Error{Kind: KindAuth, Message: r.clean + " needs credentials, and none were given", Hint: "Give a token that may read the repository."}
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return &Error{Kind: KindAuth, Message: r.clean + " is not allowed with these credentials", Hint: "The token needs permission to read the repository's contents."}
	case errors.Is(err, transport.ErrRepositoryNotFound):
		e := &Error{Kind: KindNotRepository, Message: "there is no git repository at " + r.clean, Hint: "Check the URL."}
		if !given {
			e.Hint = "Check the URL. Hosts also say so about private repositories when no token is given."
		} else {
			e.Hint = "Check the URL. Hosts also say so about private repositories that the token may not read."
		}
		return e
	case errors.As(err, &refused):
		return &Error{Kind: KindOther, Message: fmt.Sprintf("%s refused: %s", r.clean, refused.Text)}
	}
	var garbage *packp.ErrUnexpectedData
	if errors.As(err, &garbage) || errors.Is(err, packp.ErrEmptyInput) || errors.Is(err, pktline.ErrInvalidPktLen) {
		var said *stderrError
		if !errors.As(err, &said) {
			return &Error{
				Kind: KindNotRepository, Message: r.clean + " does not answer as a git server",
				Hint: "Check the URL: it is the one to clone, not the one of a web page.",
			}
		}
	}
	return nil
}

// sshError covers a login that failed and a git-upload-pack that did not start.
func sshError(err error, r remote, _ Auth) *Error {
	if strings.Contains(err.Error(), "unable to authenticate") {
		return &Error{
			Kind: KindAuth, Message: r.clean + " does not accept this ssh key",
			Hint: "Check that the key's public half is registered there, for example as a deploy key of the repository.",
		}
	}
	var said *stderrError
	if !errors.As(err, &said) {
		return nil
	}
	text := strings.ToLower(said.text)
	e := &Error{Message: fmt.Sprintf("%s refused: %s", r.clean, strings.TrimSpace(said.text))}
	switch {
	case strings.Contains(text, "permission") || strings.Contains(text, "denied"):
		e.Kind, e.Hint = KindAuth, "Check that this key may read the repository."
	case strings.Contains(text, "not found") || strings.Contains(text, "does not appear to be a git repository") ||
		strings.Contains(text, "no such file") || strings.Contains(text, "does not exist"):
		e.Kind, e.Message = KindNotRepository, "there is no git repository at "+r.clean
		e.Hint = "Check the URL, and that this key may read the repository. The host said: " + oneLine(strings.TrimSpace(said.text))
	case strings.TrimSpace(text) == "":
		e.Kind, e.Message = KindUnreachable, r.address()+" ended the connection without an answer"
	}
	return e
}

func networkError(err error, r remote, _ Auth) *Error {
	e := &Error{Kind: KindUnreachable}
	var (
		dns   *net.DNSError
		op    *net.OpError
		timed interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Message = fmt.Sprintf("there is no host %s", oneLine(dns.Name))
		e.Hint = "Check the URL and this machine's DNS."
	case errors.As(err, &dns):
		e.Message = fmt.Sprintf("the address of %s cannot be looked up: %v", r.host, dns)
	case errors.As(err, &op):
		e.Message = fmt.Sprintf("no connection to %s: %v", r.address(), op.Err)
		e.Hint = "Check the URL, the network and, behind a proxy, HTTPS_PROXY."
	case errors.As(err, &timed) && timed.Timeout():
		e.Message = fmt.Sprintf("%s does not answer in time", r.address())
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		e.Message = fmt.Sprintf("%s ended the connection in the middle", r.address())
		e.Hint = "Try again; if it stays so, the host's log has the reason."
	default:
		return nil
	}
	return e
}
