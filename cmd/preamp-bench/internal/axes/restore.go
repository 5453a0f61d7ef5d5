package axes

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
)

const (
	modulesFiles = 40_000
	manyFiles    = 160_000
)

// composed is a cache that is kept in layers.
type composed struct {
	b     *Bench
	store string
	files int
}

// newComposed saves a new tree of so many files in layers.
func (b *Bench) newComposed(ctx context.Context, files int) (*composed, error) {
	store, err := b.New("layers")
	if err != nil {
		return nil, err
	}
	b.Say("  saving %d files as a layer", files)
	c := &composed{b, store, files}
	_, answer, err := c.save(ctx, work.Nothing, 0)
	if err == nil && answer.Known {
		err = fmt.Errorf("nothing was saved of %d files", files)
	}
	return c, err
}

// restore makes a workspace with the cache in it: the whole process counts, up to the first file that can be read.
func (c *composed) restore(ctx context.Context) (proc.Result, error) {
	to, err := c.b.New("workspace")
	if err != nil {
		return proc.Result{}, err
	}
	c.b.mounted = append(c.b.mounted, to)
	res, _, err := c.b.Work(ctx, work.Request{Do: "compose", Store: c.store, To: to, Files: c.files})
	if err != nil {
		return res, err
	}
	_, _, err = c.b.Work(ctx, work.Request{Do: "take-apart", To: to})
	c.b.mounted = c.b.mounted[:len(c.b.mounted)-1]
	return res, err
}

// save changes what the cache has in a new workspace, and saves that: only the saving counts.
func (c *composed) save(ctx context.Context, changes work.Changes, round int) (proc.Result, work.Response, error) {
	to, err := c.b.New("workspace")
	if err != nil {
		return proc.Result{}, work.Response{}, err
	}
	res, answer, err := c.b.Work(ctx, work.Request{Do: "compose-save", Store: c.store, To: to, Files: c.files, Changes: changes, Round: round})
	res.Wall = answer.Took
	return res, answer, err
}

// grow is save, and how many bytes are in the files that it has written into the store.
func (c *composed) grow(ctx context.Context, changes work.Changes, round int) (proc.Result, work.Response, float64, error) {
	before, err := contentOf(c.store)
	if err != nil {
		return proc.Result{}, work.Response{}, 0, err
	}
	res, answer, err := c.save(ctx, changes, round)
	if err != nil {
		return res, answer, 0, err
	}
	added, err := written(c.store, before)
	return res, answer, float64(added), err
}

func restoreWarm() Axis {
	return Axis{
		Name: "restore-warm",
		About: "The cache of the last build on the same machine: choose its layers, mount the workspace, look at a file in it " +
			"(package; the whole process).",
		Rows: []report.Row{
			{ID: "40k", What: "mount 40,000 files", Unit: report.Seconds, Goal: report.AtMost(0.050)},
			{ID: "160k", What: "mount 160,000 files", Unit: report.Seconds, Goal: report.AtMost(0.050)},
		},
		Measure: func(ctx context.Context, b *Bench, s *Sheet) error {
			var sides []Side
			for _, files := range []int{modulesFiles, manyFiles} {
				c, err := b.composedOnce(ctx, b.Scaled(files))
				if err != nil {
					return err
				}
				sides = append(sides, Side{Name: fmt.Sprintf("mount %d", c.files), Run: func(int) (proc.Result, error) { return c.restore(ctx) }})
			}
			got, err := b.Race(ctx, Plan{WarmUp: true}, sides...)
			if err != nil {
				return err
			}
			if err := s.Alone("40k", walls(got[0])); err != nil {
				return err
			}
			return s.Alone("160k", walls(got[1]))
		},
	}
}

// composedOnce is a cache in layers that nobody changes, which is made once.
func (b *Bench) composedOnce(ctx context.Context, files int) (*composed, error) {
	if c, ok := b.layered[files]; ok {
		return c, nil
	}
	c, err := b.newComposed(ctx, files)
	if err == nil {
		b.layered[files] = c
	}
	return c, err
}

// packed is a tree in all the forms that can be unpacked.
type packed struct {
	tree            trees.Tree
	store, tgz, zst string
	took            time.Duration // of packing with gzip
}

// pack packs a tree, once.
func (b *Bench) pack(ctx context.Context, files int) (*packed, error) {
	if p, ok := b.packs[files]; ok {
		return p, nil
	}
	t, err := b.Tree(ctx, files)
	if err != nil {
		return nil, err
	}
	dir, err := b.Folder("packed")
	if err != nil {
		return nil, err
	}
	b.Say("  packing %d files", files)
	p := &packed{tree: t, store: filepath.Join(dir, "store"), tgz: filepath.Join(dir, "tree.tgz"), zst: filepath.Join(dir, "tree.tar.zst")}
	syscall.Sync()
	res, err := tarGzip(ctx, t, p.tgz)
	if err != nil {
		return nil, err
	}
	p.took = res.Wall
	if _, _, err := b.Work(ctx, work.Request{Do: "save", Store: p.store, Root: t.Root}); err != nil {
		return nil, err
	}
	b.packs[files] = p
	return p, nil
}

// withZstd packs the tree for the second peer.
func (p *packed) withZstd(ctx context.Context, b *Bench) (Side, error) {
	if _, err := b.Tool(ctx, "zstd", "zstd"); err != nil {
		return Side{}, err
	}
	_, err := proc.Run(ctx, shell(`tar -cf - -C "$1" node_modules | zstd -q -3 -T0 >"$2"`, p.tree.Root, p.zst))
	return Side{Name: "zstd -dc | tar x", Run: b.intoFolder(func(dir string) (proc.Result, error) { return zstdTar(ctx, p.zst, dir) })}, err
}

// sides are the first peer and preamp, each unpacking into new folders.
func (p *packed) sides(ctx context.Context, b *Bench) []Side {
	return []Side{
		{Name: "tar xzf", Run: b.intoFolder(func(dir string) (proc.Result, error) { return tarXzf(ctx, p.tgz, dir) })},
		{Name: "cache.Local", Run: b.intoFolder(func(dir string) (proc.Result, error) {
			res, _, err := b.Work(ctx, work.Request{Do: "restore", Store: p.store, To: dir, Files: p.tree.Files})
			return res, err
		})},
	}
}

const (
	tarXzfName  = "`tar xzf`"
	zstdTarName = "`zstd -dc | tar x`"
)

func restorePortable() Axis {
	return Axis{
		Name: "restore-portable",
		About: "The portable form of a cache, as on a machine that has not built before: 40,000 files are unpacked (package). Cold: " +
			"the kernel has forgotten the archive; warm: it was read a moment ago.",
		Rows: []report.Row{
			{ID: "cold-gzip", What: "unpack, cold", Against: tarXzfName, Unit: report.Seconds, Goal: report.AtMost(0.50)},
			{ID: "cold-zstd", What: "unpack, cold", Against: zstdTarName, Unit: report.Seconds, Goal: report.AtMost(0.80)},
			{ID: "warm-gzip", What: "unpack, warm", Against: tarXzfName, Unit: report.Seconds},
			{ID: "warm-zstd", What: "unpack, warm", Against: zstdTarName, Unit: report.Seconds},
		},
		Measure: func(ctx context.Context, b *Bench, s *Sheet) error {
			p, err := b.pack(ctx, b.Scaled(modulesFiles))
			if err != nil {
				return err
			}
			zstd, err := p.withZstd(ctx, b)
			if err != nil {
				return err
			}
			for _, state := range []string{"warm", "cold"} {
				b.Say("  with a %s page cache", state)
				got, err := b.Race(ctx, Plan{Cold: state == "cold"}, append(p.sides(ctx, b), zstd)...)
				if err != nil {
					return err
				}
				if err := s.Pair(state+"-gzip", walls(got[1]), walls(got[0])); err != nil {
					return err
				}
				if err := s.Pair(state+"-zstd", walls(got[1]), walls(got[2])); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
