package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// inX is an index of the folder x and what follows.
func inX(nodes ...node) []byte { return records(append([]node{dirAt("x")}, nodes...)...) }

// hostileIndexes are what no save writes.
func hostileIndexes() map[string][]byte {
	deep := []node{dirAt("x")}
	for i := range MaxDepth {
		deep = append(deep, dirAt(deep[i].path+"/d"))
	}
	good := inX(reg("x/f"))
	return map[string][]byte{
		"parent":                 records(reg("../evil")),
		"parent inside":          inX(reg("x/../../evil")),
		"absolute":               records(reg("/evil")),
		"dot":                    inX(reg("x/./f")),
		"double slash":           inX(reg("x//f")),
		"slash at the end":       inX(reg("x/f/")),
		"empty":                  records(reg("")),
		"only dot":               records(reg(".")),
		"only parent":            records(dirAt("..")),
		"NUL":                    inX(reg("x/f\x00g")),
		"through a link":         inX(linkAt("x/l", "../../outside"), reg("x/l/evil")),
		"link as folder":         records(linkAt("x", "../outside"), reg("x/evil")),
		"link then folder":       inX(linkAt("x/l", "../../outside"), dirAt("x/l")),
		"file as folder":         inX(reg("x/f"), reg("x/f/g")),
		"device":                 inX(with(reg("x/d"), func(n *node) { n.kind = 3 })),
		"unknown flags":          append(inX(), 0x80),
		"duplicate file":         inX(reg("x/f"), reg("x/f")),
		"duplicate folder":       inX(dirAt("x")),
		"file becomes link":      inX(reg("x/f"), linkAt("x/f", "/etc/passwd")),
		"out of order":           inX(reg("x/g"), reg("x/f")),
		"no folder":              records(reg("x/f")),
		"not cached":             records(reg("package.json")),
		"excluded":               inX(reg("x/out")),
		"default exclusion":      inX(dirAt("x/node_modules"), dirAt("x/node_modules/.cache")),
		"git folder":             inX(dirAt("x/.git")),
		"git folder in capitals": inX(dirAt("x/.GIT")),
		"unneeded parent":        records(parentAt("docs")),
		"parent among the paths": records(parentAt("x")),
		"file as parent":         records(with(reg("p"), func(n *node) { n.parent = true })),
		"unmarked parent":        records(dirAt("p")),
		"long name":              inX(reg("x/" + strings.Repeat("n", maxName+1))),
		"long path":              inX(reg("x/" + strings.Repeat("n/", maxPath))),
		"long target":            inX(linkAt("x/l", strings.Repeat("t", maxTarget+1))),
		"no target":              inX(linkAt("x/l", "")),
		"NUL in the target":      inX(linkAt("x/l", "a\x00b")),
		"too deep":               records(deep...),
		"setuid":                 inX(with(reg("x/f"), func(n *node) { n.mode = 0o4755 })),
		"folder with setgid":     records(with(dirAt("x"), func(n *node) { n.mode = 0o2755 })),
		"huge size":              inX(with(reg("x/f"), func(n *node) { n.size = math.MaxInt64 })),
		"negative size":          inX(with(reg("x/f"), func(n *node) { n.size = -1 })),
		"longer than the chunk":  inX(with(reg("x/f"), func(n *node) { n.size++ })),
		"behind the chunk":       inX(with(reg("x/f"), func(n *node) { n.refs[0].at = 1 })),
		"far behind the chunk":   inX(with(reg("x/f"), func(n *node) { n.refs[0].at = math.MaxUint32 })),
		"another chunk":          inX(with(reg("x/f"), func(n *node) { n.refs[0].chunk = 1 })),
		"no such chunk":          inX(with(reg("x/f"), func(n *node) { n.refs[0].chunk = math.MaxUint32 })),
		"pieces are missing":     inX(with(reg("x/f"), func(n *node) { n.refs = nil })),
		"more pieces":            inX(with(reg("x/f"), func(n *node) { n.refs = append(n.refs, n.refs[0]) })),
		"time far away":          inX(with(reg("x/f"), func(n *node) { n.mtime = time.Unix(1<<41, 0) })),
		"shares too much":        append(inX(), byte(file), 9, 1, 'f'),
		"goes on":                append(good, 'm', 'o', 'r', 'e'),
		"two indexes":            append(good, good...),
		"cut":                    good[:len(good)-3],
		"no index":               []byte(strings.Repeat("not an index ", 200)),
	}
}

func TestHostileIndexes(t *testing.T) {
	for name, index := range hostileIndexes() {
		t.Run(name, func(t *testing.T) {
			l := newStore(t)
			top := t.TempDir()
			root := filepath.Join(top, "root")
			must(t, os.MkdirAll(root, 0o700))
			put(t, filepath.Join(top, "outside/secret"), []byte("s"))
			before := paths(t, top)
			tree, err := count(t, index)
			if err == nil {
				t.Fatal("the index is accepted")
			}
			tree.Bytes = min(tree.Bytes, forgedLimits.bytes) // no more than an entry may say
			path := forge(t, l, index, tree)

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
			forge(t, l, index, tree)
			extractUnverified(t, l, root)
			for name := range paths(t, top) {
				if before[name] == "" && !strings.HasPrefix(name, "root/x") && !strings.HasPrefix(name, "root/p") {
					t.Errorf("%s was written", name)
				}
			}
		})
	}
}

func extractUnverified(t testing.TB, l *Local, root string) {
	t.Helper()
	e, err := l.openEntry(entryName(forgedKey))
	must(t, err)
	defer e.close()
	p, _ := Compile(forgedKey.Dir, forgedKey.Paths)
	r, err := e.nodes(p, l.limits)
	must(t, err)
	defer r.close()
	project, err := openProject(root, "")
	must(t, err)
	m := e.sealed.meta
	m.Tree = totals{Files: l.limits.nodes}
	x := newExtractor(l, safeName(forgedKey.App), m, project, newStamps(root, m.Tree.nodes()))
	if err := x.run(t.Context(), r); err != nil && !errors.Is(err, errDamaged) {
		var tooBig errTooBig
		if !errors.As(err, &tooBig) {
			t.Errorf("extract: %v", err)
		}
	}
}

// hugeWindow is a compressed index that wants 64 MiB of memory.
func hugeWindow(t testing.TB, index []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	must(t, err)
	_, err = w.Write(index)
	must(t, err)
	must(t, w.Flush()) // so that the frame does not know that it is small
	must(t, w.Close())
	return b.Bytes()
}

func TestForgedEntries(t *testing.T) {
	good := inX(reg("x/f"))
	goodTree := totals{Files: 1, Folders: 1, Bytes: 7}
	many := []node{dirAt("x")}
	for i := range 500 {
		many = append(many, reg(fmt.Sprintf("x/%03d", i)))
	}
	packed := append([]byte{codingRaw}, forgedContent...)
	right := chunk{ID: nameOf(packed), Size: 7, Stored: 8, Live: 7}
	other := func(f func(*chunk)) []chunk {
		c := right
		f(&c)
		return []chunk{c}
	}

	for _, c := range []struct {
		name   string
		key    Key
		index  []byte
		tree   totals
		chunks []chunk
		want   string // "" for a hit
		stays  bool
	}{
		{name: "good", index: compress(t, good), tree: goodTree, stays: true},
		{name: "more files than declared", index: compress(t, good), tree: totals{Folders: 1}, want: "more than its description"},
		{name: "fewer files than declared", index: compress(t, good), tree: totals{Files: 2, Folders: 1, Bytes: 7}, want: "something else than"},
		{name: "bomb of references", index: compress(t, records(many...)), tree: totals{Files: 500, Folders: 1, Bytes: 5}, want: "more than its description"},
		{name: "declared bytes over the limit", index: compress(t, good), tree: totals{Files: 1, Bytes: 2 << 20}, want: "1.0 MiB", stays: true},
		{name: "declared files over the limit", index: compress(t, good), tree: totals{Files: 5000}, want: "1000 cached files", stays: true},
		{name: "negative", index: compress(t, good), tree: totals{Files: -1, Bytes: -1}, want: "more than its description"},
		{name: "another branch's", key: forgedKey.on("other"), index: compress(t, good), tree: goodTree, want: "saved for something else"},
		{name: "not compressed", index: good, tree: goodTree, want: "cannot be unpacked"},
		{name: "empty", want: "something else than", tree: goodTree},
		{name: "huge window", index: hugeWindow(t, good), tree: goodTree, want: "cannot be unpacked"},
		{name: "no chunks", index: compress(t, good), tree: goodTree, chunks: []chunk{}, want: "chunk 0 of 0"},
		{name: "missing chunk", index: compress(t, good), tree: goodTree, chunks: other(func(c *chunk) { c.ID[0]++ }), want: "is missing"},
		{name: "huge chunk", index: compress(t, good), tree: goodTree, chunks: other(func(c *chunk) { c.Size = chunkSize + 1 }), want: "a chunk cannot have"},
		{name: "chunk of nothing", index: compress(t, good), tree: goodTree, chunks: other(func(c *chunk) { c.Stored = -1 }), want: "a chunk cannot have"},
		{name: "longer chunk", index: compress(t, good), tree: goodTree, chunks: other(func(c *chunk) { c.Stored = 5 }), want: "instead of 5"},
		{name: "chunk of everything", index: compress(t, good), tree: goodTree, chunks: other(func(c *chunk) { c.Stored = math.MaxInt64 }), want: "a chunk cannot have"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, root := newStore(t), t.TempDir()
			if c.key.App == "" {
				c.key = forgedKey
			}
			if c.chunks == nil {
				c.chunks = []chunk{right}
			}
			forgedChunk(t, l, packed, 7)
			forged := forgeRaw(t, l, c.key, c.index, c.tree, c.chunks...)
			path := pathOf(l, forgedKey)
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

// TestHostileChunks: a chunk whose name is right can still hold what cannot be unpacked. That shows only when files have
// been written already; they go again.
func TestHostileChunks(t *testing.T) {
	bomb := compress(t, make([]byte, 100<<20))
	for name, packed := range map[string][]byte{
		"unknown coding": []byte("\x07content"),
		"no zstd":        []byte("\x01content"),
		"bomb":           append([]byte{codingZstd}, bomb[:7]...),
		"too short":      append([]byte{codingZstd}, compress(t, []byte("short"))...),
	} {
		t.Run(name, func(t *testing.T) {
			l, root := newStore(t), t.TempDir()
			put(t, filepath.Join(root, "package.json"), []byte("{}"))
			before := paths(t, root)
			good := forgedChunk(t, l, append([]byte{codingRaw}, forgedContent...), 7)
			bad := forgedChunk(t, l, packed, chunkSize)
			index := inX(reg("x/a"), dirAt("x/d"), reg("x/d/f"), linkAt("x/l", "a"),
				with(reg("x/z"), func(n *node) { n.refs[0].chunk = 1 }))
			tree := totals{Files: 3, Links: 1, Folders: 2, Bytes: 21}
			path := forgeRaw(t, l, forgedKey, compress(t, index), tree, good, bad)
			r, err := l.Restore(t.Context(), forgedKey, root)
			if err != nil || r.Hit || !strings.Contains(r.Reason, "damaged") || !strings.Contains(r.Reason, "removed") {
				t.Errorf("Restore: %+v, %v", r, err)
			}
			if d := cmp.Diff(before, paths(t, root)); d != "" {
				t.Errorf("-before +after:\n%s", d)
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the entry is still there: %v", err)
			}

			// What was replaced cannot be brought back: that is an error.
			good = forgedChunk(t, l, append([]byte{codingRaw}, forgedContent...), 7)
			bad = forgedChunk(t, l, packed, chunkSize)
			forgeRaw(t, l, forgedKey, compress(t, index), tree, good, bad)
			put(t, filepath.Join(root, "x/l"), []byte("tracked"))
			if r, err := l.Restore(t.Context(), forgedKey, root); !errors.Is(err, errDamaged) || r.Hit {
				t.Errorf("Restore over tracked files: %+v, %v", r, err)
			}
		})
	}
}
