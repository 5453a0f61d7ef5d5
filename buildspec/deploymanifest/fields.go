package deploymanifest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/preamp-build/preamp/buildspec"
)

// semver is the grammar of semantic versioning 2.0.
var semver = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)` +
		`(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?` +
		`(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$`)
})

// keys reports what has no meaning in an object.
func (c *checker) keys(v *value, where string, known ...string) {
	for _, m := range v.members {
		if slices.Contains(known, m.key) || slices.Contains(known, misspelt[m.key]) {
			continue
		}
		d := buildspec.Diagnostic{
			Rule: ruleUnknownKey, Severity: buildspec.Warning, Span: oneLine(m.keySpan),
			Message: fmt.Sprintf("%q has no meaning %s", shorten(m.key), where),
			Help:    "known are " + strings.Join(known, ", "),
		}
		for _, k := range known {
			if strings.EqualFold(k, m.key) && v.get(k) == nil {
				d.Help = fmt.Sprintf("write %q", k)
				d.Fix = &buildspec.Fix{
					Title: fmt.Sprintf("rename %s to %s", m.key, k),
					Edits: []buildspec.Edit{{Span: m.keySpan, NewText: strconv.Quote(k)}},
				}
			}
		}
		c.add(d)
	}
}

// need returns a required member of the given kind, or nil when it is missing or another, which is reported.
func (c *checker) need(v *value, key string, want kind) *member {
	m := v.get(key)
	if m == nil {
		for other, meant := range misspelt {
			if meant == key {
				m = v.get(other)
			}
		}
	}
	if m == nil {
		c.add(buildspec.Diagnostic{
			Rule: ruleMissingKey, Span: oneLine(v.span), Message: fmt.Sprintf("%q is missing in this object", key),
			Help: fmt.Sprintf("the deployment specification requires it; it is %s", want),
		})
		return nil
	}
	return c.typed(m, want)
}

// optional returns a member that may be missing.
func (c *checker) optional(v *value, key string, want kind) *member {
	m := v.get(key)
	if m == nil {
		return nil
	}
	return c.typed(m, want)
}

func (c *checker) typed(m *member, want kind) *member {
	if m.val.kind == want {
		return m
	}
	c.add(buildspec.Diagnostic{
		Rule: ruleType, Span: oneLine(m.val.span), Message: fmt.Sprintf("%q must be %s, not %s", m.key, want, m.val.kind),
		Help: typeHelp(m, want),
	})
	return nil
}

func typeHelp(m *member, want kind) string {
	switch {
	case want == number && m.val.kind == text:
		return "write the number without quotes"
	case want == text && m.val.kind == number:
		return fmt.Sprintf("put it in quotes: %q", m.val.text)
	case want == boolean && m.val.kind == text:
		return "write true or false without quotes"
	case want == list:
		return "put it in brackets: [ ]"
	}
	return ""
}

func (c *checker) needText(v *value, key string) buildspec.Text {
	m := c.need(v, key, text)
	if m == nil {
		return buildspec.Text{}
	}
	t := asText(m.val)
	if t.Value == "" {
		c.add(buildspec.Diagnostic{Rule: ruleMissingKey, Span: t.Span, Message: fmt.Sprintf("%q is empty", key)})
		return buildspec.Text{}
	}
	return t
}

func (c *checker) optionalText(v *value, key string) buildspec.Text {
	if m := c.optional(v, key, text); m != nil {
		return asText(m.val)
	}
	return buildspec.Text{}
}

func asText(v *value) buildspec.Text { return buildspec.Text{Value: v.text, Span: v.span} }

// elements returns the elements of a list that are of the given kind and reports the others.
func (c *checker) elements(m *member, want kind) []*value {
	var all []*value
	for _, item := range m.val.items {
		if item.kind == want {
			all = append(all, item)
			continue
		}
		c.add(buildspec.Diagnostic{
			Rule: ruleType, Span: oneLine(item.span), Message: fmt.Sprintf("%q is a list of which each element is %s, not %s", m.key, want, item.kind),
		})
	}
	return all
}

// natural returns a number that is whole and at least least; ok is false when it is not, which is reported.
func (c *checker) natural(v *value, rule, what string, least int) (n int, ok bool) {
	n, err := strconv.Atoi(v.text)
	if err == nil && n >= least && n <= 1<<31-1 {
		return n, true
	}
	c.add(buildspec.Diagnostic{
		Rule: rule, Span: v.span, Message: fmt.Sprintf("%s must be a whole number of at least %d", what, least),
	})
	return 0, false
}
