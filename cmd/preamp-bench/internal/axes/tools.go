package axes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
)

// Versions of the peers, which the ratios depend on.
const (
	actVersion    = "v0.2.89"
	gitlabVersion = "4.75.1"
	nodeMajor     = "22" // what gitlab-ci-local needs
)

// Tool is a program of this machine; root on Debian gets it from there.
func (b *Bench) Tool(ctx context.Context, name, pkg string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return "", fmt.Errorf("needs %s (Debian's package %s)", name, pkg)
	}
	b.Say("  installing Debian's package %s", pkg)
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	install := proc.Cmd{Args: []string{apt, "--quiet", "install", "--yes", "--no-install-recommends", pkg}, Env: quiet}
	if _, err := proc.Run(ctx, install); err != nil {
		if _, err := proc.Run(ctx, proc.Cmd{Args: []string{apt, "--quiet", "update"}, Env: quiet}); err != nil {
			return "", fmt.Errorf("needs %s, which cannot be installed: %w", name, err)
		}
		if _, err := proc.Run(ctx, install); err != nil {
			return "", fmt.Errorf("needs %s, which cannot be installed: %w", name, err)
		}
	}
	b.Installed = append(b.Installed, pkg)
	return exec.LookPath(name)
}

// Act is nektos/act, which go installs.
func (b *Bench) Act(ctx context.Context) (string, error) {
	dir := filepath.Join(b.Tools, "act-"+actVersion)
	program := filepath.Join(dir, "act")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	b.Say("  installing act %s", actVersion)
	_, err := proc.Run(ctx, proc.Cmd{
		Args: []string{"go", "install", "github.com/nektos/act@" + actVersion}, Env: []string{"GOBIN=" + dir, "GOFLAGS=", "CGO_ENABLED=0"},
	})
	if err != nil {
		return "", fmt.Errorf("act cannot be installed: %w", err)
	}
	b.Installed = append(b.Installed, "act "+actVersion)
	return program, nil
}

// Gitlab is gitlab-ci-local, which npm installs, with a Node.js that is new enough for it.
func (b *Bench) Gitlab(ctx context.Context) ([]string, error) {
	dir := filepath.Join(b.Tools, "gitlab-ci-local-"+gitlabVersion)
	modules := filepath.Join(dir, "node_modules")
	command := []string{filepath.Join(modules, "node", "bin", "node"), filepath.Join(modules, ".bin", "gitlab-ci-local")}
	if there(command...) {
		return command, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	b.Say("  installing gitlab-ci-local %s", gitlabVersion)
	_, err := proc.Run(ctx, proc.Cmd{Args: []string{
		"npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "gitlab-ci-local@" + gitlabVersion, "node@" + nodeMajor,
	}})
	if err == nil && !there(command...) {
		err = errors.New("npm has left no program")
	}
	if err != nil {
		return nil, fmt.Errorf("gitlab-ci-local cannot be installed: %w", err)
	}
	b.Installed = append(b.Installed, "gitlab-ci-local "+gitlabVersion)
	return command, nil
}

func there(files ...string) bool {
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			return false
		}
	}
	return true
}
