package stat_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/stat"
)

func TestMedianAndPercentile(t *testing.T) {
	tests := []struct {
		name             string
		list             []float64
		median, p95, p50 float64
	}{
		{"one", []float64{3}, 3, 3, 3},
		{"odd, unsorted", []float64{9, 1, 5}, 5, 9, 5},
		{"even", []float64{4, 1, 2, 3}, 2.5, 4, 2},
		{"one outlier does not move it", []float64{1, 1, 1, 1, 1000}, 1, 1000, 1},
		{"twenty", []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, 10.5, 19, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			given := append([]float64(nil), tt.list...)
			got := []float64{stat.Median(tt.list), stat.Percentile(tt.list, 95), stat.Percentile(tt.list, 50)}
			if diff := cmp.Diff([]float64{tt.median, tt.p95, tt.p50}, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(given, tt.list); diff != "" {
				t.Errorf("the list was changed: %s", diff)
			}
		})
	}
	if !math.IsNaN(stat.Median(nil)) || !math.IsNaN(stat.Percentile(nil, 95)) {
		t.Error("nothing has a median")
	}
}

func TestRatiosPairByPair(t *testing.T) {
	// The second round met three times the load; it does not matter.
	got, err := stat.Ratios([]float64{1, 3, 2}, []float64{2, 6, 4})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stat.Spread{N: 3, Median: 0.5, Min: 0.5, Max: 0.5}, stat.Of(got)); diff != "" {
		t.Error(diff)
	}
	for _, theirs := range [][]float64{{1}, {1, 0}} {
		if _, err := stat.Ratios([]float64{1, 2}, theirs); err == nil {
			t.Errorf("no error for %v", theirs)
		}
	}
}
