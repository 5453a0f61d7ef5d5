//go:build linux

package layers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cache/layers"
)

const (
	most  = 30 // entries of a small tree
	small = most - 1
	large = most + 1
)

// bin is a store whose trash is looked at.
type bin struct {
	*layers.Store
	dir   string
	now   time.Time
	tick  time.Duration // by which each look makes it later
	full  bool
	built int
}

func newBin(t *testing.T, limit int64) *bin {
	t.Helper()
	b := &bin{dir: t.TempDir(), now: time.Unix(1_800_000_000, 0)}
	store, err := layers.Open(filepath.Join(b.dir, "layers"), layers.Limits{Trash: limit})
	must(t, err)
	b.Store = store
	store.SetSmall(most)
	store.SetClock(func() time.Time { b.now = b.now.Add(b.tick); return b.now })
	store.SetRoom(func() (uint64, uint64) {
		if b.full {
			return 1 << 30, 500 << 30
		}
		return 100 << 30, 500 << 30
	})
	return b
}

// build puts a workspace with so many entries and a MiB aside.
func (b *bin) build(t *testing.T, entries int) {
	t.Helper()
	b.built++
	dir := filepath.Join(b.dir, "workspace")
	must(t, os.MkdirAll(filepath.Join(dir, "d"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("build-%d", b.built)), make([]byte, 1<<20), 0o600))
	for i := range entries - 3 {
		must(t, os.WriteFile(filepath.Join(dir, "d", fmt.Sprint(i)), nil, 0o600))
	}
	must(t, b.Discard(dir))
}

// lies names the builds of which something is in the trash, and everything there that is of none.
func (b *bin) lies(t *testing.T) (names []string) {
	t.Helper()
	all, err := os.ReadDir(b.trash())
	must(t, err)
	for _, e := range all {
		of, _ := filepath.Glob(filepath.Join(b.trash(), e.Name(), "build-*"))
		if len(of) == 0 {
			names = append(names, e.Name())
		}
		for _, path := range of {
			names = append(names, strings.TrimPrefix(filepath.Base(path), "build-"))
		}
	}
	slices.Sort(names)
	return names
}

func (b *bin) trash() string { return filepath.Join(b.dir, "layers", "t") }

// What lies in the trash after builds, and when it goes.
func TestSweep(t *testing.T) {
	type build struct {
		after   time.Duration // since the one before
		entries int
		others  bool
		full    bool
	}
	const aRow, aPause = 9 * time.Minute, 10 * time.Minute
	for _, tc := range []struct {
		name   string
		limit  int64
		builds []build
		want   []string
	}{
		{"small ones go at once", 0, []build{{entries: small}, {entries: 3}}, nil},
		{"a large one lies", 0, []build{{entries: large}}, []string{"1"}},
		{"builds in a row", 0, []build{{entries: large}, {after: aRow, entries: large}, {after: aRow, entries: large}}, []string{"1", "2", "3"}},
		{"a small one in the row", 0, []build{{entries: large}, {after: aRow, entries: small}}, []string{"1"}},
		{"after a pause", 0, []build{{entries: large}, {after: aRow, entries: large}, {after: aPause, entries: large}}, []string{"3"}},
		{"after a pause, a small one", 0, []build{{entries: large}, {after: aPause, entries: small}}, nil},
		{"after a pause, beside others", 0, []build{{entries: large}, {after: aPause, entries: large, others: true}}, []string{"1", "2"}},
		{"the clock was put back", 0, []build{{entries: large}, {after: -time.Hour, entries: small}}, nil},
		{"as much as may lie", 9 << 19, []build{{entries: large}, {entries: large}, {entries: large}, {entries: large}}, []string{"1", "2", "3", "4"}},
		{"more than may lie", 9 << 19, []build{
			{entries: large},
			{after: time.Second, entries: large},
			{after: time.Second, entries: large},
			{after: time.Second, entries: large},
			{after: time.Second, entries: large, others: true},
		}, []string{"4", "5"}},
		{"the disk is almost full", 0, []build{{entries: large}, {entries: large, full: true, others: true}}, nil},
		{"nothing may lie", -1, []build{{entries: large}, {entries: large, others: true}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBin(t, tc.limit)
			for _, one := range tc.builds {
				b.now, b.full = b.now.Add(one.after), one.full
				b.build(t, one.entries)
				must(t, b.Sweep(t.Context(), one.others))
			}
			if diff := cmp.Diff(tc.want, b.lies(t)); diff != "" {
				t.Errorf("in the trash (-want +got):\n%s", diff)
			}
			must(t, b.Relieve(t.Context()))
			if got := b.lies(t); !b.full && !cmp.Equal(tc.want, got) {
				t.Errorf("relieving a disk that is not full has left %v", got)
			}
			b.full = true
			must(t, b.Relieve(t.Context()))
			if got := b.lies(t); len(got) > 0 {
				t.Errorf("on a full disk %v is left", got)
			}
		})
	}
}

// What one Sweep has no time for, the next ones remove.
func TestSweepStops(t *testing.T) {
	b := newBin(t, 0)
	for range 2 {
		b.build(t, large)
		must(t, b.Sweep(t.Context(), false))
	}
	b.tick = 70 * time.Millisecond
	for sweeps := 1; ; sweeps++ {
		b.now = b.now.Add(time.Hour)
		must(t, b.Sweep(t.Context(), false))
		left, err := os.ReadDir(b.trash())
		must(t, err)
		if len(left) > 0 {
			continue
		}
		if sweeps < 2 || sweeps > 4 {
			t.Errorf("it took %d times", sweeps)
		}
		return
	}
}

// Empty removes all but what a living process is making, however it got there.
func TestEmpty(t *testing.T) {
	b := newBin(t, 0)
	b.build(t, large)
	must(t, b.Sweep(t.Context(), false))
	b.build(t, large)
	path := func(name string) string { return filepath.Join(b.trash(), name) }
	for _, name := range []string{"1-x-strange", "dead", "living"} {
		must(t, os.Mkdir(path(name), 0o700))
		must(t, os.WriteFile(path(name+"/f"), nil, 0o600))
	}
	for _, lock := range []string{"dead.lock", "nothing.lock"} {
		must(t, os.WriteFile(path(lock), nil, 0o600))
	}
	lock := flock.New(path("living.lock"))
	must(t, lock.Lock())
	must(t, b.Sweep(t.Context(), false))
	must(t, b.Empty(t.Context()))
	if diff := cmp.Diff([]string{"living", "living.lock"}, b.lies(t)); diff != "" {
		t.Errorf("in the trash (-want +got):\n%s", diff)
	}
	must(t, lock.Close())
	must(t, b.Empty(t.Context()))
	if got := b.lies(t); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

// Folders that their owner may not change are no reason to keep them.
func TestEmptyLocked(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs a user who is not root")
	}
	b := newBin(t, 0)
	dir := filepath.Join(b.dir, "workspace")
	for name, mode := range map[string]os.FileMode{"r": 0o500, "x": 0o100, "none": 0} {
		must(t, os.MkdirAll(filepath.Join(dir, name, "in"), 0o755))
		must(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	must(t, b.Discard(dir))
	must(t, b.Empty(t.Context()))
	if got := b.lies(t); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestAlmostFull(t *testing.T) {
	const gib = 1 << 30
	for _, tc := range []struct {
		free, total, freeInodes, inodes uint64
		want                            bool
	}{
		{50 * gib, 100 * gib, 0, 0, false}, // inodes are not numbered
		{11 * gib, 100 * gib, 50, 100, false},
		{9 * gib, 100 * gib, 50, 100, true},
		{11 * gib, 100 * gib, 9, 100, true},
		{6 * gib, 20 * gib, 50, 100, false},
		{4 * gib, 20 * gib, 50, 100, true},
		{30 * gib, 4000 * gib, 50, 100, false},
		{19 * gib, 4000 * gib, 50, 100, true},
	} {
		if got := layers.AlmostFull(tc.free, tc.total, tc.freeInodes, tc.inodes); got != tc.want {
			t.Errorf("%d of %d GiB, %d of %d inodes: %v", tc.free/gib, tc.total/gib, tc.freeInodes, tc.inodes, got)
		}
	}
}
