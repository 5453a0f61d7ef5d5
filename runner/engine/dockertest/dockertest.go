// Package dockertest finds the Docker engine and the image that tests use, or skips and says what is missing.
//
// CI sets PREAMP_REQUIRE_DOCKER=1: what would be a skip is a failure then, so that a green run has really used an engine.
package dockertest

import (
	"os"
	"testing"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
)

// DefaultImage is what tests run in when PREAMP_TEST_IMAGE names nothing else; `make test` builds it.
const DefaultImage = "preamp/debian:latest"

// Engine is a reachable engine. The test is skipped when there is none.
func Engine(t *testing.T, o docker.Options) *docker.Engine {
	t.Helper()
	e, err := docker.New(o)
	if err == nil {
		_, err = e.Info(t.Context())
	}
	if err != nil {
		skip(t, "needs a container engine: "+err.Error())
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// Image is the name of an image with bash, git and node in it. The test is skipped when the engine does not have it.
func Image(t *testing.T, e *docker.Engine) string {
	t.Helper()
	ref := os.Getenv("PREAMP_TEST_IMAGE")
	if ref == "" {
		ref = DefaultImage
	}
	if _, err := e.Image(t.Context(), ref, engine.Pull{Policy: engine.PullNever}, nil); err != nil {
		skip(t, "needs the image "+ref+" (preamp image build debian): "+err.Error())
	}
	return ref
}

func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("PREAMP_REQUIRE_DOCKER") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
