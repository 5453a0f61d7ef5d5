package source

import "strings"

// matchGlob compares one path segment with one segment of a .gitignore pattern: * ? [a-z] [!a] [[:digit:]] and \ for
// the letter itself. It remembers only the last *, so its cost is at most the product of the lengths.
func matchGlob(pattern, name string) bool {
	p, n := 0, 0
	starP, starN := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			starP, starN = p, n
			continue
		}
		if width, ok := matchOne(pattern[p:], name[n]); ok {
			p += width
			n++
			continue
		}
		if starP < 0 {
			return false
		}
		starN++
		p, n = starP, starN
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchOne compares one byte with what the pattern begins with, and returns how long that is. A pattern that is not
// well formed matches nothing.
func matchOne(pattern string, c byte) (width int, ok bool) {
	if pattern == "" {
		return 0, false
	}
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return matchClass(pattern, c)
	case '\\':
		if len(pattern) < 2 {
			return 0, false
		}
		return 2, pattern[1] == c
	default:
		return 1, pattern[0] == c
	}
}

// matchClass compares one byte with the bracket expression that the pattern begins with.
func matchClass(pattern string, c byte) (width int, ok bool) {
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	matched := false
	for first := true; ; first = false {
		if i >= len(pattern) {
			return 0, false
		}
		if pattern[i] == ']' && !first {
			return i + 1, matched != negated
		}
		if name, rest, ok := posixClass(pattern[i:]); ok {
			in, known := inClass(name, c)
			if !known {
				return 0, false
			}
			matched = matched || in
			i = len(pattern) - len(rest)
			continue
		}
		low, next, ok := classByte(pattern, i)
		if !ok {
			return 0, false
		}
		high := low
		if next+1 < len(pattern) && pattern[next] == '-' && pattern[next+1] != ']' {
			if high, next, ok = classByte(pattern, next+1); !ok {
				return 0, false
			}
		}
		matched = matched || (low <= c && c <= high)
		i = next
	}
}

// classByte reads one, possibly escaped, byte of a bracket expression.
func classByte(pattern string, i int) (b byte, next int, ok bool) {
	if pattern[i] == '\\' {
		i++
	}
	if i >= len(pattern) {
		return 0, 0, false
	}
	return pattern[i], i + 1, true
}

// posixClass reads a [:name:] at the beginning of s.
func posixClass(s string) (name, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, "[:")
	if !ok {
		return "", "", false
	}
	end := strings.IndexByte(s, ']')
	if end < 1 || s[end-1] != ':' {
		return "", "", false
	}
	return s[:end-1], s[end+1:], true
}

func inClass(name string, c byte) (in, known bool) {
	between := func(low, high byte) bool { return low <= c && c <= high }
	lower, upper, digit := between('a', 'z'), between('A', 'Z'), between('0', '9')
	graph := between('!', '~')
	switch name {
	case "alnum":
		return lower || upper || digit, true
	case "alpha":
		return lower || upper, true
	case "blank":
		return c == ' ' || c == '\t', true
	case "cntrl":
		return c < ' ' || c == 0x7f, true
	case "digit":
		return digit, true
	case "graph":
		return graph, true
	case "lower":
		return lower, true
	case "print":
		return graph || c == ' ', true
	case "punct":
		return graph && !lower && !upper && !digit, true
	case "space":
		return c == ' ' || between('\t', '\r'), true
	case "upper":
		return upper, true
	case "xdigit":
		return digit || between('a', 'f') || between('A', 'F'), true
	}
	return false, false
}

// splitPattern cuts a pattern at its slashes, except those inside brackets.
func splitPattern(pattern string) []string {
	var out []string
	start := 0
	for i := 0; i < len(pattern); {
		width := 1
		switch pattern[i] {
		case '[':
			w, _ := matchClass(pattern[i:], 0)
			width = max(w, 1)
		case '\\':
			width = 2
		case '/':
			out, start = append(out, pattern[start:i]), i+1
		}
		i += width
	}
	return append(out, pattern[start:])
}
