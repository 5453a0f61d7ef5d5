package enginetest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/preamp-build/preamp/runner/engine"
)

func testWorkspace(t *testing.T, s Subject) {
	t.Run("in and out", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s, func(spec *engine.Spec) {
			write(t, spec.Workspace, "src/in.txt", "hello\n")
			write(t, spec.Workspace, "run.sh", "#!/bin/sh\necho ran\n")
			must(t, os.Chmod(filepath.Join(spec.Workspace, "run.sh"), 0o755))
			must(t, os.Symlink("src/in.txt", filepath.Join(spec.Workspace, "link")))
			write(t, spec.Workspace, "dist/stale.txt", "old")
		})
		runSteps(t, c, []step{
			{"cat link; ./run.sh", "hello\nran\n", 0},
			{"rm dist/stale.txt; mkdir -p dist/.dot; echo made > 'dist/new file'; ln -s ../src/in.txt dist/l; chmod 755 dist/*file; echo x > dist/.dot/x", "", 0},
			{"pwd", s.Engine.Dir(spec) + "\n", 0},
		})
		must(t, c.Stop(t.Context()))
		must(t, c.Fetch(t.Context(), "dist", "no/such/path"))
		got := tree(t, filepath.Join(spec.Workspace, "dist"))
		want := ". d\n.dot d\n.dot/x f x\nl l ../src/in.txt\nnew file x made\n"
		if got != want {
			t.Errorf("fetched:\n%swant:\n%s", got, want)
		}
	})
	t.Run("of a session that has ended", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s)
		if exit, _ := run(t, c, "mkdir out; echo made > out/file; exit 3"); !exit.Ended {
			t.Fatalf("exit %+v, want ended", exit)
		}
		must(t, c.Stop(t.Context()))
		must(t, c.Fetch(t.Context(), "out"))
		if got, want := tree(t, filepath.Join(spec.Workspace, "out")), ". d\nfile f made\n"; got != want {
			t.Errorf("fetched:\n%swant:\n%s", got, want)
		}
	})
	t.Run("links and modes", func(t *testing.T) { testLinks(t, s) })
	t.Run("start folder", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s, func(spec *engine.Spec) {
			write(t, spec.Workspace, "apps/web/x", "")
			spec.Start = "apps/web"
		})
		exit, _ := run(t, c, "true")
		if want := s.Engine.Dir(spec) + "/apps/web"; exit.Dir != want {
			t.Errorf("working directory %q, want %q", exit.Dir, want)
		}
		if exit, _ := run(t, c, "cd /tmp"); exit.Dir != "/tmp" {
			t.Errorf("after cd: %q", exit.Dir)
		}
	})
	t.Run("nothing writes after Stop", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s)
		runSteps(t, c, []step{{"(setsid bash -c 'while :; do echo x >> grows; done' &) ; while [ ! -s grows ]; do sleep 0.01; done", "", 0}})
		must(t, c.Stop(t.Context()))
		must(t, c.Stop(t.Context()))
		must(t, c.Fetch(t.Context(), "."))
		size := func() int64 {
			info, err := os.Stat(filepath.Join(spec.Workspace, "grows"))
			must(t, err)
			return info.Size()
		}
		first := size()
		var sink bytes.Buffer
		if _, err := c.Run(t.Context(), "echo hi", &sink); err == nil {
			t.Error("a command ran after Stop")
		}
		if again := size(); again != first {
			t.Errorf("the file grew from %d to %d after Stop", first, again)
		}
	})
}

// testLinks lets a build leave what trips naive copying.
func testLinks(t *testing.T, s Subject) {
	t.Parallel()
	for _, paths := range [][]string{{"."}, {"out"}, {"out/deep", "out/other"}} {
		c, spec := start(t, s)
		runSteps(t, c, []step{{`mkdir -p out/deep/er out/other out/closed && cd out
echo one > deep/a && ln deep/a deep/er/b && ln deep/a deep/c && echo two > other/a && ln other/a other/z
ln -s /etc/passwd other/absolute; ln -s ../../../../../etc/passwd other/climbing; ln -s nowhere other/dangling; ln -s ../deep other/folder
echo s > other/suid; chmod 4755 other/suid; mkfifo other/pipe
mkdir other/locked; echo l > other/locked/file; chmod 444 other/locked/file; chmod 555 other/locked
echo x > 'other/new
line'; cd ..`, "", 0}})
		must(t, c.Stop(t.Context()))
		must(t, c.Fetch(t.Context(), paths...))
		out := filepath.Join(spec.Workspace, "out")
		for _, linked := range [][2]string{{"deep/a", "deep/er/b"}, {"deep/a", "deep/c"}, {"other/a", "other/z"}} {
			a, errA := os.ReadFile(filepath.Join(out, linked[0]))
			b, errB := os.ReadFile(filepath.Join(out, linked[1]))
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("%v: %v holds %q and %q, %v %v", paths, linked, a, b, errA, errB)
			}
		}
		for name, want := range map[string]string{
			"absolute": "/etc/passwd", "climbing": "../../../../../etc/passwd", "dangling": "nowhere", "folder": "../deep",
		} {
			if got, err := os.Readlink(filepath.Join(out, "other", name)); got != want {
				t.Errorf("%v: the link %s leads to %q (%v), want %q", paths, name, got, err, want)
			}
		}
		for _, name := range []string{"locked/file", "new\nline"} {
			if _, err := os.ReadFile(filepath.Join(out, "other", name)); err != nil {
				t.Errorf("%v: %v", paths, err)
			}
		}
		if s.Compose {
			continue // what is shown is read-only
		}
		must(t, os.Chmod(filepath.Join(out, "other", "locked"), 0o700)) // or an ordinary user could not remove it
	}
}

func testEnvironment(t *testing.T, s Subject) {
	long := strings.Repeat("v", 100_000)
	c, _ := start(t, s, func(spec *engine.Spec) {
		spec.Env = []engine.Var{
			{Name: "PLAIN", Value: "a b"},
			{Name: "ODD", Value: "it's \"q\" $HOME `x` \\ \n second\ttab"},
			{Name: "EMPTY", Value: ""},
			{Name: "LONG", Value: long},
			{Name: "not-a-name", Value: "x"},
			{Name: "UID", Value: "read-only in bash"},
			{Name: "PLAIN", Value: "the last one wins"},
		}
		spec.Init = "echo unseen; export MADE=\"$PLAIN!\"\nset -u; false"
		spec.CACerts = []byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
	})
	runSteps(t, c, []step{
		{`bash -c 'echo "$PLAIN"'`, "the last one wins\n", 0},
		{`bash -c 'printf %s "$ODD"'`, "it's \"q\" $HOME `x` \\ \n second\ttab", 0},
		{`bash -c 'echo "${EMPTY-unset} ${#LONG}"'`, " 100000\n", 0},
		{`bash -c 'echo "$MADE"'; echo "${NOTHING}"`, "the last one wins!\n\n", 0},
		{`test -n "$HOME" && cd && touch written && echo ok`, "ok\n", 0},
		{`cat "$NODE_EXTRA_CA_CERTS"`, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0},
		{`grep -c MIIB "$SSL_CERT_FILE" >/dev/null && echo bundled`, "bundled\n", 0},
		{`echo "${NATS_CREDS-none} ${AWS_SECRET_ACCESS_KEY-none} ${PREAMP_TEST_LEAK-none}"`, "none none none\n", 0},
	})
}

func testCleanup(t *testing.T, s Subject) {
	t.Run("a start that fails leaves nothing", func(t *testing.T) {
		t.Parallel()
		owner := engine.NewOwner(engine.NewBuildID())
		_, err := s.Engine.Start(t.Context(), engine.Spec{
			Owner: owner, Image: s.Image, Workspace: t.TempDir(), Dir: "/codebuild/app", Start: "no/such/folder",
		})
		if err == nil {
			t.Fatal("started in a folder that does not exist")
		}
		expectReaped(t, s, owner, 0)
	})
	t.Run("a cancelled start leaves nothing", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		owner := engine.NewOwner(engine.NewBuildID())
		if _, err := s.Engine.Start(ctx, engine.Spec{Owner: owner, Image: s.Image, Workspace: t.TempDir(), Dir: "/codebuild/app"}); err == nil {
			t.Fatal("started with a context that had ended")
		}
		expectReaped(t, s, owner, 0)
	})
	t.Run("close", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s)
		runSteps(t, c, []step{{"setsid sleep 600 & sleep 600 & true", "*", 0}})
		must(t, c.Close())
		must(t, c.Close())
		expectReaped(t, s, spec.Owner, 0)
	})
	t.Run("close while a command runs", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s)
		closed := make(chan error, 1)
		_, err := c.Run(t.Context(), "echo ready; sleep 600", onWrite(sync.OnceFunc(func() {
			go func() { closed <- c.Close() }()
		})))
		if !errors.Is(err, engine.ErrEnded) {
			t.Errorf("the command: %v, want ErrEnded", err)
		}
		must(t, <-closed)
		expectReaped(t, s, spec.Owner, 0)
	})
	t.Run("close with a flood that nobody reads", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s)
		runSteps(t, c, []step{{"yes & sleep 0.2", "*", 0}})
		must(t, c.Stop(t.Context()))
		must(t, c.Close())
		must(t, c.Stop(t.Context()))
		expectReaped(t, s, spec.Owner, 0)
	})
	t.Run("reap", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s)
		other, _ := start(t, s)
		runSteps(t, c, []step{{"setsid sleep 600 & true", "*", 0}})
		if n := reap(t, s, spec.Owner); n == 0 {
			t.Error("nothing was reaped of a build declared dead")
		}
		expectReaped(t, s, spec.Owner, 0)
		runSteps(t, other, []step{{"echo alive", "alive\n", 0}})
	})
}

// reap declares one owner dead and no other.
func reap(t *testing.T, s Subject, owner engine.Owner) int {
	t.Helper()
	got, err := s.Engine.Reap(t.Context(), func(o engine.Owner) bool { return o == owner })
	if err != nil {
		t.Fatalf("reap: %v", err)
	}
	return len(got)
}

func expectReaped(t *testing.T, s Subject, owner engine.Owner, want int) {
	t.Helper()
	if n := reap(t, s, owner); n != want {
		t.Errorf("%d things were left behind, want %d", n, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, root, name, content string) {
	t.Helper()
	file := filepath.Join(root, name)
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, []byte(content), 0o644))
}

// tree lists what lies below root: name, kind (d, f, x = executable, l) and content or target.
func tree(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch mode := info.Mode(); {
		case d.IsDir():
			b.WriteString(rel + " d\n")
		case mode&os.ModeSymlink != 0:
			target, _ := os.Readlink(p)
			b.WriteString(rel + " l " + target + "\n")
		default:
			raw, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			kind := " f "
			if mode&0o111 != 0 {
				kind = " x "
			}
			b.WriteString(rel + kind + string(raw))
		}
		return nil
	}))
	return b.String()
}
