package buildlog

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxLine bounds a line, in bytes; what is longer is cut. Nothing that matters comes so late in a line.
const maxLine = 16 << 10

var ansi = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])`)
})

// copied are characters that web pages and issue trackers put in place of others.
var copied = strings.NewReplacer("\u00a0", " ", "\u200b", "", "\ufeff", "", "‘", "'", "’", "'", "“", `"`, "”", `"`, "\t", "    ")

// lines cuts a text into visible lines: line ends of every kind, no colours, and of what was written over itself only
// what stayed.
func lines(raw []byte) []Line {
	raw = bytes.ToValidUTF8(raw, []byte("\ufffd"))
	var out []Line
	n := 0
	for line := range bytes.Lines(raw) {
		n++
		out = append(out, Line{Number: n, Text: cleanLine(string(line))})
	}
	return dropNumbers(out)
}

func cleanLine(s string) string {
	s = strings.TrimRight(s, "\r\n")
	if i := strings.LastIndexByte(s, '\r'); i >= 0 { // a progress bar
		s = s[i+1:]
	}
	if len(s) > maxLine {
		s = s[:maxLine]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	if strings.ContainsRune(s, 0x1b) {
		s = ansi().ReplaceAllString(s, "")
	}
	s = copied.Replace(s)
	return strings.TrimRight(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s), " ")
}

var numbered = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*(\d{1,7})(?:\s(.*))?$`) })

// dropNumbers takes away the line numbers that a browser copies along from the console: before every line, or as lines
// between them. Numbers that count up through most of the log are taken for such.
func dropNumbers(in []Line) []Line {
	var found, alone, filled int
	last := -1
	for _, l := range in {
		if l.Text == "" {
			continue
		}
		filled++
		m := numbered().FindStringSubmatch(l.Text)
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || (last >= 0 && n != last+1) {
			continue
		}
		last = n
		found++
		if strings.TrimSpace(m[2]) == "" {
			alone++
		}
	}
	// Between the lines they are nearly half of them; an empty line of the log has its number too.
	between := found > 2 && alone*10 >= found*9 && found*5 >= filled*2
	before := found > 2 && found*10 >= filled*9 && alone*2 < found
	if !between && !before {
		return in
	}
	out := make([]Line, 0, len(in))
	last = -1
	for _, l := range in {
		m := numbered().FindStringSubmatch(l.Text)
		if m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && (last < 0 || n == last+1) {
				last = n
				if between {
					continue
				}
				l.Text = m[2]
			}
		}
		out = append(out, l)
	}
	return out
}

// stamp is the time and the level before a line; either may have been lost in copying.
var stamp = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\s*(?:\[[A-Z]+\]:?)?\s?|^\s*\[(?:INFO|WARNING|ERROR|HELP)\]:\s?`)
})

// strip takes time, level and indentation from a line of the service.
func strip(s string) string { return strings.TrimSpace(s[len(stamp().FindString(s)):]) }
