package docker_test

import (
	"io"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
)

var ours = regexp.MustCompile(`runner/(engine/docker|session)\.\S+\(`)

// running are the calls of ours that goroutines of this process are in.
func running() [][]byte {
	stacks := make([]byte, 1<<20)
	return ours.FindAll(stacks[:runtime.Stack(stacks, true)], -1)
}

// A worker starts containers for months: nothing of one may stay in this process. Not parallel, to be alone with its
// goroutines.
func TestNothingStays(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, e)
	for _, command := range []string{"true", "exit 3", "yes & sleep 0.1", "kill -9 $$"} {
		c := start(t, e, engine.Spec{Image: image})
		if len(running()) == 0 {
			t.Fatal("the goroutines of a started container are not seen")
		}
		if _, err := c.Run(t.Context(), command, io.Discard); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if len(running()) == 0 {
			return
		}
		<-tick.C
	}
	t.Errorf("still running: %s", running())
}
