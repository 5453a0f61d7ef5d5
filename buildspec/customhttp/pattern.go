package customhttp

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/preamp-build/preamp/buildspec"
)

var (
	braces = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([^{}]*,[^{}]*)\}`) })
	// regexParts are what globs don't have. A dot before a star is as often a file's extension, "logo.*".
	regexParts = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\^|\$$|(?:^|/)\.\*$|\\[.dws/]|\(\?|\([^)]*\|[^)]*\)|\.\+`)
	})
)

// pattern reports what makes a pattern match nothing, or something else than it seems to.
func (d *decoder) pattern(p buildspec.Text) {
	diag := buildspec.Diagnostic{Rule: rulePatternForm, Severity: buildspec.Warning, Span: oneLine(p.Span)}
	text := p.Value
	switch {
	case braces().MatchString(text):
		diag.Rule = ruleBraces
		diag.Message = "braces have no meaning in patterns: this one matches nothing"
		diag.Help = "write one rule for each alternative" + alternatives(text)
	case strings.Contains(text, "://"):
		diag.Message = "a pattern is compared with the path of a URL, without host and scheme"
		diag.Help = "write what comes after the host, beginning with a slash"
	case variable().MatchString(text):
		diag.Rule = ruleVariable
		diag.Message = "variables in patterns are not replaced"
		diag.Help = "write the path itself"
	case strings.ContainsAny(text, "#") || strings.Contains(text, "?") && strings.Contains(text, "="):
		diag.Message = "a pattern is compared with the path of a URL, without query and fragment"
		diag.Help = "leave out what begins with ? or #"
	case regexParts().MatchString(text):
		diag.Message = "this looks like a regular expression, and patterns are globs: * for anything, ** for any folders"
		diag.Help = "for example **/*.js for all files with this ending"
	case strings.TrimSpace(text) != text || strings.ContainsFunc(text, isControl):
		diag.Message = "the pattern has white space around it or control characters in it, and so matches nothing"
		diag.Help = "remove them"
	default:
		return
	}
	d.add(diag)
}

// alternatives lists what a pattern with one pair of braces was meant to be.
func alternatives(text string) string {
	m := braces().FindStringSubmatchIndex(text)
	parts := strings.Split(text[m[2]:m[3]], ",")
	if len(parts) > 6 || len(text) > 200 {
		return ""
	}
	for i, part := range parts {
		parts[i] = quoteYAML(text[:m[0]] + strings.TrimSpace(part) + text[m[1]:])
	}
	return ": " + strings.Join(parts, ", ")
}

const (
	// maxPattern is the length in bytes up to which patterns are compared with each other.
	maxPattern = 256
	// maxSteps bounds all the comparing, which takes some tens of milliseconds then. Real files need some thousands.
	maxSteps = 10_000_000
)

// overlaps reports headers that two rules set to different values for the same paths: which one wins has changed over
// the years.
func (d *decoder) overlaps(rules []Rule) {
	for j := range rules {
		for _, h := range rules[j].Headers {
			related := d.earlier(rules[:j], rules[j], h)
			if len(related) == 0 {
				continue
			}
			d.add(buildspec.Diagnostic{
				Rule: ruleOverlap, Severity: buildspec.Warning, Span: oneLine(h.Key.Span),
				Message: fmt.Sprintf("%s is set to another value by an earlier rule that matches some of the same paths", h.Key.Value),
				Help: "the last matching rule is taken to win, and the service has not always done it so: keep the rules apart,\n" +
					"or put the general rule first and the special ones after it",
				Related: related,
			})
		}
	}
}

// earlier returns the places at which rules that overlap with r set the header to something else, at most five.
func (d *decoder) earlier(before []Rule, r Rule, h Header) []buildspec.Related {
	var related []buildspec.Related
	for _, b := range before {
		for _, other := range b.Headers {
			d.compared += 10
			if d.compared > maxSteps || len(related) == 5 {
				return related
			}
			if !strings.EqualFold(other.Key.Value, h.Key.Value) || other.Value.Value == h.Value.Value {
				continue
			}
			d.compared += len(b.Pattern.Value) * len(r.Pattern.Value)
			if overlap(b.Pattern.Value, r.Pattern.Value) {
				related = append(related, buildspec.Related{
					Span: oneLine(other.Key.Span), Message: fmt.Sprintf("set here for %s", shorten(b.Pattern.Value)),
				})
			}
		}
	}
	return related
}

// overlap reports whether there is a path that both globs match. A star is taken to match slashes, too: that "*" matches
// everything is known.
func overlap(a, b string) bool {
	if len(a) > maxPattern || len(b) > maxPattern || a == "" || b == "" {
		return false
	}
	a, b = simplify(a), simplify(b)
	// row[j] says whether a[:i] and b[:j] can match the same text.
	row := make([]bool, len(b)+1)
	row[0] = true
	for j := 1; j <= len(b) && b[j-1] == '*'; j++ {
		row[j] = true
	}
	for i := 1; i <= len(a); i++ {
		next := make([]bool, len(b)+1)
		next[0] = row[0] && a[i-1] == '*'
		for j := 1; j <= len(b); j++ {
			if a[i-1] == '*' || b[j-1] == '*' {
				next[j] = row[j] || next[j-1] // the star stands for nothing, or for one more character
			} else {
				next[j] = row[j-1] && (a[i-1] == b[j-1] || a[i-1] == '?' || b[j-1] == '?')
			}
		}
		row = next
	}
	return row[len(b)]
}

// simplify writes a pattern with single stars and without the slash at its beginning.
func simplify(p string) string {
	p = strings.TrimPrefix(p, "/")
	p = strings.ReplaceAll(p, "**/", "*")
	for strings.Contains(p, "**") {
		p = strings.ReplaceAll(p, "**", "*")
	}
	return p
}
