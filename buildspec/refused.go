package buildspec

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// This file holds what our library takes and js-yaml, and so the service, refuses.

// refuse reports a node at an offset that js-yaml would not read as our library did.
func (b *builder) refuse(n *yaml.Node, v *value, off int) {
	text := b.src.text[min(off, len(b.src.text)):]
	var message, help string
	switch {
	case n.Value == "-" && len(text) > 1 && text[0] == '-' && strings.IndexByte(",]}", text[1]) >= 0:
		message, help = "a dash alone is no text inside of brackets", "put it in quotes"
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && strings.HasPrefix(strings.TrimLeft(text, "|>+-0123456789"), "#"):
		message, help = "a comment needs a blank before its #", "put one between the head of the block and the comment"
	case n.Style&yaml.DoubleQuotedStyle != 0 && hasQuoteEscape(b.src.slice(v.span)):
		message, help = `there is no escape \' in a double-quoted text`, "remove the backslash"
	default:
		return
	}
	b.c.add(Diagnostic{
		Rule: ruleSyntax, Span: b.src.firstLine(v.span), Message: message, Help: help, Amplify: "CustomerError: Unable to parse build spec",
	})
}

// hasQuoteEscape reports whether a double-quoted text escapes an apostrophe.
func hasQuoteEscape(quoted string) bool {
	for i := 0; i+1 < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		if i++; quoted[i] == '\'' {
			return true
		}
	}
	return false
}

// refuseTab reports a scalar on a line of its own that only tabs indent deep enough for the collection around it.
func (b *builder) refuseTab(around, n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.Line == around.Line || around.Style&yaml.FlowStyle != 0 {
		return
	}
	start, end := b.src.line(n.Line)
	line := b.src.text[start:end]
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	at := strings.IndexByte(indent, '\t')
	if at < 0 || len(indent) != n.Column-1 || at >= around.Column {
		return
	}
	tab := start + at
	b.c.add(Diagnostic{
		Rule: tabCase.rule, Span: b.src.span(tab, tab+1), Message: tabCase.message, Help: tabCase.help,
		Amplify: "CustomerError: Unable to parse build spec",
	})
}

// refuseAliasKey reports an alias as a key whose colon js-yaml takes for a part of the alias's name.
func (b *builder) refuseAliasKey(key *yaml.Node, end int) {
	if key.Kind != yaml.AliasNode || !strings.HasPrefix(b.src.text[end:], ":") {
		return
	}
	b.c.add(Diagnostic{
		Rule: ruleUnknownAnchor, Span: b.src.span(end-len(key.Value)-1, end+1),
		Message: fmt.Sprintf("the colon is read as a part of the alias *%s", key.Value),
		Help:    "put a blank before the colon",
		Amplify: fmt.Sprintf("CustomerError: Unable to parse build spec: unidentified alias %q", key.Value+":"),
	})
}

// numberText returns a number as JavaScript writes it, or its text when it is too odd for that. js-yaml compares keys so.
func numberText(text string) string {
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil {
		i, ok := new(big.Int).SetString(strings.ReplaceAll(text, "_", ""), 0)
		if !ok {
			return text
		}
		f, _ = new(big.Float).SetInt(i).Float64()
	}
	if f == 0 {
		return "0"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// fitsTag reports whether a value with one of the rarer tags is as js-yaml wants it.
func (v *value) fitsTag(tag string) bool {
	switch tag {
	case "!!merge":
		return v.text == "<<" || v.text == ""
	case "!!set":
		for _, e := range v.entries {
			if !e.val.isNull() {
				return false
			}
		}
	case "!!pairs", "!!omap":
		seen := map[string]bool{}
		for _, item := range v.items {
			if item.kind != mapping || len(item.entries) != 1 {
				return false
			}
			name := item.entries[0].key.keyText()
			if seen[name] && tag == "!!omap" {
				return false
			}
			seen[name] = true
		}
	}
	return true
}
