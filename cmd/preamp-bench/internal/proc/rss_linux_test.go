package proc_test

import (
	"syscall"
	"testing"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
)

// What this process once had is not counted as a child's.
func TestSmallChild(t *testing.T) {
	const size = 512 << 20
	large, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_POPULATE)
	if err != nil {
		t.Fatal(err)
	}
	if with := proc.Own(); with < size {
		t.Fatalf("%d bytes are resident, not even what was mapped", with)
	}
	if err := syscall.Munmap(large); err != nil {
		t.Fatal(err)
	}
	r, err := proc.Run(t.Context(), proc.Cmd{Args: []string{"true"}})
	if err != nil || r.RSS >= size {
		t.Errorf("%d bytes, %v", r.RSS, err)
	}
}
