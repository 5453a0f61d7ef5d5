package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"
)

// sshSession runs git-upload-pack on the other side of an ssh connection. It exists because go-git's own ssh client
// dials and shakes hands without a context, so that a silent server could not be cancelled.
type sshSession struct {
	client  *ssh.Client
	shell   *ssh.Session
	stdin   io.WriteCloser
	stdout  io.Reader
	stderr  tail
	command string
	forget  func() bool // stops watching the context
	refs    *packp.AdvRefs
}

func (j *job) sshSession(ctx context.Context, r remote, a Auth) (session, error) {
	s, err := j.sshStart(ctx, r, a, "git-upload-pack "+shellQuote(r.path))
	if err != nil {
		return nil, err // and not a session that is a nil pointer
	}
	return s, nil
}

// sshOutput runs a command on the other side and returns what it prints, which is not much.
func (j *job) sshOutput(ctx context.Context, r remote, a Auth, command string) (_ []byte, err error) {
	s, err := j.sshStart(ctx, r, a, command)
	if err != nil {
		return nil, classify(err, r, a)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	out, err := io.ReadAll(io.LimitReader(s.stdout, 1<<20))
	err = errors.Join(err, s.shell.Wait())
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		program, _, _ := strings.Cut(command, " ")
		return nil, &Error{
			Kind: KindOther, Err: err,
			Message: fmt.Sprintf("%s does not run %s for this key: %s", r.address(), program, firstOf(s.stderr.String(), err.Error())),
		}
	}
	if err != nil {
		return nil, classify(fmt.Errorf("%w: %w", &stderrError{text: s.stderr.String()}, err), r, a)
	}
	return out, nil
}

func (j *job) sshStart(ctx context.Context, r remote, a Auth, command string) (_ *sshSession, err error) {
	config, closeAgent, err := j.sshConfig(ctx, r, a)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAgent()) }()
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", r.address())
	if err != nil {
		return nil, err
	}
	s := &sshSession{command: command, forget: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	if err := s.start(conn, r.address(), config); err != nil {
		s.forget()
		return nil, errors.Join(err, ignoreClosed(conn.Close()))
	}
	return s, nil
}

func (s *sshSession) start(conn net.Conn, address string, config *ssh.ClientConfig) error {
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		return err
	}
	s.client = ssh.NewClient(c, channels, requests)
	if s.shell, err = s.client.NewSession(); err != nil {
		return err
	}
	if s.stdin, err = s.shell.StdinPipe(); err != nil {
		return err
	}
	if s.stdout, err = s.shell.StdoutPipe(); err != nil {
		return err
	}
	s.shell.Stderr = &s.stderr
	return s.shell.Start(s.command)
}

// AdvertisedReferencesContext reads the remote's references. The context was bound when the session was opened.
func (s *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	if s.refs != nil {
		return s.refs, nil
	}
	refs := packp.NewAdvRefs()
	err := refs.Decode(s.stdout)
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs) || (err == nil && refs.IsEmpty()):
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		// The server's reason is on stderr, which is complete only when the command has ended.
		_ = s.stdin.Close()
		waitErr := s.shell.Wait()
		return nil, fmt.Errorf("%w: %w", &stderrError{text: s.stderr.String()}, errors.Join(err, waitErr))
	}
	transport.FilterUnsupportedCapabilities(refs.Capabilities)
	s.refs = refs
	return refs, nil
}

// AdvertisedReferences is AdvertisedReferencesContext, for go-git's interface.
func (s *sshSession) AdvertisedReferences() (*packp.AdvRefs, error) {
	return s.AdvertisedReferencesContext(context.Background())
}

// UploadPack sends the request and returns the answer, from which the pack can be read.
func (s *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	if err := req.UploadRequest.Encode(s.stdin); err != nil {
		return nil, fmt.Errorf("asking for the commits: %w", err)
	}
	if err := req.UploadHaves.Encode(s.stdin, false); err != nil {
		return nil, err
	}
	if err := pktline.NewEncoder(s.stdin).EncodeString("done\n"); err != nil {
		return nil, fmt.Errorf("asking for the commits: %w", err)
	}
	response := packp.NewUploadPackResponse(req)
	if err := response.Decode(io.NopCloser(s.stdout)); err != nil {
		return nil, fmt.Errorf("%w: %w", &stderrError{text: s.stderr.String()}, err)
	}
	return response, nil
}

// Close ends the command and the connection and waits for the connection's goroutines.
func (s *sshSession) Close() error {
	s.forget()
	_ = s.shell.Close() // its error is io.EOF when the command ended by itself
	err := s.client.Close()
	_ = s.client.Wait() // always says that the connection was closed
	return ignoreClosed(err)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// stderrError is what the other side wrote to its stderr.
type stderrError struct{ text string }

func (e *stderrError) Error() string { return oneLine(strings.TrimSpace(e.text)) }

// tail keeps the beginning of what a command writes to its stderr, up to a bound.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 4096 - t.buf.Len(); room > 0 {
		t.buf.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// shellQuote makes s one word for the shell of the server, also for one with history expansion.
func shellQuote(s string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(s) + "'"
}

// homeFile is a file in the user's home; "" when there is no home.
func homeFile(parts ...string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		u, err := user.Current()
		if err != nil {
			return ""
		}
		home = u.HomeDir
	}
	return filepath.Join(append([]string{home}, parts...)...)
}
