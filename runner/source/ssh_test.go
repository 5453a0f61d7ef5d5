package source

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner/source/sourcetest"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

func TestCloneOverSSH(t *testing.T) {
	dir := t.TempDir()
	repo := sourcetest.NewRepo(t, dir, "shop")
	server := sourcetest.SSH(t, dir)
	socket := serveAgent(t, server)
	known := []string{server.KnownHosts}
	tests := []struct {
		name, url, commit string
		auth              Auth
	}{
		{"key", server.URL("shop.git"), "", Auth{SSHKeyFile: server.KeyFile}},
		{"key with passphrase", server.URL("shop.git"), "", Auth{SSHKeyFile: server.LockedKeyFile, SSHKeyPassphrase: server.Passphrase}},
		{"key inline", server.URL("shop.git"), "", Auth{SSHKey: read(t, server.KeyFile)}},
		{"agent", server.URL("shop.git"), "", Auth{SSHAgent: true}},
		{"wrong key and agent", server.URL("shop.git"), "", Auth{SSHKeyFile: wrongKey(t), SSHAgent: true}},
		{"commit on no branch", server.URL("shop.git"), repo.Lost, Auth{SSHKeyFile: server.KeyFile}},
		{"user beside the URL", strings.Replace(server.URL("shop.git"), server.User+"@", "", 1), "v1.0.0", Auth{SSHKeyFile: server.KeyFile, Username: server.User}},
	}
	t.Setenv("SSH_AUTH_SOCK", socket)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.auth.KnownHosts = known
			bothWays(t, func(t *testing.T, git gitProgram) {
				out, _ := mustPrepare(t, git, Request{URL: tt.url, Commit: tt.commit, Auth: tt.auth})
				if out.Name != "shop" || !strings.HasPrefix(out.CloneURL, "ssh://") {
					t.Errorf("%+v", out)
				}
				noGoroutines(t)
			})
		})
	}
}

func TestSSHFailures(t *testing.T) {
	dir := t.TempDir()
	sourcetest.NewRepo(t, dir, "shop")
	server := sourcetest.SSH(t, dir)
	other, _ := sourcetest.NewKey(t, filepath.Join(dir, "other"))
	sourcetest.Write(t, dir, map[string]string{
		"none": "", "changed": server.KnownHostsLine(other), "garbage": "one two\n", "junk": "not a key",
		"revoked": "@revoked " + server.KnownHostsLine(server.HostKey),
	})
	fingerprint := ssh.FingerprintSHA256(server.HostKey)
	port := strconv.Itoa(server.Port)
	key := Auth{SSHKeyFile: server.KeyFile, KnownHosts: []string{server.KnownHosts}}
	with := func(change func(*Auth)) Auth {
		a := key
		change(&a)
		return a
	}
	hosts := func(file string) Auth {
		return with(func(a *Auth) { a.KnownHosts = []string{filepath.Join(dir, file)} })
	}
	tests := []struct {
		name  string
		repo  string
		auth  Auth
		kind  Kind
		words []string
	}{
		{"unknown host", "shop.git", hosts("none"), KindHostKey, []string{fingerprint, "ssh-keyscan -p " + port + " 127.0.0.1 >> "}},
		{"changed host", "shop.git", hosts("changed"), KindHostKey, []string{fingerprint, "HAS CHANGED", "ssh-keygen -R '[127.0.0.1]:" + port}},
		{"revoked host", "shop.git", hosts("revoked"), KindHostKey, []string{"refused"}},
		{"inline hosts and none of them", "shop.git", with(func(a *Auth) { a.KnownHosts, a.KnownHostsText = nil, "# nobody\n" }), KindHostKey, []string{fingerprint}},
		{"no key inline", "shop.git", with(func(a *Auth) { a.SSHKeyFile, a.SSHKey = "", "junk" }), KindAuth, []string{"that was given is not a private ssh key"}},
		{"missing known_hosts", "shop.git", hosts("nope"), KindHostKey, []string{"nope"}},
		{"garbled known_hosts", "shop.git", hosts("garbage"), KindHostKey, []string{"garbage"}},
		{"wrong key", "shop.git", with(func(a *Auth) { a.SSHKeyFile = wrongKey(t) }), KindAuth, []string{"does not accept this ssh key"}},
		{"no key", "shop.git", with(func(a *Auth) { a.SSHKeyFile = "" }), KindAuth, []string{"needs an ssh key"}},
		{"missing key", "shop.git", with(func(a *Auth) { a.SSHKeyFile = "/nope" }), KindAuth, []string{"/nope"}},
		{"not a key", "shop.git", with(func(a *Auth) { a.SSHKeyFile = filepath.Join(dir, "junk") }), KindAuth, []string{"junk"}},
		{"no passphrase", "shop.git", with(func(a *Auth) { a.SSHKeyFile = server.LockedKeyFile }), KindAuth, []string{"passphrase"}},
		{"wrong passphrase", "shop.git", with(func(a *Auth) {
			a.SSHKeyFile, a.SSHKeyPassphrase = server.LockedKeyFile, "not the passphrase"
		}), KindAuth, []string{"passphrase"}},
		{"no agent", "shop.git", with(func(a *Auth) { a.SSHAgent = true }), KindAuth, []string{"SSH_AUTH_SOCK"}},
		{"no repository", "nope.git", key, KindNotRepository, []string{"nope.git"}},
	}
	t.Setenv("SSH_AUTH_SOCK", "")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			failPrepare(t, findGit(), Request{URL: server.URL(tt.repo), Auth: tt.auth}, tt.kind, tt.words...)
			noGoroutines(t)
		})
	}
}

// Host keys and a private key that come as text need no file of the user's.
func TestSSHInline(t *testing.T) {
	dir := t.TempDir()
	sourcetest.NewRepo(t, dir, "shop")
	server := sourcetest.SSH(t, dir)
	t.Setenv("TMPDIR", t.TempDir())
	auth := Auth{SSHKey: read(t, server.LockedKeyFile), SSHKeyPassphrase: server.Passphrase, KnownHostsText: read(t, server.KnownHosts)}
	mustPrepare(t, findGit(), Request{URL: server.URL("shop.git"), Auth: auth})
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "preamp-known-hosts-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, Request{Auth: auth}); strings.Contains(got, "BEGIN") || strings.Contains(got, server.Passphrase) {
			t.Errorf("%s shows credentials: %s", verb, got)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func wrongKey(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wrong")
	sourcetest.NewKey(t, file)
	return file
}

// serveAgent is an ssh agent with the key that the server takes.
func serveAgent(t *testing.T, server *sourcetest.SSHServer) (socket string) {
	t.Helper()
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: server.Key}); err != nil {
		t.Fatal(err)
	}
	// The path of a socket is short; the test's own folder may not be.
	dir, err := os.MkdirTemp("", "agent") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = listener.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = agent.ServeAgent(keys, conn) // ends with io.EOF
			_ = conn.Close()
		}
	}()
	return socket
}
