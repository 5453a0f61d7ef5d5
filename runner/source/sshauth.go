package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// sshConfig makes the login and the check of the host's key. The returned function releases the agent.
func (j *job) sshConfig(ctx context.Context, r remote, a Auth) (*ssh.ClientConfig, func() error, error) {
	release := func() error { return nil }
	known, err := knownHosts(a.KnownHosts, a.KnownHostsText)
	if err != nil {
		return nil, nil, err
	}
	config := &ssh.ClientConfig{
		User:              firstOf(r.user, a.Username, "git"),
		Timeout:           handshakeTimeout,
		HostKeyCallback:   checkHostKey(r, known, a.KnownHosts),
		HostKeyAlgorithms: known.HostKeyAlgorithms(r.address()),
	}
	var signers []ssh.Signer
	if a.SSHKey != "" {
		signer, err := parseKey([]byte(a.SSHKey), "that was given", a.SSHKeyPassphrase)
		if err != nil {
			return nil, nil, err
		}
		signers = append(signers, signer)
	}
	if a.SSHKeyFile != "" {
		signer, err := readKey(a.SSHKeyFile, a.SSHKeyPassphrase)
		if err != nil {
			return nil, nil, err
		}
		signers = append(signers, signer)
	}
	if a.SSHAgent {
		more, closeAgent, err := agentSigners(ctx)
		if err != nil {
			return nil, nil, err
		}
		release, signers = closeAgent, append(signers, more...)
	}
	// ssh tries each kind of authentication once, so all keys have to go into one method.
	if len(signers) > 0 {
		config.Auth = append(config.Auth, ssh.PublicKeys(signers...))
	}
	if a.Password != "" {
		config.Auth = append(config.Auth, ssh.Password(a.Password))
	}
	if len(config.Auth) == 0 {
		return nil, nil, errors.Join(&Error{
			Kind:    KindAuth,
			Message: fmt.Sprintf("cloning %s needs an ssh key, and none was given", r.clean),
			Hint:    "Give a private key file, or have the ssh agent used.",
		}, release())
	}
	return config, release, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func readKey(file, passphrase string) (ssh.Signer, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, &Error{Kind: KindAuth, Message: "the ssh key cannot be read: " + err.Error(), Err: err}
	}
	return parseKey(pem, file, passphrase)
}

// parseKey reads a private key; name is what messages call it.
func parseKey(pem []byte, name, passphrase string) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		if passphrase == "" {
			return nil, &Error{
				Kind: KindAuth, Message: fmt.Sprintf("the ssh key %s is protected by a passphrase, and none was given", name),
				Hint: "Give the passphrase, or add the key to an ssh agent.", Err: err,
			}
		}
		if signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase)); err != nil {
			return nil, &Error{Kind: KindAuth, Message: fmt.Sprintf("the passphrase does not open the ssh key %s", name), Err: err}
		}
	}
	if err != nil {
		return nil, &Error{
			Kind: KindAuth, Message: fmt.Sprintf("the ssh key %s is not a private ssh key: %v", name, err),
			Hint: "Give the private half, the file without .pub.", Err: err,
		}
	}
	return signer, nil
}

func agentSigners(ctx context.Context) ([]ssh.Signer, func() error, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, nil, &Error{
			Kind: KindAuth, Message: "no ssh agent is running here: SSH_AUTH_SOCK is not set",
			Hint: "Start one with: eval $(ssh-agent) && ssh-add",
		}
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, &Error{Kind: KindAuth, Message: "the ssh agent does not answer: " + err.Error(), Err: err}
	}
	// An agent may wait for a person to confirm, and the person may rather cancel.
	forget := context.AfterFunc(ctx, func() { _ = conn.Close() })
	release := func() error {
		forget()
		return ignoreClosed(conn.Close())
	}
	signers, err := agent.NewClient(conn).Signers()
	if err == nil && len(signers) == 0 {
		err = errors.New("it holds no key")
	}
	if err != nil {
		return nil, nil, errors.Join(&Error{
			Kind: KindAuth, Message: "the ssh agent gives no key: " + err.Error(), Hint: "Add one with: ssh-add", Err: err,
		}, release())
	}
	return signers, release, nil
}

// knownHosts reads the files with the trusted host keys. Of the usual files any may be missing; one that was named may
// not.
func knownHosts(files []string, text string) (db *knownhosts.HostKeyDB, err error) {
	if text != "" {
		own, err := os.CreateTemp("", "preamp-known-hosts-")
		if err != nil {
			return nil, fmt.Errorf("keep the given ssh host keys in a file: %w", err)
		}
		defer func() { err = errors.Join(err, os.Remove(own.Name())) }()
		_, err = own.WriteString(text)
		if err := errors.Join(err, own.Close()); err != nil {
			return nil, fmt.Errorf("keep the given ssh host keys in a file: %w", err)
		}
		files = append([]string{own.Name()}, files...)
	}
	var present []string
	for _, f := range firstSlice(files, usualKnownHosts()) {
		_, err := os.Stat(f)
		switch {
		case err == nil:
			present = append(present, f)
		case len(files) > 0 || !errors.Is(err, os.ErrNotExist):
			return nil, &Error{Kind: KindHostKey, Message: "the known_hosts file cannot be read: " + err.Error(), Err: err}
		}
	}
	if db, err = knownhosts.NewDB(present...); err != nil {
		return nil, &Error{Kind: KindHostKey, Message: "a known_hosts file cannot be read: " + err.Error(), Err: err}
	}
	return db, nil
}

func firstSlice(a, b []string) []string {
	if len(a) > 0 {
		return a
	}
	return b
}

func usualKnownHosts() []string {
	files := []string{"/etc/ssh/ssh_known_hosts"}
	if own := homeFile(".ssh", "known_hosts"); own != "" {
		files = append([]string{own}, files...)
	}
	return files
}

// checkHostKey never accepts a key that is not in the files, and says what a person needs to decide about it.
func checkHostKey(r remote, db *knownhosts.HostKeyDB, files []string) ssh.HostKeyCallback {
	check := db.HostKeyCallback()
	file := "~/.ssh/known_hosts"
	if len(files) > 0 {
		file = files[0]
	}
	return func(host string, addr net.Addr, key ssh.PublicKey) error {
		err := check(host, addr, key)
		shown := fmt.Sprintf("%s %s", key.Type(), ssh.FingerprintSHA256(key))
		switch {
		case err == nil:
			return nil
		case knownhosts.IsHostUnknown(err):
			return &Error{
				Kind:    KindHostKey,
				Message: fmt.Sprintf("the ssh host key of %s is not known (%s)", r.address(), shown),
				Hint: fmt.Sprintf("Compare the fingerprint with the one that the host's operator publishes, then add it:\n  %s >> %s",
					keyscan(r), file),
				Err: err,
			}
		case knownhosts.IsHostKeyChanged(err):
			return &Error{
				Kind: KindHostKey,
				Message: fmt.Sprintf("THE SSH HOST KEY OF %s HAS CHANGED: it now shows %s, which is not the one in known_hosts",
					r.address(), shown),
				Hint: "Somebody may be intercepting the connection. Nothing was sent. Only when the host's operator confirms the\n" +
					"new fingerprint, remove the old key and add the new one:\n" +
					fmt.Sprintf("  ssh-keygen -R '%s' -f %s\n  %s >> %s", knownhosts.Normalize(r.address()), file, keyscan(r), file),
				Err: err,
			}
		}
		return &Error{Kind: KindHostKey, Message: fmt.Sprintf("the ssh host key of %s is refused: %v", r.address(), err), Err: err}
	}
}

// keyscan is the command that prints the host's keys as lines of known_hosts.
func keyscan(r remote) string {
	words := []string{"ssh-keyscan"}
	if r.port != 0 && r.port != 22 {
		words = append(words, "-p", fmt.Sprint(r.port))
	}
	return strings.Join(append(words, r.host), " ")
}
