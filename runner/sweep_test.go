package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/preamp-build/preamp/cache/layers"
	"github.com/preamp-build/preamp/runner/engine"
)

// What earlier builds left to be removed later stays while any other build has a workspace.
func TestSweepBesideOthers(t *testing.T) {
	for _, other := range []string{"", "builds", "slots"} {
		t.Run(other, func(t *testing.T) {
			r := &Runner{State: t.TempDir()}
			var err error
			if r.Layers, err = layers.Open(filepath.Join(r.State, "layers"), layers.Limits{}); err != nil {
				t.Fatal(err)
			}
			long := filepath.Join(r.State, "layers", "t", "1000000000-4096-0123456789abcdef")
			dir := filepath.Join(r.State, other, "b")
			for _, d := range []string{long, dir} {
				if err := os.MkdirAll(d, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if other != "" {
				if err := engine.WriteOwner(dir, engine.NewOwner("b")); err != nil {
					t.Fatal(err)
				}
			}
			r.sweep(t.Context())
			if there := exists(long); there != (other != "") {
				t.Errorf("it is there: %v", there)
			}
			if err := r.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
			if exists(long) {
				t.Error("gc has left it")
			}
		})
	}
}
