package detect

import (
	"slices"
	"strings"
)

// literal is a property of an object in a configuration file.
type literal struct {
	// path holds the keys of the objects around it and its own key; an object that is no property's value has the key "".
	path []string
	// value is a plain text, "true" or "false". It is meaningless when computed.
	value string
	// computed says that the value is an expression, which only running the code could tell.
	computed bool
}

// config is what a JavaScript or TypeScript file says in plain literals.
type config struct {
	file     string
	literals []literal
	words    map[string]bool // identifiers and texts, for "is this package mentioned?"
}

// get returns the property whose path ends in the given keys and whose outermost object is no property's value, so that
// "output" is the option and not something deep inside another. found is false when there is none.
func (c *config) get(keys ...string) (lit literal, found bool) {
	if c == nil {
		return literal{}, false
	}
	for _, lit := range c.literals {
		outside := len(lit.path) - len(keys)
		if outside >= 0 && slices.Equal(lit.path[outside:], keys) && (outside == 0 || lit.path[outside-1] == "") {
			return lit, true
		}
	}
	return literal{}, false
}

// literalPath returns a property that is a plain relative path, without "./" and a slash at its ends, or "". It adds to
// the reasons what it found, also where that is of no use.
func (d *detector) literalPath(c *config, keys ...string) string {
	lit, found := c.get(keys...)
	if !found {
		return ""
	}
	name := strings.Join(keys, ".")
	value := cleanOutput(lit.value)
	switch {
	case lit.computed:
		d.because("%s computes %s, which detection cannot evaluate", c.file, name)
		return ""
	case value == "":
		d.because("%s sets %s to something that is no plain relative path", c.file, name)
	default:
		d.because("%s sets %s to %s", c.file, name, value)
	}
	return value
}

// mentions reports whether a word or text stands in the file's code.
func (c *config) mentions(word string) bool { return c != nil && c.words[word] }

// cleanOutput returns a folder as the rest of the package writes it, or "" when it is no plain relative path.
func cleanOutput(s string) string {
	for strings.HasPrefix(s, "./") {
		s = s[2:]
	}
	s = strings.TrimSuffix(s, "/")
	if s == "" || s == "." || !plainPath(s) {
		return ""
	}
	return s
}

// configAt reads the first of the files that is in the folder, or returns nil.
func (r *repo) configAt(folder string, names ...string) *config {
	file := r.first(folder, names...)
	if file == "" {
		return nil
	}
	c := scanConfig(r.text(file, maxConfig))
	c.file = file
	return c
}

// scope is an open bracket; key names the property whose value it is.
type scope struct {
	key    string
	object bool
}

// scanConfig collects the properties of all objects in a text that is more or less JavaScript. It takes time in proportion
// to the text and accepts everything.
func scanConfig(src string) *config {
	c := &config{words: map[string]bool{}}
	tokens := tokenize(src)
	var open []scope
	for i, t := range tokens {
		if t.kind == word || t.kind == quoted {
			c.words[t.text] = true
		}
		switch t.text {
		case "{", "[", "(":
			if t.kind == punct && len(open) < 200 {
				open = append(open, scope{key: keyBefore(tokens, i), object: t.text == "{"})
			}
		case "}", "]", ")":
			if t.kind == punct && len(open) > 0 {
				open = open[:len(open)-1]
			}
		case ":", "=":
			if t.kind == punct {
				c.property(tokens, i, open)
			}
		}
	}
	return c
}

// keyBefore returns "build" for the brace of "build: {", and "" for every other bracket.
func keyBefore(tokens []token, i int) string {
	if i >= 2 && tokens[i-1] == (token{punct, ":"}) && tokens[i-2].kind != punct {
		return tokens[i-2].text
	}
	return ""
}

// property records "key: value" inside an object, and "config.key = value" anywhere.
func (c *config) property(tokens []token, i int, open []scope) {
	if i == 0 || i+1 >= len(tokens) || tokens[i-1].kind == punct || len(c.literals) >= 10_000 {
		return
	}
	key := tokens[i-1].text
	lit := literal{path: []string{key}}
	if tokens[i].text == ":" {
		if len(open) == 0 || !open[len(open)-1].object {
			return
		}
		lit.path = lit.path[:0]
		// Five levels are deeper than any option that is looked for.
		for _, s := range open[max(0, len(open)-5):] {
			lit.path = append(lit.path, s.key)
		}
		lit.path = append(lit.path, key)
	} else if i < 2 || tokens[i-2] != (token{punct, "."}) {
		return
	}
	value := tokens[i+1]
	if value.kind == punct && (value.text == "{" || value.text == "[") {
		return
	}
	plain := value.kind == quoted || value.kind == word && (value.text == "true" || value.text == "false")
	lit.value, lit.computed = value.text, !plain || !endsValue(tokens, i+2)
	c.literals = append(c.literals, lit)
}

// endsValue reports whether the value before token i ends there.
func endsValue(tokens []token, i int) bool {
	if i >= len(tokens) {
		return true
	}
	t := tokens[i]
	if t.kind == punct {
		return strings.Contains(",;})]", t.text)
	}
	// "as const" and "satisfies" are TypeScript; any other word begins the next statement.
	return t.kind == word
}
