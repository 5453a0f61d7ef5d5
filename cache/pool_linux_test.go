package cache

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOtherFileSystem: a workspace that a file cannot be moved to gets it unpacked.
func TestOtherFileSystem(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, ""); err != nil {
		t.Skipf("needs the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(disk, 0)) })
	l, root := newLinkStore(t, t.TempDir(), Options{}), npmTree(t)
	mustSave(t, l, plainKey, root)
	want := paths(t, root)
	must(t, os.RemoveAll(root))
	there := filepath.Join(disk, "workspace")
	must(t, os.Mkdir(there, 0o700))
	r, err := l.Restore(t.Context(), plainKey, there)
	if err != nil || !r.Hit || !maps.Equal(paths(t, there), want) {
		t.Errorf("Restore: %+v, %v", r, err)
	}
	if got := pooled(t, l, plainKey); len(got) != npmFiles {
		t.Errorf("%d files are in the pool", len(got))
	}
	if s := mustSave(t, l, plainKey, there); !s.Unchanged || len(s.Notices) > 0 {
		t.Errorf("Save: %+v", s)
	}
}
