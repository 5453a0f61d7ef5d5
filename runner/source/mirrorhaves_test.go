package source

import (
	"fmt"
	"testing"
)

// A mirror that follows a branch for a long time still knows near and far commits, and not too many.
func TestAdvanced(t *testing.T) {
	for _, steps := range []int{1, 2, 7, 100} {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			var list []ancestor
			for n := range 5000 {
				list = advanced(list, fmt.Sprint(n*steps), steps)
				tip, last := (n+1)*steps, 0
				for _, a := range list {
					if got := fmt.Sprint(tip - a.Apart); a.Commit != got {
						t.Fatalf("at %d: %+v is %s", tip, a, got)
					}
					if a.Apart <= last || a.Apart > 4*max(last, steps)+3 {
						t.Fatalf("at %d: %d comes after %d", tip, a.Apart, last)
					}
					last = a.Apart
				}
				if len(list) > maxAncestors || (len(list) < maxAncestors && last != tip) {
					t.Fatalf("at %d: %d ancestors, the last at %d", tip, len(list), last)
				}
			}
		})
	}
}
