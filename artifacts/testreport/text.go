package testreport

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// picture stands for ESC where a report may not hold it.
const picture = "␛"

// plain removes the escape sequences of terminals: colours, and links with a text of at most 200 bytes.
func plain(s string) string {
	s = strings.ReplaceAll(s, picture, "\x1b")
	if strings.IndexByte(s, '\x1b') < 0 {
		return s
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		s = after[sequence(after):]
	}
}

// sequence returns the length of the escape sequence whose ESC stands before s.
func sequence(s string) int {
	switch {
	case strings.HasPrefix(s, "["):
		for i := 1; i < len(s); i++ {
			if s[i] >= '@' && s[i] <= '~' {
				return i + 1
			}
			if s[i] < ' ' || s[i] > '~' {
				return i
			}
		}
		return len(s)
	case strings.HasPrefix(s, "]"):
		if i := strings.IndexAny(s[:min(len(s), 200)], "\a\x1b"); i >= 0 {
			return i + 1
		}
	}
	return 0
}

// clean removes colours and control characters but line breaks and tabs.
func clean(s string) string {
	s = strings.ReplaceAll(plain(s), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func cut(s string, characters int) string {
	n := 0
	for i := range s {
		if n++; n > characters {
			return s[:i] + "…"
		}
	}
	return s
}

// oneLine makes a name of a text.
func oneLine(s string) string {
	return cut(strings.Join(strings.Fields(clean(s)), " "), maxName)
}

// noise are lines of which every failure of a tool has the same.
var noise = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:=== (?:RUN|PAUSE|CONT|NAME)\b.*|--- FAIL: .*|\s*at .+:\d+:\d+\)?|\s*at .+\((?:native|<anonymous>)\))$`)
})

// message returns the first lines of what a test says of its failure, without the stack.
func message(s string) string {
	var lines []string
	for line := range strings.Lines(clean(s)) {
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		switch {
		case noise().MatchString(line), line == "" && len(lines) == 0:
			continue
		case len(lines) == maxLines:
			lines = append(lines, "…")
		}
		if len(lines) > maxLines {
			break
		}
		lines = append(lines, line)
	}
	indent := 0
	if len(lines) > 0 {
		indent = len(lines[0]) - len(strings.TrimLeft(lines[0], " \t"))
	}
	for i, l := range lines {
		if len(l) >= indent && strings.TrimSpace(l[:indent]) == "" {
			lines[i] = l[indent:]
		}
	}
	return cut(strings.TrimSpace(strings.Join(lines, "\n")), maxMessage)
}

func suiteName(titles []string) string { return cut(strings.Join(titles, " › "), maxName) }

// place finds "file:line" of source code in a stack.
var place = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[\s("'@])((?:file://)?[^\s()"':]{1,300}\.(?:[cm]?[jt]sx?|vue|svelte|go|py|rb|php|java|kt|rs)):(\d{1,7})\b`)
})

// locate finds the line of a failure in its stack: the first that is in the test's file, or else in no library. It
// sets File where that is not known yet.
func (b *book) locate(c *Case, stack string) {
	for _, m := range place().FindAllStringSubmatch(clean(stack), 50) {
		file, err := b.fileName(m[1], ""), error(nil)
		if file == "" || strings.Contains(file, "node_modules/") {
			continue
		}
		if c.File != "" && path.Base(file) != path.Base(c.File) {
			continue
		}
		if c.Line, err = strconv.Atoi(m[2]); err != nil {
			c.Line = 0
		}
		if c.File == "" {
			c.File = file
		}
		return
	}
}

// fileName returns the name of a file as a person in the repository would write it. A name inside the repository is better than
// known, what was found before.
func (b *book) fileName(name, known string) string {
	name = strings.TrimPrefix(oneLine(name), "file://")
	dir := strings.TrimSuffix(b.dir, "/")
	inside := dir != "" && strings.HasPrefix(name, dir+"/")
	if inside {
		name = name[len(dir)+1:]
	}
	if known != "" && !inside {
		return known
	}
	return strings.TrimPrefix(name, "./")
}
