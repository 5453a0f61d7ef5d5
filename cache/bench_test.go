package cache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchSizes are how many files the trees of the benchmarks have.
var benchSizes = []int{1000, 10_000, 40_000}

// benchFolder makes a folder for a tree or a store: in PREAMP_BENCH_DIR, otherwise a temporary one.
//
// On ext4, making files is up to thirty times slower for a minute after many were removed near by, and a benchmark's
// temporary folders are removed before the next one begins. To measure a restore, let PREAMP_BENCH_DIR be a file system
// made for the run: nothing is removed there, which is left to whoever made it, and every folder has a new name. "chattr
// +T" on it keeps the folders away from each other.
func benchFolder(b *testing.B) string {
	b.Helper()
	top := os.Getenv("PREAMP_BENCH_DIR")
	if top == "" {
		return b.TempDir()
	}
	dir, err := os.MkdirTemp(top, "bench") //nolint:usetesting // where the variable says
	must(b, err)
	return dir
}

// benchTree makes a tree like node_modules: half of its files have less than 1 KB, a tenth more than 9 KB, a few are
// big; most of it is text.
func benchTree(b *testing.B, files int) string {
	b.Helper()
	root := filepath.Join(benchFolder(b), "tree")
	rnd := rand.New(rand.NewPCG(1, uint64(files)))
	words := strings.Fields("const function return export default require module this null undefined value index length type props " +
		"state error object string number boolean Promise async await import from class extends static readonly")
	var text strings.Builder
	for i := range files {
		text.Reset()
		length := benchLength(rnd)
		for text.Len() < length {
			fmt.Fprintf(&text, "%s %s_%x = ", words[rnd.IntN(len(words))], words[rnd.IntN(len(words))], rnd.IntN(1<<16))
		}
		content := []byte(text.String())
		if i%50 == 0 { // an image, an archive
			_, _ = rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}).Read(content) // never fails
		}
		name := filepath.Join(root, fmt.Sprintf("x/package%d/lib%d/%d.js", i/90, i/8%11, i))
		must(b, os.MkdirAll(filepath.Dir(name), 0o755))
		must(b, os.WriteFile(name, content, 0o644))
	}
	return root
}

func benchLength(rnd *rand.Rand) int {
	switch n := rnd.IntN(1000); {
	case n < 500:
		return 50 + rnd.IntN(906)
	case n < 900:
		return 956 + rnd.IntN(8000)
	case n < 999:
		return 9000 + rnd.IntN(40_000)
	}
	return 1<<20 + rnd.IntN(12<<20)
}

func BenchmarkStore(b *testing.B) {
	for _, files := range benchSizes {
		b.Run(fmt.Sprint(files), func(b *testing.B) { benchStore(b, benchTree(b, files), files) })
	}
}

func benchStore(b *testing.B, root string, files int) {
	p := compiled(b, plainKey)
	b.Run("save-full", func(b *testing.B) {
		var s Saved
		for b.Loop() {
			b.StopTimer()
			l := benchLocal(b)
			b.StartTimer()
			s = benchSave(b, l, p, root)
		}
		b.SetBytes(s.Bytes)
		b.ReportMetric(float64(s.Stored)/float64(s.Bytes), "stored/byte")
	})
	l := benchLocal(b)
	benchSave(b, l, p, root)
	b.Run("save-1%", func(b *testing.B) {
		var added, changed int64
		for round := 0; b.Loop(); round++ {
			b.StopTimer()
			changed = benchChange(b, root, files, round)
			b.StartTimer()
			added = benchSave(b, l, p, root).Added
		}
		b.ReportMetric(float64(added)/float64(changed), "new/changed")
	})
	b.Run("save-unchanged", func(b *testing.B) {
		for b.Loop() {
			if s := benchSave(b, l, p, root); !s.Unchanged {
				b.Fatalf("%+v", s)
			}
		}
	})
	b.Run("restore-warm", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			fresh := benchFolder(b)
			b.StartTimer()
			r, err := l.Restore(b.Context(), plainKey, fresh)
			if err != nil || !r.Hit {
				b.Fatalf("%+v, %v", r, err)
			}
			b.SetBytes(r.Bytes)
		}
	})
	b.Run("restore-cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			forgetPages(b)
			fresh := benchFolder(b)
			b.StartTimer()
			if r, err := l.Restore(b.Context(), plainKey, fresh); err != nil || !r.Hit {
				b.Fatalf("%+v, %v", r, err)
			}
		}
	})
}

func benchLocal(b *testing.B) *Local {
	b.Helper()
	l, err := NewLocal(benchFolder(b), Options{})
	must(b, err)
	return l
}

func benchSave(b *testing.B, l *Local, p Paths, root string) Saved {
	b.Helper()
	s, err := l.Save(b.Context(), plainKey, p, root)
	if err != nil || !s.Written && !s.Unchanged {
		b.Fatalf("%+v, %v", s, err)
	}
	return s
}

// benchChange changes one file of a hundred, others in each round, and answers how many bytes those have.
func benchChange(b *testing.B, root string, files, round int) int64 {
	b.Helper()
	var changed int64
	for i := round % 100; i < files; i += 100 {
		name := filepath.Join(root, fmt.Sprintf("x/package%d/lib%d/%d.js", i/90, i/8%11, i))
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		must(b, err)
		_, err = fmt.Fprintf(f, "round %d", round)
		must(b, err)
		info, err := f.Stat()
		must(b, err)
		must(b, f.Close())
		changed += min(info.Size(), chunkSize)
	}
	return changed
}

// forgetPages makes the kernel forget what it has read.
func forgetPages(b *testing.B) {
	b.Helper()
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0o200); err != nil {
		b.Skipf("needs the right to drop the page cache: %v", err)
	}
}
