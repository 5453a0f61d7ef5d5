package buildspec

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	// maxDepth bounds the nesting, aliases expanded. A real specification is some ten levels deep.
	maxDepth = 100
	// aliasBudget bounds the nodes that aliases and merge keys may add to those that are written.
	aliasBudget = 100_000
	// sizeLimit keeps the sum of expanded sizes, which grows exponentially, inside an int.
	sizeLimit = 1 << 30
)

type kind int

const (
	scalar kind = iota
	list
	mapping
)

func (k kind) String() string { return [...]string{"a single value", "a list", "a map"}[k] }

// value is a node of the file's tree: aliases followed, merge keys applied, equal keys reported. A value may be shared
// by several parents, so it is never changed once it is built.
type value struct {
	kind    kind
	tag     string // of a scalar, such as "!!str", as YAML's core schema resolves it
	text    string // of a scalar
	items   []*value
	entries []entry
	span    Span
	// size is the number of nodes and height the number of levels below and with this one, both with all aliases
	// expanded. They are computed without expanding anything.
	size, height int
}

type entry struct {
	key, val *value
	merged   bool // came through a merge key
}

func (v *value) isNull() bool { return v.kind == scalar && v.tag == "!!null" }

// isNothing reports whether nothing is written: null, an empty list or an empty map.
func (v *value) isNothing() bool {
	return v.isNull() || v.kind != scalar && len(v.items) == 0 && len(v.entries) == 0
}

// asText returns a scalar's text as written; null is an unset Text.
func (v *value) asText() Text {
	if v.isNull() {
		return Text{}
	}
	return Text{Value: v.text, Span: v.span}
}

// builder makes values of YAML nodes.
type builder struct {
	src     *source
	c       *collector
	done    map[*yaml.Node]*value // anchored nodes only: what an alias can ask for
	written int                   // nodes in the file
	merged  int                   // entries that merge keys looked at
	tooDeep bool
	tooMany bool
}

func newBuilder(src *source, c *collector) *builder {
	return &builder{src: src, c: c, done: map[*yaml.Node]*value{}}
}

// buildTree returns nil when the tree breaks a limit; the findings are then with c.
func buildTree(src *source, c *collector, root *yaml.Node) *value {
	b := newBuilder(src, c)
	v, _ := b.build(root, 1)
	if v.height > maxDepth && !b.tooDeep {
		b.reportDepth(v.span)
	}
	if v.size > b.written+aliasBudget && !b.tooMany {
		b.reportBomb(v.span)
	}
	if b.tooDeep || b.tooMany {
		return nil
	}
	return v
}

func (b *builder) reportDepth(span Span) {
	b.tooDeep = true
	b.c.add(Diagnostic{
		Rule: ruleTooDeep, Span: span,
		Message: fmt.Sprintf("the file is nested more than %d levels deep", maxDepth),
		Help:    "a build specification needs about ten; look for brackets that are never closed",
	})
}

func (b *builder) reportBomb(span Span) {
	b.tooMany = true
	b.c.add(Diagnostic{
		Rule: ruleAliasBomb, Span: span,
		Message: fmt.Sprintf("the file's aliases expand to more than %d values", aliasBudget),
		Help:    "write the repeated parts out, or repeat less",
	})
}

// build returns the value of a node and the offset at which its text ends.
func (b *builder) build(n *yaml.Node, depth int) (*value, int) {
	off := b.src.offset(Pos{n.Line, n.Column})
	if n.Kind == yaml.AliasNode {
		return b.alias(n, off)
	}
	b.written++
	if depth > maxDepth {
		if !b.tooDeep {
			b.reportDepth(b.src.span(off, off+1))
		}
		return &value{tag: "!!null", size: 1, height: 1}, off
	}
	v := &value{size: 1, height: 1}
	var end int
	switch n.Kind {
	case yaml.MappingNode:
		v.kind = mapping
		end = b.mapping(v, n, off, depth)
	case yaml.SequenceNode:
		v.kind = list
		end = b.list(v, n, off, depth)
	default:
		v.tag, v.text = n.ShortTag(), n.Value
		off, end = scalarExtent(b.src.text, off, n)
	}
	n.Content = nil // the tree takes the nodes' place, it doesn't stand beside them
	v.span = b.src.span(off, end)
	if n.Kind == yaml.ScalarNode {
		b.refuse(n, v, off)
	}
	b.checkTag(n, v)
	if n.Anchor != "" {
		b.done[n] = v
	}
	return v, end
}

func (b *builder) alias(n *yaml.Node, off int) (*value, int) {
	end := min(off+1+len(n.Value), len(b.src.text))
	if v := b.done[n.Alias]; v != nil {
		return v, end
	}
	// Anchors stand before their aliases, so a node that isn't done yet is one we are inside of.
	b.c.add(Diagnostic{
		Rule: ruleAliasCycle, Span: b.src.span(off, end),
		Message: fmt.Sprintf("the alias *%s stands inside of what it refers to", n.Value),
		Help:    "an alias can only repeat something that is complete",
	})
	return &value{tag: "!!null", span: b.src.span(off, end), size: 1, height: 1}, end
}

func (v *value) grow(child *value) {
	v.size = min(v.size+child.size, sizeLimit)
	v.height = max(v.height, child.height+1)
}

func (b *builder) list(v *value, n *yaml.Node, off, depth int) int {
	end := off
	for _, child := range n.Content {
		b.refuseTab(n, child)
		item, itemEnd := b.build(child, depth+1)
		v.items = append(v.items, item)
		v.grow(item)
		end = max(end, itemEnd)
	}
	return b.collectionEnd(n, off, end)
}

func (b *builder) mapping(v *value, n *yaml.Node, off, depth int) int {
	end := off
	var merges []*value
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, keyEnd := b.build(n.Content[i], depth+1)
		b.refuseAliasKey(n.Content[i], keyEnd)
		b.refuseTab(n, n.Content[i+1])
		val, valEnd := b.build(n.Content[i+1], depth+1)
		end = max(end, keyEnd, valEnd)
		if key.kind == scalar && key.tag == "!!merge" {
			merges = append(merges, b.mergeSources(key, val)...)
			continue
		}
		v.entries = append(v.entries, entry{key: key, val: val})
	}
	b.dropDuplicates(v)
	b.merge(v, merges)
	for _, e := range v.entries {
		v.grow(e.key)
		v.grow(e.val)
	}
	return b.collectionEnd(n, off, end)
}

// collectionEnd adds the closing bracket of a flow collection whose last child ends at end.
func (b *builder) collectionEnd(n *yaml.Node, off, end int) int {
	if n.Style&yaml.FlowStyle == 0 {
		return end
	}
	if len(n.Content) == 0 {
		end = min(skipProperties(b.src.text, off)+1, len(b.src.text))
	}
	return flowEnd(b.src.text, end)
}

// keyText returns a key as js-yaml makes text of it, like JavaScript.
func (v *value) keyText() string {
	switch {
	case v.kind == mapping:
		return "[object Object]"
	case v.kind == scalar && v.isNull():
		return "null"
	case v.kind == scalar && v.tag == "!!bool":
		return strings.ToLower(v.text)
	case v.kind == scalar && (v.tag == "!!int" || v.tag == "!!float"):
		return numberText(v.text)
	case v.kind == scalar:
		return v.text
	}
	texts := make([]string, len(v.items))
	for i, item := range v.items {
		if item.kind != list && !item.isNull() {
			texts[i] = item.keyText()
		}
	}
	return strings.Join(texts, ",")
}

// dropDuplicates reports every key that stands twice and keeps the first. js-yaml compares keys as text, so 1 and "1"
// are the same key.
func (b *builder) dropDuplicates(v *value) {
	first := make(map[string]*value, len(v.entries))
	v.entries = slices.DeleteFunc(v.entries, func(e entry) bool {
		name := e.key.keyText()
		earlier, again := first[name]
		if !again {
			first[name] = e.key
			return false
		}
		at := e.key.span.Start
		b.c.add(Diagnostic{
			Rule: ruleDuplicateKey, Span: e.key.span,
			Message: fmt.Sprintf("the key %s is written twice in the same map; the first is at line %d", quote(name), earlier.span.Start.Line),
			Help:    "put what both hold under one of them and remove the other",
			Amplify: fmt.Sprintf("CustomerError: Unable to parse build spec: duplicated mapping key (%d:%d)", at.Line, at.Column),
			Related: []Related{{Span: earlier.span, Message: "the first one"}},
		})
		return true
	})
}

// mergeSources returns the maps that the value of a merge key names.
func (b *builder) mergeSources(key, v *value) []*value {
	candidates := []*value{v}
	if v.kind == list {
		candidates = v.items
	}
	var maps []*value
	for _, m := range candidates {
		switch m.kind {
		case mapping:
			maps = append(maps, m)
			continue
		case list:
			continue // js-yaml merges its indexes as keys, which mean nothing anywhere
		}
		b.c.add(Diagnostic{
			Rule: ruleBadMerge, Span: key.span,
			Message: fmt.Sprintf("the merge key << takes maps only, and this one is given %s", m.kind),
			Help:    "give it an alias of a map, such as <<: *defaults",
			Amplify: "CustomerError: Unable to parse build spec: cannot merge mappings; the provided source object is unacceptable",
		})
	}
	return maps
}

// merge adds the entries of the maps whose keys v doesn't have yet; the earlier map wins.
func (b *builder) merge(v *value, maps []*value) {
	if len(maps) == 0 {
		return
	}
	have := make(map[string]bool, len(v.entries))
	for _, e := range v.entries {
		have[e.key.text] = true
	}
	for _, m := range maps {
		for _, e := range m.entries {
			if b.merged++; b.merged > aliasBudget {
				if !b.tooMany {
					b.reportBomb(v.span)
				}
				return
			}
			if !have[e.key.text] {
				have[e.key.text] = true
				v.entries = append(v.entries, entry{key: e.key, val: e.val, merged: true})
			}
		}
	}
}

// knownTags are the explicit tags of js-yaml's default schema with the kind of node that each fits.
var knownTags = map[string]kind{
	"!!str": scalar, "!!int": scalar, "!!float": scalar, "!!bool": scalar, "!!null": scalar,
	"!!binary": scalar, "!!timestamp": scalar, "!!merge": scalar,
	"!!seq": list, "!!omap": list, "!!pairs": list, "!!map": mapping, "!!set": mapping,
}

func (b *builder) checkTag(n *yaml.Node, v *value) {
	if n.Style&yaml.TaggedStyle == 0 {
		return
	}
	want, known := knownTags[n.Tag]
	start := b.src.offset(Pos{n.Line, n.Column})
	end := start
	for end < len(b.src.text) && !isBlankOrBreak(b.src.text[end]) {
		end++
	}
	span := b.src.span(start, end)
	if !known {
		b.c.add(Diagnostic{
			Rule: ruleUnknownTag, Span: span,
			Message: fmt.Sprintf("YAML reads %s as a type of value, and there is no such type", quote(n.Tag)),
			Help:    "if the exclamation mark belongs to the text, put the whole text in quotes",
			Amplify: fmt.Sprintf("CustomerError: Unable to parse build spec: unknown tag !<%s>", n.LongTag()),
		})
		return
	}
	if want == v.kind && v.fitsTag(n.Tag) && (v.kind != scalar || resolvesTag(n) == nil) {
		return
	}
	b.c.add(Diagnostic{
		Rule: ruleBadTag, Span: span,
		Message: fmt.Sprintf("the value does not fit its tag %s", quote(n.Tag)),
		Help:    "remove the tag; a build specification needs none",
	})
}
