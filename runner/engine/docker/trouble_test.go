package docker_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
)

// slow passes requests on to the engine, but for those that it never answers, and tells of those that were answered.
func slow(t *testing.T, silent func(*http.Request) bool, answered ...func(*http.Request)) docker.Options {
	t.Helper()
	info, err := dockertest.Engine(t, docker.Options{}).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	socket, ok := strings.CutPrefix(info.Endpoint, "unix://")
	if !ok {
		t.Skip("needs an engine on a unix socket, not " + info.Endpoint)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	proxy.FlushInterval = -1
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if silent(r) {
			select {
			case <-r.Context().Done():
			case <-over:
			}
			return
		}
		proxy.ServeHTTP(w, r)
		for _, f := range answered {
			f(r)
		}
	}))
	t.Cleanup(func() {
		close(over)
		s.CloseClientConnections()
	})
	return docker.Options{Host: "tcp://" + s.Listener.Addr().String()}
}

// Start gives up when its context ends, wherever the engine hangs, and leaves nothing behind.
func TestStartOfASilentEngine(t *testing.T) {
	t.Parallel()
	image := dockertest.Image(t, dockertest.Engine(t, docker.Options{}))
	for _, request := range []string{"/info", "/containers/create", "/archive", "/attach", "/wait", "/start"} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			o := slow(t, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, request) })
			e, err := docker.New(o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = e.Close() }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			sp := engine.Spec{Owner: engine.NewOwner(engine.NewBuildID()), Image: image, Workspace: t.TempDir(), Dir: "/codebuild/app"}
			if _, err := e.Start(ctx, sp); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, want the context's", err)
			}
			if reaped, err := dockertest.Engine(t, docker.Options{}).Reap(t.Context(), func(o engine.Owner) bool { return o == sp.Owner }); err != nil || len(reaped) != 0 {
				t.Errorf("left behind: %v, %v", reaped, err)
			}
		})
	}
}

// An engine makes the container only when nobody waits for it any more.
func TestStartOfALateEngine(t *testing.T) {
	t.Parallel()
	image := dockertest.Image(t, dockertest.Engine(t, docker.Options{}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := slow(t, func(r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			cancel()
			<-ctx.Done()
		}
		return false
	})
	e := dockertest.Engine(t, o)
	sp := engine.Spec{Owner: engine.NewOwner(engine.NewBuildID()), Image: image, Workspace: t.TempDir(), Dir: "/codebuild/app"}
	if _, err := e.Start(ctx, sp); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's", err)
	}
	if reaped, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o == sp.Owner }); err != nil || len(reaped) != 0 {
		t.Errorf("left behind: %v, %v", reaped, err)
	}
}

// A connection on which nothing is said for long may be cut on its way to the engine. The build does not depend on it.
func TestWaitIsCut(t *testing.T) {
	t.Parallel()
	direct := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, direct)
	asked := make(chan struct{})
	once := sync.OnceFunc(func() { close(asked) })
	o := slow(t, func(r *http.Request) bool {
		switch path.Base(r.URL.Path) {
		case "wait":
			panic(http.ErrAbortHandler) // how a handler cuts a connection
		case "start": // a container that was made and has not begun is not one that has ended
			<-asked
		}
		return false
	}, func(r *http.Request) {
		if path.Base(r.URL.Path) == "json" {
			once()
		}
	})
	e := dockertest.Engine(t, o)
	c := start(t, e, engine.Spec{Image: image})
	if out := output(t, c, "echo on"); out != "on" {
		t.Errorf("printed %q", out)
	}
	if exit, err := c.Run(t.Context(), "exit 7", io.Discard); err != nil || exit.Code != 7 || !exit.Ended {
		t.Errorf("%+v, %v; want the exit code all the same", exit, err)
	}
}

// Somebody else ends the container while a command runs. That is not how a build fails.
func TestContainerIsEnded(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, e)
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = api.Close() }()
	for name, tc := range map[string]struct {
		end  func(ctx context.Context, id string) error
		want string
	}{
		"removed": {func(ctx context.Context, id string) error {
			return api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
		}, "was removed"},
		"killed": {func(ctx context.Context, id string) error { return api.ContainerKill(ctx, id, "KILL") }, "was killed"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, e, engine.Spec{Image: image})
			ended := make(chan error, 1)
			_, err := c.Run(t.Context(), "echo ready; sleep 600", onWrite(func() {
				go func() { ended <- tc.end(context.WithoutCancel(t.Context()), c.ID()) }()
			}))
			var ee *engine.Error
			if !errors.As(err, &ee) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want that the container %s", err, tc.want)
			}
			if err := errors.Join(<-ended, c.Stop(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
}

// Containers that were made and never started are left behind too.
func TestReapOfCreated(t *testing.T) {
	t.Parallel()
	e := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, e)
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = api.Close() }()
	owner := engine.NewOwner(engine.NewBuildID())
	labels := owner.Labels()
	labels["preamp.user"] = "1:1"
	created, err := api.ContainerCreate(t.Context(), &container.Config{Image: image, Labels: labels}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	reaped, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o == owner })
	if err != nil || len(reaped) != 1 || reaped[0].ID != created.ID {
		t.Errorf("reaped %v, %v; want %s", reaped, err, created.ID)
	}
	if again, err := e.Reap(t.Context(), func(o engine.Owner) bool { return o == owner }); err != nil || len(again) != 0 {
		t.Errorf("reaped again %v, %v", again, err)
	}
}
