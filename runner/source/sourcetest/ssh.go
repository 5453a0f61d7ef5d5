package sourcetest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/preamp-build/preamp/testdata/need"
	"golang.org/x/crypto/ssh"
)

// SSHServer is a running sshd.
type SSHServer struct {
	// Host and Port are where it listens, and User is who may log in.
	Host string
	Port int
	User string
	// HostKey is the server's public key.
	HostKey ssh.PublicKey
	// KeyFile is a private key that may log in, LockedKeyFile the same one encrypted with Passphrase, and Key the key.
	KeyFile, LockedKeyFile, Passphrase string
	Key                                ed25519.PrivateKey
	// KnownHosts is a file with the server's host key.
	KnownHosts string

	reposDir string
	config   string
	sshd     string
	dir      string
	wg       sync.WaitGroup
}

// SSH runs OpenSSH's sshd for one user, the one who runs the test, until the test ends. There is one sshd for each
// connection, as under inetd: so the port is chosen by the system and nothing has to be waited for.
func SSH(t testing.TB, reposDir string) *SSHServer {
	t.Helper()
	s := &SSHServer{Passphrase: "correct horse battery staple", reposDir: reposDir, sshd: needSSHD(t), dir: t.TempDir()}
	me, err := user.Current()
	if err != nil {
		t.Skip("needs the name of the current user")
	}
	s.User = me.Username
	s.writeKeys(t)
	s.config = filepath.Join(s.dir, "sshd_config")
	writeFile(t, s.config, strings.Join([]string{
		"HostKey " + filepath.Join(s.dir, "host_key"),
		"AuthorizedKeysFile " + filepath.Join(s.dir, "authorized_keys"),
		"StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"PermitRootLogin prohibit-password", "PidFile none", "LogLevel ERROR", "PrintMotd no", "UseDNS no",
		"SetEnv PATH=" + filepath.Join(s.dir, "bin") + ":" + os.Getenv("PATH"),
	}, "\n")+"\n")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	s.Host, s.Port = "127.0.0.1", address.Port
	s.KnownHosts = filepath.Join(s.dir, "known_hosts")
	writeFile(t, s.KnownHosts, s.KnownHostsLine(s.HostKey))
	s.wg.Go(func() { s.serve(t, listener) })
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		s.wg.Wait()
	})
	return s
}

func needSSHD(t testing.TB) string {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	if _, err := os.Stat(sshd); err != nil {
		need.Missing(t, "needs sshd")
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			need.Missing(t, "needs the folder /run/sshd: "+err.Error())
		}
	}
	return sshd
}

// URL is the ssh:// URL of the repository with this name below the repositories folder.
func (s *SSHServer) URL(name string) string {
	return fmt.Sprintf("ssh://%s@%s:%d%s", s.User, s.Host, s.Port, filepath.Join(s.reposDir, name))
}

// Command adds a program to those that can be run over ssh: a script for sh.
func (s *SSHServer) Command(t testing.TB, name, script string) {
	t.Helper()
	Write(t, filepath.Join(s.dir, "bin"), map[string]string{name + "*": "#!/bin/sh\n" + script})
}

// KnownHostsLine is the line of known_hosts that trusts key for this server.
func (s *SSHServer) KnownHostsLine(key ssh.PublicKey) string {
	return fmt.Sprintf("[%s]:%d %s", s.Host, s.Port, ssh.MarshalAuthorizedKey(key))
}

// NewKey makes a key pair and writes the private half to file.
func NewKey(t testing.TB, file string) (ssh.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(pem.EncodeToMemory(block)))
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func (s *SSHServer) writeKeys(t testing.TB) {
	t.Helper()
	s.HostKey, _ = NewKey(t, filepath.Join(s.dir, "host_key"))
	s.KeyFile, s.LockedKeyFile = filepath.Join(s.dir, "id"), filepath.Join(s.dir, "id_locked")
	var public ssh.PublicKey
	public, s.Key = NewKey(t, s.KeyFile)
	writeFile(t, filepath.Join(s.dir, "authorized_keys"), string(ssh.MarshalAuthorizedKey(public)))
	block, err := ssh.MarshalPrivateKeyWithPassphrase(s.Key, "", []byte(s.Passphrase))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.LockedKeyFile, string(pem.EncodeToMemory(block)))
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve hands each connection to an sshd of its own. They end with their connection, at the latest with the test.
func (s *SSHServer) serve(t testing.TB, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // closed
		}
		file, err := conn.(*net.TCPConn).File()
		_ = conn.Close() // the file is a duplicate
		if err != nil {
			t.Error(err)
			continue
		}
		cmd := exec.CommandContext(t.Context(), s.sshd, "-i", "-e", "-f", s.config)
		cmd.Stdin, cmd.Stdout = file, file
		err = cmd.Start()
		_ = file.Close() // the child has its own
		if err != nil {
			t.Error(err)
			continue
		}
		s.wg.Go(func() { _ = cmd.Wait() }) // a refused login is an exit code, too
	}
}
