package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

func TestPackIndexes(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	sourcetest.Git(t, dir, "init", "-q", "--bare", ".")
	// Enough of them that every first byte occurs.
	var text strings.Builder
	for n := range 4000 {
		text.WriteString("blob\ndata <<.\n" + strings.Repeat("x", n) + "\n.\n\n")
	}
	sourcetest.Write(t, dir, map[string]string{"import": text.String()})
	in, err := os.Open(filepath.Join(dir, "import"))
	must(t, err)
	defer in.Close() //nolint:errcheck // only read
	must(t, gitProgram(sourcetest.NeedGit(t)).run(t.Context(), dir, nil, in, "fast-import", "--quiet"))
	p, err := openPackIndexes(dir)
	must(t, err)
	defer p.Close() //nolint:errcheck // only read
	if len(p) != 1 {
		t.Fatalf("%d indexes", len(p))
	}
	first := map[byte]bool{}
	for n := range 4000 {
		h := plumbing.ComputeHash(plumbing.BlobObject, []byte(strings.Repeat("x", n)+"\n"))
		first[h[0]] = true
		if err := p.find(h); err != nil {
			t.Fatalf("%s is not found: %v", h, err)
		}
		for _, at := range []int{0, 1, 19} {
			other := h
			other[at]++
			if err := p.find(other); !errors.Is(err, plumbing.ErrObjectNotFound) {
				t.Fatalf("%s: %v", other, err)
			}
		}
	}
	if len(first) != 256 {
		t.Fatalf("only %d first bytes", len(first))
	}
}

func TestPackIndexesDamaged(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"other version": "\xfftOc\x00\x00\x00\x03" + strings.Repeat("\x00", 1064),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sourcetest.Write(t, dir, map[string]string{"objects/pack/pack-1.idx": text})
			p, err := openPackIndexes(dir)
			var damaged *damagedError
			if !errors.As(err, &damaged) {
				t.Errorf("%v, %v", p, err)
			}
		})
	}
	t.Run("cut", func(t *testing.T) {
		dir := t.TempDir()
		sourcetest.Write(t, dir, map[string]string{"objects/pack/pack-1.idx": indexHeader + strings.Repeat("\x00\x00\x00\x09", 256)})
		p, err := openPackIndexes(dir)
		must(t, err)
		defer p.Close() //nolint:errcheck // only read
		if err := p.find(plumbing.ZeroHash); err == nil || errors.Is(err, plumbing.ErrObjectNotFound) {
			t.Error(err)
		}
	})
}
