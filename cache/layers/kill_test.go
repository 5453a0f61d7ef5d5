//go:build linux

package layers_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cache/layers"
)

// What the process that TestKilled starts is to do, and at which step it is to end as by kill -9.
const (
	killDo   = "PREAMP_TEST_KILL_DO"
	killAt   = "PREAMP_TEST_KILL_AT"
	killSite = "PREAMP_TEST_KILL_SITE"
	killTree = "PREAMP_TEST_KILL_TREE" // the folder of the build that is to be saved
)

// TestKillChild is no test of its own.
func TestKillChild(t *testing.T) {
	do := os.Getenv(killDo)
	if do == "" {
		t.Skip("needs to be started by TestKilled")
	}
	last, err := strconv.Atoi(os.Getenv(killAt))
	must(t, err)
	s := &site{dir: os.Getenv(killSite)}
	s.open(t)
	s.want(t, "", "node_modules")
	s.store.OnStep(func() {
		if last--; last == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	})
	fmt.Println(killBegins)
	switch do {
	case "save":
		lease, _, err := s.store.Restore(t.Context(), layers.Request{Key: s.key, Build: "child", Engine: "e"})
		must(t, err)
		_, err = lease.Save(t.Context(), s.paths, layers.Tree{Upper: filepath.Join(os.Getenv(killTree), "upper"), Merged: filepath.Join(os.Getenv(killTree), "merged")})
		must(t, err)
		must(t, lease.Close())
	case "unpack":
		s.key.Image = "new"
		store := &fakeStore{files: map[string]string{"node_modules/a": "1", "node_modules/b": "22"}}
		for i := range unpackedMore {
			store.files[fmt.Sprintf("node_modules/c%d/d%d", i%7, i)] = "3"
		}
		lease, _, err := s.store.Restore(t.Context(), layers.Request{Key: s.key, Build: "child", Engine: "e", Store: store})
		must(t, err)
		must(t, lease.Close())
	case "tidy":
		done, err := s.store.Tidy(t.Context())
		must(t, err)
		if done.Flattened != 1 {
			t.Fatalf("there was nothing to flatten: %+v", done)
		}
		must(t, s.store.Empty(t.Context()))
	case "sweep":
		for _, dir := range killWaste(s) {
			must(t, s.store.Discard(dir))
		}
		s.store.SetSmall(most)
		must(t, s.store.Sweep(t.Context(), false))
	}
}

// A process that is killed between any two changes leaves the old generation or the new one, never anything else, and
// nothing that is not tidied up.
func TestKilled(t *testing.T) {
	for _, do := range []string{"save", "unpack", "tidy", "sweep"} {
		t.Run(do, func(t *testing.T) {
			seen := map[int]bool{}
			for step := 1; ; step++ {
				s, want := killSubject(t, do)
				killed := s.killed(t, do, step)
				got := s.afterKill(t, do)
				outcome := slices.Index(want, got)
				if outcome < 0 {
					t.Fatalf("killed at step %d it left\n%s\nwhich is neither of\n%s", step, got, strings.Join(want, "or\n"))
				}
				if seen[outcome] = true; killed {
					continue
				}
				if outcome != len(want)-1 {
					t.Errorf("after all steps: %s", cmp.Diff(want[len(want)-1], got))
				}
				if len(seen) != len(want) || step < 5 {
					t.Errorf("%d different outcomes of %d steps, want %d", len(seen), step-1, len(want))
				}
				return
			}
		})
	}
}

// killWaste are folders to be put aside: one small, one large.
func killWaste(s *site) []string {
	return []string{filepath.Join(s.dir, "small"), filepath.Join(s.dir, "large")}
}

// killSubject is a site in the middle of something, and what may be seen afterwards.
func killSubject(t *testing.T, do string) (*site, []string) {
	t.Helper()
	s := newSite(t, "node_modules")
	_, _, first := s.build(t, func(dir string) {
		sh(t, dir, "mkdir -p node_modules/x/y; for i in 1 2 3; do echo $i > node_modules/$i; echo $i > node_modules/x/y/$i; done")
	})
	switch do {
	case "save":
		b := s.start(t, nil)
		sh(t, b.tree.Merged, "rm node_modules/1; echo new > node_modules/n; mv node_modules/x node_modules/z; mkdir dist; touch dist/f")
		b.stop(t)
		after := s.cached(t, b.tree.Merged)
		must(t, b.lease.Close())
		return s, []string{first, after}
	case "tidy":
		for range 9 {
			_, _, first = s.build(t, func(dir string) { sh(t, dir, "echo more >> node_modules/2") })
		}
		return s, []string{first}
	case "sweep":
		for n, dir := range killWaste(s) {
			must(t, os.Mkdir(dir, 0o700))
			for i := range n * large {
				must(t, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600))
			}
		}
		return s, []string{first}
	}
	return s, []string{"", unpacked()}
}

// unpacked are the names that the child unpacks.
func unpacked() string {
	list := []string{"node_modules/a\n", "node_modules/b\n"}
	for i := range unpackedMore {
		list = append(list, fmt.Sprintf("node_modules/c%d/d%d\n", i%7, i))
	}
	slices.Sort(list)
	return strings.Join(list, "")
}

// killed runs the child, and reports whether it got as far as the step.
func (s *site) killed(t *testing.T, do string, step int) bool {
	t.Helper()
	cmd := s.child(t, do, step)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Fatalf("step %d: %v\n%s", step, err, out)
	}
	return true
}

func (s *site) child(t *testing.T, do string, step int) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestKillChild$")
	cmd.Env = append(os.Environ(), killDo+"="+do, killAt+"="+strconv.Itoa(step), killSite+"="+s.dir,
		killTree+"="+filepath.Join(s.dir, fmt.Sprintf("build-%d", s.builds)))
	return cmd
}

// afterKill is what the next build finds, after somebody has tidied up.
func (s *site) afterKill(t *testing.T, do string) string {
	t.Helper()
	find := func() string { return s.now(t) }
	if do == "unpack" {
		s.key.Image = "new"
		find = func() string { return s.names(t) }
	}
	before := find()
	names, err := s.store.Abandoned("e")
	must(t, err)
	must(t, s.store.Release(names))
	if _, err := s.store.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, s.store.Empty(t.Context()))
	if after := find(); after != before {
		t.Errorf("tidying has changed it: %s", cmp.Diff(before, after))
	}
	for _, sub := range []string{"t", "u"} {
		if left, _ := os.ReadDir(filepath.Join(s.dir, "layers", sub)); len(left) > 0 {
			t.Errorf("left behind in %s: %v", sub, left)
		}
	}
	return before
}

// names are the cached files without what a fresh unpacking decides.
func (s *site) names(t *testing.T) string {
	t.Helper()
	b := s.start(t, nil)
	defer b.end(t)
	var list strings.Builder
	for line := range strings.Lines(s.cached(t, b.tree.Merged)) {
		if name, _, _ := strings.Cut(line, " "); !strings.HasSuffix(name, "/") {
			list.WriteString(name + "\n")
		}
	}
	return list.String()
}

var _ cache.Store = (*fakeStore)(nil)
