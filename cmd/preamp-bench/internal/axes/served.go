package axes

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
)

// served is a server of bare repositories on this machine, through git's own program.
type served struct {
	url  string
	stop func()
	big  *trees.History
}

// Serve serves the bare repositories in a folder until stop is called.
func Serve(ctx context.Context, dir string) (url string, stop func(), err error) {
	r, err := proc.Run(ctx, proc.Cmd{Args: []string{"git", "--exec-path"}})
	if err != nil {
		return "", nil, err
	}
	backend := filepath.Join(strings.TrimSpace(string(r.Out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return "", nil, errors.New("needs git-http-backend, which comes with git")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &cgi.Handler{
		Path: backend,
		Env: []string{
			"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
		Stderr: io.Discard,
	}}
	go func() { _ = server.Serve(listener) }() // ends with the server
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

// served is the large repository and its server, which are made once. It grows by what each axis adds to it.
func (b *Bench) served(ctx context.Context) (*served, error) {
	if b.history != nil {
		return b.history, nil
	}
	dir, err := b.Folder("repositories")
	if err != nil {
		return nil, err
	}
	b.Say("  making a repository")
	big, err := trees.NewHistory(ctx, filepath.Join(dir, "big.git"), b.Scaled(2800), b.Scaled(3000), map[string]string{
		"amplify.yml": specOf(threeTrue, nil, "public"), "public/index.html": "<p>Hello\n",
	})
	if err != nil {
		return nil, err
	}
	url, stop, err := Serve(ctx, dir)
	if err != nil {
		return nil, err
	}
	b.history = &served{url: url + "/big.git", big: big, stop: stop}
	return b.history, nil
}
