package session_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/preamp-build/preamp/runner/session"
	"github.com/preamp-build/preamp/testdata/need"
)

// shell is a session around a bash of this machine.
type shell struct {
	*session.Session
	cmd *exec.Cmd
}

// open starts one; cut says how its streams arrive.
func open(t *testing.T, cut func(io.Reader) io.Reader) *shell {
	t.Helper()
	return openWith(t, cut, session.Setup{Dir: t.TempDir()})
}

func openWith(t *testing.T, cut func(io.Reader) io.Reader, setup session.Setup) *shell {
	t.Helper()
	need.Program(t, "bash")
	argv := session.Argv()
	sh := &shell{cmd: exec.Command(argv[0], argv[1:]...)}
	sh.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var ours, theirs [3]*os.File
	for i := range ours {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ours[i], theirs[i] = r, w
		if i == 0 {
			ours[i], theirs[i] = w, r
		}
	}
	sh.cmd.Stdin, sh.cmd.Stdout, sh.cmd.Stderr = theirs[0], theirs[1], theirs[2]
	if err := sh.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range theirs {
		_ = f.Close()
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-sh.cmd.Process.Pid, syscall.SIGKILL)
		_ = sh.cmd.Wait()
		for _, f := range ours {
			_ = f.Close()
		}
	})
	var err error
	sh.Session, err = session.Open(session.Pipes{Input: ours[0], Copy: session.CopyFrom(cut(ours[1]), cut(ours[2]))}, setup)
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

func whole(r io.Reader) io.Reader { return r }

// expect runs a command and checks its output and its code.
func (sh *shell) expect(t *testing.T, command, want string, code int) session.Result {
	t.Helper()
	var out bytes.Buffer
	res, err := sh.Run(command, &out)
	if err != nil || res.Ended || res.Code != code || out.String() != want {
		t.Fatalf("%.100q: %+v, %v, printed %.200q; want %d and %.200q", command, res, err, out.String(), code, want)
	}
	return res
}

func TestStreamsByteByByte(t *testing.T) {
	sh := open(t, iotest.OneByteReader)
	sh.expect(t, "printf abc; printf def >&2", "abcdef", 0)
	sh.expect(t, "true", "", 0)
	sh.expect(t, `printf '\0preamp:'; false`, "\x00preamp:", 1)
	sh.expect(t, "seq 3", "1\n2\n3\n", 0)
}

// The setup is read at once, and as it comes by shells before bash 4.1, which have no read -N. Files, which are no text, come
// before it.
func TestSetup(t *testing.T) {
	old := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(old, []byte("read() { return 2; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"", old} {
		t.Setenv("BASH_ENV", env)
		file := session.File{Path: filepath.Join(t.TempDir(), "f"), Mode: 0o600, Data: bytes.Repeat([]byte{0, '\n', 0xff}, 5000)}
		sh := openWith(t, whole, session.Setup{
			Dir: t.TempDir(), Files: []session.File{file},
			Env:     []session.Assignment{{Name: "NAME", Value: "va'lue\nof two lines"}, {Name: "LONG", Value: strings.Repeat("é", 40000)}},
			Scripts: []string{"export FIRST=$NAME"}, Init: "LAST=$NAME",
		})
		sh.expect(t, `echo "$FIRST|$NAME|$LAST|$(printf %s "$LONG" | wc -c)"; set | grep -c '^__preamp_setup'`, "|va'lue\nof two lines|va'lue\nof two lines|80000\n0\n", 1)
		if got, err := os.ReadFile(file.Path); err != nil || !bytes.Equal(got, file.Data) {
			t.Errorf("the file holds %d bytes, %v", len(got), err)
		}
	}
}

// What has a syntax error, or an end without a beginning, spoils nothing that comes after it.
func TestBrokenScripts(t *testing.T) {
	bad := []string{`echo "`, "echo ${a", "((", "for", "case x in", "echo `", "}", "<<E", "f() {", "echo $'", "false", "exec 2>&1; )"}
	env := []session.Assignment{{Name: "NAME", Value: "\xff value"}}
	for _, script := range bad {
		sh := openWith(t, whole, session.Setup{Dir: t.TempDir(), Env: env, Scripts: []string{script}, Init: script})
		sh.expect(t, `printf "$NAME $-"`, "\xff value hBs", 0)
	}
}

// The build can find the words of the records, and say them. It may fool itself, but must not confuse or stop us.
func TestForgedRecords(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("needs /proc")
	}
	// The function's text holds the nonce, and its parent's standard error is the control stream.
	const forge = `nonce=$(declare -f __preamp_done | grep -o 'preamp:[0-9a-f]*' | head -1); ctl=/proc/$PPID/fd/2; `
	cases := []struct{ name, command, want string }{
		{"a record of an earlier command", forge + `printf '\0%s done 0 66 /forged\0' "$nonce"`, ""},
		{"a record of a later command", forge + `printf '\0%s done 2 66 /forged\0' "$nonce"`, ""},
		{"many of them", forge + `for i in 0 2 3 4 5; do printf '\0%s done %d 66 /forged\0' "$nonce" $i; done`, ""},
		{"another process id", forge + `printf '\0%s hello 0 1 -\0' "$nonce"`, ""},
		{"a long one", forge + `printf '\0%s done 2 66 ' "$nonce"; head -c 200000 /dev/zero | tr '\0' x; printf '\0'`, ""},
		{"another nonce", forge + `printf '\0preamp:00112233445566778899aabbccddeeff done 1 66 /forged\0'`, "\x00preamp:00112233445566778899aabbccddeeff done 1 66 /forged\x00"},
		{"a record for its parent", forge + `printf '\0%s done 1 66 /forged\0' "$nonce" > $ctl`, ""},
		{"a farewell", forge + `printf '\0preamp: ended\0' > $ctl`, ""},
		{"junk for its parent", forge + `head -c 200000 /dev/urandom > $ctl`, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			sh := open(t, whole)
			pid := sh.PID()
			sh.expect(t, tc.command, tc.want, 0)
			sh.expect(t, "echo one; (exit 3)", "one\n", 3)
			if res := sh.expect(t, "echo two; cd /", "two\n", 0); res.Dir != "/" {
				t.Errorf("directory %q", res.Dir)
			}
			if sh.PID() != pid {
				t.Errorf("the shell's process id became %d", sh.PID())
			}
		})
	}
	t.Run("its own record", func(t *testing.T) {
		sh := open(t, whole)
		// It may tell what it likes of itself, and move the rest of its output to the next command.
		sh.expect(t, forge+`printf 'before\0%s done 1 66 /forged\0after\n' "$nonce"`, "before", 66)
		sh.expect(t, "echo next; (exit 2)", "after\nnext\n", 2)
		sh.expect(t, "(exit 3)", "", 3)
	})
}

// A shell can be deeper in the tree than any path may be long.
func TestDeepDirectory(t *testing.T) {
	sh := open(t, whole)
	res := sh.expect(t, `d=$(printf '%0200d' 0); for i in {1..150}; do mkdir $d && cd $d || break; done; (exit 9)`, "", 9)
	if res.Dir != "" || sh.Dir() != "" {
		t.Errorf("directory %.80q..., want none: it is too long", res.Dir)
	}
	if res := sh.expect(t, "cd /", "", 0); res.Dir != "/" || sh.Dir() != "/" {
		t.Errorf("directory %.80q, want /", res.Dir)
	}
}

func TestRunAfterTheEnd(t *testing.T) {
	t.Run("of the shell", func(t *testing.T) {
		sh := open(t, whole)
		if res, err := sh.Run("exit 3", io.Discard); err != nil || !res.Ended || res.Killed {
			t.Fatalf("%+v, %v", res, err)
		}
		for range 3 {
			if _, err := sh.Run("true", io.Discard); !errors.Is(err, session.ErrClosed) {
				t.Errorf("%v, want ErrClosed", err)
			}
		}
	})
	for command, killed := range map[string]bool{"kill -9 $$": false, "exec true": false, "kill -9 0": true} {
		t.Run(command, func(t *testing.T) {
			sh := open(t, whole)
			if res, err := sh.Run(command, io.Discard); err != nil || !res.Ended || res.Killed != killed {
				t.Errorf("%+v, %v; want killed: %t", res, err, killed)
			}
		})
	}
	t.Run("of the session", func(t *testing.T) {
		sh := open(t, whole)
		sh.Close()
		sh.Close()
		if _, err := sh.Run("true", io.Discard); !errors.Is(err, session.ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
	})
	t.Run("closed while a command runs", func(t *testing.T) {
		sh := open(t, whole)
		res, err := sh.Run("echo ready; sleep 600", writer(func() { sh.Close() }))
		if err != nil || !res.Ended {
			t.Errorf("%+v, %v; want ended", res, err)
		}
	})
}

type writer func()

func (f writer) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

func TestCommandWithNUL(t *testing.T) {
	sh := open(t, whole)
	if _, err := sh.Run("echo a\x00b", io.Discard); err == nil || !strings.Contains(err.Error(), "offset 6") {
		t.Errorf("%v, want the offset of the NUL byte", err)
	}
	sh.expect(t, "echo on", "on\n", 0)
}

// What a build runs is scheduled as a batch; without chrt it is not, and nothing is said of it.
func TestBatch(t *testing.T) {
	const policy = `(set -e; read -ra stat </proc/$BASHPID/stat; echo ${stat[40]})` // proc_pid_stat(5)
	ours, err := exec.Command(need.Program(t, "bash"), "-c", policy).Output()
	if err != nil {
		t.Skip("needs Linux's /proc: " + err.Error())
	}
	t.Run("chrt", func(t *testing.T) {
		need.Program(t, "chrt")
		open(t, whole).expect(t, policy, "3\n", 0)
	})
	t.Run("none", func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{"sh", "bash"} {
			if err := os.Symlink(need.Program(t, name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", dir)
		open(t, whole).expect(t, policy, string(ours), 0)
	})
}

// A shell that says something else than ours, or nothing, is an error with its words.
func TestOpenFails(t *testing.T) {
	for name, tc := range map[string]struct{ argv, dir, want string }{
		"not a shell":      {"echo no shell here", "/", "no shell here"},
		"ends at once":     {"exit 3", "/", "ended before it was ready"},
		"no such folder":   {"exec bash --norc", "/no/such/folder", "No such file"},
		"no bash in sight": {"PATH=/nonexistent; bash -s", "/", "ended before it was ready"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", tc.argv)
			in, err1 := cmd.StdinPipe()
			out, err2 := cmd.StdoutPipe()
			ctl, err3 := cmd.StderrPipe()
			if err := errors.Join(err1, err2, err3, cmd.Start()); err != nil {
				t.Fatal(err)
			}
			_, err := session.Open(session.Pipes{Input: in, Copy: session.CopyFrom(out, ctl)}, session.Setup{Dir: tc.dir})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q in it", err, tc.want)
			}
			_ = cmd.Wait() // the session closed its input, so it ends; how is not the question
		})
	}
}

// A shell may be gone before Open waits for it: that is told as any other that does not get ready. Which of the two is first is up to
// the scheduler, so it is tried often.
func TestOpenGoneShell(t *testing.T) {
	gone := func(io.Writer, io.Writer) error { return nil }
	for range 2000 {
		_, err := session.Open(session.Pipes{Input: nowhere{}, Copy: gone}, session.Setup{Dir: "/"})
		if err == nil || !strings.Contains(err.Error(), "ended before it was ready") {
			t.Fatalf("%v, want that it ended before it was ready", err)
		}
	}
}

// nowhere is the input of a shell that is gone.
type nowhere struct{}

func (nowhere) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (nowhere) Close() error              { return nil }

// stopper is an engine that does what a test says.
type stopper struct{ terminate, kill func(context.Context) error }

func (s stopper) Terminate(ctx context.Context) error { return s.terminate(ctx) }
func (s stopper) Kill(ctx context.Context) error      { return s.kill(ctx) }

func TestRunUntil(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	fail := func(context.Context) error { return errors.New("engine says no") }
	never := func(t *testing.T) func(context.Context) error {
		return func(context.Context) error { t.Error("called"); return nil }
	}
	t.Run("context ended before", func(t *testing.T) {
		sh := open(t, whole)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		res, interrupted, err := sh.RunUntil(ctx, "touch begun", io.Discard, time.Second, stopper{never(t), never(t)})
		if err != nil || !interrupted || res.Ended || res.Code == 0 || res.Dir == "" {
			t.Errorf("%+v, %t, %v", res, interrupted, err)
		}
		sh.expect(t, "ls", "", 0)
	})
	for name, terminate := range map[string]func(context.Context) error{"hangs": hang, "fails": fail} {
		t.Run("an engine that "+name+" when it shall terminate still kills", func(t *testing.T) {
			sh := open(t, whole)
			ctx, cancel := context.WithCancel(t.Context())
			kill := func(context.Context) error { return syscall.Kill(-sh.cmd.Process.Pid, syscall.SIGKILL) }
			res, interrupted, err := sh.RunUntil(ctx, "echo ready; sleep 600", writer(cancel), 100*time.Millisecond, stopper{terminate, kill})
			if err != nil || !interrupted || !res.Ended {
				t.Errorf("%+v, %t, %v; want interrupted and ended", res, interrupted, err)
			}
		})
	}
}
