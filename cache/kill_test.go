package cache

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What a child process of TestKilled is told: the store, the tree, and the step at which it dies.
const (
	killStore = "PREAMP_TEST_KILL_STORE"
	killTree  = "PREAMP_TEST_KILL_TREE"
	killStep  = "PREAMP_TEST_KILL_STEP"
	killLinks = "PREAMP_TEST_KILL_LINKS" // not empty: with links
	killGC    = "PREAMP_TEST_KILL_GC"    // not empty: it collects garbage and saves nothing
)

// killTreeOf makes a tree of a few chunks that share some files with every other one.
func killTreeOf(t testing.TB, label string) string {
	t.Helper()
	root := t.TempDir()
	for i := range 12 {
		content := "all"
		if i%3 == 0 {
			content = label
		}
		writeFile(t, root, fmt.Sprintf("x/%02d", i), strings.Repeat(content+"\n", 100))
	}
	writeFile(t, root, "x/big", strings.Repeat(label, (chunkSize+1000)/len(label)))
	return root
}

// TestKilled kills a save before each step that changes the store: what there is to restore is the old tree or the new
// one, and the next collection leaves nothing that nobody needs.
func TestKilled(t *testing.T) {
	if os.Getenv(killStore) != "" {
		saveAndDie(t)
		return
	}
	old, fresh := killTreeOf(t, "old"), killTreeOf(t, "new")
	want := map[bool]map[string]string{false: paths(t, old), true: paths(t, fresh)}
	steps, isNew := 1, false
	for ; ; steps++ {
		l := newKillStore(t, t.TempDir())
		_, err := l.Save(t.Context(), plainKey, compiled(t, plainKey), old)
		must(t, err)
		ended := runChild(t, l.dir, fresh, steps)
		l = newKillStore(t, l.dir)
		root := t.TempDir()
		r, err := l.Restore(t.Context(), plainKey, root)
		if err != nil || !r.Hit {
			t.Fatalf("killed at step %d: %+v, %v", steps, r, err)
		}
		got := paths(t, root)
		if now := got["x/00"] == want[true]["x/00"]; now != isNew {
			if isNew {
				t.Errorf("killed at step %d, the save is undone", steps)
			}
			isNew = now
		}
		if len(got) != len(want[isNew]) {
			t.Errorf("killed at step %d: %d files", steps, len(got))
		}
		for name, what := range want[isNew] {
			if got[name] != what {
				t.Errorf("killed at step %d: %s is of another tree", steps, name)
			}
		}
		_, err = l.GC(t.Context())
		must(t, err)
		noGarbage(t, l, plainKey.App)
		if ended || t.Failed() {
			break
		}
	}
	if !isNew || steps < 12 {
		t.Errorf("%d steps, saved: %v", steps, isNew)
	}
	t.Logf("killed at %d steps", steps-1)
}

// TestKilledLinks kills a save of files that are named by their content: whether they are in a pool or not by then, what
// is restored is what the entry says, and nothing is left behind.
func TestKilledLinks(t *testing.T) {
	if os.Getenv(killStore) != "" {
		saveAndDie(t)
		return
	}
	steps := 1
	for ended := false; !ended && !t.Failed(); steps++ {
		l := newLinkStore(t, t.TempDir(), Options{})
		old, fresh := npmTree(t), npmTree(t)
		writeFile(t, fresh, "x/other", "new")
		mustSave(t, l, plainKey, old)
		want := map[string]map[string]string{"other": paths(t, old), "new": paths(t, fresh)}
		must(t, os.RemoveAll(old))
		ended = runChild(t, l.dir, fresh, steps)
		l = newLinkStore(t, l.dir, Options{})
		for range 2 { // while the dead build's workspace is there, and afterwards
			root, _ := mustRestore(t, l, plainKey)
			got := paths(t, root)
			which := strings.TrimLeft(got["x/other"], "-")
			if d := cmp.Diff(want[which], got); d != "" {
				t.Errorf("killed at step %d: -want +got:\n%s", steps, d)
			}
			must(t, os.RemoveAll(fresh))
		}
		_, err := l.GC(t.Context())
		must(t, err)
		noGarbage(t, l, plainKey.App)
		pools, err := l.pools(safeName(plainKey.App))
		if err != nil || len(pools) > 1 {
			t.Errorf("killed at step %d: pools %+v, %v", steps, pools, err)
		}
	}
	if steps < npmFiles {
		t.Errorf("%d steps", steps)
	}
}

func newKillStore(t testing.TB, dir string) *Local {
	t.Helper()
	l, err := NewLocal(dir, Options{Links: os.Getenv(killLinks) != ""})
	must(t, err)
	return l
}

// runChild saves in a child process and reports whether it came to the end.
func runChild(t *testing.T, store, tree string, step int) bool {
	t.Helper()
	child := childOf(t, t.Name(), store, tree, step)
	if t.Name() == "TestKilledLinks" {
		child.Env = append(child.Env, killLinks+"=1")
	}
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Exited()) {
		t.Fatalf("%v: %s", err, out)
	}
	return err == nil
}

// childOf is a process that runs the test of this name.
func childOf(t *testing.T, test, store, tree string, step int) *exec.Cmd {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$") //nolint:gosec // the test binary itself
	child.Env = append(os.Environ(), killStore+"="+store, killTree+"="+tree, killStep+"="+strconv.Itoa(step))
	return child
}

func saveAndDie(t *testing.T) {
	left, err := strconv.Atoi(os.Getenv(killStep))
	must(t, err)
	l := newKillStore(t, os.Getenv(killStore))
	var steps atomic.Int64
	l.objects.(*disk).step = func(string) {
		if steps.Add(1) == int64(left) {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			select {} // it does not come at once
		}
	}
	fmt.Println(killBegins)
	if os.Getenv(killGC) != "" {
		_, err := l.GC(t.Context())
		must(t, err)
		return
	}
	saved, err := l.Save(t.Context(), plainKey, compiled(t, plainKey), os.Getenv(killTree))
	if err != nil || !saved.Written {
		t.Errorf("Save: %+v, %v", saved, err)
	}
}

// noGarbage checks that a store holds nothing of an application but what its entries need.
func noGarbage(t testing.TB, l *Local, app string) {
	t.Helper()
	app = safeName(app)
	live, _, err := l.referred(app)
	must(t, err)
	chunks, err := l.objects.list(chunksOf(app))
	must(t, err)
	for _, c := range chunks {
		if !live[filepath.Base(c.name)] {
			t.Errorf("nobody needs %s", c.name)
		}
	}
	if len(chunks) != len(live) {
		t.Errorf("%d chunks are needed, %d are there", len(live), len(chunks))
	}
	if l.objects.unswept(app) {
		t.Error("temporary files are left")
	}
}
