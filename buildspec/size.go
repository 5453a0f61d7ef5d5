package buildspec

import "strings"

// The library builds its nodes before anyone can count them, and takes hundreds of bytes and several allocations for
// each. So the text itself is looked at for what could become a node, before it is parsed.

const (
	// freeValues is the number of values that every file may have. A real one has some hundreds.
	freeValues = 10_000
	// bytesPerValue is how long the values of a larger file must be on average. Real files have some twenty bytes, their
	// indentation included.
	bytesPerValue = 8
)

// maxValues returns how many values a file of the given size may have.
func maxValues(size int) int { return max(freeValues, size/bytesPerValue) }

// countValues returns an upper bound of the number of nodes that the text has as YAML. It counts the characters that
// begin nodes wherever they stand, in quotes too.
func countValues(text string) int {
	comma := 1 // an entry
	if strings.Contains(text, "{") {
		comma = 2 // or a key and its value
	}
	n := 1
	for i := range len(text) {
		switch text[i] {
		case ':':
			if isBlankAt(text, i+1) || strings.IndexByte(",[]{}\"'", text[i+1]) >= 0 || i > 0 && strings.IndexByte("\"'", text[i-1]) >= 0 {
				n += 2 // a key and a value
			}
		case ',':
			n += comma
		case '[':
			n++ // its first entry; it is an entry or a value itself
		case '{':
			n += 2 // its first key and value
		case '-':
			if isBlankAt(text, i+1) && (i == 0 || isBlankOrBreak(text[i-1])) {
				n++ // an entry
			}
		case '?':
			if isBlankAt(text, i+1) {
				n += 2 // a key and a value
			}
		}
	}
	return n
}
