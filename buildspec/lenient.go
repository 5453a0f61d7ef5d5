package buildspec

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var (
	indentTab     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^ *\t[ \t]*`) })
	questionMark  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`([A-Za-z0-9_)}\].])\?([ \t])`) })
	directivesEnd = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\A(?:[ \t]*(?:#[^\n]*)?\n|%[^\n]*\n)*---(?:[ \t\r\n]|\z)`)
	})
	yamlVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A((?:[ \t]*(?:#[^\n]*)?\n)*)%YAML 1\.[02-9]`) })
)

// Parts of the library's messages for what js-yaml may take.
const (
	cannotStart    = "cannot start any token"                         // a tab where a text begins
	inBlock        = "where an indentation space is expected"         // a tab in the indentation of a block scalar
	oddAnchor      = "did not find expected alphabetic or numeric"    // an anchor such as &a.b, or &&
	unknownEscape  = "unknown escape character"                       // "\/"
	inFlow         = "did not find expected ',' or"                   // "[a? b]"
	unknownCommand = "found unknown directive name"                   // a line such as "%x"
	valueHere      = "mapping values are not allowed in this context" // "--- key: value"
)

// lenientSteps bounds how often a file is parsed again for the sake of what js-yaml takes.
const lenientSteps = 6

// retries cuts down a number of further parses for files that take long to parse.
func retries(text string, steps int) int {
	const short = 64 << 10
	if len(text) > short {
		return 1
	}
	return steps
}

// lenient makes a text fit for our library where it refuses what js-yaml takes. Every replacement keeps the number of
// bytes and of characters, so that all places stay those of the file.
type lenient struct {
	text string
	// undo holds pairs of what stands in values for something else, and what it stands for.
	undo []string
	// anchors holds the offsets of names that only js-yaml takes for anchors, and names what stands for them.
	anchors []int
	names   map[string]string
}

// decode tries again with a text that our library refuses, giving err, and js-yaml may take. It returns the error of the
// text that it tried last.
func (l *lenient) decode(err error) ([]*yaml.Node, error) {
	var docs []*yaml.Node
	if !strings.Contains(err.Error(), inBlock) && l.allowHarmlessTabs() {
		docs, err = decodeYAML(strings.NewReader(l.text))
	}
	for range retries(l.text, lenientSteps) {
		before, refused := *l, err
		if err == nil || !l.step(err) {
			break
		}
		docs, err = decodeYAML(strings.NewReader(l.text))
		if err != nil && errorLine(err) <= errorLine(refused)+1 {
			// It is no better: what the library said at first is nearer to what was written.
			*l = before
			return nil, refused
		}
	}
	return docs, err
}

// step changes what an error is about. It reports whether it found something to change.
func (l *lenient) step(err error) bool {
	line := max(errorLine(err), 1)
	for _, s := range []struct {
		message string
		allow   func(line int) bool
	}{
		{cannotStart, func(line int) bool { return l.allowHarmlessTabs() || l.allowIndentTab(line) }},
		{inBlock, l.allowBlockTab},
		{oddAnchor, l.allowAnchor},
		{unknownEscape, func(int) bool { return l.allowSlash() }},
		{inFlow, func(int) bool { return l.allowQuestionMark() }},
		{unknownCommand, l.allowDirective},
		{valueHere, l.allowMarker},
	} {
		if strings.Contains(err.Error(), s.message) {
			return s.allow(line)
		}
	}
	return false
}

func (l *lenient) allowHarmlessTabs() bool {
	before := l.text
	l.text = allowTabs(before)
	return l.text != before
}

// line returns the offsets of a line, which is counted as the library does.
func (l *lenient) line(n int) (start, end int) {
	for range n - 1 {
		start = nextLine(l.text, start)
	}
	return start, start + breakIndex(l.text[start:])
}

// replace puts a text in the place of another of the same length.
func (l *lenient) replace(at int, text string) {
	l.text = l.text[:at] + text + l.text[at+len(text):]
}

// decodes reports whether the text could be read with a change, or at least the lines up to the given one.
func (l *lenient) decodes(changed string, line int) bool {
	_, err := decodeYAML(strings.NewReader(changed))
	return err == nil || errorLine(err) > line
}

// restore gives the nodes of a document back what was replaced, by this and by hideBreaks.
func (l *lenient) restore(doc *yaml.Node) {
	restoreAll(doc, strings.NewReplacer(append(l.undo, shownBreaks...)...))
}

func restoreAll(n *yaml.Node, r *strings.Replacer) {
	n.Value, n.Anchor = r.Replace(n.Value), r.Replace(n.Anchor)
	for _, child := range n.Content {
		restoreAll(child, r)
	}
}

// allowTabs returns the text with those tabs made spaces that js-yaml takes and our library doesn't: in blank lines,
// before comments, and between a dash, a colon or a question mark and a scalar. It also lets YAML 1.2 pass for 1.1, which
// our library insists on.
func allowTabs(text string) string {
	text = yamlVersion().ReplaceAllString(text, "${1}%YAML 1.1")
	if !strings.Contains(text, "\t") {
		return text
	}
	changed := []byte(text)
	for start := 0; start < len(text); start = nextLine(text, start) {
		line := text[start : start+breakIndex(text[start:])]
		for i := range harmlessTabs(line) {
			if line[i] == '\t' {
				changed[start+i] = ' '
			}
		}
	}
	return string(changed)
}

// harmlessTabs returns the length of the beginning of the line in which tabs are no more than blanks.
func harmlessTabs(line string) int {
	text := strings.TrimLeft(line, " \t")
	if text == "" || text[0] == '#' {
		return len(line) - len(text)
	}
	text = strings.TrimLeft(line, " ")
	if strings.IndexByte("-:?", text[0]) < 0 {
		return 0
	}
	text = strings.TrimLeft(text[1:], " \t")
	if !isOneScalar(text) {
		return 0 // a map or a list indented by a tab, which js-yaml refuses too
	}
	return len(line) - len(text)
}

// allowIndentTab makes spaces of the tabs before the text of a line. js-yaml allows them behind spaces that are enough
// without them, when the line is no more than a scalar.
func (l *lenient) allowIndentTab(n int) bool {
	start, end := l.line(n)
	indent := indentTab().FindString(l.text[start:end])
	rest := l.text[start+len(indent):]
	if indent == "" || !isOneScalar(l.text[start+len(indent):end]) {
		return false
	}
	spaces, _, _ := strings.Cut(indent, "\t")
	if !l.decodes(l.text[:start]+spaces+rest, n) {
		return false
	}
	l.replace(start, strings.Repeat(" ", len(indent)))
	return true
}

// allowBlockTab lets a tab in the indentation of a block scalar be a part of its text, or of a blank line that ends the
// block. The block begins on the given line or the next.
func (l *lenient) allowBlockTab(n int) bool {
	for at, _ := l.line(n); at < len(l.text); n++ {
		end := at + breakIndex(l.text[at:])
		if indent := indentTab().FindString(l.text[at:end]); indent != "" {
			tab := at + strings.IndexByte(indent, '\t')
			stand := unused(l.text)
			if tab > at && stand != "" && l.decodes(l.text[:tab]+stand+l.text[tab+1:], n+1) {
				l.replace(tab, stand)
				l.undo = append(l.undo, stand, "\t")
				return true
			}
			if len(indent) == end-at {
				l.replace(tab, "#") // a comment ends a block too
				return true
			}
			return false
		}
		at = nextLine(l.text, at)
	}
	return false
}

// unused returns a character of one byte that the text doesn't have, or "" if it has them all.
func unused(text string) string {
	for _, c := range "~^$;=+_/" {
		if !strings.ContainsRune(text, c) {
			return string(c)
		}
	}
	return ""
}

// allowAnchor renames an anchor, or the alias of a renamed one, whose name has characters that YAML doesn't allow in
// names. js-yaml ends names at blanks and brackets.
func (l *lenient) allowAnchor(n int) bool {
	for _, n := range []int{n, n + 1} {
		start, end := l.line(n)
		for at := start; at < end; at++ {
			if l.text[at] != '&' && l.text[at] != '*' || at > start && strings.IndexByte(" \t[{,", l.text[at-1]) < 0 {
				continue
			}
			name := l.text[at+1 : at+1+strings.IndexAny(l.text[at+1:]+" ", " \t\r\n,[]{}")]
			if name == "" || isAnchorName(name) || !isASCII(name) {
				continue
			}
			stand, known := l.names[name]
			if !known && l.text[at] == '*' {
				return false
			}
			if !known {
				stand = standIn(name)
				if l.names == nil {
					l.names = map[string]string{}
				}
				l.names[name] = stand
			}
			if l.text[at] == '&' {
				l.anchors = append(l.anchors, at)
			}
			l.replace(at+1, stand)
			return true
		}
	}
	return false
}

// anchorDropped reports an anchor that nobody meant: js-yaml takes it, and it is gone from the text.
func (l *lenient) anchorDropped(src *source, at int) Diagnostic {
	end := at
	for end < len(src.text) && strings.IndexByte(" \t\r\n,[]{}", src.text[end]) < 0 {
		end++
	}
	return Diagnostic{
		Rule: ruleUnquoted, Severity: Warning, Span: src.span(at, end),
		Message: fmt.Sprintf("YAML reads %s as the name of what follows, an anchor; it is no part of the text", quote(src.text[at:end])),
		Help:    "put the whole text in quotes if it belongs to it",
	}
}

func isAnchorName(name string) bool {
	return strings.Trim(name, "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// standIn returns a name of the same length that the library takes and that hardly another one has.
func standIn(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	digits := strconv.FormatUint(h.Sum64(), 36)
	return strings.Repeat(digits, len(name)/len(digits)+1)[:len(name)]
}

// allowSlash puts another escape in the place of "\/", which YAML 1.2 has and our library doesn't.
func (l *lenient) allowSlash() bool {
	for _, e := range []struct{ escape, char string }{{`\v`, "\v"}, {`\f`, "\f"}, {`\a`, "\a"}} {
		if strings.Contains(l.text, `\/`) && !strings.Contains(l.text, e.escape) {
			l.text = strings.ReplaceAll(l.text, `\/`, e.escape)
			l.undo = append(l.undo, e.escape, `\/`, e.char, "/") // the former where it is no escape
			return true
		}
	}
	return false
}

// allowQuestionMark lets a question mark with a blank behind it be a part of a text in brackets.
func (l *lenient) allowQuestionMark() bool {
	stand := unused(l.text)
	if stand == "" || !questionMark().MatchString(l.text) {
		return false
	}
	l.text = questionMark().ReplaceAllString(l.text, "${1}"+stand+"${2}")
	l.undo = append(l.undo, stand, "?")
	return true
}

// allowDirective makes a comment of a directive that nobody knows, as long as the document begins with a marker.
func (l *lenient) allowDirective(n int) bool {
	start, end := l.line(n)
	if start == end || l.text[start] != '%' || !directivesEnd().MatchString(l.text) {
		return false
	}
	l.replace(start, "#")
	return true
}

// allowMarker lets the first key of a map stand behind the marker of the document's beginning.
func (l *lenient) allowMarker(n int) bool {
	start, end := l.line(n)
	if line := l.text[start:end]; !strings.HasPrefix(line, "--- ") || strings.Contains(l.text[:start], "\n---") {
		return false
	}
	changed := l.text[:start] + "   " + l.text[start+3:]
	if !l.decodes(changed, n) {
		return false
	}
	l.text = changed
	return true
}

// isOneScalar reports whether the text of a line cannot be an entry of a map or a list. A collection in brackets counts
// as a scalar.
func isOneScalar(line string) bool {
	switch {
	case line == "":
		return true
	case strings.IndexByte("'\"[{", line[0]) >= 0:
		end := len(line)
		switch line[0] {
		case '\'':
			end = singleQuotedEnd(line, 0)
		case '"':
			end = doubleQuotedEnd(line, 0)
		default:
			if e := bracketEnd(line, 0); e >= 0 {
				end = e
			}
		}
		return !strings.HasPrefix(strings.TrimLeft(line[end:], " \t"), ":")
	}
	for i := range len(line) {
		if line[i] == ':' && isBlankAt(line, i+1) {
			return false
		}
		if line[i] == '#' && i > 0 && isBlankAt(line, i-1) {
			break
		}
	}
	return strings.IndexByte("-?:", line[0]) < 0 || !isBlankAt(line, 1)
}
