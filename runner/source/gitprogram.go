package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// gitProgram is the path of a git program; "" means that there is none and go-git does the work alone. The program
// only speeds up what go-git is slow at: making, indexing and unpacking packs. It never talks to a network, is never given
// credentials and never sees the user's repository as its own.
type gitProgram string

func findGit() gitProgram {
	path, err := exec.LookPath("git")
	if err != nil {
		return ""
	}
	return gitProgram(path)
}

// run runs git on the repository gitDir and waits for it.
func (g gitProgram) run(ctx context.Context, gitDir string, borrow []string, stdin io.Reader, args ...string) error {
	cmd := g.command(ctx, gitDir, borrow, args...)
	cmd.Stdin = stdin
	var said tail
	cmd.Stderr = &said
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("git %s: %w: %s", args[0], err, oneLine(strings.TrimSpace(said.String())))
	}
	if err != nil {
		return fmt.Errorf("git %s: %w", args[0], err)
	}
	return nil
}

// command is git on the repository gitDir, and on nothing else: no configuration of the user or the system, no hooks, no
// prompts, no lazy fetching. Objects are additionally read from the folders in borrow, which it does not write to.
func (g gitProgram) command(ctx context.Context, gitDir string, borrow []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, string(g), args...)
	cmd.Dir = gitDir
	cmd.WaitDelay = waitDelay
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + os.TempDir(),
		"LC_ALL=C",
		"HOME=" + gitDir,
		"GIT_DIR=" + gitDir,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=0",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_NO_LAZY_FETCH=1",
	}
	if len(borrow) > 0 {
		quoted := make([]string, len(borrow))
		for i, dir := range borrow {
			quoted[i] = quoteObjectDir(dir)
		}
		cmd.Env = append(cmd.Env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+strings.Join(quoted, string(os.PathListSeparator)))
	}
	return cmd
}

// quoteObjectDir quotes a folder whose name has what git takes for a separator or a quote.
func quoteObjectDir(dir string) string {
	if !strings.ContainsAny(dir, ":;\"\\\n") {
		return dir
	}
	var b bytes.Buffer
	b.WriteByte('"')
	for i := range len(dir) {
		switch c := dir[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			b.WriteString(`\` + padOctal(c))
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func padOctal(c byte) string {
	s := strconv.FormatUint(uint64(c), 8)
	return strings.Repeat("0", 3-len(s)) + s
}
