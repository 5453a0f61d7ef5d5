//go:build unix

package buildspec

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"
)

// floorBytes is what checking any file may hold, however small the file is.
const floorBytes = 256 << 10

// BenchmarkCost measures what Check costs for ordinary and for hostile files: the processor's time for 100 KB, the
// collector's part included, and the heap that is alive at one time, for each byte of the file. It fails above the limits.
//
// A file of less than 100 KB may take as long as one of 100 KB, and hold floorBytes beside what is proportional to it: the
// state of the shell's parser and the lists of findings don't shrink with the file. Everything that is alive is counted,
// the file itself and the result included, and nothing is subtracted but what was alive before.
func BenchmarkCost(b *testing.B) {
	for _, in := range costInputs(b) {
		b.Run(in.name, func(b *testing.B) {
			src := []byte(in.src)
			check := func() { Check("amplify.yml", src, Facts{}) }
			before := processorTime(b)
			for b.Loop() {
				check()
			}
			units := float64(max(len(src), unitBytes)) / unitBytes
			perUnit := time.Duration(float64(processorTime(b)-before) / float64(b.N) / units)
			b.ReportMetric(float64(perUnit.Microseconds())/1000, "cpu-ms/100KB")
			// What is allocated during a cycle counts as alive, the more so on a busy machine: the least is the nearest.
			peak := peakHeap(check)
			for range 6 {
				peak = min(peak, peakHeap(check))
			}
			b.ReportMetric(float64(peak)/1024, "peak-KiB")
			b.ReportMetric(float64(max(peak-floorBytes, 0))/float64(len(src)), "(peak-floor)/size")
			if perUnit > maxUnitTime {
				b.Errorf("takes %v for 100 KB, want at most %v", perUnit, maxUnitTime)
			}
			if peak > floorBytes+maxMemory*int64(len(src)) {
				b.Errorf("holds %d bytes for a file of %d", peak, len(src))
			}
		})
	}
}

// costInputs returns hostile files of 100 KB, files with hostile commands, our cases, and the corpus where it is there.
func costInputs(b *testing.B) []worstInput {
	all := worstInputs(unitBytes)
	hostile := hostileCommands()
	names := make([]string, 0, len(hostile))
	for name := range hostile {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all = append(all, worstInput{"shell " + name, string(hostile[name])})
	}
	all = append(all, worstInput{"ordinary 2000 lines", string(longSpec(2000))})
	patterns := []string{filepath.Join("..", "testdata", "spec", "*.yml")}
	if corpus := os.Getenv("PREAMP_CORPUS"); corpus != "" {
		patterns = append(patterns, filepath.Join(corpus, "*.yml"))
	}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			b.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, worstInput{"file " + strings.TrimSuffix(filepath.Base(file), ".yml"), string(src)})
		}
	}
	return all
}

// peakHeap returns the most bytes that are alive at one time while f runs, beyond those alive before. The collector is
// made to run all the time, and tells after each cycle what it found alive and what was allocated during the cycle. When f
// ends before a cycle does, or allocates less in all, it is what f allocates in all.
func peakHeap(f func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	live := func() int64 { // allocates nothing, so that it doesn't count itself
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	var start, end runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&start)
	before := live()
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := before
		for {
			select {
			case <-done:
				peak <- max(most, live()) - before
				return
			default:
				most = max(most, live())
				runtime.Gosched()
			}
		}
	}()
	f()
	runtime.ReadMemStats(&end)
	close(done)
	total := int64(end.TotalAlloc - start.TotalAlloc)
	if p := <-peak; p > 0 && p < total {
		return p
	}
	return total
}
