// Package stat has the few statistics that a comparison of paired measurements needs.
package stat

import (
	"fmt"
	"math"
	"slices"
)

// Spread sums up measurements of one thing.
type Spread struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Of sums up a list. An empty one has the zero Spread.
func Of(list []float64) Spread {
	if len(list) == 0 {
		return Spread{}
	}
	return Spread{N: len(list), Median: Median(list), Min: slices.Min(list), Max: slices.Max(list)}
}

// Median is the middle one, or the mean of the two in the middle; NaN of nothing.
func Median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(list))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Percentile is the smallest one that at least p percent are not above: the nearest rank. NaN of nothing.
func Percentile(list []float64, p float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(list))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Ratios divides pair by pair, so that what slows down a whole round counts on both sides.
func Ratios(ours, theirs []float64) ([]float64, error) {
	if len(ours) != len(theirs) {
		return nil, fmt.Errorf("%d measurements cannot be paired with %d", len(ours), len(theirs))
	}
	out := make([]float64, len(ours))
	for i := range ours {
		if theirs[i] <= 0 {
			return nil, fmt.Errorf("round %d: nothing can be divided by %g", i+1, theirs[i])
		}
		out[i] = ours[i] / theirs[i]
	}
	return out, nil
}
