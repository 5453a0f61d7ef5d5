package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
)

// archive is a tar with one file in it.
func archive(t *testing.T, name, content string) io.Reader {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	if err := errors.Join(
		tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}),
		func() error { _, err := tw.Write([]byte(content)); return err }(), tw.Close(),
	); err != nil {
		t.Fatal(err)
	}
	return &buf
}

func TestImageBuilder(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, e)
	label := "preamp.test=" + engine.NewBuildID()
	t.Run("import", func(t *testing.T) {
		const tag = "preamp-test/imported:1"
		img, err := e.ImportImage(t.Context(), archive(t, "file", "content"), tag, []string{"LABEL " + label, "ENV A=b"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { removeImage(t, img.ID) })
		if again, err := e.Image(t.Context(), tag, engine.Pull{Policy: engine.PullNever}, nil); err != nil || again.ID != img.ID {
			t.Errorf("by its name: %+v, %v; want %s", again, err, img.ID)
		}
		_, err = e.Probe(t.Context(), img.ID, "echo here")
		var ee *engine.Error
		if !errors.As(err, &ee) || ee.Kind != engine.KindImageUnfit {
			t.Errorf("probe: %v, want KindImageUnfit", err)
		}
	})
	t.Run("build", func(t *testing.T) {
		const tag, second = "preamp-test/built:1", "preamp-test/built:second"
		key, value, _ := strings.Cut(label, "=")
		var lines []string
		img, err := e.BuildImage(t.Context(), archive(t, "Dockerfile", "FROM "+image+"\nRUN : "+value+" && echo said && touch /made\n"), tag,
			map[string]string{key: value}, func(line string) { lines = append(lines, line) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { removeImage(t, img.ID) })
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "said" }) {
			t.Errorf("the build's output: %q", lines)
		}
		if err := e.TagImage(t.Context(), img.ID, second); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{tag, second} {
			if again, err := e.Image(t.Context(), name, engine.Pull{Policy: engine.PullNever}, nil); err != nil || again.ID != img.ID || again.Labels[key] != value {
				t.Errorf("%s: %+v, %v", name, again, err)
			}
		}
		list, err := e.ListImages(t.Context(), label)
		if err != nil || !slices.ContainsFunc(list, func(i engine.Image) bool { return i.ID == img.ID }) {
			t.Errorf("listed %+v, %v", list, err)
		}
		out, err := e.Probe(t.Context(), tag, "ls /made; echo problem >&2; exit 3")
		if err != nil || string(out) != "/made\n" {
			t.Errorf("probe: %q, %v", out, err)
		}
	})
	t.Run("a build that fails", func(t *testing.T) {
		_, err := e.BuildImage(t.Context(), archive(t, "Dockerfile", "FROM "+image+"\nRUN exit 7\n"), "preamp-test/failed:1", nil, nil)
		if err == nil || !strings.Contains(err.Error(), "7") {
			t.Errorf("%v, want the exit code", err)
		}
	})
	t.Run("a probe is cancelled", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.Probe(ctx, image, "sleep 600"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's", err)
		}
	})
}

// npm finds its modules compiled in our own image, as long as that was made on such a CPU: what it runs is there already, and only
// what is not is written.
func TestCompileCache(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	image := dockertest.Image(t, e)
	img, err := e.Image(t.Context(), image, engine.Pull{Policy: engine.PullNever}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if img.Labels["preamp.recipe.name"] == "" {
		t.Skip("needs an image of preamp's own: " + image + " is none")
	}
	out, err := e.Probe(t.Context(), image, `
		count() { find /tmp/node-compile-cache -type f | wc -l; }
		cd "$(mktemp -d)" && echo '{"name": "site", "version": "1.0.0"}' >package.json
		before=$(count)
		npm install --offline --no-audit --no-fund >/dev/null
		echo "$before $(($(count) - before))"
		stat -c '%a %U' /tmp /tmp/node-compile-cache
	`)
	if err != nil {
		t.Fatal(err)
	}
	var there, written int
	if _, err := fmt.Sscan(string(out), &there, &written); err != nil || there < 300 || written > 20 {
		t.Errorf("%s: %d modules were there, %d were written; want hundreds, and next to none", out, there, written)
	}
	_, rest, _ := strings.Cut(string(out), "\n")
	if diff := cmp.Diff("1777 root\n1777 root\n", rest); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
