package trees

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
)

// History is a bare repository with one branch, main, which can grow.
type History struct {
	Dir     string
	Files   int
	Commits int

	rnd   *rand.Rand
	sizes []int             // lines of each file
	extra map[string]string // what else the first commit has
}

// NewHistory makes the bare repository dir: files of some 3 KB, and commits that change three of them each. The first has the
// extra files, too, by their names.
func NewHistory(ctx context.Context, dir string, files, commits int, extra map[string]string) (*History, error) {
	if err := git(ctx, filepath.Dir(dir), nil, "init", "--quiet", "--bare", dir); err != nil {
		return nil, err
	}
	h := &History{Dir: dir, Files: files, rnd: random(3, 4), sizes: make([]int, files), extra: extra}
	if err := git(ctx, dir, nil, "symbolic-ref", "HEAD", "refs/heads/main"); err != nil {
		return nil, err
	}
	if err := h.load(ctx, func(w io.Writer) { h.write(w, commits) }); err != nil {
		return nil, err
	}
	return h, git(ctx, dir, nil, "repack", "-a", "-d", "-f", "-q")
}

// Grow adds one commit.
func (h *History) Grow(ctx context.Context) error {
	return h.load(ctx, func(w io.Writer) { h.write(w, 1) })
}

// load lets git make commits of what write tells it.
func (h *History) load(ctx context.Context, write func(io.Writer)) error {
	r, w := io.Pipe()
	go func() {
		buffered := bufio.NewWriter(w)
		write(buffered)
		_ = w.CloseWithError(buffered.Flush())
	}()
	defer func() { _ = r.Close() }() // ends the writer when git has ended first
	return git(ctx, h.Dir, r, "fast-import", "--quiet")
}

func (h *History) write(w io.Writer, commits int) {
	for n := range commits {
		message := fmt.Sprintf("Commit %d", h.Commits)
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata %d\n%s\n", 1_700_000_000+h.Commits, len(message), message)
		if h.Commits == 0 {
			for f := range h.sizes {
				h.sizes[f] = 40 + h.rnd.IntN(160)
				h.put(w, f)
			}
			for name, text := range h.extra {
				fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", name, len(text), text)
			}
		} else {
			if n == 0 { // within one import git knows the commit before
				fmt.Fprint(w, "from refs/heads/main^0\n")
			}
			for range 3 {
				f := h.rnd.IntN(h.Files)
				h.sizes[f]++
				h.put(w, f)
			}
		}
		h.Commits++
	}
}

// put writes a file as it is now: its lines do not change, it only gets longer.
func (h *History) put(w io.Writer, f int) {
	rnd := random(5, uint64(f))
	var body bytes.Buffer
	for range h.sizes[f] {
		fmt.Fprintf(&body, "export const v%x = %x\n", rnd.Uint32N(1<<16), rnd.Uint32())
	}
	fmt.Fprintf(w, "M 100644 inline packages/p%d/src/d%d/file%d.ts\ndata %d\n%s\n", f%30, f/30%20, f, body.Len(), body.Bytes())
}

// git runs git with nobody's configuration.
func git(ctx context.Context, dir string, in io.Reader, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = dir, in
	cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// Repository makes a repository of the files at dir, with one commit on main.
func Repository(ctx context.Context, dir string) error {
	if err := git(ctx, dir, nil, "init", "--quiet", "--initial-branch=main"); err != nil {
		return err
	}
	return Commit(ctx, dir)
}

// Commit commits everything that is new in a repository.
func Commit(ctx context.Context, dir string) error {
	if err := git(ctx, dir, nil, "add", "--all"); err != nil {
		return err
	}
	return git(ctx, dir, nil, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "Change")
}

// Remote says where a repository comes from.
func Remote(ctx context.Context, dir, url string) error {
	return git(ctx, dir, nil, "remote", "add", "origin", url)
}
