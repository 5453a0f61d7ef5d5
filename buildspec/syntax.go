package buildspec

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// The YAML library reports a syntax error as one line of text. Its line number is that of the construct around the
// error or of the error itself, depending on the message, off by one for some of them, and missing on the first line;
// it never gives a column. This file turns it into a place and a sentence.

// syntaxCase is what we know about one of the library's messages.
type syntaxCase struct {
	contains string // a part of the library's message
	rule     string
	// block says that the library names the line before the construct around the error, which is then no help.
	block bool
	// whole says that find looks at the whole file and needs no line.
	whole   bool
	find    func(l *locator) (start, end int)
	message string
	help    string
}

var (
	tabCase = syntaxCase{
		contains: "found a tab character", rule: ruleTab, find: (*locator).tab,
		message: "a tab is used for indentation; YAML allows only spaces there",
		help:    "replace the tabs at the beginning of the line by spaces",
	}
	acrossCase = syntaxCase{
		rule:    ruleUnclosed,
		message: "this quote ends only lines later, at a quote that was meant to begin another text",
		help:    "close it on its own line, or double it if it is an apostrophe inside single quotes",
	}
	trailingCase = syntaxCase{
		rule:    ruleUnquoted,
		message: "this text comes after the end of a quoted or bracketed text",
		help:    "put the whole text in quotes, or remove the quotes around its beginning",
	}
)

// syntaxCases are tried in order.
var syntaxCases = []syntaxCase{
	{
		contains: "mapping values are not allowed", rule: ruleSyntax, find: (*locator).colon,
		message: "a key with a value cannot stand here",
		help: "if this line is indented too far, align it with its neighbours; if the line before lacks its colon, add it;\n" +
			"if a text contains \": \", put the whole text in quotes",
	},
	{
		contains: "did not find expected '-' indicator", rule: ruleSyntax, block: true, find: (*locator).lineText,
		message: "this line is neither the next entry of the list nor the end of it",
		help:    "align the dashes of a list, and the keys after a list with the key that it belongs to",
	},
	{
		contains: "did not find expected key", rule: ruleSyntax, block: true, find: (*locator).lineText,
		message: "this line does not fit the keys around it",
		help:    "align the keys of a map exactly, and indent what belongs to a key deeper than the key",
	},
	{
		contains: "did not find expected alphabetic or numeric", rule: ruleUnquoted, find: (*locator).indicator,
		message: "YAML reads a text that begins with * or & as an alias or an anchor",
		help:    "put the whole text in quotes, as in '**/*'",
	},
	{
		contains: "unknown anchor", rule: ruleUnknownAnchor, whole: true, find: (*locator).alias,
		message: "YAML reads a text that begins with * as an alias, and there is no such anchor before it",
		help:    "put the whole text in quotes, or define the anchor above",
	},
	{
		contains: "cannot start any token", rule: ruleUnquoted, find: (*locator).badStart,
		message: "no unquoted text may begin with this character",
		help:    "put the whole text in quotes",
	},
	tabCase,
	{
		contains: "found unexpected end of stream", rule: ruleUnclosed, find: (*locator).openQuote,
		message: "this quote is never closed",
		help:    "close it, or double it if it is an apostrophe inside single quotes",
	},
	{
		contains: "found unexpected document indicator", rule: ruleUnclosed, find: (*locator).openQuote,
		message: "this quote is not closed before the end of the document",
		help:    "close it, or double it if it is an apostrophe inside single quotes",
	},
	{
		contains: "did not find expected ',' or", rule: ruleUnclosed, block: true, find: (*locator).openBracket,
		message: "this bracket is not closed, or a comma is missing after one of its entries",
		help:    "close the bracket; if it belongs to the text, put the whole text in quotes",
	},
	{
		contains: "did not find expected node content", rule: ruleSyntax, block: true, find: (*locator).emptyEntry,
		message: "a value is missing here",
		help:    "remove the comma, or write the value before it; put the whole text in quotes if the brackets belong to it",
	},
	{
		contains: "could not find expected ':'", rule: ruleSyntax, find: (*locator).lineText,
		message: "this line is not a key with a colon",
		help:    "write \"key: value\", with a blank after the colon; or begin a list entry with a dash and a blank",
	},
	{
		contains: "did not find expected comment or line break", rule: ruleUnquoted, find: (*locator).blockMark,
		message: "YAML reads a text that begins with | or > as the head of a block",
		help:    "put the whole text in quotes, or begin the block's text on the next line",
	},
	{
		contains: "unknown escape character", rule: ruleSyntax, find: (*locator).escape,
		message: "there is no such escape in a double-quoted text",
		help:    "double the backslash, or use single quotes, in which a backslash is a backslash",
	},
	{
		contains: "block sequence entries are not allowed", rule: ruleSyntax, find: (*locator).dash,
		message: "a list cannot begin on this line",
		help:    "begin the list on the next line, or put the whole text in quotes if the dash belongs to it",
	},
	{
		contains: "control characters are not allowed", rule: ruleControlChar, whole: true, find: (*locator).control,
		message: "the file contains a control character",
		help:    "remove it; it is invisible in most editors",
	},
	{
		contains: "exceeded max depth", rule: ruleTooDeep, find: (*locator).lineText,
		message: "the file is nested too deep",
		help:    "a build specification needs about ten levels; look for brackets that are never closed",
	},
}

var syntaxLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yaml: line (\d+): `) })

// errorLine returns the line that the library's error names, or 0.
func errorLine(err error) int {
	m := syntaxLine().FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // digits only
	return n
}

// explainSyntax makes a finding of the library's error on text, which is src's text with hidden line breaks.
func explainSyntax(src *source, text string, err error) Diagnostic {
	if n := conflictMarker(src); n > 0 {
		start, end := src.line(n)
		return Diagnostic{
			Rule: ruleConflict, Span: src.span(start, end),
			Message: "the file contains an unresolved merge conflict",
			Help:    "decide between the two versions and remove the lines with the markers",
		}
	}
	raw := strings.TrimPrefix(strings.TrimPrefix(err.Error(), syntaxLine().FindString(err.Error())), "yaml: ")
	l := &locator{src: src, text: text, raw: err.Error(), line: errorLine(err)}
	diag := Diagnostic{Rule: ruleSyntax, Amplify: "CustomerError: Unable to parse build spec"}
	c := syntaxCase{rule: ruleSyntax, block: true, find: (*locator).lineText, message: "this is not YAML"}
	for _, known := range syntaxCases {
		if strings.Contains(raw, known.contains) {
			c = known
			break
		}
	}
	if c.rule == ruleUnclosed && c.block {
		l.line++ // the bracket's line: the library counts from 0 here
	} else if c.block || l.line == 0 && !c.whole {
		l.line = l.noticed()
	}
	start, end := c.find(l)
	if c.rule == ruleSyntax || c.rule == ruleUnquoted {
		// Three causes hide behind several messages.
		if tab := l.indentTab(); tab >= 0 {
			c, start, end = tabCase, tab, tab+1
		} else if quote := l.quoteAcross(); quote >= 0 {
			c = acrossCase
			diag.Related = []Related{{Span: src.span(start, end), Message: "read up to here as the inside of quotes"}}
			start, end = l.one(quote)
		} else if found, from, to := l.trailing(c.block); found {
			c, start, end = trailingCase, from, to
		}
	}
	diag.Rule, diag.Help, diag.Span = c.rule, c.help, src.span(start, end)
	diag.Message = fmt.Sprintf("%s (YAML: %s)", c.message, raw)
	if c.rule == ruleUnquoted || c.rule == ruleUnknownAnchor {
		diag.Fix = l.quoteFix(start)
	}
	return diag
}

// quoteFix puts quotes around the value on the line of an offset, if the file then has no or another error.
func (l *locator) quoteFix(off int) *Fix {
	n := l.src.pos(off).Line
	start, end := l.src.line(n)
	line := l.src.text[start:end]
	from := valueIndex(line)
	value := strings.TrimRight(line[from:], " \t")
	if i := strings.Index(value, " #"); i >= 0 {
		value = strings.TrimRight(value[:i], " \t")
	}
	if value == "" || start+from > off || strings.IndexByte("|>[{", value[0]) >= 0 && !strings.Contains(value, "&&") {
		return nil
	}
	quoted := quoteYAML(value)
	text := l.src.text[:start+from] + quoted + l.src.text[start+from+len(value):]
	if _, err := decodeYAML(strings.NewReader(text)); err != nil && err.Error() == l.raw {
		return nil
	}
	span := l.src.span(start+from, start+from+len(value))
	return &Fix{Title: "put it in quotes", Edits: []Edit{{Span: span, NewText: quoted}}}
}

// valueIndex returns where a line's value begins: behind the dashes, and behind a key with its colon.
func valueIndex(line string) int {
	at := len(line) - len(strings.TrimLeft(line, " "))
	for strings.HasPrefix(line[at:], "- ") {
		at += 2
		at += len(line[at:]) - len(strings.TrimLeft(line[at:], " "))
	}
	if m := plainKey().FindString(line[at:]); m != "" {
		at += len(m)
	}
	return at
}

var plainKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*: +`) })

// conflictMarker returns the first line of a merge conflict, or 0.
func conflictMarker(src *source) int {
	first := 0
	for n := 1; n <= src.lines(); n++ {
		start, end := src.line(n)
		line := src.text[start:end]
		if first == 0 && strings.HasPrefix(line, "<<<<<<< ") {
			first = n
		}
		if first > 0 && strings.HasPrefix(line, ">>>>>>> ") {
			return first
		}
	}
	return 0
}
