package cachetest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/preamp-build/preamp/cache"
)

// labelled makes a tree in which every file holds the label, so that a mix of two trees is seen.
func labelled(t testing.TB, label string) string {
	t.Helper()
	root := workspace(t)
	for i := range 20 {
		write(t, root, fmt.Sprintf("x/%02d", i), strings.Repeat(label+"\n", 500))
	}
	return root
}

// oneLabel checks that a restored tree is whole and answers its label.
func oneLabel(t testing.TB, root string) string {
	t.Helper()
	label, _, _ := strings.Cut(read(t, root, "x/00"), "\n")
	for i := range 20 {
		if got := read(t, root, fmt.Sprintf("x/%02d", i)); got != strings.Repeat(label+"\n", 500) {
			t.Errorf("file %d is not of the tree %q", i, label)
		}
	}
	return label
}

func concurrency(t *testing.T, open Opener) {
	f := newFixture(t, open, "x")
	const writers, readers, rounds = 4, 3, 6
	stores := []cache.Store{f.store, open(t, f.dir)} // two stand for two processes
	p := f.compile()
	f.save(labelled(t, "first"))
	files := len(leftovers(t, f.dir))
	var wg sync.WaitGroup
	for w := range writers {
		root := labelled(t, fmt.Sprintf("writer %d", w))
		wg.Go(func() {
			for range rounds {
				if s, err := stores[w%2].Save(t.Context(), f.key, p, root); err != nil || !s.Written && !s.Unchanged {
					t.Errorf("Save: %+v, %v", s, err)
				}
			}
		})
	}
	for r := range readers {
		roots := make([]string, rounds)
		for i := range roots {
			roots[i] = workspace(t)
		}
		wg.Go(func() {
			for _, root := range roots {
				got, err := stores[r%2].Restore(t.Context(), f.key, root)
				if err != nil || !got.Hit {
					t.Errorf("Restore: %+v, %v", got, err)
					continue
				}
				if label := oneLabel(t, root); !strings.HasPrefix(label, "writer ") && label != "first" {
					t.Errorf("label %q", label)
				}
			}
		})
	}
	wg.Wait()
	// What could not be removed because somebody was using the store goes with the next save.
	f.save(labelled(t, "last"))
	equal(t, files, len(leftovers(t, f.dir)))
}

// killedStore tells a child process of killedSave in which folder to save.
const killedStore = "PREAMP_CACHETEST_KILLED_STORE"

func killedSave(t *testing.T, open Opener) {
	if dir := os.Getenv(killedStore); dir != "" {
		saveForEver(t, open, dir)
		return
	}
	f := newFixture(t, open, "x")
	f.save(labelled(t, "before"))
	files := len(leftovers(t, f.dir))
	for i := range 12 {
		saves := 1 + i%3
		if err := killAfter(t, f.dir, saves); err != nil {
			t.Fatal(err)
		}
		f.store = open(t, f.dir)
		root := workspace(t)
		if r := f.restore(root); !r.Hit {
			t.Fatalf("after a kill: %s", r.Reason)
		}
		if label := oneLabel(t, root); !strings.HasPrefix(label, "child ") {
			t.Errorf("after %d saves by the child the tree is %q", saves, label)
		}
		f.save(labelled(t, "after"))
		equal(t, files, len(leftovers(t, f.dir)))
	}
}

// killAfter starts this test in a child and kills it in the save that follows the given number of saves.
func killAfter(t *testing.T, dir string, saves int) error {
	var pattern []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	//nolint:gosec // the test binary itself
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+strings.Join(pattern, "/"), "-test.count=1")
	child.Env = append(os.Environ(), killedStore+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	seen := 0
	for lines := bufio.NewScanner(out); lines.Scan() && seen < saves; {
		if lines.Text() == "saved" {
			seen++
		}
	}
	err = errors.Join(child.Process.Kill(), ignoreExit(child.Wait()))
	if seen < saves {
		err = errors.Join(err, fmt.Errorf("the child ended after %d saves", seen))
	}
	return err
}

func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

func saveForEver(t *testing.T, open Opener, dir string) {
	f := &fixture{t: t, store: open(t, dir), key: newFixture(t, open, "x").key}
	roots := []string{labelled(t, "child 0"), labelled(t, "child 1")}
	for i := 0; t.Context().Err() == nil; i++ {
		f.save(roots[i%2])
		fmt.Println("saved")
	}
}
