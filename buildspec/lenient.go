package buildspec

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

var (
	indentTab   = regexp.MustCompile(`^ *\t[ \t]*`)
	yamlVersion = regexp.MustCompile(`\A((?:[ \t]*(?:#[^\n]*)?\n)*)%YAML 1\.[02-9]`)
)

const (
	// cannotStart is a part of the library's message for a tab where a text begins.
	cannotStart = "cannot start any token"
	// inBlock is a part of its message for a tab where a line of a block scalar should be indented.
	inBlock = "where an indentation space is expected"
	// lenientSteps bounds how often a file is parsed again for the sake of its tabs.
	lenientSteps = 4
)

// retries cuts down a number of further parses for files that take long to parse.
func retries(text string, steps int) int {
	const short = 64 << 10
	if len(text) > short {
		return 1
	}
	return steps
}

// decodeLenient tries again with a text that our library refuses, giving err, and js-yaml may take. It returns the text
// that it tried last, whose places are those of the file, and that text's error.
func decodeLenient(text string, err error) ([]*yaml.Node, string, error) {
	if strings.Contains(err.Error(), inBlock) {
		return nil, text, err
	}
	tried := allowTabs(text)
	if tried == text && !strings.Contains(err.Error(), cannotStart) {
		return nil, text, err
	}
	docs, err := decodeYAML(strings.NewReader(tried))
	for range retries(text, lenientSteps) {
		next, ok := allowIndentTab(tried, err)
		if !ok {
			break
		}
		tried = next
		docs, err = decodeYAML(strings.NewReader(tried))
	}
	return docs, tried, err
}

// allowTabs returns the text with those tabs made spaces that js-yaml takes and our library doesn't: in blank lines,
// before comments, and between a dash, a colon or a question mark and
// a scalar. It also lets YAML 1.2 pass for 1.1, which our library insists on.
// Every replacement keeps the number of characters.
func allowTabs(text string) string {
	text = yamlVersion.ReplaceAllString(text, "${1}%YAML 1.1")
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

// allowIndentTab makes spaces of the tabs before the text of the line that err names. js-yaml allows them behind spaces
// that are enough without them, when the line is no more than a scalar. ok is false when that isn't so.
func allowIndentTab(text string, err error) (changed string, ok bool) {
	if err == nil || !strings.Contains(err.Error(), cannotStart) {
		return text, false
	}
	line, start := max(errorLine(err), 1), 0
	for range line - 1 {
		start = nextLine(text, start)
	}
	indent := indentTab.FindString(text[start : start+breakIndex(text[start:])])
	rest := text[start+len(indent):]
	if indent == "" || !isOneScalar(rest[:breakIndex(rest)]) {
		return text, false
	}
	spaces, _, _ := strings.Cut(indent, "\t")
	if _, err := decodeYAML(strings.NewReader(text[:start] + spaces + rest)); err != nil && errorLine(err) <= line {
		return text, false
	}
	return text[:start] + strings.Repeat(" ", len(indent)) + rest, true
}

// isOneScalar reports whether the text of a line cannot be an entry of a map or a list.
func isOneScalar(line string) bool {
	for i := range len(line) {
		if line[i] == ':' && isBlankAt(line, i+1) {
			return false
		}
	}
	return line == "" || strings.IndexByte("-?:", line[0]) < 0 || !isBlankAt(line, 1)
}
