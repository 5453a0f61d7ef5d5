package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"
)

// endpoint is where an engine is reached, and what says so.
type endpoint struct {
	host    string // "" = the library's default
	tlsDir  string // folder with ca.pem, cert.pem, key.pem; "" = none of a context's
	noCheck bool   // the context asks to skip verification
	from    string // for messages
}

// findEndpoint follows the docker CLI: an explicit address, DOCKER_HOST, DOCKER_CONTEXT, the CLI's current context, then
// the default socket. Where that socket is missing, Podman's and rootless Docker's are looked for.
func findEndpoint(o Options) (endpoint, error) {
	switch {
	case o.Host != "":
		return endpoint{host: o.Host, from: "--docker-host"}, nil
	case o.Context != "":
		return contextEndpoint(o.Context)
	case os.Getenv("DOCKER_HOST") != "":
		return endpoint{host: os.Getenv("DOCKER_HOST"), from: "DOCKER_HOST"}, nil
	case os.Getenv("DOCKER_CONTEXT") != "":
		return contextEndpoint(os.Getenv("DOCKER_CONTEXT"))
	}
	name, err := currentContext()
	if err != nil {
		return endpoint{}, err
	}
	if name != "" && name != "default" {
		return contextEndpoint(name)
	}
	for _, path := range socketCandidates() {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			return endpoint{host: "unix://" + path, from: "socket"}, nil
		}
	}
	return endpoint{from: "default"}, nil
}

// socketCandidates are the places where engines listen on this machine, the most usual first.
func socketCandidates() []string {
	paths := []string{"/var/run/docker.sock"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		paths = append(paths, filepath.Join(dir, "docker.sock"), filepath.Join(dir, "podman", "podman.sock"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, filepath.Join(home, ".docker", "run", "docker.sock"),
			filepath.Join(home, ".colima", "default", "docker.sock"))
	}
	return append(paths, "/run/podman/podman.sock")
}

// currentContext is the context that `docker context use` chose; "" when none was.
func currentContext() (string, error) {
	file, err := config.Load(config.Dir())
	if err != nil {
		return "", fmt.Errorf("read the docker configuration: %w", err)
	}
	return file.CurrentContext, nil
}

// contextEndpoint reads a context out of the CLI's store, where each has a folder named by the hash of its name.
func contextEndpoint(name string) (endpoint, error) {
	if name == "default" {
		return endpoint{from: "context default"}, nil
	}
	dir := config.Dir()
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	raw, err := os.ReadFile(filepath.Join(dir, "contexts", "meta", id, "meta.json"))
	if errors.Is(err, os.ErrNotExist) {
		return endpoint{}, fmt.Errorf("there is no docker context %q (docker context ls lists them)", name)
	}
	if err != nil {
		return endpoint{}, fmt.Errorf("read docker context %q: %w", name, err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		return endpoint{}, fmt.Errorf("read docker context %q: %w", name, err)
	}
	ep, ok := meta.Endpoints["docker"]
	if !ok {
		return endpoint{}, fmt.Errorf("docker context %q has no docker endpoint", name)
	}
	found := endpoint{host: ep.Host, noCheck: ep.SkipTLSVerify, from: "context " + name}
	tls := filepath.Join(dir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(tls); err == nil {
		found.tlsDir = tls
	}
	return found, nil
}

// clientOptions turn the endpoint into options of the library.
func (ep endpoint) clientOptions() ([]client.Opt, error) {
	if ep.host == "" {
		return []client.Opt{client.FromEnv}, nil
	}
	helper, err := connhelper.GetConnectionHelper(ep.host)
	if err != nil {
		return nil, err
	}
	if helper != nil { // ssh://: the CLI's own way, `docker system dial-stdio` at the other end
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return helper.Dialer(ctx, "", "") }
		return []client.Opt{
			client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: dial}}),
			client.WithHost(helper.Host),
			client.WithDialContext(dial),
		}, nil
	}
	var opts []client.Opt // those that set the HTTP client come before the host, which configures it
	switch {
	case ep.tlsDir != "":
		if opts, err = withTLS(ep.tlsDir, ep.noCheck); err != nil {
			return nil, err
		}
	case ep.from == "DOCKER_HOST":
		opts = append(opts, client.WithTLSClientConfigFromEnv())
	}
	return append(opts, client.WithHost(ep.host)), nil
}

// withTLS uses the files of a context that are there: one may hold only a CA.
func withTLS(dir string, noCheck bool) ([]client.Opt, error) {
	file := func(name string) string {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil {
			return ""
		}
		return path
	}
	config, err := tlsconfig.Client(tlsconfig.Options{
		CAFile: file("ca.pem"), CertFile: file("cert.pem"), KeyFile: file("key.pem"), InsecureSkipVerify: noCheck,
	})
	if err != nil {
		return nil, fmt.Errorf("read the certificates in %s: %w", dir, err)
	}
	return []client.Opt{client.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: config}})}, nil
}

// local reports whether the engine may see the folders of this machine. A unix socket can still lead into a virtual
// machine; Start finds out when a bind mount fails.
func (ep endpoint) local() bool {
	return ep.host == "" || strings.HasPrefix(ep.host, "unix://") || strings.HasPrefix(ep.host, "npipe://")
}

// user is the user whose the engine's socket is; a rootless engine's is that of the user who runs it.
func (ep endpoint) user() (uid int, ok bool) {
	socket, found := strings.CutPrefix(ep.host, "unix://")
	if !found {
		return 0, false
	}
	info, err := os.Stat(socket)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// String is the address without any credentials.
func (ep endpoint) String() string {
	host := ep.host
	if host == "" {
		host = client.DefaultDockerHost
	}
	if u, err := url.Parse(host); err == nil && u.User != nil {
		u.User = url.User(u.User.Username())
		host = u.String()
	}
	return host
}
