package sourcetest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/preamp-build/preamp/testdata/need"
)

// lfsModule has the server that Git LFS's own tests use. It is not in go.mod: only tests run it, as a process.
const lfsModule = "github.com/git-lfs/git-lfs/v3@v3.7.1"

// LFSServer is a running server of Git LFS.
type LFSServer struct {
	// URL is where it listens, with the credentials that it wants. Below it, NAME.git/info/lfs is the service for the
	// repository NAME.
	URL *url.URL
}

// LFS runs the server of Git LFS's own tests until the test ends. It skips the test when that, or the client git-lfs,
// cannot be had.
func LFS(t testing.TB) *LFSServer {
	t.Helper()
	need.Program(t, "git-lfs")
	if testing.Short() {
		t.Skip("needs a Go proxy, for the server of Git LFS")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), buildLFS(t, dir))
	cmd.Dir = dir // it writes its addresses into files
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LFSTEST_DIR=" + dir}
	cmd.Stdout = testLog{t}
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	says := bufio.NewScanner(out)
	says.Buffer(nil, 16<<20)
	started := make(chan *url.URL, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(started)
		address := regexp.MustCompile(`server url: (http://\S+)`)
		for says.Scan() {
			if found := address.FindStringSubmatch(says.Text()); found != nil {
				if u, err := url.Parse(found[1]); err == nil {
					started <- u
				}
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended with the test's context
		<-done
		_ = cmd.Wait() // says that it was killed
	})
	u, ok := <-started
	if !ok {
		t.Fatal("the server of Git LFS ended before it listened")
	}
	u.User = url.UserPassword("user", "pass")
	return &LFSServer{URL: u}
}

// buildLFS compiles the server into dir and returns the program.
func buildLFS(t testing.TB, dir string) string {
	t.Helper()
	download := exec.Command("go", "mod", "download", "-json", lfsModule)
	download.Dir = dir
	text, err := download.Output()
	var module struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(text, &module); err != nil || jsonErr != nil || module.Dir == "" {
		need.Missing(t, fmt.Sprintf("needs the module %s: %v %s", lfsModule, err, module.Error))
	}
	program := filepath.Join(dir, "server") // it writes files named after itself
	build := exec.Command("go", "build", "-tags", "testtools", "-o", program, "./t/cmd/lfstest-gitserver.go")
	build.Dir = module.Dir
	build.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		need.Missing(t, fmt.Sprintf("needs the server of Git LFS, which does not build: %v\n%s", err, out))
	}
	return program
}

// Service is the URL of the service for a repository, with credentials, as git-lfs takes it for lfs.url.
func (s *LFSServer) Service(name string) string {
	return s.URL.JoinPath(name+".git", "info", "lfs").String()
}

// proxy passes requests on, with the credentials that the server wants in place of those that came.
func (s *LFSServer) proxy() http.Handler {
	alone := &http.Transport{DisableKeepAlives: true} // so that nothing of it outlasts a request
	return &httputil.ReverseProxy{Transport: alone, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: s.URL.Scheme, Host: s.URL.Host})
		password, _ := s.URL.User.Password()
		r.Out.SetBasicAuth(s.URL.User.Username(), password)
	}}
}
