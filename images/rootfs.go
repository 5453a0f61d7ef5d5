package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// stopGrace is how long a cancelled root file system build may take to remove
// its mounts and files before it is killed.
const stopGrace = 15 * time.Second

// ErrNeeds is wrapped by the error of [BuildRootfs] when the host lacks a
// program. The error's text says which, and what to install.
var ErrNeeds = errors.New("a program is missing on this host")

// exitNeeds is the script's exit code for a missing program.
const exitNeeds = 3

// BuildRootfs builds the root file system of a Rootfs recipe for arch ("amd64"
// or "arm64") and streams it to w as an uncompressed tar. It takes about a
// minute and downloads about 150 MB through the host's own apt and npm
// configuration. What w has received is only usable if the error is nil.
//
// progress is called with each line the build prints, in order, from one
// goroutine at a time; it may be nil.
//
// Cancelling ctx ends the build's whole process group, politely at first so
// that it can remove its mounts; the error then wraps the context's. No
// temporary file is left behind either way.
//
// Errors wrap [ErrKind] for a recipe of another kind and [ErrNeeds] when a
// program is missing; others carry the build's last lines.
func BuildRootfs(ctx context.Context, recipe Recipe, arch string, w io.Writer, progress func(line string)) (err error) {
	if recipe.Kind != Rootfs || len(recipe.files) == 0 {
		return fmt.Errorf("root file system of recipe %q: %w: it is a %s", recipe.Name, ErrKind, recipe.Kind)
	}
	if !supports(recipe, arch) {
		return fmt.Errorf("root file system of recipe %q: no architecture %q; it can be made for %s",
			recipe.Name, arch, strings.Join(recipe.Platforms, ", "))
	}
	dir, err := os.MkdirTemp("", "preamp-rootfs-")
	if err != nil {
		return fmt.Errorf("root file system of recipe %q: %w", recipe.Name, err)
	}
	defer func() {
		if rmErr := removeTree(dir); rmErr != nil {
			err = errors.Join(err, fmt.Errorf("remove the build's temporary files: %w", rmErr))
		}
	}()
	script, err := materialise(recipe, dir)
	if err != nil {
		return fmt.Errorf("root file system of recipe %q: %w", recipe.Name, err)
	}
	if err := runScript(ctx, script, arch, dir, w, progress); err != nil {
		return fmt.Errorf("root file system of recipe %q (%s): %w", recipe.Name, arch, err)
	}
	return nil
}

func supports(recipe Recipe, arch string) bool {
	for _, p := range recipe.Platforms {
		if p == "linux/"+arch {
			return true
		}
	}
	return false
}

// materialise writes the recipe's files below dir and returns the script.
func materialise(recipe Recipe, dir string) (string, error) {
	for _, f := range recipe.files {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.body), os.FileMode(f.mode)); err != nil {
			return "", err
		}
	}
	// mmdebstrap's unshare mode reads these files as another user; none is secret.
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	return filepath.Join(dir, recipe.files[0].name), nil
}

func runScript(ctx context.Context, script, arch, dir string, w io.Writer, progress func(string)) error {
	tmp := filepath.Join(dir, "tmp")
	// Unshare mode makes its root file system here, as a mapped user.
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(tmp, os.ModeSticky|0o777); err != nil {
		return err
	}
	lines := &lineWriter{emit: progress}
	cmd := exec.Command("bash", script, arch)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.Dir = dir
	cmd.Stdout = w
	cmd.Stderr = lines
	runErr := runGroup(ctx, cmd, stopGrace)
	lines.flush()
	if runErr == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("cancelled: %w", context.Cause(ctx))
	}
	if errors.Is(runErr, exec.ErrNotFound) {
		return fmt.Errorf("%w: install bash: %w", ErrNeeds, runErr)
	}
	var exit *exec.ExitError
	if errors.As(runErr, &exit) && exit.ExitCode() == exitNeeds {
		return fmt.Errorf("%w\n%s", ErrNeeds, lines.tail())
	}
	return fmt.Errorf("%w; its last lines:\n%s", runErr, lines.tail())
}

// removeTree removes dir. Files that mmdebstrap's unshare mode made belong to
// mapped users that only its own helper can act as.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil || !errors.Is(err, os.ErrPermission) {
		return err
	}
	// No context: the clean-up must outlive a cancelled build.
	if helpErr := exec.Command("mmdebstrap", "--unshare-helper", "rm", "-rf", "--", dir).Run(); helpErr != nil {
		return errors.Join(err, helpErr)
	}
	return os.RemoveAll(dir)
}
