package sourcetest

import (
	"crypto/subtle"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/preamp-build/preamp/testdata/need"
)

// HTTPOptions says how a server of HTTP asks for credentials. The zero value is a public server without TLS.
type HTTPOptions struct {
	// TLS serves https with a certificate of an authority that nobody trusts yet.
	TLS bool
	// Token is accepted as the password of basic authentication with any user name.
	Token string
	// Username and Password are accepted as basic authentication.
	Username, Password string
	// LFS, when set, answers for Git LFS behind the same credentials.
	LFS *LFSServer
	// Wrap, when set, stands in front of the repositories.
	Wrap func(http.Handler) http.Handler
}

// Server is a running server of HTTP.
type Server struct {
	// URL is where the repositories folder is, without a slash at its end.
	URL string
	// CACert is the PEM certificate to trust; nil without TLS.
	CACert []byte

	mu    sync.Mutex
	users []string
	said  []string
}

// HTTP serves the bare repositories below reposDir until the test ends, through git http-backend.
func HTTP(t testing.TB, reposDir string, o HTTPOptions) *Server {
	t.Helper()
	backend := filepath.Join(Git(t, reposDir, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		need.Missing(t, "needs git-http-backend")
	}
	s := &Server{}
	var handler http.Handler = &cgi.Handler{
		Path: backend,
		Env: []string{
			"GIT_PROJECT_ROOT=" + reposDir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
		Stderr: testLog{t},
	}
	if o.LFS != nil {
		handler = orLFS(o.LFS.proxy(), handler)
	}
	handler = s.guard(o, handler)
	if o.Wrap != nil {
		handler = o.Wrap(handler)
	}
	web := httptest.NewUnstartedServer(handler)
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are what tests are about
	if o.TLS {
		web.StartTLS()
		s.CACert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	} else {
		web.Start()
	}
	t.Cleanup(web.Close)
	s.URL = web.URL
	return s
}

// orLFS gives requests for Git LFS to the one and all others to the other.
func orLFS(lfs, git http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/info/lfs/") {
			lfs.ServeHTTP(w, r)
			return
		}
		git.ServeHTTP(w, r)
	})
}

// Users returns the user names that accepted requests were made with, in order.
func (s *Server) Users() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.users...)
}

// Authorizations returns the Authorization header of every request, accepted or not, in order; "" where there was none.
func (s *Server) Authorizations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.said...)
}

// guard lets through what has the credentials, or everything when none are asked for.
func (s *Server) guard(o HTTPOptions, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.said = append(s.said, r.Header.Get("Authorization"))
		s.mu.Unlock()
		user, password, _ := r.BasicAuth()
		ok := o.Token == "" && o.Password == ""
		ok = ok || (o.Token != "" && equal(password, o.Token))
		ok = ok || (o.Password != "" && equal(password, o.Password) && equal(user, o.Username))
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			// Some hosts quote the request in their answer.
			http.Error(w, "refused: "+r.Header.Get("Authorization")+" "+password, http.StatusUnauthorized)
			return
		}
		s.mu.Lock()
		s.users = append(s.users, user)
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// testLog writes a program's stderr to the test's log.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}
