package axes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/preamp-build/preamp/cache/layers"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/stat"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
)

// Bench is what all axes need. It does one thing at a time.
type Bench struct {
	// Dir is where everything is made. What is in it is removed by Close, and nothing before.
	Dir string
	// Tools is where peers are installed that this machine does not have; they stay there.
	Tools string
	// Preamp and Self are the programs: the one that is measured, and this one.
	Preamp, Self string
	// Image is the build image, which the engine has to have.
	Image string
	// Rounds is how often everything is measured.
	Rounds int
	// Scale multiplies the sizes of the inputs.
	Scale float64
	// Log receives a line for a person now and then.
	Log io.Writer

	// Installed are the peers that were installed by this run.
	Installed []string

	sheet   *Sheet
	made    map[string]trees.Tree
	layered map[int]*composed // by files
	packs   map[int]*packed
	mounted []string // workspaces
	history *served
	fresh   int
	started time.Time
}

// Open makes the folders.
func (b *Bench) Open() error {
	b.made, b.layered, b.packs, b.started = map[string]trees.Tree{}, map[int]*composed{}, map[int]*packed{}, time.Now()
	if err := os.MkdirAll(b.Tools, 0o755); err != nil {
		return err
	}
	// What is made below is put into different places of the disk, and not where something was removed before.
	layers.Spread(b.Dir)
	return nil
}

// Close removes everything that was made, but the installed peers.
func (b *Bench) Close(ctx context.Context) error {
	if b.history != nil {
		b.history.stop()
	}
	for _, m := range b.mounted {
		_, _, _ = b.Work(context.WithoutCancel(ctx), work.Request{Do: "take-apart", To: m}) // it may not have been mounted yet
	}
	return os.RemoveAll(b.Dir)
}

// Say tells a person how it goes.
func (b *Bench) Say(format string, args ...any) {
	fmt.Fprintf(b.Log, "%6.0fs  %s\n", time.Since(b.started).Seconds(), fmt.Sprintf(format, args...))
}

// New is the path of something that does not exist yet, apart from everything else.
func (b *Bench) New(name string) (string, error) {
	b.fresh++
	dir := filepath.Join(b.Dir, fmt.Sprintf("%s-%d", name, b.fresh))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return filepath.Join(dir, name), nil
}

// Folder is a new folder.
func (b *Bench) Folder(name string) (string, error) {
	dir, err := b.New(name)
	if err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

// Scaled is a count at the scale of this run, at least one.
func (b *Bench) Scaled(n int) int { return max(int(math.Round(float64(n)*b.Scale)), 1) }

// Work does a thing with one of preamp's packages, in a process of its own.
func (b *Bench) Work(ctx context.Context, r work.Request, env ...string) (proc.Result, work.Response, error) {
	var answer work.Response
	text, err := json.Marshal(r)
	if err != nil {
		return proc.Result{}, answer, err
	}
	res, err := proc.Run(ctx, proc.Cmd{Args: []string{b.Self, work.Command, string(text)}, Env: env})
	if err != nil {
		return res, answer, fmt.Errorf("%s: %w", r.Do, err)
	}
	return res, answer, json.Unmarshal(res.Out, &answer)
}

// Tree is a tree of so many files like node_modules, which is made once.
func (b *Bench) Tree(ctx context.Context, files int) (trees.Tree, error) {
	return b.once(ctx, "modules", files)
}

// Site is a tree of so many files like the output of a build, which is made once.
func (b *Bench) Site(ctx context.Context, files int) (trees.Tree, error) {
	return b.once(ctx, "site", files)
}

func (b *Bench) once(ctx context.Context, kind string, files int) (trees.Tree, error) {
	id := fmt.Sprintf("%s-%d", kind, files)
	if t, ok := b.made[id]; ok {
		return t, nil
	}
	dir, err := b.Folder("tree")
	if err != nil {
		return trees.Tree{}, err
	}
	b.Say("  making %d files", files)
	// In another process: memory that we once had counts as that of whatever we start.
	_, answer, err := b.Work(ctx, work.Request{Do: kind, Root: dir, Files: files})
	if err != nil {
		return trees.Tree{}, err
	}
	t := trees.Tree{Root: dir, Files: answer.Files, Bytes: answer.Bytes}
	b.made[id] = t
	return t, nil
}

// Side is one of those that take turns.
type Side struct {
	Name string
	// Prepare is not measured. It may be nil.
	Prepare func(round int) error
	Run     func(round int) (proc.Result, error)
}

// Plan is how sides are measured.
type Plan struct {
	// Each is done before every round, for all sides. It may be nil.
	Each func(round int) error
	// Cold makes the kernel forget all files before each measurement.
	Cold bool
	// WarmUp has one more round before, which does not count: for what is short, and slower the first time.
	WarmUp bool
	// Rounds is how many there are; 0 means as many as the bench is to do.
	Rounds int
}

// Race measures the sides, round by round, in turns. The first index of the result is the side.
func (b *Bench) Race(ctx context.Context, p Plan, sides ...Side) ([][]proc.Result, error) {
	rounds := p.Rounds
	if rounds == 0 {
		rounds = b.Rounds
	}
	results := make([][]proc.Result, len(sides))
	var loads []float64
	first := 0
	if p.WarmUp {
		first = -1
	}
	for round := first; round < rounds; round++ {
		loads = append(loads, load())
		if p.Each != nil {
			if err := p.Each(round); err != nil {
				return nil, err
			}
		}
		for n := range sides {
			if round%2 != 0 {
				n = len(sides) - 1 - n
			}
			r, err := b.one(ctx, p, sides[n], round)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sides[n].Name, err)
			}
			if round >= 0 {
				results[n] = append(results[n], r)
			}
		}
	}
	b.sheet.load = stat.Median(loads)
	for n, s := range sides {
		b.Say("  %s: %v", s.Name, secondsOf(results[n]))
	}
	return results, nil
}

func (b *Bench) one(ctx context.Context, p Plan, s Side, round int) (proc.Result, error) {
	if s.Prepare != nil {
		if err := s.Prepare(round); err != nil {
			return proc.Result{}, err
		}
	}
	// What others wrote is not to be waited for by this one.
	syscall.Sync()
	if p.Cold {
		if err := forget(); err != nil {
			return proc.Result{}, err
		}
	}
	if ctx.Err() != nil {
		return proc.Result{}, context.Cause(ctx)
	}
	return s.Run(round)
}

// forget makes the kernel forget the content of files that it has read.
func forget() error {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0o200); err != nil {
		return fmt.Errorf("needs the right to drop the page cache: %w", err)
	}
	return nil
}

// load is how many processes wanted to run lately; 0 where that cannot be known.
func load() float64 {
	text, _, _ := strings.Cut(Loads(), " ")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return n
}

// Loads are the load averages of one, five and fifteen minutes; "" where they are not known.
func Loads() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(raw))[:3], " ")
}

// walls are the results' times in seconds, and peaks their memory in bytes.
func walls(list []proc.Result) []float64 {
	return mapped(list, func(r proc.Result) float64 { return r.Wall.Seconds() })
}

func peaks(list []proc.Result) []float64 {
	return mapped(list, func(r proc.Result) float64 { return float64(r.RSS) })
}

func mapped[T any](list []T, of func(T) float64) []float64 {
	out := make([]float64, 0, len(list))
	for _, v := range list {
		out = append(out, of(v))
	}
	return out
}

func secondsOf(list []proc.Result) string {
	var words []string
	for _, v := range walls(list) {
		words = append(words, strconv.FormatFloat(v, 'f', 3, 64))
	}
	return strings.Join(words, " ") + " s"
}

// Docker is the docker command, when there is an engine that has the image.
func (b *Bench) Docker(ctx context.Context) (string, error) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		return "", errors.New("needs docker, the command")
	}
	if _, err := proc.Run(ctx, proc.Cmd{Args: []string{docker, "image", "inspect", "--format", "{{.Id}}", b.Image}}); err != nil {
		return "", fmt.Errorf("needs an engine with the image %s (make setup brings both): %w", b.Image, err)
	}
	return docker, nil
}

// FloorOf is the command that runs a script in a container with the limits of a build, and does nothing else.
func (b *Bench) FloorOf(docker, repo, script string) proc.Cmd {
	cpus := min(4, runtime.NumCPU())
	return proc.Cmd{Args: []string{
		docker, "run", "--rm", "--volume", repo + ":/w", "--workdir", "/w", "--memory", "8g", "--cpus", strconv.Itoa(cpus),
		"--pids-limit", "8192", b.Image, "bash", "-c", script,
	}}
}

// Version is what the measured program says of itself.
func (b *Bench) Version(ctx context.Context) (string, error) {
	r, err := proc.Run(ctx, proc.Cmd{Args: []string{b.Preamp, "--version"}})
	if err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(bytes.TrimPrefix(r.Out, []byte("preamp version ")))), nil
}
