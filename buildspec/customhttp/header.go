package customhttp

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/preamp-build/preamp/buildspec"
)

// headerName is a token of RFC 9110.
var headerName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") })

// header reads one header; ok is false when nothing can be made of it.
func (d *decoder) header(n *buildspec.Node) (h Header, ok bool) {
	key, value := n.Get("key"), n.Get("value")
	ok = d.headerKey(n, key) && d.headerValue(n, value)
	if !ok {
		return Header{}, false
	}
	h = Header{Key: key.Value.Text, Value: value.Value.Text}
	h.Value.Value = strings.TrimRight(h.Value.Value, "\n")
	return h, true
}

func (d *decoder) headerKey(n *buildspec.Node, e *buildspec.NodeEntry) bool {
	diag := buildspec.Diagnostic{Rule: ruleName, Help: "write the header's name, as in \"key: Cache-Control\""}
	switch {
	case e == nil:
		diag.Span, diag.Message = firstKey(n), "this header has no key"
		if len(n.Entries) == 1 && headerName().MatchString(n.Entries[0].Key.Text.Value) && n.Entries[0].Value.Kind == buildspec.ScalarNode {
			diag.Message = "this header is written as a name with its value"
			diag.Help = fmt.Sprintf("write two lines: \"key: %s\" and below it \"value: …\"", n.Entries[0].Key.Text.Value)
		}
	case e.Value.Kind != buildspec.ScalarNode || e.Value.Text.Value == "":
		diag.Span, diag.Message = e.Key.Span, "the key must be the name of a header"
	case !headerName().MatchString(e.Value.Text.Value):
		diag.Span = oneLine(e.Value.Span)
		diag.Message = fmt.Sprintf("%q cannot be the name of a header", shorten(e.Value.Text.Value))
		diag.Help = "names have letters, digits and dashes, without blanks and colons"
	default:
		return true
	}
	d.add(diag)
	return false
}

func (d *decoder) headerValue(n *buildspec.Node, e *buildspec.NodeEntry) bool {
	diag := buildspec.Diagnostic{Rule: ruleValue, Help: "write it in quotes, as in \"value: 'no-cache'\""}
	switch {
	case e == nil:
		if n.Get("key") == nil {
			return false // said already
		}
		diag.Span, diag.Message = firstKey(n), "this header has no value"
	case e.Value.Kind != buildspec.ScalarNode:
		diag.Span, diag.Message = e.Key.Span, fmt.Sprintf("the value must be text, not %s", e.Value.Kind)
		diag.Help = "write it in quotes on one line; several values go into one text, with commas between them"
	case e.Value.IsNull():
		diag.Span, diag.Message = e.Key.Span, "the value is empty"
		diag.Help = "write the value, or remove the header; what the service makes of an empty one is not known"
	case strings.ContainsFunc(strings.TrimRight(e.Value.Text.Value, "\n"), isControl):
		diag.Span, diag.Message = oneLine(e.Value.Span), "the value has a line break or another control character; a header is one line"
		diag.Help = "to write a long value on several lines, begin it with >- instead of |, or put it in quotes"
	default:
		d.valueHabits(e.Value)
		return true
	}
	d.add(diag)
	return false
}

// isControl is true for what no field value may contain; a tab is allowed.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

var variable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$\{[A-Za-z_]\w*\}|\$[A-Z][A-Z0-9_]{2,}|%[A-Z][A-Z0-9_]{2,}%|\{\{[^}]*\}\}`)
})

// valueHabits reports what a value is not what it looks like for.
func (d *decoder) valueHabits(v *buildspec.Node) {
	text := v.Text.Value
	if strings.HasSuffix(text, "\n") {
		d.add(buildspec.Diagnostic{
			Rule: ruleValue, Severity: buildspec.Warning, Span: oneLine(v.Span),
			Message: "the value ends in a line break, which is left out",
			Help:    "write a dash behind the mark that begins it: >- instead of >, or |- instead of |",
		})
	}
	if !v.IsString {
		d.add(buildspec.Diagnostic{
			Rule: ruleValueType, Severity: buildspec.Warning, Span: v.Span,
			Message: fmt.Sprintf("YAML reads %s as something other than text", shorten(text)),
			Help:    "put it in quotes",
			Fix:     &buildspec.Fix{Title: "quote the value", Edits: []buildspec.Edit{{Span: v.Span, NewText: quoteYAML(text)}}},
		})
	}
	if found := variable().FindString(text); found != "" {
		d.add(buildspec.Diagnostic{
			Rule: ruleVariable, Severity: buildspec.Warning, Span: oneLine(v.Span),
			Message: fmt.Sprintf("%s is not replaced: the service takes values as they are written", found),
			Help:    "write the value itself, or let a build command write this file before the build ends",
		})
	}
}

// duplicates reports names that occur twice in one rule; case does not matter to HTTP.
func (d *decoder) duplicates(headers []Header) {
	first := map[string]buildspec.Span{}
	for _, h := range headers {
		name := strings.ToLower(h.Key.Value)
		earlier, again := first[name]
		if !again {
			first[name] = h.Key.Span
			continue
		}
		d.add(buildspec.Diagnostic{
			Rule: ruleDuplicate, Severity: buildspec.Warning, Span: oneLine(h.Key.Span),
			Message: fmt.Sprintf("the header %s is set twice in this rule; only one of the values is sent", h.Key.Value),
			Help:    "put both values into one text with a comma between them, or remove one",
			Related: []buildspec.Related{{Span: earlier, Message: "the first one"}},
		})
	}
}
