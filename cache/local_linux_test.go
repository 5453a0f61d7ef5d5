package cache

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDisk: a disk that is full while an entry is written leaves the previous one.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(disk, 0)) })
	l, err := NewLocal(filepath.Join(disk, "store"), Options{})
	must(t, err)
	root := t.TempDir()
	writeFile(t, root, "x/old", "old")
	_, err = l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	must(t, err)
	before := paths(t, disk)

	random := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random) // never fails
	must(t, os.WriteFile(filepath.Join(root, "x/new"), random, 0o600))
	if _, err := l.Save(t.Context(), plainKey, compiled(t, plainKey), root); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Save on a full disk: %v", err)
	}
	if after := paths(t, disk); len(after) != len(before) {
		t.Errorf("the store held %d files, now %d", len(before), len(after))
	}
	fresh := t.TempDir()
	r, err := l.Restore(t.Context(), plainKey, fresh)
	if err != nil || !r.Hit || paths(t, fresh)["x/old"] == "" || paths(t, fresh)["x/new"] != "" {
		t.Errorf("Restore: %+v, %v", r, err)
	}

	// A workspace that is full is an error, not a miss: it holds half a cache.
	l, err = NewLocal(t.TempDir(), Options{})
	must(t, err)
	_, err = l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	must(t, err)
	if r, err := l.Restore(t.Context(), plainKey, disk); !errors.Is(err, unix.ENOSPC) || r.Hit {
		t.Errorf("Restore to a full disk: %+v, %v", r, err)
	}
}
