//go:build linux

package layers_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/cache/layers"
)

// Every case is a build after one that left node_modules/{a,b,c/d}, .next/cache and src; what it leaves of the cache is
// what the next build finds.
func TestBuilds(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		unchanged    bool
	}{
		{"nothing", ``, true},
		{"the same written again", `printf a > node_modules/a; touch node_modules/b; mkdir node_modules/tmp; rmdir node_modules/tmp`, true},
		{"what is not cached", `echo x > src/x; rm README; mkdir dist; echo y > dist/y; mkdir node_modules/.cache; echo k > node_modules/.cache/k`, true},
		{"a changed file", `echo more >> node_modules/a`, false},
		{"a file of the same size", `printf A > node_modules/a`, false},
		{"a mode", `chmod 755 node_modules/a`, false},
		{"the mode of a folder", `chmod 700 node_modules/c`, false},
		{"a new file", `echo n > node_modules/c/n`, false},
		{"a new empty folder", `mkdir node_modules/e`, false},
		{"a removed file", `rm node_modules/a`, false},
		{"a removed folder", `rm -r node_modules/c`, false},
		{"everything removed", `rm -r node_modules .next`, false},
		{"a folder made anew", `rm -r node_modules; mkdir node_modules; echo z > node_modules/z`, false},
		{"a folder for a file", `rm node_modules/a; mkdir node_modules/a; echo x > node_modules/a/x`, false},
		{"a file for a folder", `rm -r node_modules/c; echo x > node_modules/c`, false},
		{"a link for a folder", `rm -r node_modules/c; ln -s a node_modules/c`, false},
		{"a folder on the way replaced by a file", `rm -r .next; echo x > .next`, false},
		{"a special file for a file", `rm node_modules/a; mkfifo node_modules/a`, false},
		{"a renamed file", `mv node_modules/a node_modules/z`, false},
		{"a renamed folder", `mv node_modules/c node_modules/z; echo x > node_modules/z/d/x; rm node_modules/z/d/file`, false},
		{"a renamed folder above", `mv node_modules old; mkdir node_modules; mv old/c node_modules/c; rm -r old`, false},
		{"a folder moved in from the checkout", `mv src node_modules/src; echo x > node_modules/src/x`, false},
		{"a folder moved out", `mv node_modules/c gone`, false},
		{"a way renamed", `mv .next n; mkdir .next; mv n/cache .next/cache`, false},
		{"excluded", `mkdir -p node_modules/no/x; echo x > node_modules/no/x/y; echo y > node_modules/y`, false},
		{"hard links", `ln node_modules/a node_modules/a2; echo more >> node_modules/a`, false},
		{"links", `ln -s ../src node_modules/l; ln -s /etc/passwd node_modules/m; ln -sfn nowhere node_modules/link`, false},
		{"owners and special permissions", `echo s > node_modules/s; chown 1234:1234 node_modules/s; chmod 4755 node_modules/s; chown 99 node_modules/c; chmod 2775 node_modules/c`, false},
		{"git", `mkdir -p node_modules/g/.git; echo x > node_modules/g/.git/config; echo y > node_modules/g/.GIT; echo z > node_modules/g/ok`, false},
		{"odd names", `echo x > 'node_modules/new
line'; echo y > node_modules/'a\b'; mkdir "node_modules/ "; echo z > "node_modules/ /:,"`, false},
		{"unreadable", `echo x > node_modules/x; chmod 000 node_modules/x node_modules/c`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, "node_modules", ".next/cache/**/*", "!node_modules/no")
			write(t, s.checkout, "src/main", "main\n")
			write(t, s.checkout, "README", "r\n")
			s.build(t, func(dir string) {
				sh(t, dir, `mkdir -p node_modules/c/d node_modules/.cache .next/cache/x; printf a > node_modules/a; echo b > node_modules/b
echo f > node_modules/c/d/file; ln -s a node_modules/link; echo n > .next/cache/x/n; echo t > .next/trace; echo k > node_modules/.cache/k`)
			})
			before := s.now(t)
			if !strings.Contains(before, ".next/cache/x/n 644") || strings.Contains(before, ".cache/k") {
				t.Fatalf("the first build was not kept:\n%s", before)
			}
			restored, saved, want := s.build(t, func(dir string) { sh(t, dir, tc.script) })
			if !restored.Hit || restored.Files != 5 || restored.Bytes != 7 {
				t.Errorf("restored %+v", restored)
			}
			if saved.Unchanged != tc.unchanged || saved.Written == tc.unchanged {
				t.Errorf("saved %+v, want unchanged %v", saved, tc.unchanged)
			}
			if tc.unchanged {
				want = before
			}
			if diff := cmp.Diff(want, s.now(t)); diff != "" {
				t.Errorf("the next build finds (-want +got):\n%s", diff)
			}
			s.checkTotals(t, saved.Files, saved.Bytes)
			s.checkTidied(t, want)
			raw, err := os.ReadFile(filepath.Join(s.checkout, "src/main"))
			if string(raw) != "main\n" {
				t.Errorf("the checkout has changed: %q, %v", raw, err)
			}
		})
	}
}

func sh(t testing.TB, dir, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// checkTotals compares what a save said with what is there.
func (s *site) checkTotals(t *testing.T, files int, bytes int64) {
	t.Helper()
	b := s.start(t, nil)
	defer b.end(t)
	var gotFiles int
	var gotBytes int64
	project := filepath.Join(b.tree.Merged, s.paths.Dir())
	if _, err := os.Lstat(project); err != nil {
		return
	}
	must(t, filepath.WalkDir(project, func(p string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(project, p)
		if err != nil || rel == "." || d.IsDir() || !s.paths.Match(rel) {
			return err
		}
		gotFiles++
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			gotBytes += info.Size()
		}
		return nil
	}))
	if gotFiles != files || gotBytes != bytes || b.restored.Files != files || b.restored.Bytes != bytes {
		t.Errorf("saved %d files with %d bytes, restored %d and %d, there are %d and %d",
			files, bytes, b.restored.Files, b.restored.Bytes, gotFiles, gotBytes)
	}
}

// checkTidied tidies and empties the trash, and expects the same cache with nothing around it.
func (s *site) checkTidied(t *testing.T, want string) {
	t.Helper()
	if _, err := s.store.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, s.store.Empty(t.Context()))
	if diff := cmp.Diff(want, s.now(t)); diff != "" {
		t.Errorf("after tidying (-want +got):\n%s", diff)
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, "layers", "t")); len(left) > 0 {
		t.Errorf("emptying left %v", left)
	}
}

// Many builds, each with its change, are one layer in the end, and what nobody sees any more goes.
func TestFlatten(t *testing.T) {
	s := newSite(t, "node_modules")
	var want string
	for i := range 20 {
		_, _, want = s.build(t, func(dir string) {
			write(t, dir, fmt.Sprintf("node_modules/p%d/f", i), strings.Repeat("x", i))
			if i >= 5 {
				must(t, os.RemoveAll(filepath.Join(dir, fmt.Sprintf("node_modules/p%d", i-5))))
			}
		})
		if got := s.now(t); got != want {
			t.Fatalf("after build %d: %s", i, cmp.Diff(want, got))
		}
	}
	b := s.start(t, nil)
	mounted := b.lease.Layers()
	if len(mounted) < 2 || len(mounted) > 24 {
		t.Errorf("%d layers", len(mounted))
	}
	s.checkTidied(t, want)
	for _, l := range mounted {
		if _, err := os.Stat(l); err != nil {
			t.Errorf("a mounted layer is gone: %v", err)
		}
	}
	if got := s.cached(t, b.tree.Merged); got != want {
		t.Error("a running build sees another cache now")
	}
	b.end(t)
	s.checkTidied(t, want)
	for _, l := range mounted {
		if _, err := os.Stat(l); err == nil {
			t.Errorf("the layer %s was not collected", l)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, "layers", "l")); len(left) != 1 {
		t.Errorf("%d layers are left, want 1", len(left))
	}
}

// A build that was killed may still have its container. Its layers stay until somebody has looked after that engine.
func TestLeases(t *testing.T) {
	s := newSite(t, "node_modules")
	s.build(t, func(dir string) { write(t, dir, "node_modules/a", "1") })
	b := s.start(t, nil)
	mounted := b.lease.Layers()
	s.build(t, func(dir string) { sh(t, dir, "rm -r node_modules; mkdir node_modules; echo 2 > node_modules/b") })
	exists := func(want bool) {
		t.Helper()
		if _, err := os.Stat(mounted[0]); (err == nil) != want {
			t.Errorf("the leased layer: %v, want it there: %v", err, want)
		}
	}
	tidy := func(engine string) {
		t.Helper()
		names, err := s.store.Abandoned(engine)
		must(t, err)
		must(t, s.store.Release(names))
		_, err = s.store.Tidy(t.Context())
		must(t, err)
	}
	tidy("e")
	exists(true)
	b.end(t)
	dead := []byte(fmt.Sprintf(`{"engine":"e","layers":[%q]}`, filepath.Base(mounted[0])))
	must(t, os.WriteFile(filepath.Join(s.dir, "layers", "u", "dead"), dead, 0o600))
	tidy("other")
	exists(true)
	tidy("e")
	exists(false)
}

// What a store has is unpacked once, and is a generation then.
func TestFromStore(t *testing.T) {
	s := newSite(t, "node_modules")
	s.key.Branch = "feature"
	store := &fakeStore{files: map[string]string{"node_modules/a": "1", "node_modules/b": "22"}}
	for i, want := range []string{"from the store", `the cache of branch "main", saved`} {
		b := s.start(t, store)
		if !b.restored.Hit || b.restored.From != "main" || !strings.HasPrefix(b.restored.Reason, want) {
			t.Errorf("%d: %+v", i, b.restored)
		}
		if got := s.cached(t, b.tree.Merged); strings.Count(got, "\n") != 3 {
			t.Errorf("%d: %s", i, got)
		}
		b.end(t)
	}
	if store.restores != 3 { // feature, main, then feature again
		t.Errorf("the store was asked %d times", store.restores)
	}
	// Saving without a change makes it the branch's own.
	b := s.start(t, store)
	b.stop(t)
	if saved := b.save(t); !saved.Unchanged {
		t.Errorf("saved %+v", saved)
	}
	if b := s.start(t, nil); b.restored.From != "feature" {
		t.Errorf("restored %+v", b.restored)
	} else {
		b.end(t)
	}
}

func TestMisses(t *testing.T) {
	s := newSite(t, "node_modules")
	b := s.start(t, &fakeStore{})
	if b.restored.Hit || b.restored.Reason != "the store has none for main" {
		t.Errorf("restored %+v", b.restored)
	}
	b.end(t)
	s.build(t, func(dir string) { write(t, dir, "node_modules/a", "1") })
	s.key.Image = "other"
	b = s.start(t, nil)
	if want := `branch "main" has no cache for this build: cached with image "img", this build uses "other"`; b.restored.Reason != want {
		t.Errorf("restored %+v", b.restored)
	}
	b.end(t)
}

// Whatever has become of a generation: it is a miss with a reason, and the next build makes a new one.
func TestDamage(t *testing.T) {
	for name, tc := range map[string]struct{ script, reason string }{
		"a cut manifest":           {`truncate -s 20 g/*/*/*`, "checksum"},
		"an empty manifest":        {`: > $(echo g/*/*/*)`, "checksum"},
		"a changed manifest":       {`sed -i 's/"files":1/"files":2/' g/*/*/*`, "checksum"},
		"a folder as manifest":     {`f=$(echo g/*/*/*); rm $f; mkdir $f`, "no small file"},
		"a link as manifest":       {`f=$(echo g/*/*/*); cp $f x; ln -sf $PWD/x $f`, "no small file"},
		"a missing layer":          {`rm -r l/*`, "missing"},
		"a link as layer":          {`l=$(echo l/*); mv $l x; ln -s $PWD/x $l`, "no folder"},
		"a copied layer":           {`l=$(echo l/*); cp -a $l x; rm -r $l; mv x $l`, "changed a layer"},
		"a layer with other files": {`for l in l/*; do touch $l/new; done`, "changed a layer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "node_modules")
			s.build(t, func(dir string) { write(t, dir, "node_modules/a", "1") })
			sh(t, filepath.Join(s.dir, "layers"), tc.script)
			restored, saved, want := s.build(t, func(dir string) { write(t, dir, "node_modules/b", "2") })
			if restored.Hit || !strings.Contains(restored.Reason, tc.reason) || !strings.Contains(restored.Reason, "cannot be used") {
				t.Errorf("restored %+v, want a reason with %q", restored, tc.reason)
			}
			if !saved.Written || s.now(t) != want {
				t.Errorf("saved %+v", saved)
			}
			s.checkTidied(t, want)
		})
	}
}

func TestConflict(t *testing.T) {
	s := newSite(t, "node_modules/**/*", "vendor", "!vendor/keep")
	for _, tc := range []struct{ file, want string }{
		{"src/x", ""}, {"vendor/keep/x", ""}, {"node_modules/.cache/x", ""}, {"vendor/x", "vendor/x"},
	} {
		write(t, s.checkout, tc.file, "")
		got, err := layers.Conflict(t.Context(), s.paths, s.checkout)
		if err != nil || got != tc.want {
			t.Errorf("with %s: %q, %v; want %q", tc.file, got, err, tc.want)
		}
	}
}

// The project lies in a folder of the repository.
func TestMonorepo(t *testing.T) {
	s := newSite(t)
	s.want(t, "apps/web", "node_modules", "**/cache")
	write(t, s.checkout, "apps/web/main", "m")
	_, _, want := s.build(t, func(dir string) {
		sh(t, dir, "mkdir -p node_modules/x apps/web/node_modules/x apps/web/a/cache apps/api/cache; for d in node_modules/x apps/web/node_modules/x apps/web/a/cache apps/web/a apps/api/cache; do echo 1 > $d/f; done")
	})
	b := s.start(t, nil)
	out, err := exec.CommandContext(t.Context(), "find", b.tree.Merged, "-type", "f", "-printf", "%P\n").Output()
	must(t, err)
	files := strings.Fields(string(out))
	slices.Sort(files)
	if diff := cmp.Diff([]string{"apps/web/a/cache/f", "apps/web/main", "apps/web/node_modules/x/f"}, files); diff != "" {
		t.Error(diff)
	}
	b.end(t)
	if got := s.now(t); got != want {
		t.Error(cmp.Diff(want, got))
	}
	// The whole way to it is replaced.
	_, saved, want := s.build(t, func(dir string) {
		sh(t, dir, "rm -r apps; mkdir -p apps/web/node_modules; echo 2 > apps/web/node_modules/g")
	})
	if got := s.now(t); got != want || !saved.Written || saved.Files != 1 {
		t.Errorf("saved %+v: %s", saved, cmp.Diff(want, got))
	}
	s.checkTidied(t, want)
}

// A build that cannot mount the layers gets a copy of them.
func TestCopyTo(t *testing.T) {
	s := newSite(t, "node_modules")
	s.build(t, func(dir string) {
		sh(t, dir, `mkdir -p node_modules/a node_modules/b; echo x > node_modules/a/x; chmod 700 node_modules/a/x; ln -s x node_modules/l; touch -d @1e9 node_modules/b || touch -d @1000000000 node_modules/b`)
	})
	_, _, want := s.build(t, func(dir string) { sh(t, dir, `rm node_modules/a/x; echo y > node_modules/a/y`) })
	b := s.start(t, nil)
	defer b.end(t)
	must(t, b.lease.CopyTo(t.Context(), s.checkout))
	if diff := cmp.Diff(want, s.cached(t, s.checkout)); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}
	write(t, s.checkout, "node_modules/a/y", "changed")
	for _, l := range b.lease.Layers() {
		if raw, _ := os.ReadFile(filepath.Join(l, "node_modules/a/y")); string(raw) == "changed" {
			t.Error("the copy is the layer's own file")
		}
	}
}

// A limit leaves the generation that was there.
func TestLimits(t *testing.T) {
	s := newSite(t, "node_modules")
	_, _, want := s.build(t, func(dir string) { write(t, dir, "node_modules/a", "1") })
	var err error
	s.store, err = layers.Open(filepath.Join(s.dir, "layers"), layers.Limits{Files: 2})
	must(t, err)
	_, saved, _ := s.build(t, func(dir string) { sh(t, dir, "echo > node_modules/b; echo > node_modules/c") })
	if saved.Written || saved.Reason == "" || s.now(t) != want {
		t.Errorf("saved %+v", saved)
	}
}

// Deep folders end neither a save nor a removal.
func TestDeep(t *testing.T) {
	s := newSite(t, "node_modules")
	b := s.start(t, nil)
	modules := filepath.Join(b.tree.Merged, "node_modules")
	must(t, os.Mkdir(modules, 0o755))
	fd, err := unix.Open(modules, unix.O_DIRECTORY, 0)
	must(t, err)
	for range 3000 {
		must(t, unix.Mkdirat(fd, "d", 0o755))
		next, err := unix.Openat(fd, "d", unix.O_DIRECTORY, 0)
		must(t, err)
		must(t, unix.Close(fd))
		fd = next
	}
	must(t, unix.Close(fd))
	b.stop(t)
	saved := b.save(t)
	if !saved.Written || len(saved.Notices) != 1 || !strings.Contains(saved.Notices[0], "128") {
		t.Errorf("saved %+v", saved)
	}
	must(t, s.store.Empty(t.Context()))
	if left, _ := os.ReadDir(filepath.Join(s.dir, "layers", "t")); len(left) > 0 {
		t.Errorf("emptying left %v", left)
	}
}
