package source

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// lfsFake answers as a server might that nobody should trust.
type lfsFake struct {
	t       *testing.T
	batch   func(r *http.Request, oid string, size int64) any
	storage http.HandlerFunc
	mu      sync.Mutex
	asked   []string // host/path authorization
}

func (f *lfsFake) serve() *httptest.Server {
	s := httptest.NewServer(f)
	f.t.Cleanup(s.Close)
	return s
}

func (f *lfsFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, r.URL.Path+" "+r.Header.Get("Authorization")+r.Header.Get("X-Secret"))
	f.mu.Unlock()
	if !strings.HasSuffix(r.URL.Path, "/objects/batch") {
		f.storage(w, r)
		return
	}
	var ask lfsRequest
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		f.t.Error(err)
	}
	var objects []any
	for _, o := range ask.Objects {
		objects = append(objects, f.batch(r, o.OID, o.Size))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"objects": objects})
}

func TestLFSHostile(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	const content = "the content"
	sum := sha256.Sum256([]byte(content))
	oid := hex.EncodeToString(sum[:])
	stranger := &lfsFake{t: t, storage: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(content)) }}
	elsewhere := stranger.serve()
	at := func(href string, more ...string) func(*http.Request, string, int64) any {
		return func(r *http.Request, oid string, size int64) any {
			if strings.HasPrefix(href, "/") {
				href = "http://" + r.Host + href
			}
			header := map[string]string{}
			for n := 0; n < len(more); n += 2 {
				header[more[n]] = more[n+1]
			}
			return map[string]any{"oid": oid, "size": size, "actions": map[string]any{"download": map[string]any{"href": href, "header": header}}}
		}
	}
	send := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	for _, tt := range []struct {
		name    string
		batch   func(*http.Request, string, int64) any
		storage http.HandlerFunc
		say     string // "" when the file is had
	}{
		{"honest", at("/x"), send(content), ""},
		{"storage elsewhere", at(elsewhere.URL + "/x"), nil, ""},
		{"redirect elsewhere", at("/x", "X-Secret", "s3cr3t-header"), func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/y", http.StatusFound)
		}, ""},
		{"too much", at("/x"), func(w http.ResponseWriter, _ *http.Request) {
			for { // for ever: the client has to hang up
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "larger than the 11 bytes"},
		{"too little", at("/x"), send("the"), "has 3 bytes"},
		{"other content", at("/x"), send("not content"), "not the one that the pointer says"},
		{"a file", at("file:///etc/passwd"), nil, "not safe"},
		{"no host", at("http:///x"), nil, "not safe"},
		{"nothing offered", func(_ *http.Request, oid string, size int64) any { return map[string]any{"oid": oid, "size": size} }, nil, "offers no download"},
		{"other object", func(*http.Request, string, int64) any { return map[string]any{"oid": strings.Repeat("1", 64)} }, nil, "offers no download"},
		{"gone", func(_ *http.Request, oid string, _ int64) any {
			return map[string]any{"oid": oid, "error": map[string]any{"code": 404, "message": "no such\x1b[31m object"}}
		}, nil, "no such[31m object (404)"},
		{"refused", at("/x"), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "403"},
		{"broken for good", at("/x"), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "502"},
		{"redirects for ever", at("/x"), func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, "too often"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake := &lfsFake{t: t, batch: tt.batch, storage: tt.storage}
			web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Wrap: func(git http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, ".git/") && !strings.Contains(r.URL.Path, "/info/lfs/") {
						git.ServeHTTP(w, r)
						return
					}
					fake.ServeHTTP(w, r)
				})
			}})
			name := strings.ReplaceAll(tt.name, " ", "-")
			pointerRepo(t, dir, name, map[string]string{"x.bin": fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, len(content))})
			out, dest := mustPrepare(t, findGit(), Request{URL: web.URL + "/" + name + ".git", Auth: Auth{Token: token}})
			got := files(t, dest)["x.bin"]
			if tt.say == "" {
				if got != content || len(out.Problems) > 0 {
					t.Errorf("%q, %+v", got, out.Problems)
				}
			} else if len(out.Problems) != 1 || !strings.Contains(out.Problems[0].Err.Message, tt.say) || !strings.HasPrefix(got, "version ") {
				t.Errorf("%q, %+v", got, out.Problems)
			} else if !slices.Equal(out.Problems[0].Paths, []string{"x.bin"}) || strings.Contains(out.Problems[0].Err.Message, token) {
				t.Errorf("%+v", out.Problems)
			}
			if fake.asked[0] != "/"+name+".git/info/lfs/objects/batch Basic "+base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token)) {
				t.Errorf("asked %q", fake.asked)
			}
			if left, _ := filepath.Glob(filepath.Join(dest, ".git", "lfs", "objects", "*", "*", "*.part")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			noGoroutines(t)
		})
	}
	// Each is asked for twice: a mirror has it the third time.
	if want := []string{"/x ", "/x ", "/y ", "/y "}; !slices.Equal(stranger.asked, want) {
		t.Errorf("the other host was sent %q", stranger.asked)
	}
}

// pointerRepo makes the bare repository dir/name.git with the files as they are, all *.bin being of Git LFS.
func pointerRepo(t *testing.T, dir, name string, content map[string]string) {
	t.Helper()
	work := filepath.Join(dir, name)
	sourcetest.Git(t, dir, "init", "-q", work)
	sourcetest.Write(t, work, map[string]string{".gitattributes": "*.bin filter=lfs\n"})
	sourcetest.Write(t, work, content)
	sourcetest.Git(t, work, "-c", "filter.lfs.clean=cat", "add", "-A")
	sourcetest.Git(t, work, "commit", "-q", "-m", "Pointers")
	sourcetest.Git(t, dir, "clone", "-q", "--bare", work, filepath.Join(dir, name+".git"))
}

// .lfsconfig may send the client elsewhere, but not with the clone's credentials, and only over http.
func TestLFSConfig(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	const content = "the content"
	sum := sha256.Sum256([]byte(content))
	text := fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%x\nsize %d\n", sum, len(content))
	elsewhere := &lfsFake{t: t, storage: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(content)) }}
	elsewhere.batch = func(r *http.Request, oid string, size int64) any {
		return map[string]any{"oid": oid, "size": size, "actions": map[string]any{"download": map[string]any{"href": "http://" + r.Host + "/x"}}}
	}
	other := elsewhere.serve()
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Token: token})
	for _, tt := range []struct {
		name, config, want string
		problems           int
	}{
		{"url", "[lfs]\n\turl = " + other.URL + "/store\n", "/store/objects/batch ", 0},
		{"remote", "[remote \"origin\"]\n\tlfsurl = " + other.URL + "/r\n", "/r/objects/batch ", 0},
		{"own-login", "[lfs]\n\turl = " + strings.Replace(other.URL, "//", "//bob:builder@", 1) + "/b\n", "/b/objects/batch Basic Ym9iOmJ1aWxkZXI=", 0},
		{"file", "[lfs]\n\turl = file:///etc\n", "", 1},
		{"ssh", "[lfs]\n\turl = git@example.com:x\n", "", 1},
		{"command", "[lfs]\n\turl = ext::sh\n[lfs \"customtransfer.x\"]\n\tpath = sh\n", "", 1},
		{"broken", "[lfs\n", "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pointerRepo(t, dir, tt.name, map[string]string{"x.bin": text, ".lfsconfig": tt.config})
			elsewhere.asked = nil
			out, dest := mustPrepare(t, findGit(), Request{URL: web.URL + "/" + tt.name + ".git", Auth: Auth{Token: token}})
			if len(out.Problems) != tt.problems {
				t.Fatalf("%+v", out.Problems)
			}
			if tt.problems == 0 && (files(t, dest)["x.bin"] != content || elsewhere.asked[0] != tt.want) {
				t.Errorf("asked %q", elsewhere.asked)
			}
			if text := strings.Join(elsewhere.asked, "\n"); strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))) {
				t.Errorf("the token was sent elsewhere: %s", text)
			}
		})
	}
}

// Two pointers may give one content two sizes. One of them lies.
func TestLFSTwoSizes(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	const content = "the content"
	text := func(size int) string {
		return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%x\nsize %d\n", sha256.Sum256([]byte(content)), size)
	}
	fake := &lfsFake{t: t, storage: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(content)) }}
	fake.batch = func(r *http.Request, oid string, size int64) any {
		return map[string]any{"oid": oid, "size": size, "actions": map[string]any{"download": map[string]any{"href": "http://" + r.Host + "/x"}}}
	}
	pointerRepo(t, dir, "shop", map[string]string{
		"a.bin": text(5), "b.bin": text(len(content)), "c.bin": text(1 << 40), ".lfsconfig": "[lfs]\n\turl = " + fake.serve().URL + "\n",
	})
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	out, dest := mustPrepare(t, findGit(), Request{URL: web.URL + "/shop.git"})
	if got := files(t, dest); got["b.bin"] != content || got["a.bin"] != text(5) || got["c.bin"] != text(1<<40) || len(out.Problems) != 2 {
		t.Errorf("%v, %+v", got, out.Problems)
	}
}

// A download that is cancelled leaves nothing.
func TestLFSCancelled(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	reached := make(chan struct{}, 1)
	fake := &lfsFake{t: t, storage: func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("the"))
		_ = http.NewResponseController(w).Flush()
		reached <- struct{}{}
		<-r.Context().Done()
	}}
	fake.batch = func(r *http.Request, oid string, size int64) any {
		return map[string]any{"oid": oid, "size": size, "actions": map[string]any{"download": map[string]any{"href": "http://" + r.Host + "/x"}}}
	}
	pointerRepo(t, dir, "shop", map[string]string{
		"x.bin":      "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0a", 32) + "\nsize 11\n",
		".lfsconfig": "[lfs]\n\turl = " + fake.serve().URL + "\n",
	})
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	stopped := errors.New("stopped by the user")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-reached
		cancel(stopped)
	}()
	dest := filepath.Join(t.TempDir(), "dest")
	if _, err := Prepare(ctx, Request{URL: web.URL + "/shop.git", Dest: dest}); !errors.Is(err, stopped) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dest); !errors.Is(err, os.ErrNotExist) {
		t.Error("the destination is still there")
	}
	noGoroutines(t)
}
