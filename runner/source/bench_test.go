package source

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// Run it as: go test -run '^$' -bench . -benchtime 5x ./runner/source
//
// Every round takes all ways one after the other, so that they meet the same load; what is printed are the medians, and the
// medians of the ratios to the git command of the same round. Nothing is removed between the rounds: right after a removal
// ext4 creates files many times slower.

// contestants are the ways to do one thing; the first is what the others are measured against.
type contestant struct {
	name string
	run  func(dir string) error
}

func race(b *testing.B, list []contestant) {
	b.Helper()
	times := make([][]float64, len(list))
	ratios := make([][]float64, len(list))
	dir := b.TempDir()
	for round := 0; b.Loop(); round++ {
		for n, c := range list {
			began := time.Now()
			if err := c.run(filepath.Join(dir, fmt.Sprintf("%d-%d", round, n))); err != nil {
				b.Fatalf("%s: %v", c.name, err)
			}
			took := time.Since(began).Seconds() * 1000
			times[n] = append(times[n], took)
			ratios[n] = append(ratios[n], took/times[0][round])
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	b.Logf("%d rounds, load %s", len(times[0]), strings.TrimSpace(string(load)))
	for n, c := range list {
		b.Logf("%-48s %8.1f ms  %5.2fx (%.2f-%.2f)", c.name, median(times[n]), median(ratios[n]), slices.Min(ratios[n]), slices.Max(ratios[n]))
	}
}

func median[T cmp.Ordered](list []T) T {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// newHistoryToClone makes a bare repository of 3,000 files and 2,000 commits below dir, and returns the commits of main in
// order. It grows by a commit at each call of the function.
func newHistoryToClone(b *testing.B, dir string) (tip func() string, grow func()) {
	b.Helper()
	const files, commits = 3000, 2000
	random := rand.New(rand.NewPCG(1, 2))
	bare := filepath.Join(dir, "big.git")
	sourcetest.Git(b, dir, "init", "-q", "--bare", bare)
	name := func(n int) string { return fmt.Sprintf("packages/p%d/src/d%d/file%d.ts", n%30, n/30%20, n) }
	var text bytes.Buffer
	body := func(n int) string {
		var s strings.Builder
		fmt.Fprintf(&s, "// file %d\n", n)
		for range 40 + random.IntN(160) {
			fmt.Fprintf(&s, "export const v%x = %x\n", random.Uint32(), random.Uint64())
		}
		return s.String()
	}
	bodies := make([]string, files)
	put := func(n int) {
		fmt.Fprintf(&text, "M 100644 inline %s\ndata %d\n%s\n", name(n), len(bodies[n]), bodies[n])
	}
	commit := func(n int, from string) {
		message := fmt.Sprintf("Commit %d", n)
		fmt.Fprintf(&text, "commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata %d\n%s\n%s", 1700000000+n, len(message), message, from)
		if n == 0 {
			for f := range bodies {
				bodies[f] = body(f)
				put(f)
			}
			return
		}
		for range 3 {
			f := random.IntN(files)
			bodies[f] += fmt.Sprintf("// change %d\n", n)
			put(f)
		}
	}
	load := func() {
		cmd := exec.Command("git", "fast-import", "--quiet")
		cmd.Dir, cmd.Stdin = bare, &text
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git fast-import: %v %s", err, out)
		}
		text.Reset()
	}
	for n := range commits {
		commit(n, "")
	}
	load()
	sourcetest.Git(b, bare, "repack", "-adfq")
	next := commits
	return func() string { return sourcetest.Git(b, bare, "rev-parse", "main") }, func() {
		commit(next, "from refs/heads/main^0\n")
		next++
		load()
	}
}

func BenchmarkClone(b *testing.B) {
	dir := b.TempDir()
	_, grow := newHistoryToClone(b, dir)
	web := sourcetest.HTTP(b, dir, sourcetest.HTTPOptions{})
	url, git := web.URL+"/big.git", gitProgram(sourcetest.NeedGit(b))
	command := func(args ...string) func(string) error {
		return func(to string) error {
			out, err := sourcetest.TryGit(b, dir, append(append([]string{"clone", "-q"}, args...), url, to)...)
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}
	}
	ours := func(git gitProgram, r Request) func(string) error {
		return func(to string) error {
			r := r
			r.URL, r.Dest = url, to
			_, err := prepare(b.Context(), r, git)
			return err
		}
	}
	warm := filepath.Join(dir, "warm")
	behind := filepath.Join(dir, "behind")
	for _, mirror := range []string{warm, behind} {
		if err := ours(git, Request{Mirror: mirror})(filepath.Join(dir, filepath.Base(mirror)+"-first")); err != nil {
			b.Fatal(err)
		}
	}
	race(b, []contestant{
		{"git clone --depth 1", command("--depth", "1", "--single-branch", "--no-tags")},
		{"git clone", command("--single-branch")},
		{"cold, depth 1, git", ours(git, Request{Depth: 1})},
		{"cold, depth 1, go-git", ours("", Request{Depth: 1})},
		{"cold, full, git", ours(git, Request{})},
		{"cold, full, go-git", ours("", Request{})},
		{"warm mirror, nothing new, git", ours(git, Request{Mirror: warm})},
		{"warm mirror, nothing new, go-git", ours("", Request{Mirror: warm})},
		{"warm mirror, one new commit, git", func(to string) error {
			return ours(git, Request{Mirror: behind})(to)
		}},
		{"(a commit is made)", func(string) error { grow(); return nil }},
	})
}

func BenchmarkDecide(b *testing.B) {
	dir := b.TempDir()
	newHistoryToClone(b, dir)
	web := sourcetest.HTTP(b, dir, sourcetest.HTTPOptions{})
	bare, url, git := filepath.Join(dir, "big.git"), web.URL+"/big.git", gitProgram(sourcetest.NeedGit(b))
	r := Request{URL: url, Mirror: filepath.Join(dir, "mirror"), Dest: filepath.Join(dir, "first")}
	checkout, err := prepare(b.Context(), r, git)
	if err != nil {
		b.Fatal(err)
	}
	base := sourcetest.Git(b, bare, "rev-parse", "main~300")
	watches := []Watch{{Roots: []string{"packages/p7"}}}
	command := func(args ...string) func(string) error {
		return func(string) error { return exec.Command("git", append([]string{"-C", bare}, args...)...).Run() }
	}
	compareBy := func(git gitProgram) func(string) error {
		return func(string) error {
			c, err := compare(b.Context(), CompareRequest{Request: r, Checkout: checkout, Base: base, Watches: watches}, git)
			if err == nil && c.Unknown != "" {
				err = fmt.Errorf("%s", c.Why)
			}
			return err
		}
	}
	peekBy := func(git gitProgram, decide bool) func(string) error {
		return func(string) error {
			h, err := peek(b.Context(), r, git)
			if err != nil || !decide {
				return err
			}
			v, err := h.View(b.Context())
			if err != nil {
				return err
			}
			_, err = v.Compare(b.Context(), base, watches, 0)
			return errors.Join(err, v.Close())
		}
	}
	b.Run("local", func(b *testing.B) {
		race(b, []contestant{
			{"git diff --quiet", func(d string) error {
				_ = command("diff", "--quiet", base, "main", "--", "packages/p7")(d) // 1 is its answer
				return nil
			}},
			{"Compare, git", compareBy(git)},
			{"Compare, go-git", compareBy("")},
		})
	})
	b.Run("remote", func(b *testing.B) {
		race(b, []contestant{
			{"git ls-remote", command("ls-remote", url)},
			{"Peek, git", peekBy(git, false)},
			{"Peek, go-git", peekBy("", false)},
			{"Peek and Compare, git", peekBy(git, true)},
		})
	})
}
