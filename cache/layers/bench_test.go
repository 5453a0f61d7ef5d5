//go:build linux

package layers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/cache/layers"
)

// sizes are how many files a cache has.
var sizes = []int{1000, 10_000, 40_000, 160_000}

// filled is a site whose cache has n files in folders of eight.
func filled(b *testing.B, n int) *site {
	b.Helper()
	s := newSite(b, "node_modules")
	j := s.start(b, nil)
	fill(b, j.tree.Merged, n)
	j.stop(b)
	j.save(b)
	return s
}

func fill(b *testing.B, dir string, n int) {
	b.Helper()
	content := []byte("module.exports = 1\n")
	for i := range n {
		folder := filepath.Join(dir, "node_modules", fmt.Sprintf("p%d", i/64), fmt.Sprintf("d%d", i/8%8))
		if i%8 == 0 {
			must(b, os.MkdirAll(folder, 0o755))
		}
		must(b, os.WriteFile(filepath.Join(folder, fmt.Sprintf("f%d.js", i)), content, 0o644))
	}
}

// BenchmarkRestore is choosing, mounting and giving back.
func BenchmarkRestore(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := filled(b, n)
			for b.Loop() { // does not count what comes before
				j := s.start(b, nil)
				j.end(b)
			}
		})
	}
}

// BenchmarkSave is the saving of all files, of 1 % of them, and of none.
func BenchmarkSave(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("all/%d", n), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				s := newSite(b, "node_modules")
				j := s.start(b, nil)
				fill(b, j.tree.Merged, n)
				saveTimed(b, j)
			}
		})
		b.Run(fmt.Sprintf("changed/%d", n), func(b *testing.B) {
			s := filled(b, n)
			b.ResetTimer()
			for round := range b.N {
				b.StopTimer()
				j := s.start(b, nil)
				for i := 0; i < n; i += 100 {
					name := filepath.Join(j.tree.Merged, "node_modules", fmt.Sprintf("p%d", i/64), fmt.Sprintf("d%d", i/8%8), fmt.Sprintf("f%d.js", i))
					must(b, os.WriteFile(name, fmt.Append(nil, round), 0o644))
				}
				saveTimed(b, j)
			}
		})
		b.Run(fmt.Sprintf("unchanged/%d", n), func(b *testing.B) {
			s := filled(b, n)
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				saveTimed(b, s.start(b, nil))
			}
		})
		b.Run(fmt.Sprintf("anew/%d", n), func(b *testing.B) {
			s := filled(b, n)
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				j := s.start(b, nil)
				must(b, os.RemoveAll(filepath.Join(j.tree.Merged, "node_modules")))
				fill(b, j.tree.Merged, n)
				saveTimed(b, j)
			}
		})
	}
}

// saveTimed saves with the clock running.
func saveTimed(b *testing.B, j *job) {
	b.Helper()
	j.stop(b)
	before := cpu(b)
	b.StartTimer()
	saved, err := j.lease.Save(b.Context(), j.paths, layers.Tree{Upper: j.tree.Upper, Merged: j.tree.Merged})
	b.StopTimer()
	b.ReportMetric(float64(cpu(b)-before)/1e6, "cpu-ms/last")
	must(b, err)
	if !saved.Written && !saved.Unchanged {
		b.Fatalf("saved %+v", saved)
	}
	j.end(b)
	b.StartTimer()
}

// cpu is the processor time that the process has taken, which other load on the machine changes less than the time on the wall.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFlatten makes one layer of ten.
func BenchmarkFlatten(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				s := filled(b, n)
				for i := range 9 {
					j := s.start(b, nil)
					write(b, j.tree.Merged, fmt.Sprintf("node_modules/n%d", i), "x")
					j.stop(b)
					j.save(b)
				}
				b.StartTimer()
				done, err := s.store.Tidy(b.Context())
				must(b, err)
				if done.Flattened != 1 {
					b.Fatalf("%+v", done)
				}
			}
		})
	}
}
