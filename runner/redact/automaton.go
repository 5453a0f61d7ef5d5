package redact

import "sort"

// An automaton finds all occurrences of many texts in one pass (Aho-Corasick). A node of the trie is a number; the text that leads
// to it is the longest tail of the input that one of the texts begins with.
//
// It is built to be small, because secrets may be large: the texts branch rarely, so the nodes that an
// insertion adds are numbered consecutively (a run), and "the only child" is simply the next number. A node costs six bytes; the few
// real branches are in a map.
type automaton struct {
	root  [256]uint32       // children of node 0; 0 = none
	nodes []uint16          // low byte: the byte that leads to the node; then the flags
	fail  []uint32          // node of the longest proper tail that is in the trie
	edges map[uint64]uint32 // children that are not in the run of their parent, by edgeKey
	ends  map[uint32]uint32 // node with flag ending → length of the longest text that ends there
	runs  []run             // ascending by first

	skip skipper
}

// A run is a chain of nodes that one insertion added.
type run struct{ first, parent, depth uint32 }

const (
	chained   = 1 << (8 + iota) // the node with the next number is a child
	branching                   // it has children in edges
	ending                      // some text ends here
)

func edgeKey(node uint32, c byte) uint64 { return uint64(node)<<8 | uint64(c) }

// child returns the node that c leads to from node, 0 if there is none.
func (a *automaton) child(node uint32, c byte) uint32 {
	if node == 0 {
		return a.root[c]
	}
	flags := a.nodes[node]
	if flags&chained != 0 && byte(a.nodes[node+1]) == c {
		return node + 1
	}
	if flags&branching != 0 {
		return a.edges[edgeKey(node, c)]
	}
	return 0
}

// step returns the node after the input c.
func (a *automaton) step(node uint32, c byte) uint32 {
	for {
		if next := a.child(node, c); next != 0 || node == 0 {
			return next
		}
		node = a.fail[node]
	}
}

// scan reads b[from:] starting at node and returns the node after it, which stands for the longest tail of the input that may
// still grow into a text. It calls hit with the place in b of the longest
// text that ends at each byte; the shorter ones lie inside. start may lie before from.
func (a *automaton) scan(b []byte, from int, node uint32, hit func(start, end int)) uint32 {
	for i := from; i < len(b); {
		if node == 0 {
			i = a.skip.next(b, i)
		}
		node = a.step(node, b[i])
		i++
		if a.nodes[node]&ending != 0 {
			hit(i-int(a.ends[node]), i)
			// Nothing goes on from a leaf: what may still become a text is what its failure link stands for.
			for node != 0 && a.nodes[node]&(chained|branching) == 0 {
				node = a.fail[node]
			}
		}
	}
	return node
}

// depth returns the length of the text that leads to node.
func (a *automaton) depth(node uint32) int {
	if node == 0 {
		return 0
	}
	i := sort.Search(len(a.runs), func(i int) bool { return a.runs[i].first > node }) - 1
	return int(a.runs[i].depth + node - a.runs[i].first)
}

// A builder makes an automaton.
type builder struct {
	auto automaton
}

func newBuilder() *builder {
	return &builder{auto: automaton{
		nodes: make([]uint16, 1),
		edges: map[uint64]uint32{},
		ends:  map[uint32]uint32{},
		skip:  newSkipper(),
	}}
}

// insert adds a text of at least minForm bytes.
func (b *builder) insert(text string) {
	a := &b.auto
	var node uint32
	depth := 0
	for ; depth < len(text); depth++ {
		next := a.child(node, text[depth])
		if next == 0 {
			break
		}
		node = next
	}
	if depth < len(text) {
		b.link(node, text[depth])
		a.runs = append(a.runs, run{first: uint32(len(a.nodes)), parent: node, depth: uint32(depth + 1)})
		for i := depth; i < len(text); i++ {
			a.nodes = append(a.nodes, uint16(text[i])|chained)
		}
		node = uint32(len(a.nodes) - 1)
		a.nodes[node] &^= chained
	}
	a.nodes[node] |= ending
	a.ends[node] = uint32(len(text))
	a.skip.add(text)
}

// link makes the next node to be added a child of parent.
func (b *builder) link(parent uint32, c byte) {
	a := &b.auto
	next := uint32(len(a.nodes))
	switch parent {
	case 0:
		a.root[c] = next
	case next - 1:
		a.nodes[parent] |= chained
	default:
		a.nodes[parent] |= branching
		a.edges[edgeKey(parent, c)] = next
	}
}

// build returns the automaton, nil if no text was inserted.
func (b *builder) build() *automaton {
	a := &b.auto
	if len(a.runs) == 0 {
		return nil
	}
	a.fail = make([]uint32, len(a.nodes))
	a.skip.freeze()

	// The failure link of a node is found through those of shallower nodes. Going down all runs level by level visits the
	// nodes in that order without a queue as large as the trie.
	waiting := make([]int, len(a.runs))
	for i := range waiting {
		waiting[i] = i
	}
	sort.Slice(waiting, func(i, j int) bool { return a.runs[waiting[i]].depth < a.runs[waiting[j]].depth })
	var active []int
	for depth := uint32(1); len(waiting)+len(active) > 0; depth++ {
		for len(waiting) > 0 && a.runs[waiting[0]].depth == depth {
			active, waiting = append(active, waiting[0]), waiting[1:]
		}
		going := active[:0]
		for _, i := range active {
			if node := a.runs[i].first + depth - a.runs[i].depth; node < b.runEnd(i) {
				b.setFail(node, a.runs[i])
				going = append(going, i)
			}
		}
		active = going
	}
	return a
}

func (b *builder) runEnd(i int) uint32 {
	if i+1 < len(b.auto.runs) {
		return b.auto.runs[i+1].first
	}
	return uint32(len(b.auto.nodes))
}

func (b *builder) setFail(node uint32, r run) {
	a := &b.auto
	parent := node - 1
	if node == r.first {
		parent = r.parent
	}
	if parent == 0 {
		return // depth 1: the only proper tail is the empty one
	}
	fail := a.step(a.fail[parent], byte(a.nodes[node]))
	a.fail[node] = fail
	if a.nodes[node]&ending == 0 && a.nodes[fail]&ending != 0 {
		a.nodes[node] |= ending
		a.ends[node] = a.ends[fail]
	}
}
