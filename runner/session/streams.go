package session

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// readOutput hands the output stream to the steps, cut at the fences. Between steps it takes nothing from the stream:
// what a background process prints then waits in the pipe and goes to the next step.
func (s *Session) readOutput() {
	defer close(s.over)
	var held []byte // the tail of the last chunk that may be the beginning of a fence
	for {
		st := s.nextStep()
		if st == nil {
			return
		}
		var ended bool
		held, ended = st.consume(s, held)
		if ended {
			return
		}
	}
}

// consume writes what belongs to the step, and returns what was read beyond it.
func (st *step) consume(s *Session, held []byte) (rest []byte, ended bool) {
	fenced := st.fenced
	for {
		// Whatever follows the fence still goes to this step until its control record is there too: if the output
		// were left unread, an engine that carries both streams in one connection could never deliver the record.
		if fenced != nil {
			if i := bytes.Index(held, s.fence); i >= 0 {
				st.write(held[:i])
				held = held[i+len(s.fence):]
				close(fenced)
				fenced = nil
			}
		}
		keep := fencePrefix(held, s.fence)
		st.write(held[:len(held)-keep])
		held = held[:copy(held, held[len(held)-keep:])]

		select {
		case chunk, ok := <-s.chunks:
			if !ok {
				st.write(held)
				st.ended = true
				if fenced != nil {
					close(fenced)
				}
				<-st.release
				close(st.quiet)
				return nil, true
			}
			held = append(held, chunk...)
			s.taken <- struct{}{}
		case <-st.release:
			close(st.quiet)
			return held, false
		case <-s.closed:
			if fenced != nil {
				st.ended = true
				close(fenced)
			}
			<-st.release
			close(st.quiet)
			return nil, true
		}
	}
}

// copyStreams has what the shell says brought to those who wait for it.
func (s *Session) copyStreams() {
	_ = s.pipes.Copy(outputWriter{s}, &controlWriter{s: s}) // how they end, the shell's own words and its engine know better
	close(s.chunks)
	close(s.records)
}

// errStreamClosed ends the copying when nobody wants more.
var errStreamClosed = errors.New("the session is closed")

// outputWriter hands chunks of the output stream to readOutput.
type outputWriter struct{ s *Session }

func (w outputWriter) Write(p []byte) (int, error) {
	select {
	case w.s.chunks <- p:
	case <-w.s.over: // nobody takes any
		return 0, errStreamClosed
	}
	<-w.s.taken
	return len(p), nil
}

func (s *Session) nextStep() *step {
	select {
	case st := <-s.next:
		return st
	case <-s.closed:
		return nil
	}
}

func (st *step) write(p []byte) {
	if len(p) == 0 || st.err != nil {
		return // after an error the output is still read, or the command would block on its pipe
	}
	if _, err := st.out.Write(p); err != nil {
		st.err = err
	}
}

// fencePrefix is the length of the longest tail of data that begins the fence.
func fencePrefix(data, fence []byte) int {
	for n := min(len(data), len(fence)-1); n > 0; n-- {
		if data[len(data)-n] == fence[0] && bytes.HasPrefix(fence, data[len(data)-n:]) {
			return n
		}
	}
	return 0
}

type recordKind int

const (
	recordOther    recordKind = iota
	recordHello               // the shell is there; number is its process id
	recordDone                // a frame has ended; number is the exit code, text the working directory
	recordFarewell            // the shell has ended
)

type record struct {
	kind   recordKind
	frame  int // which frame it is about; 0 is the prologue
	number int
	text   string
}

// maxRecord bounds what is kept of one control record: whatever else than ours comes down that stream (a build can find
// it under /proc) must not fill our memory.
const maxRecord = 16 << 10

// controlWriter hands the records on the control stream to whoever waits for them. Of a longer record than maxRecord it keeps
// what comes before the text: a shell may be in a folder whose path is longer than any limit, and its exit code is wanted all
// the same.
type controlWriter struct {
	s    *Session
	part []byte // of a record that has not ended
	long bool   // it was longer, and has been told of
}

func (w *controlWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		piece, after, whole := bytes.Cut(rest, []byte{0})
		rest = after
		if !w.long {
			w.part = append(w.part, piece[:min(len(piece), maxRecord-len(w.part))]...)
		}
		switch {
		case w.long:
		case len(w.part) == maxRecord:
			rec := parseRecord(string(w.part), w.s.nonce)
			rec.text, w.long = "", true
			w.tell(rec)
		case whole:
			w.tell(parseRecord(string(w.part), w.s.nonce))
		}
		if whole {
			w.part, w.long = w.part[:0], false
		}
	}
	return len(p), nil
}

// tell never fails: the shell must not block on this stream while it ends.
func (w *controlWriter) tell(rec record) {
	switch rec.kind {
	case recordOther:
	case recordFarewell:
		w.s.parted = true
	default:
		select {
		case w.s.records <- rec:
		case <-w.s.closed:
		}
	}
}

// parseRecord reads "preamp:NONCE KIND FRAME NUMBER TEXT". The shell writes a NUL before each record, so that one always
// stands alone, whatever came down the stream before it.
func parseRecord(raw, nonce string) record {
	if raw == farewell {
		return record{kind: recordFarewell}
	}
	rest, ok := strings.CutPrefix(raw, "preamp:"+nonce+" ")
	if !ok {
		return record{}
	}
	fields := strings.SplitN(rest, " ", 4)
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
	default:
		return record{}
	}
	return rec
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
