package cache

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// killRounds is how often TestKilledAnywhere kills each kind of work: 5 times, or the value of this variable.
	killRounds = "PREAMP_KILL_ROUNDS"
	// killBegins is what the child says before it begins.
	killBegins = "it begins"
)

// TestKilledAnywhere kills a save or a collection of garbage at any moment, also between two steps that TestKilled knows of.
// What one process left is what the next one finds, so that the ruins add up.
func TestKilledAnywhere(t *testing.T) {
	rounds := 5
	if n, err := strconv.Atoi(os.Getenv(killRounds)); err == nil {
		rounds = n
	}
	for _, gc := range []bool{false, true} {
		t.Run(map[bool]string{false: "save", true: "gc"}[gc], func(t *testing.T) {
			k := &killing{dir: t.TempDir(), gc: gc, rnd: rand.New(rand.NewPCG(3, 4))}
			for i, label := range []string{"old", "new"} {
				k.trees[i] = killTreeOf(t, label)
				k.grow(t, i)
				k.want[i] = paths(t, k.trees[i])
			}
			k.save(t, plainKey, 0)
			ended := 0
			for range rounds {
				if k.round(t) {
					ended++
				}
			}
			t.Logf("killed %d times, %d of them too late", rounds, ended)
		})
	}
}

// killing is a store whose users are killed.
type killing struct {
	dir   string
	gc    bool
	rnd   *rand.Rand
	trees [2]string
	want  [2]map[string]string
	now   int           // the tree that is in the store
	took  time.Duration // the quickest child that came to its end; 0 before the first
}

// grow adds what a tree has for itself, and what does not compress.
func (k *killing) grow(t *testing.T, i int) {
	t.Helper()
	for f := range 4 {
		b := make([]byte, chunkSize/2+f*chunkSize/2)
		_, _ = rand.NewChaCha8([32]byte{byte(i), byte(f)}).Read(b) // never fails
		writeFile(t, k.trees[i], fmt.Sprint("x/random", f), string(b))
	}
}

func (k *killing) save(t *testing.T, key Key, tree int) {
	t.Helper()
	_, err := newKillStore(t, k.dir).Save(t.Context(), key, compiled(t, key), k.trees[tree])
	must(t, err)
}

// round lets a child do something, kills it and looks at what is there. It reports whether the child had come to its end.
func (k *killing) round(t *testing.T) (ended bool) {
	t.Helper()
	l, next := newKillStore(t, k.dir), 1-k.now
	if k.gc {
		other := plainKey.on("other")
		k.save(t, other, next)
		must(t, l.objects.remove(entryName(other))) // its chunks are garbage now
		next = k.now
	}
	child := childOf(t, "TestKilled", k.dir, k.trees[next], 0)
	if k.gc {
		child.Env = append(child.Env, killGC+"=1")
	}
	var after time.Duration
	if k.took > 0 {
		after = time.Duration(1 + k.rnd.Int64N(int64(k.took)))
	}
	took := strike(t, child, after)
	if took > 0 && (k.took == 0 || took < k.took) {
		k.took = took
	}
	l = newKillStore(t, k.dir)
	root := t.TempDir()
	r, err := l.Restore(t.Context(), plainKey, root)
	if err != nil || !r.Hit {
		t.Fatalf("killed after %s: %+v, %v", after, r, err)
	}
	got := paths(t, root)
	switch {
	case same(got, k.want[next]):
		k.now = next
	case took > 0 || !same(got, k.want[k.now]):
		t.Fatalf("killed after %s, or ended after %s: what is restored is neither tree", after, took)
	}
	_, err = l.GC(t.Context())
	must(t, err)
	noGarbage(t, l, plainKey.App)
	must(t, os.RemoveAll(root))
	return took > 0
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, what := range a {
		if b[name] != what {
			return false
		}
	}
	return true
}

// strike starts a child and kills it so long after it has begun, or not at all for 0. It answers how long the child took if it
// came to its end.
func strike(t *testing.T, child *exec.Cmd, after time.Duration) (took time.Duration) {
	t.Helper()
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != killBegins {
	}
	began := time.Now()
	if after > 0 {
		time.Sleep(after) // it is not waited for anything: this is the moment
		must(t, child.Process.Kill())
	}
	var said strings.Builder
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
	}
	err = child.Wait()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Exited()) {
		t.Fatalf("%v: %s", err, said.String())
	}
	if err == nil {
		took = time.Since(began)
	}
	return took
}
