package cache

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

var forgedKey = Key{App: "shop", Branch: "main", Image: "i", Arch: "amd64", Paths: []string{"x", "p/q", "!x/out"}}

var forgedLimits = limits{bytes: 1 << 20, nodes: 1000}

// forge puts an entry into a store that is right in everything but the archive.
func forge(t testing.TB, l *Local, k Key, archive []byte, tree totals) string {
	t.Helper()
	path := filepath.Join(l.folder(k.App, k.Branch), k.ID()+entrySuffix)
	var b bytes.Buffer
	s, err := newSealer(&b, 1<<30)
	must(t, err)
	_, err = s.Write(archive)
	must(t, err)
	must(t, s.seal(meta{Key: newMetaKey(k), Created: time.Now(), Tree: tree}))
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func compress(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstd.MinWindowSize),
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	must(t, err)
	return w.EncodeAll(b, nil)
}

// count reads a tar as far as it is acceptable.
func count(t testing.TB, archive []byte) (totals, error) {
	t.Helper()
	p, _ := Compile(forgedKey.Dir, forgedKey.Paths)
	u, err := newUnarchiver(bytes.NewReader(archive), p, forgedLimits)
	if err != nil {
		return totals{}, err
	}
	defer u.close()
	for {
		_, err := u.next()
		if errors.Is(err, io.EOF) {
			return u.totals, nil
		}
		if err == nil {
			_, err = io.Copy(io.Discard, u)
		}
		if err != nil {
			return u.totals, err
		}
	}
}

func tarOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := []byte(nil)
		if h.Typeflag == tar.TypeReg {
			content = []byte("content")
			h.Size = int64(len(content))
		}
		if h.Mode == 0 && h.Typeflag != tar.TypeXGlobalHeader {
			h.Mode = 0o755
		}
		must(t, w.WriteHeader(&h))
		_, err := w.Write(content)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func newStore(t testing.TB) *Local {
	t.Helper()
	l, err := NewLocal(t.TempDir(), Options{MaxBytes: forgedLimits.bytes, MaxNodes: forgedLimits.nodes})
	must(t, err)
	return l
}

// paths lists what is below a folder, with the content of files.
func paths(t testing.TB, root string) map[string]string {
	t.Helper()
	m := map[string]string{}
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, err := filepath.Rel(root, path)
		m[rel] = d.Type().String()
		if d.Type().IsRegular() {
			var b []byte
			b, err = os.ReadFile(path)
			m[rel] += string(b)
		}
		return err
	}))
	return m
}

var (
	dirX  = tar.Header{Typeflag: tar.TypeDir, Name: "x/"}
	fileX = tar.Header{Typeflag: tar.TypeReg, Name: "x/f"}
)

func hostileArchives(t testing.TB) map[string][]byte {
	t.Helper()
	reg := func(name string) []byte { return tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: name}) }
	inX := func(h ...tar.Header) []byte { return tarOf(t, append([]tar.Header{dirX}, h...)...) }
	link := func(name, target string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
	}
	pax := func(h tar.Header, k, v string) tar.Header {
		h.PAXRecords, h.Format = map[string]string{k: v}, tar.FormatPAX
		return h
	}
	deep := []tar.Header{dirX}
	for i := range MaxDepth {
		deep = append(deep, tar.Header{Typeflag: tar.TypeDir, Name: "x/" + strings.Repeat("d/", i+1)})
	}
	huge := tarOf(t, dirX, fileX)
	copy(huge[512+124:], "77777777777\x00")          // the size field, 8 GiB
	copy(huge[512+148:], checksumOf(huge[512:1024])) // made right again
	sparse := tarOf(t, dirX, fileX)
	sparse[512+156] = tar.TypeGNUSparse
	copy(sparse[512+148:], checksumOf(sparse[512:1024]))
	slashed := tarOf(t, dirX, fileX)
	slashed[512+3] = '/'
	copy(slashed[512+148:], checksumOf(slashed[512:1024]))
	return map[string][]byte{
		"parent":                 reg("../evil"),
		"parent inside":          reg("x/../../evil"),
		"absolute":               reg("/evil"),
		"dot":                    reg("x/./f"),
		"double slash":           reg("x//f"),
		"only dot":               reg("."),
		"only parent":            tarOf(t, tar.Header{Typeflag: tar.TypeDir, Name: "../"}),
		"file like a folder":     slashed,
		"through a link":         inX(link("x/l", "../../outside"), tar.Header{Typeflag: tar.TypeReg, Name: "x/l/evil"}),
		"link as folder":         tarOf(t, link("x", "../outside"), tar.Header{Typeflag: tar.TypeReg, Name: "x/evil"}),
		"link then folder":       inX(link("x/l", "../../outside"), tar.Header{Typeflag: tar.TypeDir, Name: "x/l/"}),
		"hard link outside":      inX(tar.Header{Typeflag: tar.TypeLink, Name: "x/h", Linkname: "../outside/secret"}),
		"hard link absolute":     inX(tar.Header{Typeflag: tar.TypeLink, Name: "x/h", Linkname: "/etc/passwd"}),
		"hard link inside":       inX(fileX, tar.Header{Typeflag: tar.TypeLink, Name: "x/h", Linkname: "x/f"}),
		"character device":       inX(tar.Header{Typeflag: tar.TypeChar, Name: "x/d", Devmajor: 1, Devminor: 3}),
		"block device":           inX(tar.Header{Typeflag: tar.TypeBlock, Name: "x/d", Devmajor: 8}),
		"pipe":                   inX(tar.Header{Typeflag: tar.TypeFifo, Name: "x/p"}),
		"contiguous file":        inX(tar.Header{Typeflag: tar.TypeCont, Name: "x/c"}),
		"sparse file":            sparse,
		"global header":          inX(tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "evil"}}),
		"extended attribute":     inX(pax(fileX, "SCHILY.xattr.security.capability", "x")),
		"duplicate file":         inX(fileX, fileX),
		"duplicate folder":       inX(dirX),
		"file becomes link":      inX(fileX, link("x/f", "/etc/passwd")),
		"out of order":           inX(tar.Header{Typeflag: tar.TypeReg, Name: "x/g"}, fileX),
		"no folder":              tarOf(t, fileX),
		"not cached":             reg("package.json"),
		"excluded":               inX(tar.Header{Typeflag: tar.TypeReg, Name: "x/out"}),
		"default exclusion":      inX(tar.Header{Typeflag: tar.TypeDir, Name: "x/node_modules"}, tar.Header{Typeflag: tar.TypeDir, Name: "x/node_modules/.cache"}),
		"git folder":             inX(tar.Header{Typeflag: tar.TypeDir, Name: "x/.git/"}),
		"git folder in capitals": inX(tar.Header{Typeflag: tar.TypeDir, Name: "x/.GIT/"}),
		"unneeded parent":        tarOf(t, pax(tar.Header{Typeflag: tar.TypeDir, Name: "docs/"}, paxParent, "1")),
		"parent among the paths": tarOf(t, pax(dirX, paxParent, "1"), fileX),
		"file as parent":         tarOf(t, pax(tar.Header{Typeflag: tar.TypeReg, Name: "p"}, paxParent, "1")),
		"unmarked parent":        tarOf(t, tar.Header{Typeflag: tar.TypeDir, Name: "p/"}),
		"long name":              inX(tar.Header{Typeflag: tar.TypeReg, Name: "x/" + strings.Repeat("n", 256)}),
		"long target":            inX(link("x/l", strings.Repeat("t", 5000))),
		"no target":              inX(link("x/l", "")),
		"too deep":               tarOf(t, deep...),
		"declared size":          huge,
		"goes on":                append(tarOf(t, dirX, fileX), "more"...),
		"two archives":           append(tarOf(t, dirX, fileX), tarOf(t, dirX)...),
		"no end":                 tarOf(t, dirX, fileX)[:1024+3],
		"no tar":                 []byte(strings.Repeat("not a tar ", 200)),
	}
}

func checksumOf(header []byte) []byte {
	sum := 0
	for i, b := range header {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int(b)
	}
	octal := []byte("000000\x00 ")
	for i := 5; i >= 0; i-- {
		octal[i] = byte('0' + sum&7)
		sum >>= 3
	}
	return octal
}

func TestHostileArchives(t *testing.T) {
	for name, archive := range hostileArchives(t) {
		t.Run(name, func(t *testing.T) {
			l := newStore(t)
			top := t.TempDir()
			root := filepath.Join(top, "root")
			must(t, os.MkdirAll(root, 0o700))
			must(t, os.MkdirAll(filepath.Join(top, "outside"), 0o700))
			must(t, os.WriteFile(filepath.Join(top, "outside/secret"), []byte("s"), 0o600))
			before := paths(t, top)
			packed := compress(t, archive)
			tree, err := count(t, packed)
			if err == nil {
				t.Fatal("the archive is accepted")
			}
			tree.Bytes = min(tree.Bytes, forgedLimits.bytes) // no more than an entry may say
			path := forge(t, l, forgedKey, packed, tree)

			r, err := l.Restore(t.Context(), forgedKey, root)
			if err != nil || r.Hit || !strings.Contains(r.Reason, "damaged") {
				t.Errorf("Restore: %+v, %v", r, err)
			}
			if d := cmp.Diff(before, paths(t, top)); d != "" {
				t.Errorf("-before +after:\n%s", d)
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the entry is still there: %v", err)
			}

			// Even without the check before it, the extraction stays in its place.
			extractUnverified(t, packed, root)
			for name := range paths(t, top) {
				if before[name] == "" && !strings.HasPrefix(name, "root/x") && !strings.HasPrefix(name, "root/p") {
					t.Errorf("%s was written", name)
				}
			}
		})
	}
}

func extractUnverified(t testing.TB, packed []byte, root string) {
	t.Helper()
	p, _ := Compile(forgedKey.Dir, forgedKey.Paths)
	u, err := newUnarchiver(bytes.NewReader(packed), p, forgedLimits)
	if err != nil {
		return
	}
	defer u.close()
	project, err := os.OpenRoot(root)
	must(t, err)
	x, err := newExtractor(project)
	must(t, err)
	if err := x.run(t.Context(), u); err != nil && !errors.Is(err, errDamaged) {
		var tooBig errTooBig
		if !errors.As(err, &tooBig) {
			t.Errorf("extract: %v", err)
		}
	}
}

func TestForgedEntries(t *testing.T) {
	good := tarOf(t, dirX, fileX)
	goodTree := totals{Files: 1, Folders: 1, Bytes: 7}
	zeros := tar.Header{Typeflag: tar.TypeReg, Name: "x", Size: 1 << 20, Mode: 0o644}
	var bomb bytes.Buffer
	w := tar.NewWriter(&bomb)
	must(t, w.WriteHeader(&zeros))
	_, err := w.Write(make([]byte, zeros.Size))
	must(t, err)
	must(t, w.Close())

	for _, c := range []struct {
		name    string
		key     Key
		archive []byte
		tree    totals
		want    string // "" for a hit
		stays   bool
	}{
		{name: "good", key: forgedKey, archive: compress(t, good), tree: goodTree, stays: true},
		{name: "more files than declared", key: forgedKey, archive: compress(t, good), tree: totals{Folders: 1}, want: "more than its description"},
		{name: "fewer files than declared", key: forgedKey, archive: compress(t, good), tree: totals{Files: 2, Folders: 1, Bytes: 7}, want: "something else than"},
		{name: "bomb", key: forgedKey, archive: compress(t, bomb.Bytes()), tree: totals{Files: 1, Bytes: 5}, want: "more than its description"},
		{name: "declared bytes over the limit", key: forgedKey, archive: compress(t, good), tree: totals{Files: 1, Bytes: 2 << 20}, want: "1.0 MiB", stays: true},
		{name: "declared files over the limit", key: forgedKey, archive: compress(t, good), tree: totals{Files: 5000}, want: "1000 cached files", stays: true},
		{name: "negative", key: forgedKey, archive: compress(t, good), tree: totals{Files: -1, Bytes: -1}, want: "more than its description"},
		{name: "another branch's", key: forgedKey.on("other"), archive: compress(t, good), tree: goodTree, want: "saved for something else"},
		{name: "not compressed", key: forgedKey, archive: good, tree: goodTree, want: "cannot be unpacked"},
		{name: "empty", key: forgedKey, want: "something else than", tree: goodTree},
		{name: "huge window", key: forgedKey, archive: hugeWindow(t), tree: goodTree, want: "cannot be unpacked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, root := newStore(t), t.TempDir()
			forged := forge(t, l, c.key, c.archive, c.tree)
			path := filepath.Join(l.folder(forgedKey.App, forgedKey.Branch), forgedKey.ID()+entrySuffix)
			must(t, os.MkdirAll(filepath.Dir(path), 0o700))
			must(t, os.Rename(forged, path))
			r, err := l.Restore(t.Context(), forgedKey, root)
			if err != nil || r.Hit != (c.want == "") || !strings.Contains(r.Reason, c.want) {
				t.Errorf("Restore: %+v, %v", r, err)
			}
			if got := paths(t, root); !r.Hit && len(got) > 0 {
				t.Errorf("the workspace holds %v", got)
			}
			if _, err := os.Lstat(path); (err == nil) != c.stays {
				t.Errorf("the entry: %v", err)
			}
		})
	}
}

// hugeWindow is a compressed archive that wants 64 MiB of memory.
func hugeWindow(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	must(t, err)
	_, err = w.Write(tarOf(t, dirX, fileX))
	must(t, err)
	must(t, w.Flush()) // so that the frame does not know that it is small
	must(t, w.Close())
	return b.Bytes()
}

func TestHostileMode(t *testing.T) {
	l, root := newStore(t), t.TempDir()
	h := fileX
	h.Mode = 0o7777
	forge(t, l, forgedKey, compress(t, tarOf(t, dirX, h)), totals{Files: 1, Folders: 1, Bytes: 7})
	r, err := l.Restore(t.Context(), forgedKey, root)
	if err != nil || !r.Hit {
		t.Fatalf("Restore: %+v, %v", r, err)
	}
	info, err := os.Stat(filepath.Join(root, "x/f"))
	must(t, err)
	if info.Mode() != 0o777 {
		t.Errorf("mode is %v", info.Mode())
	}
}
