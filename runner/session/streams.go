package session

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
)

// step is the command that output belongs to.
type step struct {
	frame int
	out   writer
	done  chan struct{} // closed when its record has come; res is valid then
	res   record
}

func newStep(frame int, out io.Writer) *step {
	return &step{frame: frame, out: writer{w: out}, done: make(chan struct{})}
}

// copyStreams has what the shell says brought to those who wait for it, until it has nothing more to say.
func (s *Session) copyStreams() {
	_ = s.pipes.Copy(outputWriter{s}, &controlWriter{s: s}) // how they end, the shell's own words and its engine know better
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		s.current.out.write(s.held)
	}
	close(s.over)
}

// errStreamClosed ends the copying when nobody wants more.
var errStreamClosed = errors.New("the session is closed")

// outputWriter cuts the output stream at the records, and hands it to the steps. Between steps it takes no more than one piece
// of the stream: what a background process prints then waits in the pipe and goes to the next step.
type outputWriter struct{ s *Session }

func (w outputWriter) Write(p []byte) (int, error) {
	s := w.s
	s.held = append(s.held, p...)
	for len(s.held) > 0 {
		st := s.awaitStep()
		if st == nil {
			return 0, errStreamClosed
		}
		if !s.deliver(st) {
			break
		}
	}
	return len(p), nil
}

// awaitStep gives the step that output goes to; nil when the session was closed.
func (s *Session) awaitStep() *step {
	for {
		s.mu.Lock()
		st := s.current
		s.mu.Unlock()
		if st != nil {
			return st
		}
		select {
		case <-s.begun:
		case <-s.closed:
			return nil
		}
	}
}

// deliver writes what is held to the step, up to the next record. It reports false when more of the stream has to come before
// it can go on.
func (s *Session) deliver(st *step) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != st {
		return true // it was given up
	}
	if s.skipping {
		_, rest, whole := bytes.Cut(s.held, []byte{0})
		s.held, s.skipping = s.held[:copy(s.held, rest)], !whole
		return whole
	}
	p := cut(s.held, s.mark)
	st.out.write(p.output)
	s.held, s.skipping = s.held[:copy(s.held, p.rest)], p.cutShort
	switch {
	case p.rec.kind == recordOther:
	case p.rec.frame != st.frame: // a build can find the words, and say them itself: they are not the shell's
	case p.rec.kind == recordHello:
		s.pid = p.rec.number
	default:
		st.res, s.current = p.rec, nil
		close(st.done)
	}
	return p.more
}

// piece is the beginning of a stream: output, and the record behind it if there is one.
type piece struct {
	output   []byte
	rec      record
	rest     []byte // what is behind both, or cannot be told yet
	cutShort bool   // the record goes on in rest, up to the next NUL, with nothing that is wanted
	more     bool   // rest may hold more that can be told
}

// cut finds the first record. Of a longer one than maxRecord it takes what comes before the text: a shell may be in a folder
// whose path is longer than any limit, and its exit code is wanted all the same.
func cut(held, mark []byte) piece {
	at := bytes.Index(held, mark)
	if at < 0 {
		n := len(held) - markPrefix(held, mark)
		return piece{output: held[:n], rest: held[n:]}
	}
	text, rest, whole := bytes.Cut(held[at+len(mark):], []byte{0})
	if !whole && len(text) <= maxRecord {
		return piece{output: held[:at], rest: held[at:]}
	}
	long := len(text) > maxRecord
	if long {
		text, rest = text[:maxRecord], held[at+len(mark)+maxRecord:]
	}
	rec := parseRecord(string(text))
	if rec.kind == recordOther { // it is none of ours, so it is output
		return piece{output: held[:at+len(mark)], rest: held[at+len(mark):], more: true}
	}
	if long {
		rec.text = ""
	}
	return piece{output: held[:at], rec: rec, rest: rest, cutShort: long, more: true}
}

// markPrefix is the length of the longest tail of data that begins the mark.
func markPrefix(data, mark []byte) int {
	for n := min(len(data), len(mark)-1); n > 0; n-- {
		if data[len(data)-n] == mark[0] && bytes.HasPrefix(mark, data[len(data)-n:]) {
			return n
		}
	}
	return 0
}

type recordKind int

const (
	recordOther   recordKind = iota
	recordHello              // the shell is there; number is its process id
	recordDone               // a frame has ended; number is the exit code, text the working directory
	recordSkipped            // a frame that was sent ahead has not been run
)

type record struct {
	kind   recordKind
	frame  int // which frame it is about; 0 is the prologue
	number int
	text   string
}

// maxRecord is how many bytes a record may have behind its mark: so much is held back of what only begins like one.
const maxRecord = 4 << 10

// parseRecord reads "KIND FRAME NUMBER TEXT".
func parseRecord(raw string) record {
	fields := strings.SplitN(raw, " ", 4)
	if len(fields) != 4 {
		return record{}
	}
	frame, err := strconv.Atoi(fields[1])
	if err != nil {
		return record{}
	}
	number, err := strconv.Atoi(fields[2])
	if err != nil {
		return record{}
	}
	rec := record{frame: frame, number: number, text: fields[3]}
	switch fields[0] {
	case "hello":
		rec.kind = recordHello
	case "done":
		rec.kind = recordDone
	case "skip":
		rec.kind = recordSkipped
	default:
		return record{}
	}
	return rec
}

// controlWriter looks for the farewell on the control stream, on which the shell's parent is the only one to say anything that
// counts. It never fails and never waits.
type controlWriter struct {
	s    *Session
	tail []byte
}

func (w *controlWriter) Write(p []byte) (int, error) {
	w.tail = append(w.tail, p...)
	if bytes.Contains(w.tail, []byte("\x00"+farewell+"\x00")) {
		w.s.parted = true
	}
	w.tail = w.tail[:copy(w.tail, w.tail[max(0, len(w.tail)-len(farewell)-1):])]
	return len(p), nil
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
