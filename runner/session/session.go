// Package session speaks with the one bash that runs a whole build.
//
// Amplify runs every command of every phase in one shell, so that cd, export, functions, shell options and background
// jobs last from one command to the next. A session is that shell: it reads lines of our own from its standard input, one
// per command, each an eval of the quoted command text. Three streams connect it to us:
//
//   - input: the frames. Commands themselves have /dev/null as standard input and so cannot eat the next frame.
//   - output: what the commands print, standard output and standard error in one order. After each command the session
//     writes a fence, a random word, so that every byte belongs to the right command and none is waited for in vain.
//   - control: a record per command with its exit code and the working directory.
//
// The frames are eval lines and not a read loop because in a loop a stray `break` in a command would leave the loop, and
// in a function `declare` would make locals; at top level a command behaves as it does in a script.
//
// The package knows nothing of containers: an engine gives it the three streams and says how the shell is stopped. A command may
// take less time than the goroutines that its output passes need to wake each other, so there are few of them.
package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Pipes connect a session to its shell.
type Pipes struct {
	Input io.WriteCloser
	// Copy writes what comes out of the shell's two streams to the session, until both have ended or a write fails; one
	// stream may be written beside the other. It must end when the shell has.
	Copy func(output, control io.Writer) error
}

// CopyFrom is a Copy for streams that come apart.
func CopyFrom(output, control io.Reader) func(output, control io.Writer) error {
	return func(toOutput, toControl io.Writer) error {
		var other sync.WaitGroup
		var controlErr error
		other.Go(func() { _, controlErr = io.Copy(toControl, control) })
		_, err := io.Copy(toOutput, output)
		other.Wait()
		return errors.Join(err, controlErr)
	}
}

// Session is one shell. Run and Open must not overlap; Close may come at any time.
type Session struct {
	pipes   Pipes
	fence   []byte
	nonce   string
	next    chan *step
	chunks  chan []byte   // of the output stream; closed when the streams have ended
	taken   chan struct{} // answers that a chunk may be written over
	records chan record   // closed when the streams have ended
	over    chan struct{} // closed when the output stream has ended and its last step has had it
	parted  bool          // the shell's parent has said farewell; valid once records is closed
	closed  chan struct{}
	close   sync.Once
	sent    int // frames, the prologue not counted
	pid     int
	dir     string
}

// Result is how a command ended, as far as the session can tell.
type Result struct {
	Code int
	Dir  string
	// Ended is true when the shell is gone; Code and Dir mean nothing then, and whoever waits for the shell knows more.
	Ended bool
	// Killed is true when the shell ended and its parent with it, so that neither could say anything any more.
	Killed bool
}

// ErrClosed is returned by Run once Close has been called or the shell has ended.
var ErrClosed = errors.New("session closed")

// step is the command that output belongs to.
type step struct {
	out    io.Writer
	fenced chan struct{} // closed when all its output was written, or the stream has ended
	ended  bool          // the stream ended instead
	err    error         // the first error of out

	release chan struct{} // closed by whoever waits for the step: no more output is wanted
	quiet   chan struct{} // closed in answer: out is not written to any more
}

// Open starts to read the streams and sends the prologue, after which commands can be run. It returns when the shell is
// ready, or with an error that holds what the shell said instead. The shell must have been started with Argv.
func Open(p Pipes, s Setup) (*Session, error) {
	nonce := newNonce()
	ses := &Session{
		pipes:   p,
		nonce:   nonce,
		fence:   []byte("\x00preamp:" + nonce + "\x00"),
		next:    make(chan *step),
		chunks:  make(chan []byte),
		taken:   make(chan struct{}),
		records: make(chan record),
		over:    make(chan struct{}),
		closed:  make(chan struct{}),
	}
	go ses.readOutput()
	go ses.copyStreams()

	var said bytes.Buffer
	res, err := ses.send(ses.prologue(s), &limited{w: &said, left: 4096})
	switch {
	case err != nil:
	case res.Ended:
		err = fmt.Errorf("bash ended before it was ready: %s", said.String())
	case res.Code != 0:
		err = fmt.Errorf("bash could not be set up (code %d): %s", res.Code, said.String())
	}
	if err != nil {
		ses.Close()
		return nil, err
	}
	return ses, nil
}

// PID is the shell's process id as the shell itself sees it.
func (s *Session) PID() int { return s.pid }

// Dir is the shell's working directory after the last command; "" when it is too long a path to be told. Like Run, it
// must not be called while a command runs.
func (s *Session) Dir() string { return s.dir }

// Run runs one command. Everything that it prints is written to out before Run returns, and nothing afterwards: what a
// background process prints between commands goes to the next one. Run returns when the command or the shell ends; to
// stop a command, stop the shell's processes. An error is either ErrClosed, a command that no shell can be given, or
// the error that out returned (the command has been run to its end all the same).
func (s *Session) Run(command string, out io.Writer) (Result, error) {
	if i := bytes.IndexByte([]byte(command), 0); i >= 0 {
		return Result{}, fmt.Errorf("the command holds a NUL byte at offset %d, which no shell can be given", i)
	}
	s.sent++
	return s.send(s.frame(command), out)
}

// Close ends the session: the shell reads end-of-file and exits once its current command is done. It does not wait.
func (s *Session) Close() {
	s.close.Do(func() {
		close(s.closed)
		_ = s.pipes.Input.Close() // a shell that is gone already is what we want
	})
}

func (s *Session) send(frame string, out io.Writer) (Result, error) {
	st := &step{out: out, fenced: make(chan struct{}), release: make(chan struct{}), quiet: make(chan struct{})}
	select {
	case s.next <- st:
	case <-s.closed:
		return Result{}, ErrClosed
	case <-s.over:
		return Result{}, ErrClosed
	}
	// A shell that dies while it reads leaves the write blocked or failed; the end of the streams tells of it in both
	// cases, so the write is not waited for. What every pipe has room for does not block.
	if len(frame) <= roomInPipe {
		_, _ = io.WriteString(s.pipes.Input, frame)
	} else {
		go func() { _, _ = io.WriteString(s.pipes.Input, frame) }()
	}
	rec, ok := s.await(st)
	close(st.release)
	<-st.quiet
	if !ok || st.ended {
		return Result{Ended: true, Killed: s.killed()}, st.err
	}
	s.dir = rec.text
	return Result{Code: rec.number, Dir: rec.text}, st.err
}

// roomInPipe is less than the smallest pipe holds.
const roomInPipe = 4 << 10

// await waits for the fence, and gives the record with which the frame sent last ends; ok is false when the session ended
// instead. A build can find the stream and write to it: records of other frames than that one are not the shell's. They are taken
// off it as long as the fence is not there, which may come behind them.
func (s *Session) await(st *step) (done record, ok bool) {
	records, fenced, closed := s.records, st.fenced, s.closed
	for fenced != nil || records != nil && !ok && closed != nil {
		select {
		case rec, more := <-records:
			switch {
			case !more:
				records = nil
			case rec.frame != s.sent:
			case rec.kind == recordHello:
				s.pid = rec.number
			case rec.kind == recordDone && !ok:
				done, ok = rec, true
			}
		case <-fenced:
			fenced = nil
		case <-closed:
			closed = nil
		}
	}
	return done, ok
}

// killed waits for the end of the control stream, which ends with the output.
func (s *Session) killed() bool {
	for {
		select {
		case _, ok := <-s.records:
			if !ok {
				return !s.parted
			}
		case <-s.closed:
			return false
		}
	}
}

// limited keeps the first bytes and drops the rest.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if n > 0 {
		if _, err := l.w.Write(p[:n]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
