package source

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// childVariable makes this test program clone by way of a mirror, and be killed for it.
const childVariable = "PREAMP_TEST_MIRROR_CHILD"

func TestMirrorChild(t *testing.T) {
	words := strings.Split(os.Getenv(childVariable), "\n")
	if len(words) != 4 {
		t.Skip("needs to be started by TestMirrorKilled")
	}
	_, err := prepare(t.Context(), Request{URL: words[0], Mirror: words[1], Dest: words[2]}, gitProgram(words[3]))
	must(t, err)
}

// killer stands in front of a server and kills a process when it has asked for something.
type killer struct {
	at   string // info/refs, git-upload-pack, or git-upload-pack+ for when that has been answered
	kill atomic.Pointer[func()]
}

func (k *killer) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kill := k.kill.Load()
		place, after := strings.CutSuffix(k.at, "+")
		if kill == nil || !strings.HasSuffix(r.URL.Path, place) {
			next.ServeHTTP(w, r)
			return
		}
		if after {
			next.ServeHTTP(w, r)
			_ = http.NewResponseController(w).Flush()
		} else if place == "git-upload-pack" { // in the middle of the answer
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			_, _ = w.Write([]byte("0008NAK\n0016\x01PACK\x00\x00\x00\x02\x00\x00\x00\x09zz"))
			_ = http.NewResponseController(w).Flush()
		}
		(*kill)()
	})
}

// A process that is killed, whatever it is doing, leaves a mirror of which the next clone is right.
func TestMirrorKilled(t *testing.T) {
	hermetic(t)
	for _, at := range []string{"info/refs", "git-upload-pack", "git-upload-pack+"} {
		t.Run(strings.NewReplacer("/", "-", "+", "-after").Replace(at), func(t *testing.T) {
			bothWays(t, func(t *testing.T, git gitProgram) {
				k := &killer{at: at}
				dir := t.TempDir()
				repo := sourcetest.NewRepo(t, dir, "shop")
				web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{Wrap: k.wrap})
				u := upstreamRepo{t: t, repo: repo, url: web.URL + "/shop.git"}
				mirror := t.TempDir()
				for _, change := range []func(){
					func() {}, func() { u.commit("a") }, func() { u.git("commit", "-q", "--amend", "-m", "Amended") },
				} {
					change()
					u.push()
					killClone(t, k, u.url, mirror, git)
					u.clone(git, Request{Mirror: mirror})
				}
			})
		})
	}
}

// killClone starts a clone in another process, which is killed on its way.
func killClone(t *testing.T, k *killer, url, mirror string, git gitProgram) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestMirrorChild$")
	dest := filepath.Join(t.TempDir(), "src")
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join([]string{url, mirror, dest, string(git)}, "\n"))
	started := make(chan struct{})
	var once sync.Once
	kill := func() {
		<-started
		once.Do(func() { _ = cmd.Process.Kill() })
	}
	k.kill.Store(&kill)
	must(t, cmd.Start())
	close(started)
	err := cmd.Wait()
	k.kill.Store(nil)
	var exit *exec.ExitError
	// After the last answer it may have come to its end before it was killed.
	if !errors.As(err, &exit) && !strings.HasSuffix(k.at, "+") {
		t.Errorf("the clone ended by itself: %v", err)
	}
}

// Several builds at once, while the branch moves, are all right.
func TestMirrorShared(t *testing.T) {
	hermetic(t)
	u, mirror := newUpstream(t), t.TempDir()
	for round := range 3 {
		u.commit(strings.Repeat("x", round+1))
		if round == 2 {
			u.git("commit", "-q", "--amend", "-m", "Amended")
		}
		u.push()
		want := u.git("rev-parse", "main")
		var group sync.WaitGroup
		for n := range 4 {
			dest := filepath.Join(t.TempDir(), "src")
			git := []gitProgram{findGit(), ""}[n%2]
			group.Go(func() {
				out, err := prepare(t.Context(), Request{URL: u.url, Mirror: mirror, Dest: dest}, git)
				if err != nil || out.Commit != want {
					t.Errorf("%+v, %v", out, err)
					return
				}
				sourcetest.Git(t, dest, "fsck", "--strict", "--no-dangling")
			})
		}
		group.Wait()
	}
	u.clone(findGit(), Request{Mirror: mirror})
}
