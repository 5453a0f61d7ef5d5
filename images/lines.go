package images

import (
	"bytes"
	"strings"
)

// keepLines is how many of a build's last lines its error repeats.
const keepLines = 20

// lineWriter cuts a stream into lines, passes each on and keeps the last ones.
// It serves one writer at a time.
type lineWriter struct {
	emit    func(line string)
	partial []byte
	last    []string
}

// Write never fails.
func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.partial = append(l.partial, p...)
			return n, nil
		}
		l.line(string(append(l.partial, p[:i]...)))
		l.partial, p = nil, p[i+1:]
	}
}

// flush passes on a last line that has no end.
func (l *lineWriter) flush() {
	if len(l.partial) > 0 {
		l.line(string(l.partial))
		l.partial = nil
	}
}

func (l *lineWriter) line(s string) {
	// Progress bars overwrite their line: only the last state is worth a line.
	s = strings.TrimRight(s, "\r")
	s = s[strings.LastIndexByte(s, '\r')+1:]
	if l.last = append(l.last, s); len(l.last) > keepLines {
		l.last = l.last[1:]
	}
	if l.emit != nil {
		l.emit(s)
	}
}

func (l *lineWriter) tail() string { return strings.Join(l.last, "\n") }
