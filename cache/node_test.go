package cache

import (
	"cmp"
	"math/rand/v2"
	"strings"
	"testing"
)

// The order of a walk is that of the bytes if a slash came before all others.
func TestInWalk(t *testing.T) {
	slow := func(p string) string { return strings.ReplaceAll(p, "/", "\x00") }
	r := rand.New(rand.NewPCG(1, 1))
	some := func() string {
		b := make([]byte, r.IntN(6))
		for i := range b {
			b[i] = "a/b-.\x01\xff"[r.IntN(7)]
		}
		return string(b)
	}
	for range 100_000 {
		a, b := some(), some()
		if got, want := inWalk(a, b), cmp.Compare(slow(a), slow(b)); got != want {
			t.Fatalf("inWalk(%q, %q) = %d, want %d", a, b, got, want)
		}
	}
}
