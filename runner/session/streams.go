package session

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
)

// readOutput hands the output stream to the steps, cut at the fences. Between steps it takes nothing from the stream:
// what a background process prints then waits in the pipe and goes to the next step.
func (s *Session) readOutput() {
	chunks, free := make(chan []byte), make(chan []byte, 1)
	go s.readChunks(chunks, free)
	var held []byte // the tail of the last chunk that may be the beginning of a fence
	for {
		st := s.nextStep()
		if st == nil {
			return
		}
		var ended bool
		held, ended = st.consume(s, held, chunks, free)
		if ended {
			return
		}
	}
}

// consume writes what belongs to the step, and returns what was read beyond it.
func (st *step) consume(s *Session, held []byte, chunks <-chan []byte, free chan<- []byte) (rest []byte, ended bool) {
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
		case chunk, ok := <-chunks:
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
			free <- chunk[:cap(chunk)]
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

// readChunks reads the stream into one buffer that goes to the consumer and back.
func (s *Session) readChunks(chunks chan<- []byte, free <-chan []byte) {
	defer close(chunks)
	buf := make([]byte, 64<<10)
	for {
		n, err := s.pipes.Output.Read(buf)
		if n > 0 {
			select {
			case chunks <- buf[:n]:
			case <-s.closed:
				return
			}
			select {
			case buf = <-free:
			case <-s.closed:
				return
			}
		}
		if err != nil {
			return
		}
	}
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
	recordOther recordKind = iota
	recordHello
	recordDone
)

type record struct {
	kind   recordKind
	number int
	text   string
}

// maxRecord bounds what is kept of one control record: a working directory is at most PATH_MAX, and whatever else comes
// down that stream (a build can find it under /proc) must not fill our memory.
const maxRecord = 16 << 10

func (s *Session) readControl() {
	defer close(s.records)
	r := bufio.NewReaderSize(s.pipes.Control, maxRecord)
	for {
		raw, err := r.ReadSlice(0)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue // junk: no record of ours is that long
		}
		if err != nil {
			return
		}
		rec := parseRecord(strings.TrimSuffix(string(raw), "\x00"), s.nonce)
		if rec.kind == recordOther {
			continue
		}
		select {
		case s.records <- rec:
		case <-s.closed:
			_, _ = io.Copy(io.Discard, s.pipes.Control) // the shell must not block on it while it ends
			return
		}
	}
}

// parseRecord reads "preamp:NONCE KIND NUMBER TEXT". What else is in front of it on the stream is not ours.
func parseRecord(raw, nonce string) record {
	_, rest, ok := strings.Cut(raw, "preamp:"+nonce+" ")
	if !ok {
		return record{}
	}
	kind, rest, _ := strings.Cut(rest, " ")
	number, text, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return record{}
	}
	switch kind {
	case "hello":
		return record{kind: recordHello, number: n, text: text}
	case "done":
		return record{kind: recordDone, number: n, text: text}
	}
	return record{}
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
