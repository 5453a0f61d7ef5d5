//go:build unix

package buildspec

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// maxUnitTime is the processor time that 100 KB may take.
const maxUnitTime = 100 * time.Millisecond

// BenchmarkWorst measures what TestWorstInputs counts, and the processor's time, also for the largest files. It fails
// when an input takes longer than allowed.
func BenchmarkWorst(b *testing.B) {
	for _, size := range []int{unitBytes, MaxFileSize} {
		for _, in := range worstInputs(size) {
			b.Run(fmt.Sprintf("%s/%dKB", in.name, size/1000), func(b *testing.B) { benchmarkWorst(b, in.src) })
		}
	}
}

func benchmarkWorst(b *testing.B, text string) {
	src := []byte(text)
	units := float64(max(len(src), unitBytes)) / unitBytes
	b.SetBytes(int64(len(src)))
	before := processorTime(b)
	for b.Loop() {
		Parse("amplify.yml", src)
	}
	perUnit := time.Duration(float64(processorTime(b)-before) / float64(b.N) / units)
	b.ReportMetric(float64(perUnit.Microseconds())/1000, "cpu-ms/100KB")
	b.ReportMetric(float64(allocated(src))/(units*unitBytes), "allocated/size")
	b.ReportMetric(float64(alive(text))/(units*unitBytes), "held/size")
	if perUnit > maxUnitTime {
		b.Errorf("takes %v for 100 KB, want at most %v", perUnit, maxUnitTime)
	}
}

// processorTime returns what the process has used, the collector's part included. Unlike the clock it doesn't depend on
// what else the machine does.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
