package cache

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzRestore restores indexes (whole false) and whole entries (whole true) of any bytes. Whatever they are, nothing
// outside the cache paths changes, and what is refused changes nothing at all.
//
// Run it with -fuzzminimizetime=10x: files make the coverage vary from run to run, and the fuzzer would spend its time
// on making inputs smaller in vain.
func FuzzRestore(f *testing.F) {
	good := inX(reg("x/f"))
	f.Add(good, false)
	for _, index := range hostileIndexes() {
		f.Add(index, false)
	}
	l := newStore(f)
	b, err := os.ReadFile(forge(f, l, good, totals{Files: 1, Folders: 1, Bytes: 7}))
	must(f, err)
	f.Add(b, true)
	f.Add(b[:len(b)-10], true)
	top := f.TempDir()
	must(f, os.WriteFile(filepath.Join(top, "outside"), []byte("o"), 0o600))

	f.Fuzz(func(t *testing.T, data []byte, whole bool) {
		root, err := os.MkdirTemp(top, "root") //nolint:usetesting // inside top, whose other content is compared
		must(t, err)
		defer func() { must(t, os.RemoveAll(root)) }()
		must(t, os.Mkdir(filepath.Join(root, "p"), 0o700))
		must(t, os.WriteFile(filepath.Join(root, "package.json"), []byte("{}"), 0o600))
		before := paths(t, root)
		accepted := false
		if whole {
			put(t, pathOf(l, forgedKey), data)
		} else {
			tree, err := count(t, data)
			accepted = err == nil
			forge(t, l, data, tree)
		}
		r, err := l.Restore(t.Context(), forgedKey, root)
		if err != nil {
			t.Fatal(err)
		}
		if !whole && r.Hit != accepted {
			t.Errorf("hit is %v, accepted %v: %s", r.Hit, accepted, r.Reason)
		}
		after := paths(t, root)
		for name, what := range after {
			inPlace := name == "x" || strings.HasPrefix(name, "x/") || name == "p/q" || strings.HasPrefix(name, "p/q/")
			if before[name] != what && (!r.Hit || !inPlace) {
				t.Errorf("%q was changed", name)
			}
		}
		for name := range before {
			if after[name] == "" {
				t.Errorf("%q is gone", name)
			}
		}
		if got := paths(t, top)["outside"]; !strings.HasSuffix(got, "o") {
			t.Error("a file outside was changed")
		}
	})
}

// FuzzIndex reads any bytes as an index. What is accepted is the same after it was written again.
func FuzzIndex(f *testing.F) {
	f.Add(inX(reg("x/f"), linkAt("x/l", "f")))
	for _, index := range hostileIndexes() {
		f.Add(index)
	}
	p, _ := Compile(forgedKey.Dir, forgedKey.Paths)
	table := []chunk{{Size: 7}, {Size: 100}}
	read := func(t *testing.T, b []byte) ([]node, error) {
		r, err := newIndexReader(bytes.NewReader(compress(t, b)), p, forgedLimits, table)
		must(t, err)
		defer r.close()
		var nodes []node
		for {
			n, err := r.next()
			if errors.Is(err, io.EOF) {
				return nodes, nil
			}
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, n)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, err := read(t, b)
		var tooBig errTooBig
		switch {
		case errors.Is(err, errDamaged), errors.As(err, &tooBig):
			return
		case err != nil:
			t.Fatal(err)
		}
		again, err := read(t, records(nodes...))
		if err != nil || len(again) != len(nodes) {
			t.Fatalf("%d nodes came back as %d: %v", len(nodes), len(again), err)
		}
		for i, n := range nodes {
			if !n.like(again[i]) || len(n.refs) != len(again[i].refs) {
				t.Errorf("%+v came back as %+v", n, again[i])
			}
		}
	})
}

// FuzzChunk unpacks any bytes as a chunk: never more than it should be, and what was packed comes back.
func FuzzChunk(f *testing.F) {
	f.Add([]byte("\x00content"), int64(7))
	f.Add(append([]byte{codingZstd}, compress(f, []byte("content"))...), int64(7))
	f.Add(append([]byte{codingZstd}, compress(f, make([]byte, 5<<20))...), int64(chunkSize))
	code, err := newCoder()
	must(f, err)
	dec, err := newDecoder()
	must(f, err)
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		if len(b) == 0 {
			return
		}
		content, err := dec.unpack(b, chunk{Size: size})
		if err != nil && !errors.Is(err, errDamaged) {
			t.Fatal(err)
		}
		if err == nil && (int64(len(content)) != size || len(content) > max(chunkSize, len(b))) {
			t.Errorf("%d bytes instead of %d", len(content), size)
		}
		if len(b)-1 > chunkSize {
			return
		}
		content = bytes.Clone(b[1:])
		id, packed := code.pack(b)
		if nameOf(packed) != id {
			t.Error("the name is wrong")
		}
		got, err := dec.unpack(packed, chunk{ID: id, Size: int64(len(content))})
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back as %d: %v", len(content), len(got), err)
		}
	})
}

// FuzzStamps reads any bytes as a stat index.
func FuzzStamps(f *testing.F) {
	s := newStamps(f.TempDir(), 3)
	s.set(0, stamp{dev: s.Dev, ino: 7, changed: 1 << 60})
	s.set(2, stamp{dev: s.Dev, ino: 1 << 63, changed: -1})
	f.Add(encodeStamps(f, s.writer()))
	f.Add([]byte(stampsHead))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, list, err := decodeStamps(b)
		if err != nil || len(list) != m.Count {
			return
		}
		again, got, err := decodeStamps(encodeStamps(t, (&stamps{m, list}).writer()))
		if err != nil || !slices.Equal(got, list) || !cmp.Equal(again, m, cmpopts.EquateEmpty()) {
			t.Errorf("%+v %v came back as %+v %v, %v", m, list, again, got, err)
		}
	})
}

func encodeStamps(t testing.TB, w *stampWriter) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, w.write(&b))
	return b.Bytes()
}

// decodeStamps reads as many stamps as there are.
func decodeStamps(b []byte) (stampsMeta, []fileStamp, error) {
	s, err := newStampReader(memory{bytes.NewReader(b)})
	if err != nil {
		return stampsMeta{}, nil, err
	}
	defer s.close()
	return s.stampsMeta, s.all(), nil
}

// all reads the stamps to their end, or to where they cannot be read.
func (s *stampReader) all() (list []fileStamp) {
	for range s.Count {
		if s.next() != nil {
			break
		}
		list = append(list, s.last)
	}
	return list
}

// memory is an object that is nowhere.
type memory struct{ *bytes.Reader }

func (m memory) size() int64 { return m.Size() }
func (m memory) expect()     {}

func (memory) Close() error { return nil }
