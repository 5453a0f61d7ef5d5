//go:build linux

package layers_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// killRounds is how often TestKilledAnywhere kills each kind of work: 5 times, or the value of this variable.
	killRounds = "PREAMP_KILL_ROUNDS"
	// killBegins is what the child says before it begins.
	killBegins = "it begins"
	// unpackedMore is how many files the child unpacks besides two.
	unpackedMore = 100
)

// TestKilledAnywhere kills at any moment, also between two steps that TestKilled knows of. What was left by one process is what
// the next one finds, so that the ruins add up.
func TestKilledAnywhere(t *testing.T) {
	rounds := 5
	if n, err := strconv.Atoi(os.Getenv(killRounds)); err == nil {
		rounds = n
	}
	for _, do := range []string{"save", "unpack", "tidy"} {
		t.Run(do, func(t *testing.T) {
			s := newSite(t, "node_modules")
			_, _, now := s.build(t, func(dir string) {
				sh(t, dir, "mkdir -p node_modules; cd node_modules; for i in $(seq 200); do mkdir -p $((i % 20)); echo $i > $((i % 20))/$i; done")
			})
			r := rand.New(rand.NewPCG(1, 2))
			ended, took := 0, s.strike(t, do, s.prepare(t, do, 0, now), 0)
			now = s.now(t)
			for round := range rounds {
				want := s.prepare(t, do, round+1, now)
				if all := s.strike(t, do, want, time.Duration(1+r.Int64N(int64(took)))); all > 0 {
					ended, took = ended+1, min(took, all)
				}
				if do != "unpack" {
					now = s.now(t)
				}
			}
			t.Logf("killed %d times, %d of them too late", rounds, ended)
		})
	}
}

// prepared is what a child is to be started with, and what there may be afterwards.
type prepared struct {
	job  *job // nil if it saves none
	want []string
}

// prepare makes something to do where the next build would find now.
func (s *site) prepare(t *testing.T, do string, round int, now string) prepared {
	t.Helper()
	switch do {
	case "save":
		j := s.start(t, nil)
		sh(t, j.tree.Merged, fmt.Sprintf(`cd node_modules; n=%d; rm -rf $((n %% 20)); if [ -d $(((n + 7) %% 20)) ]; then mv $(((n + 7) %% 20)) r$n; fi
			mkdir -p new $((n %% 20)); for i in $(seq 100); do echo $n > new/$i; echo $n > $((n %% 20))/$i; done; mkdir ../dist; touch ../dist/f`, round))
		j.stop(t)
		return prepared{j, []string{now, s.cached(t, j.tree.Merged)}}
	case "tidy":
		for range 9 {
			_, _, now = s.build(t, func(dir string) {
				sh(t, dir, "echo more >> node_modules/3/3; mkdir -p node_modules/4; echo 4 > node_modules/4/n")
			})
		}
		return prepared{nil, []string{now}}
	}
	fresh := s.key
	fresh.Image = "new"
	must(t, s.store.Forget(fresh))
	return prepared{nil, []string{"", unpacked()}}
}

// strike starts a child and kills it so long after it has begun, or not at all for 0. It answers how long the child took if it
// came to its end.
func (s *site) strike(t *testing.T, do string, p prepared, after time.Duration) (took time.Duration) {
	t.Helper()
	cmd := s.child(t, do, 0)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != killBegins {
	}
	began := time.Now()
	if after > 0 {
		time.Sleep(after) // it is not waited for anything: this is the moment
		must(t, cmd.Process.Kill())
	}
	var said strings.Builder
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
	}
	if err := cmd.Wait(); err == nil {
		took = time.Since(began)
	} else if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if p.job != nil {
		p.job.end(t)
	}
	image := s.key.Image
	got := s.afterKill(t, do)
	s.key.Image = image
	outcome := slices.Index(p.want, got)
	if outcome < 0 || took > 0 && outcome != len(p.want)-1 {
		t.Fatalf("killed after %s, or ended after %s, it left\n%s\nwhich is not of\n%s", after, took, got, strings.Join(p.want, "or\n"))
	}
	return took
}
