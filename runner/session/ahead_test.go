package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner/session"
)

// sent is a command with what it shall print and how it shall end.
type sent struct {
	command, want string
	code          int
}

// runAll runs commands as a phase does, up to the first that fails.
func (sh *shell) runAll(t *testing.T, commands []sent) {
	t.Helper()
	texts := make([]string, len(commands))
	for i, c := range commands {
		texts[i] = c.command
	}
	for i, c := range commands {
		var out bytes.Buffer
		res, err := sh.Run(c.command, &out, texts[i+1:]...)
		if err != nil || res.Ended || res.Code != c.code || out.String() != c.want {
			t.Fatalf("%.100q: %+v, %v, printed %.200q; want %d and %.200q", c.command, res, err, out.String(), c.code, c.want)
		}
		if res.Code != 0 {
			return
		}
	}
}

func openAhead(t *testing.T) (sh *shell, dir string) {
	t.Helper()
	dir = t.TempDir()
	return openWith(t, whole, session.Setup{Dir: dir, Halt: filepath.Join(t.TempDir(), "it's", "halt")}), dir
}

func many(n int) []sent {
	var commands []sent
	for i := range n {
		commands = append(commands, sent{fmt.Sprintf("echo %d; echo %d >> all", i, i), fmt.Sprintln(i), 0})
	}
	return commands
}

// Commands that the shell runs without waiting for us do what they do otherwise.
func TestAhead(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for name, commands := range map[string][]sent{
		"many":          many(300),
		"state":         {{"cd /; a=1; f() { echo f$a; }", "", 0}, {"f; pwd", "f1\n/\n", 0}, {"a=2", "", 0}, {"f", "f2\n", 0}},
		"long ones":     {{"echo 1", "1\n", 0}, {": " + long, "", 0}, {"echo 2", "2\n", 0}, {": " + long + "; echo 3", "3\n", 0}, {"echo 4", "4\n", 0}},
		"much output":   {{"head -c 3000000 /dev/zero | tr '\\0' a", strings.Repeat("a", 3_000_000), 0}, {"printf b", "b", 0}, {"head -c 300000 /dev/zero | tr '\\0' c", strings.Repeat("c", 300_000), 0}},
		"a failure":     {{"echo 1", "1\n", 0}, {"(exit 7)", "", 7}, {"touch begun", "", 0}, {"touch begun", "", 0}},
		"several lines": {{"cat <<E\na 'b\nE", "a 'b\n", 0}, {"if true\nthen echo yes\nfi", "yes\n", 0}},
		"strict":        {{"set -u -o pipefail; IFS=e_", "", 0}, {"echo one", "one\n", 0}, {"false | true", "", 1}, {"touch begun", "", 0}},
		"traced":        {{"set -x", "", 0}, {"true", "+ eval true\n++ true\n", 0}, {"set +x", "+ eval 'set +x'\n++ set +x\n", 0}, {"echo on", "on\n", 0}},
		"a trap":        {{"trap 'echo err; trap - ERR' ERR", "", 0}, {"true", "", 0}, {"false", "err\n", 1}, {"touch begun", "", 0}},
		"exit code":     {{"true", "", 0}, {"echo $?", "0\n", 0}},
		"no variables":  {{"unset __preamp_code", "", 0}, {"echo on", "on\n", 0}, {"echo again", "again\n", 0}},
	} {
		t.Run(name, func(t *testing.T) {
			sh, dir := openAhead(t)
			sh.runAll(t, commands)
			sh.expect(t, "echo after; cd -- '"+dir+"'", "after\n", 0)
			if name == "many" {
				sh.expect(t, "cmp all <(seq 0 299) && wc -l < all", "300\n", 0)
			}
			if _, err := os.Stat(filepath.Join(dir, "begun")); err == nil {
				t.Error("a command was begun after one that had failed")
			}
			sh.runAll(t, []sent{{"echo 1", "1\n", 0}, {"echo 2", "2\n", 0}, {"(exit 3)", "", 3}})
			sh.expect(t, "echo end", "end\n", 0)
		})
	}
}

// What is wrong with a command does not spread to the next ones, and none of those that were sent is begun.
func TestAheadOfSyntaxErrors(t *testing.T) {
	for _, command := range []string{
		"echo 'a", `echo "a`, "if true", "a=(", "}", "echo `", "case x in", "${", "f() {", "for", "echo a |", "&&", "echo ${a", "[[ a", "((1",
		"echo a; }", "echo $'a", "while :; do", "echo >",
	} {
		sh, dir := openAhead(t)
		var out bytes.Buffer
		if res, err := sh.Run(command, &out, "touch begun", "touch begun"); err != nil || res.Ended || res.Code == 0 || out.Len() == 0 {
			t.Errorf("%q: %+v, %v, %q", command, res, err, out.String())
		}
		sh.runAll(t, []sent{{"echo after", "after\n", 0}, {"echo 'it''s'", "its\n", 0}, {"ls '" + dir + "'", "", 0}})
	}
}

// A command that ends the shell, and `set -e`, which has it ended, leave nothing to be run.
func TestAheadOfTheEnd(t *testing.T) {
	for _, commands := range [][]string{{"true", "exit 0"}, {"set -e", "false"}, {"set -e", "f() { false; }", "f"}, {"true", "kill -9 $$"}} {
		sh, dir := openAhead(t)
		texts := append(commands, "touch begun")
		for i, command := range commands {
			res, err := sh.Run(command, io.Discard, texts[i+1:]...)
			if last := i == len(commands)-1; err != nil || res.Ended != last {
				t.Errorf("%q of %q: %+v, %v", command, commands, res, err)
			}
		}
		if _, err := sh.Run("touch begun", io.Discard); err == nil {
			t.Errorf("%q: a command was run by a shell that had ended", commands)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%q left %v, %v", commands, left, err)
		}
	}
}

// The shell may have ended before anybody asks for the command that ended it.
func TestAheadEndsFirst(t *testing.T) {
	for command, killed := range map[string]bool{"exit 0": false, "echo bye; exit 3": false, "kill -9 $$": false, "kill -9 0": true} {
		sh, _ := openAhead(t)
		if res, err := sh.Run("true", io.Discard, command, "touch begun"); err != nil || res.Ended {
			t.Fatalf("%+v, %v", res, err)
		}
		_ = sh.cmd.Wait() // how it ended is the question below
		var out bytes.Buffer
		res, err := sh.Run(command, &out, "touch begun")
		if err != nil || !res.Ended || res.Killed != killed {
			t.Errorf("%q: %+v, %v; want ended, killed %t", command, res, err, killed)
		}
		if want := strings.HasPrefix(command, "echo"); (out.String() == "bye\n") != want {
			t.Errorf("%q printed %q", command, out.String())
		}
		if _, err := sh.Run("touch begun", io.Discard); !errors.Is(err, session.ErrClosed) {
			t.Errorf("%q: %v afterwards, want ErrClosed", command, err)
		}
	}
}

// Once the processes were told to end, nothing more begins: not even after a command that was told and ended well.
func TestAheadHalted(t *testing.T) {
	dir, halt := t.TempDir(), filepath.Join(t.TempDir(), "halt")
	sh := openWith(t, whole, session.Setup{Dir: dir, Halt: halt})
	ctx, cancel := context.WithCancel(t.Context())
	terminate := func(context.Context) error {
		if err := os.WriteFile(halt, nil, 0o600); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "told"), nil, 0o600) // which the command takes for a signal
	}
	kill := func(context.Context) error { return syscall.Kill(-sh.cmd.Process.Pid, syscall.SIGKILL) }
	var out bytes.Buffer
	res, interrupted, err := sh.RunUntil(ctx, "echo ready; until [ -e told ]; do sleep 0.01; done; echo well", &first{w: &out, f: cancel}, 10*time.Second,
		stopper{terminate, kill}, "touch begun", "touch begun")
	if err != nil || !interrupted || res.Ended || res.Code != 0 || out.String() != "ready\nwell\n" {
		t.Errorf("%+v, %t, %v, %q", res, interrupted, err, out.String())
	}
	// Those that were sent have had their turn when a command behind them has been run.
	sh.expect(t, "ls", "told\n", 0)
}

// A command that was sent, and whose turn comes when the context has ended, is not begun either.
func TestAheadOfACancelledContext(t *testing.T) {
	dir, halt := t.TempDir(), filepath.Join(t.TempDir(), "halt")
	sh := openWith(t, whole, session.Setup{Dir: dir, Halt: halt})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	never := func(context.Context) error { t.Error("killed"); return nil }
	write := func(context.Context) error { return os.WriteFile(halt, nil, 0o600) }
	// The file is there before the first command ends, so the second is skipped, and that is what is learnt of it.
	res, interrupted, err := sh.RunUntil(ctx, "touch '"+halt+"'", io.Discard, time.Second, stopper{never, never}, "touch begun", "touch begun")
	if must(err); interrupted || res.Code != 0 {
		t.Fatalf("%+v, %t", res, interrupted)
	}
	cancel()
	res, interrupted, err = sh.RunUntil(ctx, "touch begun", io.Discard, time.Second, stopper{write, never}, "touch begun")
	if must(err); !interrupted || res.Ended {
		t.Errorf("%+v, %t; want interrupted", res, interrupted)
	}
	sh.expect(t, "ls", "", 0)
}

// first calls f at the first write.
type first struct {
	w io.Writer
	f func()
}

func (f *first) Write(p []byte) (int, error) {
	if f.f != nil {
		f.f()
	}
	f.f = nil
	return f.w.Write(p)
}
