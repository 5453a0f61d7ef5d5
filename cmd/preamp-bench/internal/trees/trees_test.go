package trees_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
)

// content reads a tree: names and what is in them.
func content(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(p)
		rel, _ := filepath.Rel(root, p)
		all[rel] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A figure means little when the tree is not what it is said to be.
func TestModulesLookLikeModules(t *testing.T) {
	const files = 2000
	tree, err := trees.Modules(t.TempDir(), files)
	if err != nil {
		t.Fatal(err)
	}
	all := content(t, tree.Root)
	var sizes []int
	var sum int64
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for _, raw := range all {
		sizes = append(sizes, len(raw))
		sum += int64(len(raw))
		if _, err := w.Write([]byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(sizes)
	if len(sizes) != files || sum != tree.Bytes {
		t.Errorf("%d files of %d bytes, said to be %d", len(sizes), sum, tree.Bytes)
	}
	median, high := sizes[files/2], sizes[files*9/10]
	if median < 700 || median > 1300 || high < 7000 || high > 12_000 {
		t.Errorf("the median is %d, nine of ten are below %d", median, high)
	}
	if ratio := float64(packed.Len()) / float64(sum); ratio < 0.15 || ratio > 0.6 {
		t.Errorf("packs to %.2f", ratio)
	}
}

func TestModulesAreTheSameEverywhere(t *testing.T) {
	one, err := trees.Modules(t.TempDir(), 300)
	if err != nil {
		t.Fatal(err)
	}
	other, err := trees.Modules(t.TempDir(), 300)
	if err != nil {
		t.Fatal(err)
	}
	before := content(t, one.Root)
	if diff := cmp.Diff(before, content(t, other.Root)); diff != "" {
		t.Error(diff)
	}
	changed, err := one.Change(7, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var differ int
	var bytes int64
	for name, raw := range content(t, one.Root) {
		if raw != before[name] {
			differ++
			bytes += int64(len(raw))
		}
	}
	if differ != 3 || bytes != changed {
		t.Errorf("%d files of %d bytes differ, %d bytes are said to", differ, bytes, changed)
	}
}

func TestSite(t *testing.T) {
	const files = 100
	tree, err := trees.Site(t.TempDir(), files)
	if err != nil {
		t.Fatal(err)
	}
	all := content(t, filepath.Join(tree.Root, "dist"))
	images := 0
	for name := range all {
		if filepath.Ext(name) == ".png" {
			images++
		}
	}
	if mean := tree.Bytes / files; len(all) != files || images != 16 || mean < 25_000 || mean > 36_000 {
		t.Errorf("%d files, %d images, %d bytes each", len(all), images, mean)
	}
}
