package axes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
)

// archives are the files that a side writes, one in each round.
type archives struct {
	b     *Bench
	sizes []float64 // bytes
}

// into runs what writes an archive, with a new name for it each time, and notes its size. A warm-up has none.
func (a *archives) into(name string, run func(file string) (proc.Result, error)) func(int) (proc.Result, error) {
	return func(round int) (proc.Result, error) {
		file, err := a.b.New(name)
		if err != nil {
			return proc.Result{}, err
		}
		res, err := run(file)
		if err != nil {
			return res, err
		}
		info, err := os.Stat(file)
		if err == nil && round >= 0 {
			a.sizes = append(a.sizes, float64(info.Size()))
		}
		return res, err
	}
}

// shell is a pipeline of which every part has to succeed; args are its $1 and so on.
func shell(script string, args ...string) proc.Cmd {
	return proc.Cmd{Args: append([]string{"bash", "-c", "set -o pipefail; " + script, "bash"}, args...)}
}

// tarGzip is the way in which the service packs caches.
func tarGzip(ctx context.Context, t trees.Tree, file string) (proc.Result, error) {
	return proc.Run(ctx, shell(`tar -cf - -C "$1" node_modules | gzip -6 >"$2"`, t.Root, file))
}

// tarXzf and zstdTar unpack an archive into a folder.
func tarXzf(ctx context.Context, file, to string) (proc.Result, error) {
	return proc.Run(ctx, proc.Cmd{Args: []string{"tar", "-xzf", file, "-C", to}})
}

func zstdTar(ctx context.Context, file, to string) (proc.Result, error) {
	return proc.Run(ctx, shell(`zstd -q -dc "$1" | tar -xf - -C "$2"`, file, to))
}

// intoFolder runs what fills a folder, with a new one each time.
func (b *Bench) intoFolder(run func(dir string) (proc.Result, error)) func(int) (proc.Result, error) {
	return func(int) (proc.Result, error) {
		dir, err := b.Folder("restored")
		if err != nil {
			return proc.Result{}, err
		}
		return run(dir)
	}
}

// sizeOf is how many bytes the regular files below a folder have.
func sizeOf(root string) (sum int64, err error) {
	all, err := contentOf(root)
	for _, size := range all {
		sum += size
	}
	return sum, err
}

// written is how many bytes the files have that are new or other ones than in the content before.
func written(root string, before map[string]int64) (sum int64, err error) {
	all, err := contentOf(root)
	for file, size := range all {
		if _, ok := before[file]; !ok {
			sum += size
		}
	}
	return sum, err
}

// contentOf are the sizes of the regular files below a folder, by a name that a file does not keep when it is written again.
func contentOf(root string) (map[string]int64, error) {
	all := map[string]int64{}
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[fmt.Sprintf("%s %d", p, info.ModTime().UnixNano())] = info.Size()
		}
		return err
	})
	return all, err
}
