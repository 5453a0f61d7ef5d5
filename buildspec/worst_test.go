package buildspec

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// What a file may cost: the limits are for a file of 100 KB or more; a smaller one may cost as much as one of 100 KB.
const (
	unitBytes = 100_000
	maxMemory = 50 // times the file's size
	// maxAllocated bounds what is allocated in all, times the file's size: a measure of the work.
	maxAllocated = 400
)

// worstInput is a file that is expensive to parse for its size.
type worstInput struct{ name, src string }

// fill repeats what f writes, which gets the number of the repetition, up to the size.
func fill(size int, f func(b *strings.Builder, i int)) string {
	var b strings.Builder
	for i := 0; ; i++ {
		before := b.Len()
		f(&b, i)
		if b.Len() > size {
			return b.String()[:before]
		}
	}
}

func times(size int, text string) string { return strings.Repeat(text, size/len(text)) }

// worstInputs returns the inputs, each of about the given size.
func worstInputs(size int) []worstInput {
	all := append(append(denseInputs(size), lineInputs(size)...), brokenInputs(size)...)
	for i := range all {
		all[i].src = all[i].src[:min(len(all[i].src), MaxFileSize)]
	}
	return all
}

// denseInputs have as many values as the size allows, or a few more.
func denseInputs(size int) []worstInput {
	lines := func(format string) string {
		return fill(size, func(b *strings.Builder, i int) { fmt.Fprintf(b, format, i, i) })
	}
	return []worstInput{
		{"long list", "a: [" + times(size-10, "xxxxxxxxxxx,") + "]"},
		{"long list of many-byte characters", "a: [" + times(size-10, "ééééé ,") + "]"},
		{"short list entries", "a: [" + times(size-10, "x,") + "]"},
		{"flow map of keys", "a: {" + fill(size-10, func(b *strings.Builder, i int) { fmt.Fprintf(b, "k%020d,", i) }) + "}"},
		{"deep brackets again and again", "a: [" + times(size-10, strings.Repeat("[", 90)+strings.Repeat(" ", 2000)+strings.Repeat("]", 90)+",") + "]"},
		{"different keys", lines("key%08d: value%05d\n")},
		{"equal keys", times(size, "the same key: same value\n")},
		{"anchors", lines("key%08d: &a%08d vvv\n")},
		{"anchors and aliases", fill(size, func(b *strings.Builder, i int) {
			fmt.Fprintf(b, "key%08d: &a%08d vvvv\nalias%08d: *a%08d\n", i, i, i, i)
		})},
		{"aliases of one anchor", "x: &a v\n" + lines("k%08d: [*a] #%08d\n")},
		{"tags", times(size, "- !!int 12345678901234567\n")},
		{"unknown tags", times(size, "- !abcdefghij kkkkkkkkkkk\n")},
		{"commands", string(frontendOnly("commands:\n" + times(size*9/14, "  - npm run build -- x\n")))},
		{"commands that are maps", string(frontendOnly("commands:\n" + times(size*9/14, "  - echo the variable: value\n")))},
		{"applications", "applications:\n" + times(size-20, " - appRoot: a\n   frontend: {artifacts: {baseDirectory: d}}\n")},
		{"merges", "x: &a {b: c, d: e, f: g}\n" + lines("y%08d: {<<: *a, n: %08d}\n")},
		{"merge bomb", mergeBomb(90)},
		{"alias bomb", bomb(90, 100)},
	}
}

// lineInputs are long in other ways.
func lineInputs(size int) []worstInput {
	return []worstInput{
		{"plain scalar", "a: " + times(size-10, "x")},
		{"plain scalar of words", "a: " + times(size-10, "xy ")},
		{"plain scalar of lines", "a: " + times(size-10, "xy\n ")},
		{"quoted lines", "a: '" + times(size-10, "x\n ") + "'"},
		{"escapes", "a: \"" + times(size-10, "\\u0041") + "\""},
		{"literal block", "a: |\n" + times(size-10, "  x\n")},
		{"folded block", "a: >\n" + times(size-10, "  x\n")},
		{"comments", times(size, "# x\n")},
		{"line breaks", times(size, "\n")},
		{"carriage returns", times(size, "\r")},
		{"blanks", times(size, " ")},
		{"tabs", times(size, "\t")},
		{"lines of tabs", "a: b\n" + times(size-10, "\t\n") + "\t#"},
		{"line separators", "a: " + times(size-10, "\u2028")},
		{"invalid bytes", times(size, "\xff\xfa")},
		{"documents", times(size, "---\n")},
		{"ends of documents", times(size, "...\n")},
		{"long key", times(size-10, "x") + ": b"},
	}
}

// brokenInputs are not YAML, and say so late or need a search for the place.
func brokenInputs(size int) []worstInput {
	keys := fill(size-200, func(b *strings.Builder, i int) { fmt.Fprintf(b, "key%08d: value12345\n", i) })
	return []worstInput{
		{"open brackets", times(size, "[")},
		{"open braces", times(size, "{")},
		{"dashes", times(size, "- ")},
		{"question marks", times(size, "? ")},
		{"deep indentation", deepIndent(1000)},
		{"colons", times(size, ":")},
		{"control characters", times(size, "\x00")},
		{"open quote", "a: '" + times(size-10, "x\n")},
		{"open double quote", "a: \"" + times(size-10, "\\n")},
		{"quotes over lines", times(size, "a'b: 'c\n")},
		{"late colon", keys + ": : :\n- x"},
		{"late dedent", keys + "a:\n    - b\n" + times(60, "# x\n") + "  c: d\n"},
		{"late tab", keys + "a:\n\tx: y\n"},
		{"late tabs before scalars", keys + times(180, "a:\n  \tx\n")},
		{"late open quote", keys + "a: 'b\n"},
		{"late quote across", keys + "a: 'b\nc: 'd'\n"},
		{"late unknown alias", keys + "a: *b"},
		{"late bracket", keys + "a: [b"},
		{"late escape", keys + `a: "\q"`},
		{"late key without colon", times(size, "a\n") + ": b"},
		{"conflict", times(size, "<<<<<<< \n")},
		{"directives", times(size, "%a\n")},
	}
}

// allocated returns how many bytes Parse allocates in all. What it holds at one time is less.
func allocated(src []byte) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	Parse("amplify.yml", src)
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestWorstInputs counts the memory that the worst inputs take: what is allocated in all, and what is alive when the
// nodes are all there.
func TestWorstInputs(t *testing.T) {
	for _, in := range worstInputs(unitBytes) {
		t.Run(in.name, func(t *testing.T) {
			size := int64(max(len(in.src), unitBytes))
			if n := allocated([]byte(in.src)); n > maxAllocated*size {
				t.Errorf("allocates %d times the size of %d bytes, want at most %d", n/size, len(in.src), maxAllocated)
			}
			if n := alive(in.src); n > maxMemory*size {
				t.Errorf("holds %d times the size of %d bytes, want at most %d", n/size, len(in.src), maxMemory)
			}
		})
	}
}

// alive returns how many bytes the source, the library's nodes and then the tree hold together.
func alive(text string) int64 {
	var before, nodes, tree runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := &collector{}
	src := newSource("", []byte(text))
	root := loadYAML(src, c)
	runtime.GC()
	runtime.ReadMemStats(&nodes)
	var v *value
	if root != nil {
		v = buildTree(src, c, root)
	}
	runtime.GC()
	runtime.ReadMemStats(&tree)
	runtime.KeepAlive(root)
	runtime.KeepAlive(v)
	runtime.KeepAlive(src)
	return int64(max(nodes.HeapAlloc, tree.HeapAlloc)) - int64(before.HeapAlloc)
}
