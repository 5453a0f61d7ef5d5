package artifacts_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/artifacts"
	"github.com/preamp-build/preamp/testdata/need"
)

var zipTime = time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)

func zipped(t *testing.T, s *artifacts.Selection, modified time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, s.WriteZip(t.Context(), &b, modified))
	return b.Bytes()
}

func open(t *testing.T, archive []byte) *zip.Reader {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	must(t, err)
	return r
}

// unzipped returns what WriteZip makes of s, in the notation of tree.
func unzipped(t *testing.T, s *artifacts.Selection) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range open(t, zipped(t, s, zipTime)).File {
		r, err := f.Open()
		must(t, err)
		content, err := io.ReadAll(r) // checks the sum
		must(t, err)
		switch f.Mode() {
		case 0o644:
			all[f.Name] = string(content)
		case 0o755:
			all[f.Name+"*"] = string(content)
		case fs.ModeSymlink | 0o777:
			all[f.Name] = "-> " + string(content)
		default:
			t.Errorf("%s has mode %v", f.Name, f.Mode())
		}
	}
	return all
}

// mixed is a tree with all kinds of files: large and small, that compress and don't.
func mixed(t *testing.T) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 3<<20)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	all := files{"large.js": string(bytes.Repeat([]byte("var x = 1;\n"), 300_000)), "large.png": string(noise), "empty": "", "l": "-> empty", "é": "é"}
	for i := range 200 {
		n := rnd.IntN(20_000)
		all[fmt.Sprintf("d%d/text%d.js", i%7, i)] = string(bytes.Repeat([]byte(fmt.Sprintf("const v%d = %d;\n", i, rnd.Uint64())), n/10))
		all[fmt.Sprintf("d%d/noise%d", i%5, i)] = string(noise[n : 2*n])
	}
	return tree(t, all)
}

func TestZipIsDeterministic(t *testing.T) {
	root := mixed(t)
	s := selectFiles(t, artifacts.Options{Root: root})
	first := zipped(t, s, zipTime)
	for _, procs := range []int{1, 2, 7} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		if !bytes.Equal(first, zipped(t, s, zipTime)) {
			t.Errorf("with %d processors the archive differs", procs)
		}
	}
	// Another time of day, another order in the folders: the same archive.
	must(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = os.Chtimes(name, time.Now(), time.Now().Add(-time.Hour))
		}
		return err
	}))
	if !bytes.Equal(first, zipped(t, selectFiles(t, artifacts.Options{Root: root}), zipTime)) {
		t.Error("the archive depends on the files' times")
	}
}

func TestZipEntries(t *testing.T) {
	s := selectFiles(t, artifacts.Options{Root: mixed(t)})
	r := open(t, zipped(t, s, zipTime))
	if len(r.File) != len(s.Files) {
		t.Fatalf("%d entries for %d files", len(r.File), len(s.Files))
	}
	var names []string
	for i, f := range r.File {
		names = append(names, f.Name)
		if !f.Modified.Equal(zipTime) {
			t.Errorf("%s: modified %v", f.Name, f.Modified)
		}
		if f.CompressedSize64 > f.UncompressedSize64+1000 {
			t.Errorf("%s: %d bytes became %d", f.Name, f.UncompressedSize64, f.CompressedSize64)
		}
		rc, err := f.Open()
		must(t, err)
		if n, err := io.Copy(io.Discard, rc); err != nil || s.Files[i].Link == "" && n != s.Files[i].Size {
			t.Errorf("%s: %d bytes, %v", f.Name, n, err)
		}
	}
	if !slices.IsSorted(names) {
		t.Error("the entries are not sorted")
	}
}

func TestZipTimes(t *testing.T) {
	root := tree(t, files{"new": "", "old": "", "future": "", "odd": ""})
	times := map[string]time.Time{
		"new": zipTime, "old": time.Unix(0, 0), "future": time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), "odd": zipTime.Add(time.Second),
	}
	for name, when := range times {
		must(t, os.Chtimes(filepath.Join(root, name), when, when))
	}
	got := map[string]string{}
	for _, f := range open(t, zipped(t, selectFiles(t, artifacts.Options{Root: root}), time.Time{})).File {
		got[f.Name] = f.Modified.UTC().Format(time.DateTime)
	}
	want := files{"new": "2024-02-29 12:34:56", "old": "1980-01-01 00:00:00", "future": "2105-12-31 23:59:58", "odd": "2024-02-29 12:34:57"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestZipNameFlag(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("needs a file system that takes names that are not UTF-8")
	}
	s := selectFiles(t, artifacts.Options{Root: tree(t, files{"ascii": "", "é": "", "\xe9": ""})})
	got := map[string]bool{}
	for _, f := range open(t, zipped(t, s, zipTime)).File {
		got[f.Name] = f.Flags&0x800 != 0
	}
	if diff := cmp.Diff(map[string]bool{"ascii": false, "é": true, "\xe9": false}, got); diff != "" {
		t.Error(diff)
	}
}

// More entries than the old format can count.
func TestZip64(t *testing.T) {
	s := selectFiles(t, artifacts.Options{Root: tree(t, files{"f": "x"})})
	f := s.Files[0]
	s.Files = nil
	for i := range 1<<16 + 10 {
		f.Path = fmt.Sprintf("%06d", i)
		s.Files = append(s.Files, f)
	}
	if n := len(open(t, zipped(t, s, zipTime)).File); n != len(s.Files) {
		t.Errorf("%d entries", n)
	}
}

func TestUnzipReadsIt(t *testing.T) {
	unzip := need.Program(t, "unzip")
	root := mixed(t)
	s := selectFiles(t, artifacts.Options{Root: root})
	archive := filepath.Join(t.TempDir(), "a.zip")
	must(t, os.WriteFile(archive, zipped(t, s, zipTime), 0o644))
	if out, err := exec.CommandContext(t.Context(), unzip, "-tq", archive).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dst := t.TempDir()
	cmd := exec.CommandContext(t.Context(), unzip, "-q", archive, "-d", dst)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(read(t, root), read(t, dst)); diff != "" {
		t.Errorf("unpacked it differs in %d bytes of diff", len(diff))
	}
}

// site makes a tree like a large static site: 5,000 files, most of them text.
func site(b *testing.B) string {
	root := b.TempDir()
	rnd := rand.New(rand.NewPCG(1, 3))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for i := range 5000 {
		dir := filepath.Join(root, "dist", fmt.Sprint("d", i%50), fmt.Sprint("e", i%300))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		name, content := fmt.Sprint("p", i, ".js"), bytes.Repeat([]byte(fmt.Sprintf("export const v%d = { id: %d };\n", i, rnd.Uint64())), 400)
		if i%6 == 0 {
			name, content = fmt.Sprint("p", i, ".png"), noise
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return root
}

func Benchmark5000Files(b *testing.B) {
	o := artifacts.Options{Root: site(b), Base: "dist", Files: []string{"**/*", "!**/*.map"}}
	s, err := artifacts.Select(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Select", func(b *testing.B) {
		for b.Loop() {
			if _, err := artifacts.Select(b.Context(), o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("WriteZip", func(b *testing.B) {
		b.SetBytes(s.Bytes)
		for b.Loop() {
			if err := s.WriteZip(b.Context(), io.Discard, zipTime); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("WriteZipHashes", func(b *testing.B) {
		b.SetBytes(s.Bytes)
		for b.Loop() {
			if _, err := s.WriteZipHashes(b.Context(), io.Discard, zipTime); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("WriteDir", func(b *testing.B) {
		b.SetBytes(s.Bytes)
		for i := 0; b.Loop(); i++ {
			if err := s.WriteDir(b.Context(), filepath.Join(b.TempDir(), fmt.Sprint(i))); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLargeFiles packs files that are streamed: one that compresses and one that does not.
func BenchmarkLargeFiles(b *testing.B) {
	root := b.TempDir()
	rnd := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 64<<20)
	if _, err := rnd.Read(noise); err != nil {
		b.Fatal(err)
	}
	for name, content := range map[string][]byte{"a.mp4": noise, "b.js": bytes.Repeat([]byte("export const v = { id: 1 };\n"), 1<<20)} {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	s, err := artifacts.Select(b.Context(), artifacts.Options{Root: root})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("WriteZip", func(b *testing.B) {
		b.SetBytes(s.Bytes)
		for b.Loop() {
			if err := s.WriteZip(b.Context(), io.Discard, zipTime); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("WriteZipHashes", func(b *testing.B) {
		b.SetBytes(s.Bytes)
		for b.Loop() {
			if _, err := s.WriteZipHashes(b.Context(), io.Discard, zipTime); err != nil {
				b.Fatal(err)
			}
		}
	})
}
