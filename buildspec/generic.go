package buildspec

import "fmt"

// NodeKind says what a [Node] is. The zero value is [ScalarNode].
type NodeKind int

const (
	// ScalarNode is a single value: text, a number, a boolean or null.
	ScalarNode NodeKind = iota
	// ListNode is a list.
	ListNode
	// MapNode is a map.
	MapNode
)

// String returns "a single value", "a list" or "a map", as messages need it.
func (k NodeKind) String() string {
	switch k {
	case ScalarNode:
		return scalar.String()
	case ListNode:
		return list.String()
	case MapNode:
		return mapping.String()
	default:
		return fmt.Sprintf("node kind %d", int(k))
	}
}

// Node is a part of a YAML file, for the readers of other files than build specifications: aliases are followed and merge
// keys applied. A node may stand below several others, so it must not be changed; it may be read concurrently.
type Node struct {
	Kind NodeKind
	// Text is a scalar's text as written, after YAML's unquoting. It is empty for null and for lists and maps.
	Text Text
	// IsString reports whether the scalar is text to YAML, as against a number, a boolean, a date or null.
	IsString bool
	// Items holds the elements of a list.
	Items []*Node
	// Entries holds the entries of a map in the order of the file; those that came through merge keys are last. Keys are
	// unique, except that keys which are lists or maps are not compared.
	Entries []NodeEntry
	// Span is where the node is written; for what came through an alias it is the place of the original.
	Span Span
}

// NodeEntry is a key of a map with its value.
type NodeEntry struct{ Key, Value *Node }

// IsNull reports whether the node is a null value, written or left out.
func (n *Node) IsNull() bool { return n.Kind == ScalarNode && !n.IsString && !n.Text.Set() }

// Get returns the entry of a map with the given key, or nil when there is none or when the node is not a map.
func (n *Node) Get(key string) *NodeEntry {
	for i := range n.Entries {
		if k := n.Entries[i].Key; k.Kind == ScalarNode && k.Text.Value == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// ParseTree reads a YAML file that is not a build specification, with the leniency, the limits and the findings of
// [Parse]: one document of at most [MaxFileSize] bytes, no duplicate keys. The Node is nil exactly when the diagnostics
// have an error; an empty file is an error with the rule "empty-file". The service's own messages are left out, because
// they speak of the build specification. ParseTree never panics and does not keep src.
func ParseTree(file string, src []byte) (*Node, Diagnostics) {
	c := &collector{file: file}
	root := readTree(file, src, c)
	ds := c.result()
	for i := range ds {
		ds[i].Amplify = ""
		if text, ok := neutral[ds[i].Rule]; ok && ds[i].Severity == Error {
			ds[i].Message, ds[i].Help = text.message, text.help
		}
	}
	if ds.HasErrors() || root == nil {
		return nil, ds
	}
	n := nodes{done: map[*value]*Node{}}
	return n.of(root), ds
}

// neutral holds the findings of [Parse] that name the build specification, as they read for any other file.
var neutral = map[string]struct{ message, help string }{
	ruleTooLarge: {fmt.Sprintf("the file has more than %d bytes, the most that is read", MaxFileSize), "remove what does not belong into it"},
	ruleEmpty:    {"the file is empty or has only comments", "write its content, or remove the file"},
	ruleMultiDoc: {"a second YAML document begins here; only one is read", "remove the line with the three dashes"},
	ruleTooDeep:  {fmt.Sprintf("the file is nested more than %d levels deep", maxDepth), "look for brackets that are never closed"},
}

// readTree does for any file what parse does before it looks at the keys.
func readTree(file string, data []byte, c *collector) *value {
	if len(data) > MaxFileSize {
		c.add(Diagnostic{Rule: ruleTooLarge, Message: "the file is too large"})
		return nil
	}
	src := newSource(file, data)
	switch {
	case hasUTF16Mark(data):
		c.add(Diagnostic{
			Rule:    ruleEncoding,
			Message: "the file is encoded as UTF-16",
			Help:    "save it as UTF-8; in PowerShell, write it with: Out-File -Encoding utf8",
		})
		return nil
	case src.replaced >= 0:
		c.add(Diagnostic{
			Rule: ruleEncoding, Severity: Warning, Span: src.span(src.replaced, src.replaced+len("\uFFFD")),
			Message: "this byte is not UTF-8; it is read as the replacement character U+FFFD",
			Help:    "save the file as UTF-8",
		})
	}
	node := loadYAML(src, c)
	if node == nil {
		return nil
	}
	return buildTree(src, c, node)
}

func hasUTF16Mark(data []byte) bool {
	return len(data) >= 2 && (string(data[:2]) == string(bomUTF16LE) || string(data[:2]) == string(bomUTF16BE))
}

// nodes turns values into Nodes; what several parents share stays shared, so that aliases cost nothing.
type nodes struct{ done map[*value]*Node }

func (n nodes) of(v *value) *Node {
	if node := n.done[v]; node != nil {
		return node
	}
	node := &Node{Span: v.span}
	n.done[v] = node
	switch v.kind {
	case scalar:
		node.Text, node.IsString = v.asText(), v.tag == "!!str"
	case list:
		node.Kind = ListNode
		node.Items = make([]*Node, len(v.items))
		for i, item := range v.items {
			node.Items[i] = n.of(item)
		}
	case mapping:
		node.Kind = MapNode
		node.Entries = make([]NodeEntry, len(v.entries))
		for i, e := range v.entries {
			node.Entries[i] = NodeEntry{Key: n.of(e.key), Value: n.of(e.val)}
		}
	}
	return node
}
