package artifacts_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/artifacts"
)

// What nobody needs any more is handed over, and what the build has left beside a file's content never is.
func TestFinal(t *testing.T) {
	root := tree(t, files{"dist/plain": "p", "dist/deep/run*": "r", "dist/special*": "s", "dist/two": "2", "dist/attribute": "a", "dist/owned": "o"})
	name := func(file string) string { return filepath.Join(root, "dist", file) }
	must(t, os.Link(name("two"), filepath.Join(root, "other")))
	must(t, os.Chmod(name("special"), 0o755|os.ModeSetuid))
	must(t, unix.Setxattr(name("attribute"), "user.preamp", []byte("x"), 0))
	if os.Geteuid() == 0 {
		must(t, os.Chown(name("owned"), 1, 1))
	}
	longAgo := time.Now().Add(-time.Hour).Truncate(time.Second)
	must(t, os.Chtimes(name("plain"), longAgo, longAgo))

	dst := filepath.Join(t.TempDir(), "artifact")
	s := selectFiles(t, artifacts.Options{Root: root, Base: "dist", Final: true})
	must(t, s.WriteDir(t.Context(), dst))
	want := files{"plain": "p", "deep/run*": "r", "special*": "s", "two": "2", "attribute": "a", "owned": "o"}
	if diff := cmp.Diff(want, read(t, dst)); diff != "" {
		t.Error(diff)
	}
	for file, given := range map[string]bool{
		"plain": true, "deep/run": true, "special": true, "two": false, "attribute": false, "owned": os.Geteuid() != 0,
	} {
		before, err := os.Stat(name(file))
		must(t, err)
		after, err := os.Lstat(filepath.Join(dst, file))
		must(t, err)
		if os.SameFile(before, after) != given {
			t.Errorf("%s: handed over: %v, want %v", file, !given, given)
		}
		if st := after.Sys().(*syscall.Stat_t); st.Mode&0o7000 != 0 || int(st.Uid) != os.Geteuid() {
			t.Errorf("%s: mode %o, owner %d", file, st.Mode, st.Uid)
		}
		if n, err := unix.Listxattr(filepath.Join(dst, file), nil); n > 0 || err != nil {
			t.Errorf("%s: %d bytes of attributes, %v", file, n, err)
		}
	}
	// It is still the same selection: it can be written once more, and packed.
	again := filepath.Join(t.TempDir(), "again")
	must(t, s.WriteDir(t.Context(), again))
	if diff := cmp.Diff(want, read(t, again)); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(again, "plain"))
	must(t, err)
	if info.ModTime().Equal(longAgo) {
		t.Error("a file with two names was handed over again")
	}
}

// Without Final nothing of the build is touched.
func TestNotFinal(t *testing.T) {
	root := tree(t, files{"a*": "1"})
	dst := filepath.Join(t.TempDir(), "artifact")
	must(t, selectFiles(t, artifacts.Options{Root: root}).WriteDir(t.Context(), dst))
	before, err := os.Stat(filepath.Join(root, "a"))
	must(t, err)
	after, err := os.Stat(filepath.Join(dst, "a"))
	must(t, err)
	if os.SameFile(before, after) {
		t.Error("the file is one with the build's")
	}
}
