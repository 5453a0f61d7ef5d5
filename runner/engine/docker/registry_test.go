package docker_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
)

// serveRegistry is a real registry on a loopback port; with a password it asks for one.
func serveRegistry(t *testing.T, user, password string) string {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		if password != "" && (u != user || p != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// push puts an image of random files into the registry and returns its reference.
func push(t *testing.T, host, user, password string) string {
	t.Helper()
	img, err := random.Image(256<<10, 3)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host+"/team/app:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img, remote.WithAuth(&authn.Basic{Username: user, Password: password})); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

func wantKind(t *testing.T, err error, kind engine.Kind) {
	t.Helper()
	var ee *engine.Error
	if !errors.As(err, &ee) || ee.Kind != kind || ee.Hint == "" {
		t.Errorf("%v (%+v), want kind %d with a hint", err, ee, kind)
	}
}

func TestPull(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	ref := push(t, serveRegistry(t, "", ""), "", "")
	t.Cleanup(func() { removeImage(t, ref) })
	_, err := e.Image(t.Context(), ref, engine.Pull{Policy: engine.PullNever}, nil)
	wantKind(t, err, engine.KindImageMissing)

	var lines []string
	img, err := e.Image(t.Context(), ref, engine.Pull{Policy: engine.PullMissing}, func(p engine.Progress) { lines = append(lines, p.Message) })
	if err != nil {
		t.Fatal(err)
	}
	if !img.Pulled || !strings.HasPrefix(img.Digest, "sha256:") || !strings.HasPrefix(img.ID, "sha256:") {
		t.Errorf("pulled %+v", img)
	}
	if len(lines) == 0 || !strings.Contains(lines[0], ref) {
		t.Errorf("progress %q", lines)
	}
	again, err := e.Image(t.Context(), ref, engine.Pull{Policy: engine.PullMissing}, nil)
	if err != nil || again.Pulled || again.ID != img.ID {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if again, err = e.Image(t.Context(), ref, engine.Pull{Policy: engine.PullAlways}, nil); err != nil || !again.Pulled {
		t.Errorf("always: %+v, %v", again, err)
	}
	_, err = e.Image(t.Context(), strings.Replace(ref, ":1", ":2", 1), engine.Pull{Policy: engine.PullMissing}, nil)
	wantKind(t, err, engine.KindImageMissing)

	// The image holds nothing but random files: what it lacks is said, and nothing is left of the attempt.
	_, err = e.Start(t.Context(), engine.Spec{Owner: engine.NewOwner(engine.NewBuildID()), Image: img.ID, Workspace: t.TempDir(), Dir: "/codebuild/app"})
	var ee *engine.Error
	if !errors.As(err, &ee) || ee.Kind != engine.KindImageUnfit {
		t.Errorf("start: %v, want KindImageUnfit", err)
	}
}

func TestPullWithLogin(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	const user, password = "u", "p4ssw0rd"
	host := serveRegistry(t, user, password)
	ref := push(t, host, user, password)
	t.Cleanup(func() { removeImage(t, ref) })
	login := func(password string) {
		dir := t.TempDir()
		auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"auths":{"`+host+`":{"auth":"`+auth+`"}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("DOCKER_CONFIG", dir)
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	_, err := e.Image(t.Context(), ref, engine.Pull{Policy: engine.PullMissing}, nil)
	wantKind(t, err, engine.KindImageAuth)
	login("wrong")
	_, err = e.Image(t.Context(), ref, engine.Pull{Policy: engine.PullMissing}, nil)
	wantKind(t, err, engine.KindImageAuth)
	login(password)
	if img, err := e.Image(t.Context(), ref, engine.Pull{Policy: engine.PullMissing}, nil); err != nil || !img.Pulled {
		t.Errorf("with the login: %+v, %v", img, err)
	}
}

// A login that comes with the job is used in place of the machine's.
func TestPullWithGivenLogin(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	const user, password = "u", "p4ssw0rd"
	host := serveRegistry(t, user, password)
	ref := push(t, host, user, password)
	t.Cleanup(func() { removeImage(t, ref) })
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	_, err := e.Image(t.Context(), ref, engine.Pull{Login: engine.RegistryLogin{Username: user, Password: "wr0ng"}}, nil)
	wantKind(t, err, engine.KindImageAuth)
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("the error shows the password: %v", err)
	}
	pull := engine.Pull{Login: engine.RegistryLogin{Username: user, Password: password}}
	if img, err := e.Image(t.Context(), ref, pull, nil); err != nil || !img.Pulled {
		t.Errorf("with the login: %+v, %v", img, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, pull); strings.Contains(got, password) {
			t.Errorf("%s shows the password: %s", verb, got)
		}
	}
}

// removeImage takes an image of a test out of the engine; it may never have got there.
func removeImage(t *testing.T, ref string) {
	t.Helper()
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = api.Close() }()
	_, err = api.ImageRemove(context.WithoutCancel(t.Context()), ref, image.RemoveOptions{Force: true, PruneChildren: true})
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Errorf("remove the test's image: %v", err)
	}
}
