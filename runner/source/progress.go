package source

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

// progressInterval is the shortest time between two lines about the same step.
const progressInterval = 400 * time.Millisecond

// progress hands lines to the caller's function: one at a time, clean, redacted and not too many.
type progress struct {
	mu      sync.Mutex
	report  func(string)
	secrets *secrets
	last    time.Time
}

func newProgress(report func(string), s *secrets) *progress {
	return &progress{report: report, secrets: s}
}

// step reports the beginning of a step, always.
func (p *progress) step(format string, args ...any) {
	p.send(fmt.Sprintf(format, args...), true)
}

// tick reports how far a step is, unless a line went out just before.
func (p *progress) tick(format string, args ...any) {
	if p.report != nil {
		p.send(fmt.Sprintf(format, args...), false)
	}
}

func (p *progress) send(line string, always bool) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !always && now.Sub(p.last) < progressInterval {
		return
	}
	p.last = now
	p.report(oneLine(p.secrets.redact(line)))
}

// remoteLines is a writer for the remote's own progress messages.
type remoteLines struct {
	p    *progress
	rest []byte
}

// Write never fails. Lines end with a newline or, while a counter runs, a carriage return.
func (w *remoteLines) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		i := bytes.IndexAny(w.rest, "\r\n")
		if i < 0 {
			break
		}
		if line := bytes.TrimSpace(w.rest[:i]); len(line) > 0 {
			w.p.tick("remote: %s", line)
		}
		w.rest = w.rest[i+1:]
	}
	if len(w.rest) > maxLine {
		w.rest = nil
	}
	return len(b), nil
}

// countingReader reports the bytes that came through it, and ends as soon as its context does.
type countingReader struct {
	r    io.Reader
	n    int64
	p    *progress
	what string
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	c.p.tick("%s: %.1f MB", c.what, float64(c.n)/1e6)
	return n, err
}
