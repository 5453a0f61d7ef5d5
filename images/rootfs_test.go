//go:build unix

package images

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/testdata/need"
)

func scripted(script string) Recipe {
	return finish(Recipe{
		Name: "test", Kind: Rootfs, Platforms: []string{"linux/amd64"},
		files: []file{{"rootfs.sh", 0o755, script}, {"beside", 0o644, "a file beside it"}},
	})
}

// emptyTemp gives the test a temporary folder of its own and checks at the end
// that nothing is left in it.
func emptyTemp(t *testing.T) {
	t.Helper()
	need.Program(t, "bash")
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Error(err)
		}
		for _, e := range left {
			t.Errorf("left behind: %s", e.Name())
		}
	})
}

func TestBuildRootfs(t *testing.T) {
	emptyTemp(t)
	script := `set -eu
echo "building $1" >&2
mktemp -d >/dev/null
printf 'no end\rof line' >&2
cat "$(dirname "$0")/beside"`
	var out bytes.Buffer
	var lines []string
	err := BuildRootfs(t.Context(), scripted(script), "amd64", &out, func(l string) { lines = append(lines, l) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("a file beside it", out.String()); diff != "" {
		t.Errorf("tar (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"building amd64", "of line"}, lines); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

func TestBuildRootfsErrors(t *testing.T) {
	emptyTemp(t)
	debian, al2023 := mustLookup(t, "debian"), mustLookup(t, "al2023")
	tests := []struct {
		name   string
		recipe Recipe
		arch   string
		is     error
		says   []string
	}{
		{"script fails", scripted("for i in $(seq 100); do echo line $i >&2; done; exit 9"), "amd64", nil, []string{"exit status 9", "line 81\n", "line 100", `"test" (amd64)`}},
		{"something to install", scripted("echo 'hint: apt-get install x' >&2; exit 3"), "amd64", ErrNeeds, []string{"hint: apt-get install x"}},
		{"other architecture", debian, "riscv64", nil, []string{"riscv64", "linux/amd64, linux/arm64"}},
		{"other kind", al2023, "amd64", ErrKind, []string{"al2023", "dockerfile"}},
		{"no recipe", Recipe{Name: "zero"}, "amd64", ErrKind, []string{"zero"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := BuildRootfs(t.Context(), tt.recipe, tt.arch, &bytes.Buffer{}, nil)
			if err == nil {
				t.Fatal("no error")
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q does not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), "line 80\n") {
				t.Errorf("error is too long: %q", err)
			}
		})
	}
}

func TestBuildRootfsWriteError(t *testing.T) {
	emptyTemp(t)
	// The script would never end by itself: it must notice that nobody reads.
	err := BuildRootfs(t.Context(), scripted("while printf %1000s; do :; done 2>/dev/null; exit 1"), "amd64", failingWriter{}, nil)
	if err == nil {
		t.Error("no error although nothing could be written")
	}
}

func TestBuildRootfsCancelled(t *testing.T) {
	emptyTemp(t)
	errStop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	// The child holds the output open: the call can only return once the whole
	// group is gone. The trap shows that there is time to clean up.
	script := `trap 'echo cleaned >&2; exit 1' TERM
sleep 1000 &
echo ready >&2
wait`
	var lines []string
	err := BuildRootfs(ctx, scripted(script), "amd64", &bytes.Buffer{}, func(l string) {
		if lines = append(lines, l); l == "ready" {
			cancel(errStop)
		}
	})
	if !errors.Is(err, errStop) {
		t.Errorf("error %v does not wrap the cause", err)
	}
	if diff := cmp.Diff([]string{"ready", "cleaned"}, lines); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

func TestBuildRootfsAlreadyCancelled(t *testing.T) {
	emptyTemp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := BuildRootfs(ctx, scripted("echo ran >&2"), "amd64", &bytes.Buffer{}, func(l string) { t.Errorf("it ran: %s", l) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestRunGroupKillsTheStubborn(t *testing.T) {
	t.Parallel()
	need.Program(t, "bash")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.Command("bash", "-c", `trap '' TERM; echo ready; while :; do sleep 1000; done`)
	cmd.Stdout = &lineWriter{emit: func(string) { cancel() }}
	err := runGroup(ctx, cmd, time.Millisecond)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error is %v, want a kill", err)
	}
}
