package axes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
)

// repository is a small one with an amplify.yml, as a user has it.
type repository struct {
	bench *Bench
	dir   string
	home  string // preamp's own folder, which nothing else uses
	// online says that the builds reach for a registry. Only then are they given what this machine trusts, which takes time that
	// nobody else spends who does the same.
	online bool
}

// newRepository makes a repository of the commands; cache are the paths to cache, and files what else is in it.
func (b *Bench) newRepository(ctx context.Context, commands, cache []string, base string, files map[string]string) (*repository, error) {
	dir, err := b.Folder("app")
	if err != nil {
		return nil, err
	}
	home, err := b.Folder("home")
	if err != nil {
		return nil, err
	}
	all := map[string]string{"amplify.yml": specOf(commands, cache, base)}
	for name, text := range files {
		all[name] = text
	}
	if err := writeAll(dir, all); err != nil {
		return nil, err
	}
	return &repository{bench: b, dir: dir, home: home}, trees.Repository(ctx, dir)
}

// specOf is an amplify.yml.
func specOf(commands, cache []string, base string) string {
	var spec strings.Builder
	fmt.Fprint(&spec, "version: 1\nfrontend:\n  phases:\n    build:\n      commands:\n")
	for _, c := range commands {
		fmt.Fprintf(&spec, "        - %q\n", c)
	}
	fmt.Fprintf(&spec, "  artifacts:\n    baseDirectory: %s\n    files: ['**/*.html']\n", base)
	if len(cache) > 0 {
		fmt.Fprint(&spec, "  cache:\n    paths:\n")
	}
	for _, c := range cache {
		fmt.Fprintf(&spec, "      - %q\n", c)
	}
	return spec.String()
}

func writeAll(dir string, files map[string]string) error {
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// built is what a build's result.json says, as far as it is measured.
type built struct {
	Status   string
	Failure  struct{ Message string }
	Sections []struct {
		Phases []struct {
			Commands []struct {
				Text string
				Took float64 // seconds
			}
		}
	}
	Cache struct {
		Restore *struct {
			Hit    bool
			Files  int
			Reason string
			Took   float64
		}
		Save *struct {
			Saved  bool
			Reason string
			Files  int
			Took   float64
		}
	}
	Artifacts *struct{ Dir, Zip string }
}

// took are the times of the commands, in seconds.
func (b built) took() (all []float64) {
	for _, s := range b.Sections {
		for _, p := range s.Phases {
			for _, c := range p.Commands {
				all = append(all, c.Took)
			}
		}
	}
	return all
}

// Build builds what is at the path or the URL with the program, in the repository's home. env and args are on top.
func (r *repository) Build(ctx context.Context, what string, env []string, args ...string) (proc.Result, built, error) {
	out, err := r.bench.New("out")
	if err != nil {
		return proc.Result{}, built{}, err
	}
	trust := authorities + "="
	if r.online {
		trust += authorityFile()
	}
	res, err := proc.Run(ctx, proc.Cmd{
		Args: append([]string{r.bench.Preamp, "build", what, "--out", out, "--image", r.bench.Image, "--pull", "never", "--log", "plain"}, args...),
		Env:  append([]string{"PREAMP_HOME=" + r.home, trust}, env...),
		File: os.DevNull,           // as when somebody keeps the log elsewhere
		OK:   []int{1, 3, 4, 5, 6}, // the result says it better
	})
	if err != nil {
		return res, built{}, err
	}
	raw, err := os.ReadFile(filepath.Join(out, "result.json"))
	if err != nil {
		return res, built{}, fmt.Errorf("preamp build has left no result: %w", err)
	}
	var b built
	if err := json.Unmarshal(raw, &b); err != nil {
		return res, b, err
	}
	if b.Status != "succeeded" && b.Status != "skipped" {
		return res, b, fmt.Errorf("the build %s: %s", b.Status, b.Failure.Message)
	}
	return res, b, nil
}

const authorities = "PREAMP_CA_CERT"

// authorityFile is what this machine's Node or OpenSSL trust, as make hands it on: without it, builds in a network that puts its
// own certificate authority in between reach no registry. It is "" where nothing is told.
func authorityFile() string {
	return cmp.Or(os.Getenv(authorities), os.Getenv("NODE_EXTRA_CA_CERTS"), os.Getenv("SSL_CERT_FILE"))
}
