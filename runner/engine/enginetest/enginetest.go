// Package enginetest is the suite that every engine passes. It is what the comments of package engine promise, as tests.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
)

// Subject is what the suite is run on.
type Subject struct {
	Engine engine.Engine
	// Image is an image with bash, for engines that have images.
	Image string
	// Limits are set on every container that the suite starts.
	Limits engine.Limits
	// Compose puts the workspaces of the suite together of layers; the engine has to be an engine.Composer.
	Compose bool
	// Ahead starts the containers of the suite before the rest is known; the engine has to be an engine.Starter.
	Ahead bool
}

// Run runs the whole suite. It leaves nothing behind.
func Run(t *testing.T, s Subject) {
	if s.Ahead {
		starter := s.Engine.(engine.Starter)
		t.Run("Ahead", func(t *testing.T) { testAhead(t, s, starter) })
		s.Engine = early{s.Engine, starter}
	}
	t.Run("Shell", func(t *testing.T) { testShell(t, s) })
	t.Run("Output", func(t *testing.T) { testOutput(t, s) })
	t.Run("End", func(t *testing.T) { testEnd(t, s) })
	t.Run("Interrupt", func(t *testing.T) { testInterrupt(t, s) })
	t.Run("Workspace", func(t *testing.T) { testWorkspace(t, s) })
	t.Run("Kit", func(t *testing.T) { testKit(t, s) })
	t.Run("Environment", func(t *testing.T) { testEnvironment(t, s) })
	t.Run("Cleanup", func(t *testing.T) { testCleanup(t, s) })
	t.Run("Parallel", func(t *testing.T) { testParallel(t, s) })
	if s.Compose {
		t.Run("Compose", func(t *testing.T) { testCompose(t, s) })
	}
}

// start starts a container around a fresh workspace; change may adapt the spec.
func start(t *testing.T, s Subject, change ...func(*engine.Spec)) (engine.Container, engine.Spec) {
	t.Helper()
	spec := engine.Spec{
		Owner: engine.NewOwner(engine.NewBuildID()), Image: s.Image, Workspace: t.TempDir(), Dir: "/codebuild/output/src1/src/app",
		Limits: s.Limits, Grace: 2 * time.Second,
	}
	for _, f := range change {
		f(&spec)
	}
	if s.Compose && spec.Stack == nil {
		spec.Stack = Stack(t, spec.Workspace)
		spec.Workspace = t.TempDir()
	}
	c, err := s.Engine.Start(t.Context(), spec)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c, spec
}

func run(t *testing.T, c engine.Container, command string, next ...string) (engine.Exit, string) {
	t.Helper()
	var out bytes.Buffer
	exit, err := c.Run(t.Context(), command, &out, next...)
	if err != nil {
		t.Fatalf("run %.80q: %v (printed %.200q)", command, err, out.String())
	}
	return exit, out.String()
}

// step is one command and what it must give.
type step struct {
	command string
	want    string // exact output; "*" = anything
	code    int
}

func runSteps(t *testing.T, c engine.Container, steps []step) {
	t.Helper()
	var commands []string
	for _, st := range steps {
		commands = append(commands, st.command)
	}
	for i, st := range steps {
		exit, out := run(t, c, st.command, commands[i+1:]...)
		if exit.Code != st.code || exit.Ended {
			t.Errorf("%q: exit %+v, want code %d (printed %.300q)", st.command, exit, st.code, out)
		}
		if st.want != "*" && out != st.want {
			t.Errorf("%q: printed %.300q, want %.300q", st.command, out, st.want)
		}
	}
}

// reset undoes what the cases of testShell do to the shell, so that they can share one.
const reset = `set +ux +o pipefail; shopt -u dotglob nullglob expand_aliases; unalias -a; unset FOO X Y; unset -f f; exec 3>&-`

func testShell(t *testing.T, s Subject) {
	cases := []struct {
		name  string
		steps []step
	}{
		{"no pipefail by default", []step{{"false | true", "", 0}, {"false; true", "", 0}}},
		{"directory", []step{{"mkdir -p a/b && cd a/b", "", 0}, {"basename $PWD", "b\n", 0}, {"cd ..; cd -", "*", 0}}},
		{"exported variable", []step{{"export FOO='b a r'", "", 0}, {`bash -c 'echo "$FOO"'`, "b a r\n", 0}}},
		{"variable that is not exported", []step{{"FOO=bar", "", 0}, {"echo $FOO; bash -c 'echo [$FOO]'", "bar\n[]\n", 0}}},
		{"function and alias", []step{{"f() { echo f$1; }", "", 0}, {"f 1", "f1\n", 0}, {"shopt -s expand_aliases; alias g='echo g'", "", 0}, {"g", "g\n", 0}}},
		{"shell options", []step{{"shopt -s dotglob nullglob", "", 0}, {"touch .hidden; echo *", ".hidden\n", 0}, {"set -o pipefail", "", 0}, {"false | true", "", 1}}},
		{"declare is global", []step{{"declare X=1; declare -a Y=(1 2)", "", 0}, {"echo $X ${Y[1]}", "1 2\n", 0}}},
		{"break, continue and return outside of anything", []step{{"break", "*", 0}, {"echo on", "on\n", 0}, {"continue; echo on", "*", 0}, {"return 4", "*", 2}, {"echo on", "on\n", 0}}},
		{"syntax errors", []step{{"if", "*", 2}, {"echo )", "*", 2}, {"echo 'open", "*", 2}, {"echo on", "on\n", 0}}},
		{"comment and nothing", []step{{"# Execute Amplify CLI with the helper script", "", 0}, {"", "", 0}, {"\n\n", "", 0}}},
		{"many lines and here document", []step{{"if true; then\n  cat <<EOF > f\nx $((1+1))\nEOF\nfi\n", "", 0}, {"cat f", "x 2\n", 0}}},
		{"bash, not sh", []step{{"[[ abc =~ b ]] && cat <(echo sub)", "sub\n", 0}}},
		{"codes", []step{{"(exit 7)", "", 7}, {"false", "", 1}, {"bash -c 'kill -9 $$'", "*", 137}, {"nosuchcommand", "*", 127}, {"echo on", "on\n", 0}}},
		{"quotes", []step{{`echo "it's" 'a "q"' \\ $'\t'`, "it's a \"q\" \\ \t\n", 0}, {"sed 's|a|'\"b\"'|g' <<< aaa", "bbb\n", 0}}},
		{"background job lives on", []step{{"(while [ ! -e go ]; do sleep 0.05; done; echo done > went) & echo bg", "bg\n", 0}, {"touch go; wait; cat went", "done\n", 0}}},
		{"background job that holds the output", []step{{"sleep 600 & echo started", "started\n", 0}, {"echo next", "next\n", 0}, {"kill $!; wait $! 2>/dev/null; true", "*", 0}}},
		{"redirected for good", []step{{"exec 3>&1 >log 2>&1", "", 0}, {"echo hidden; nosuch || true", "", 0}, {"exec >&3 2>&1; grep -c . log", "2\n", 0}}},
		{"nounset", []step{{"set -u", "", 0}, {"echo ok", "ok\n", 0}, {"set +u", "", 0}}},
		{"trace shows commands and not ours", []step{{"set -x", "*", 0}, {"true", "+ eval true\n++ true\n", 0}, {"set +x", "*", 0}, {"true", "", 0}}},
		{"input is at its end", []step{{"cat; read -r x; echo \"$? [$x]\"", "1 []\n", 0}, {"while read -r l; do echo $l; done; echo over", "over\n", 0}}},
		{"input redirected for good", []step{{"echo data > in; exec < in", "", 0}, {"echo still here", "still here\n", 0}}},
	}
	c, spec := start(t, s)
	for i, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			folder := fmt.Sprintf("%s/case%d", s.Engine.Dir(spec), i)
			runSteps(t, c, []step{{"mkdir " + folder + " && cd " + folder, "", 0}})
			runSteps(t, c, tc.steps)
			runSteps(t, c, []step{{reset, "*", 0}})
		})
	}
}

func testOutput(t *testing.T, s Subject) {
	c, _ := start(t, s)
	t.Run("without a final newline", func(t *testing.T) {
		runSteps(t, c, []step{{"printf abc", "abc", 0}, {"printf def; printf ghi >&2", "defghi", 0}, {"true", "", 0}})
	})
	t.Run("both streams in order", func(t *testing.T) {
		var want strings.Builder
		for range 200 {
			want.WriteString("o\ne\n")
		}
		runSteps(t, c, []step{{"for i in $(seq 200); do echo o; echo e >&2; done", want.String(), 0}})
	})
	t.Run("100 MB", func(t *testing.T) {
		var n counter
		exit, err := c.Run(t.Context(), "head -c 104857600 /dev/zero | tr '\\0' x", &n)
		if err != nil || exit.Code != 0 || n.bytes != 100<<20 {
			t.Fatalf("got %d bytes, exit %+v, %v", n.bytes, exit, err)
		}
		runSteps(t, c, []step{{"echo on", "on\n", 0}})
	})
	t.Run("a line of 10 MB", func(t *testing.T) {
		exit, out := run(t, c, "head -c 10485760 /dev/zero | tr '\\0' y; echo")
		if exit.Code != 0 || len(out) != 10<<20+1 || strings.Trim(out, "y") != "\n" {
			t.Fatalf("got %d bytes, exit %+v", len(out), exit)
		}
	})
	t.Run("binary", func(t *testing.T) {
		var want bytes.Buffer
		for range 3 {
			for b := range 256 {
				want.WriteByte(byte(b))
			}
		}
		want.WriteString("\x00preamp:\x00preamp:0123\x00")
		exit, out := run(t, c, `for r in 1 2 3; do for i in $(seq 0 255); do printf "\\x$(printf %02x $i)"; done; done; printf '\0preamp:\0preamp:0123\0'`)
		if exit.Code != 0 || out != want.String() {
			t.Fatalf("got %d bytes %.80q, exit %+v; want %d bytes", len(out), out, exit, want.Len())
		}
	})
	t.Run("a command of 1 MB", func(t *testing.T) {
		big := strings.Repeat("z", 1<<20)
		if exit, out := run(t, c, "x='"+big+"'; echo ${#x}"); exit.Code != 0 || out != "1048576\n" {
			t.Fatalf("exit %+v, printed %.100q", exit, out)
		}
	})
	t.Run("a writer that fails", func(t *testing.T) {
		bad := errors.New("disk full")
		exit, err := c.Run(t.Context(), "seq 100000; touch finished", failing{bad})
		if !errors.Is(err, bad) || exit.Code != 0 {
			t.Fatalf("exit %+v, error %v; want the writer's", exit, err)
		}
		runSteps(t, c, []step{{"ls finished", "finished\n", 0}})
	})
}

func testEnd(t *testing.T, s Subject) {
	cases := []struct {
		name, command, out string
		code               int
	}{
		{"exit 0", "echo bye; exit 0", "bye\n", 0},
		{"exit 3", "printf bye; exit 3", "bye", 3},
		{"exec", "exec bash -c 'echo other; exit 5'", "other\n", 5},
		{"errexit", "set -e; echo a; false; echo b", "a\n", 1},
		{"a killed bash", "echo last; kill -9 $$", "*", 137},
		{"exit with a background job", "sleep 600 & exit 2", "", 2},
		{"exit trap", "trap 'echo trapped' EXIT; exit 4", "trapped\n", 4},
		{"expansion error", `: "${NOPE:?must be set}"`, "*", -1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, _ := start(t, s)
			exit, out := run(t, c, tc.command)
			if !exit.Ended || exit.Interrupted || tc.code >= 0 && exit.Code != tc.code || tc.code < 0 && exit.Code == 0 {
				t.Errorf("exit %+v, want ended with %d", exit, tc.code)
			}
			if tc.out != "*" && out != tc.out {
				t.Errorf("printed %q, want %q", out, tc.out)
			}
			if _, err := c.Run(t.Context(), "echo more", &bytes.Buffer{}); !errors.Is(err, engine.ErrEnded) {
				t.Errorf("a command after the end: %v, want ErrEnded", err)
			}
		})
	}
}

func testInterrupt(t *testing.T, s Subject) {
	t.Run("the session survives", func(t *testing.T) {
		t.Parallel()
		testSurvives(t, s)
	})
	for name, command := range map[string]string{
		"what will not end":         `trap '' TERM; bash -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'`,
		"a loop in the shell":       "echo ready; while :; do :; done",
		"a flood":                   "trap '' TERM; yes",
		"a stopped process":         "trap '' TERM; bash -c 'echo ready; kill -STOP $$'; sleep 600",
		"what has left its session": `trap '' TERM; setsid bash -c 'trap "" TERM; echo ready; sleep 600'`,
	} {
		t.Run("cancel kills "+name, func(t *testing.T) {
			t.Parallel()
			c, _ := start(t, s, func(spec *engine.Spec) { spec.Grace = 300 * time.Millisecond })
			if exit := interrupt(t, c, command); !exit.Interrupted || !exit.Ended {
				t.Errorf("exit %+v, want interrupted and ended", exit)
			}
			if _, err := c.Run(t.Context(), "echo more", &bytes.Buffer{}); !errors.Is(err, engine.ErrEnded) {
				t.Errorf("a command after the end: %v, want ErrEnded", err)
			}
		})
	}
}

// testSurvives interrupts commands that end when they are asked to.
func testSurvives(t *testing.T, s Subject) {
	c, spec := start(t, s)
	exit := interrupt(t, c, `bash -c 'trap "echo cleaned > cleaned; exit 9" TERM; echo ready; while :; do sleep 0.1; done'`)
	if !exit.Interrupted || exit.Ended || exit.Code == 0 {
		t.Errorf("exit %+v, want interrupted with the session alive", exit)
	}
	if err := c.Fetch(t.Context(), "."); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(spec.Workspace, "cleaned")); err != nil {
		t.Errorf("the process was not given the time to clean up: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if exit, err := c.Run(ctx, "sleep 600", &bytes.Buffer{}); err != nil || !exit.Interrupted {
		t.Errorf("a timeout: exit %+v, %v; want interrupted", exit, err)
	}
	// ctx has ended, so this one does not even begin.
	if exit, err := c.Run(ctx, "touch begun", &bytes.Buffer{}); err != nil || !exit.Interrupted || exit.Ended || exit.Code == 0 {
		t.Errorf("after the timeout: exit %+v, %v; want interrupted", exit, err)
	}
	runSteps(t, c, []step{{"ls begun 2>/dev/null; cat cleaned", "cleaned\n", 0}})

	// What was told of before is not begun either, even when the command that was interrupted ends well.
	c, _ = start(t, s)
	exit = interrupt(t, c, `bash -c 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done'`, "touch begun", "touch begun")
	if !exit.Interrupted || exit.Ended || exit.Code != 0 {
		t.Errorf("exit %+v, want interrupted, and that it ended well", exit)
	}
	runSteps(t, c, []step{{"ls", "", 0}})
}

// interrupt runs a command and cancels it once it has printed something.
func interrupt(t *testing.T, c engine.Container, command string, next ...string) engine.Exit {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	exit, err := c.Run(ctx, command, onWrite(cancel), next...)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return exit
}

type onWrite func()

func (f onWrite) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

type counter struct{ bytes int }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func testParallel(t *testing.T, s Subject) {
	var wg sync.WaitGroup
	for _, word := range []string{"one", "two", "three"} {
		c, _ := start(t, s)
		wg.Go(func() {
			for range 20 {
				var out bytes.Buffer
				exit, err := c.Run(t.Context(), "echo "+word, &out)
				if err != nil || exit.Code != 0 || out.String() != word+"\n" {
					t.Errorf("%s: %+v %v %q", word, exit, err, out.String())
				}
			}
		})
	}
	wg.Wait()
}
