package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// noisy makes a tree of n bytes that do not compress.
func noisy(t testing.TB, seed byte, n int) string {
	t.Helper()
	root := t.TempDir()
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	writeFile(t, root, "x/f", string(b))
	return root
}

// used sets when an entry was used the last time.
func used(t testing.TB, l *Local, k Key, hoursAgo int) {
	t.Helper()
	at := time.Now().Add(time.Duration(-hoursAgo) * time.Hour)
	must(t, os.Chtimes(pathOf(l, k), at, at))
}

func hits(t testing.TB, l *Local, k Key) bool {
	t.Helper()
	r, err := l.Restore(t.Context(), k, t.TempDir())
	must(t, err)
	return r.Hit
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	l, err := NewLocal(dir, Options{MaxTotal: 350_000})
	must(t, err)
	other := plainKey
	other.App = "other"
	keys := []Key{plainKey.on("a"), plainKey.on("b"), other.on("c"), plainKey.on("d")}
	for i, k := range keys[:3] {
		s, err := l.Save(t.Context(), k, compiled(t, k), noisy(t, byte(i), 100_000))
		if err != nil || !s.Written || len(s.Notices) > 0 {
			t.Fatalf("Save: %+v, %v", s, err)
		}
		used(t, l, k, 10-i)
	}
	if !hits(t, l, keys[0]) { // so that b is the one that was not used for the longest time
		t.Error("a is gone")
	}
	_, err = l.Save(t.Context(), keys[3], compiled(t, keys[3]), noisy(t, 3, 100_000))
	must(t, err)
	for i, want := range []bool{true, false, true, true} {
		if got := hits(t, l, keys[i]); got != want {
			t.Errorf("the entry of %s is there: %v, want %v", keys[i].Branch, got, want)
		}
	}
	noGarbage(t, l, "shop")
	noGarbage(t, l, "other")

	// What is in use stays, whatever the size.
	small, err := NewLocal(dir, Options{MaxTotal: 1})
	must(t, err)
	unlock, err := l.objects.lock(safeName("shop"), true, true)
	must(t, err)
	c, err := small.GC(t.Context())
	if err != nil || c.Entries != 1 || c.Busy != 1 || c.Freed < 100_000 || c.Total < 200_000 || hits(t, l, keys[2]) {
		t.Errorf("GC: %+v, %v", c, err)
	}
	unlock()
	c, err = small.GC(t.Context())
	if err != nil || c.Entries != 2 || c.Busy != 0 || c.Freed < 200_000 || c.Total != 0 || hits(t, l, keys[0]) {
		t.Errorf("GC: %+v, %v", c, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.GC(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("GC: %v", err)
	}
}

// TestSharedChunks: entries of one application share what they have in common, and it stays as long as one needs it.
func TestSharedChunks(t *testing.T) {
	l, err := NewLocal(t.TempDir(), Options{})
	must(t, err)
	root := noisy(t, 1, 5<<20)
	feature := plainKey.on("feature")
	var added []int64
	for _, k := range []Key{plainKey, feature} {
		s, err := l.Save(t.Context(), k, compiled(t, k), root)
		must(t, err)
		added = append(added, s.Added)
	}
	if added[0] < 5<<20 || added[1] > 5000 {
		t.Errorf("the saves added %d bytes", added)
	}
	_, err = l.Remove(t.Context(), "shop", "main")
	must(t, err)
	if hits(t, l, plainKey) || !hits(t, l, feature) {
		t.Error("the wrong entry is gone")
	}
	_, err = l.Remove(t.Context(), "shop", "feature")
	must(t, err)
	noGarbage(t, l, "shop")
	if left, err := l.objects.list(chunksOf(safeName("shop"))); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestPoisonedChunk: a save that makes a chunk which is there, but damaged, puts it right.
func TestPoisonedChunk(t *testing.T) {
	l, err := NewLocal(t.TempDir(), Options{})
	must(t, err)
	root := noisy(t, 1, 100_000)
	_, err = l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	must(t, err)
	for _, seed := range []byte{1, 2} { // the same length, another content
		chunks, err := l.objects.list(chunksOf(safeName("shop")))
		must(t, err)
		if len(chunks) != 1 {
			t.Fatalf("%d chunks", len(chunks))
		}
		path := l.objects.(*disk).path(chunks[0].name)
		b, err := os.ReadFile(path)
		must(t, err)
		b[len(b)/2] ^= seed
		must(t, os.WriteFile(path, b, 0o600))
		k := plainKey.on(fmt.Sprint("again", seed))
		s, err := l.Save(t.Context(), k, compiled(t, k), root)
		must(t, err)
		if s.Added < 100_000 || !hits(t, l, k) || !hits(t, l, plainKey) {
			t.Errorf("Save: %+v", s)
		}
	}
}

// TestStatIndexes: they go with their workspaces and their generations.
func TestStatIndexes(t *testing.T) {
	l, err := NewLocal(t.TempDir(), Options{})
	must(t, err)
	count := func() int {
		list, err := l.stats.list(safeName("shop") + "/stat")
		must(t, err)
		return len(list)
	}
	root, err := os.MkdirTemp(t.TempDir(), "") //nolint:usetesting // it is removed before the end
	must(t, err)
	writeFile(t, root, "x/f", "one")
	_, err = l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	must(t, err)
	fresh := t.TempDir()
	_, err = l.Restore(t.Context(), plainKey, fresh)
	must(t, err)
	must(t, os.RemoveAll(root))
	for _, want := range []int{2, 1} {
		if got := count(); got != want {
			t.Errorf("%d stat indexes, want %d", got, want)
		}
		_, err = l.GC(t.Context())
		must(t, err)
	}
	other := t.TempDir()
	writeFile(t, other, "x/f", "two")
	_, err = l.Save(t.Context(), plainKey, compiled(t, plainKey), other)
	must(t, err)
	if got := count(); got != 1 {
		t.Errorf("%d stat indexes after the generation was replaced", got)
	}
}

// TestStatIndexIsUsed: what is known not to have changed is not read.
func TestStatIndexIsUsed(t *testing.T) {
	l, err := NewLocal(t.TempDir(), Options{})
	must(t, err)
	root := t.TempDir()
	for i := range 30 {
		writeFile(t, root, fmt.Sprint("x/", i), strings.Repeat("x", i))
	}
	s, err := l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	if err != nil || s.Read != 30 {
		t.Fatalf("Save: %+v, %v", s, err)
	}
	// The files were changed too shortly before the save for their stamps to be kept. Nothing can make them older, so
	// the stat index is made as it would be had the save come later.
	settleIn(t, l, root)
	for _, want := range []int{0, 1} {
		s, err := l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
		if err != nil || s.Read != want {
			t.Errorf("Save: %+v, %v; want %d files read", s, err, want)
		}
		if want == 0 {
			writeFile(t, root, "x/7", "changed")
		}
	}
	// An index that is not readable is none.
	put(t, l.stats.(*disk).path(stampsName(plainKey, root)), []byte("no index"))
	s, err = l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	if err != nil || s.Read != 30 || !s.Unchanged {
		t.Errorf("Save: %+v, %v", s, err)
	}
}

func settleIn(t testing.TB, l *Local, root string) {
	t.Helper()
	old := knownStamps(t, l, plainKey, root)
	s := newStampWriter(root)
	s.Branch, s.Generation = old.Branch, old.Generation
	project, err := openProject(root, "")
	must(t, err)
	defer project.close()
	w := walker{paths: compiled(t, plainKey), visit: func(n node) error {
		s.append(n.stamp)
		return nil
	}}
	must(t, w.walk(t.Context(), project))
	l.saveStamps(plainKey, s)
}

func TestSettled(t *testing.T) {
	at := time.Unix(1_700_000_000, 500_000_000)
	for _, c := range []struct {
		after time.Duration
		whole bool
		want  bool
	}{
		{after: -time.Hour, want: false},
		{after: 0, want: false},
		{after: fineTick, want: false},
		{after: fineTick + 1, want: true},
		{after: time.Second, want: true},
		{after: time.Second, whole: true, want: false},
		{after: coarseTick + 1, whole: true, want: true},
	} {
		s := stamp{changed: at.UnixNano()}
		if c.whole {
			s.changed = at.Truncate(time.Second).UnixNano()
		}
		if got := s.settled(time.Unix(0, s.changed).Add(c.after)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestFarTimes: a file system that takes any number as a time does not make an entry that nobody can read.
func TestFarTimes(t *testing.T) {
	for _, sec := range []int64{1 << 62, -1 << 62, farTime, -farTime, 0} {
		n := reg("x/f")
		n.mtime = mtimeOf(&unix.Stat_t{Mtim: unix.Timespec{Sec: sec, Nsec: 999_999_999}})
		if _, err := count(t, inX(n)); err != nil {
			t.Errorf("%d: %v", sec, err)
		}
	}
}

// TestOldFormat: entries of older versions go.
func TestOldFormat(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "v1/app/branch/id.cache"), []byte("an archive"))
	l, err := NewLocal(dir, Options{})
	must(t, err)
	if _, err := os.Stat(filepath.Join(dir, "v1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old entries: %v", err)
	}
	if hits(t, l, plainKey) {
		t.Error("a hit")
	}
}

// TestBaseFails: a base that cannot be read to its end, though it could a moment before, does not fail a save.
func TestBaseFails(t *testing.T) {
	l, err := NewLocal(t.TempDir(), Options{})
	must(t, err)
	root := t.TempDir()
	for i := range 3000 {
		writeFile(t, root, fmt.Sprintf("x/%d/%x", i%10, i*7919), "")
	}
	writeFile(t, root, "x/9/ffff", "last")
	_, err = l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	must(t, err)
	l.objects = failing{l.objects}
	writeFile(t, root, "x/9/ffff", "changed") // the last one
	s, err := l.Save(t.Context(), plainKey, compiled(t, plainKey), root)
	if err != nil || !s.Written || s.Files != 3001 || s.Read != 3001 {
		t.Fatalf("Save: %+v, %v", s, err)
	}
	if !hits(t, newKillStore(t, l.dir), plainKey) {
		t.Error("a miss")
	}
}

// failing is a backend whose entries fail when they are read a third time, as a save does when it finds a difference.
type failing struct{ backend }

func (f failing) open(name string) (object, error) {
	o, err := f.backend.open(name)
	if err != nil || !strings.HasSuffix(name, entrySuffix) {
		return o, err
	}
	return &failingObject{object: o, left: 5 * o.size() / 2}, nil
}

type failingObject struct {
	object
	left int64
}

func (f *failingObject) ReadAt(b []byte, at int64) (int, error) {
	if f.left -= int64(len(b)); f.left < 0 {
		return 0, &os.PathError{Op: "read", Path: "the entry", Err: unix.EIO}
	}
	return f.object.ReadAt(b, at)
}
