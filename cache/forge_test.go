package cache

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

var forgedKey = Key{App: "shop", Branch: "main", Image: "i", Arch: "amd64", Paths: []string{"x", "p/q", "!x/out"}}

var forgedLimits = limits{bytes: 1 << 20, nodes: 1000}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStore(t testing.TB) *Local {
	t.Helper()
	l, err := NewLocal(t.TempDir(), Options{MaxBytes: forgedLimits.bytes, MaxNodes: forgedLimits.nodes})
	must(t, err)
	return l
}

// pathOf is where the store has the entry of a key.
func pathOf(l *Local, k Key) string { return l.objects.(*disk).path(entryName(k)) }

// forgedContent is what the one chunk of a forged entry holds.
const forgedContent = "content"

// forgedChunk puts a chunk into a store.
func forgedChunk(t testing.TB, l *Local, packed []byte, size int64) chunk {
	t.Helper()
	c := chunk{ID: nameOf(packed), Size: size, Stored: int64(len(packed)), Live: size}
	put(t, l.objects.(*disk).path(chunksOf(safeName(forgedKey.App))+"/"+c.ID.String()), packed)
	return c
}

func put(t testing.TB, path string, content []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, content, 0o600))
}

// forge puts an entry into a store that is right in everything but the index, which is not compressed yet.
func forge(t testing.TB, l *Local, records []byte, tree totals) string {
	t.Helper()
	c := forgedChunk(t, l, append([]byte{codingRaw}, forgedContent...), int64(len(forgedContent)))
	return forgeRaw(t, l, forgedKey, compress(t, records), tree, c)
}

// forgeRaw puts an entry into a store of which only the checksum is right.
func forgeRaw(t testing.TB, l *Local, k Key, index []byte, tree totals, chunks ...chunk) string {
	t.Helper()
	var b bytes.Buffer
	s, err := newSealer(&b)
	must(t, err)
	_, err = s.Write(index)
	must(t, err)
	_, err = s.seal(meta{Key: newMetaKey(k), Created: time.Now(), Tree: tree, Chunks: chunks})
	must(t, err)
	path := pathOf(l, k)
	put(t, path, b.Bytes())
	return path
}

func compress(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstd.MinWindowSize),
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	must(t, err)
	return w.EncodeAll(b, nil)
}

// records are an index before it is compressed.
func records(nodes ...node) []byte {
	var b []byte
	prev := previous{}
	for _, n := range nodes {
		b = appendRecord(b, &prev, n)
	}
	return b
}

func reg(path string) node {
	return node{path: path, mode: 0o755, size: int64(len(forgedContent)), refs: []ref{{}}}
}

func dirAt(path string) node          { return node{path: path, kind: folder, mode: 0o755} }
func linkAt(path, to string) node     { return node{path: path, kind: link, target: to} }
func parentAt(path string) node       { return node{path: path, kind: folder, mode: 0o755, parent: true} }
func with(n node, f func(*node)) node { f(&n); return n }

// count reads an index as far as it is acceptable.
func count(t testing.TB, records []byte) (totals, error) {
	t.Helper()
	p, _ := Compile(forgedKey.Dir, forgedKey.Paths)
	r, err := newIndexReader(bytes.NewReader(compress(t, records)), p, forgedLimits, []chunk{{Size: int64(len(forgedContent))}})
	if err != nil {
		return totals{}, err
	}
	defer r.close()
	for {
		_, err := r.next()
		if err != nil {
			if err.Error() == "EOF" {
				err = nil
			}
			return r.totals, err
		}
	}
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
