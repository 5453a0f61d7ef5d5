// Package session speaks with the one bash that runs a whole build.
//
// Amplify runs every command of every phase in one shell, so that cd, export, functions, shell options and background
// jobs last from one command to the next. A session is that shell: it reads lines of our own from its standard input, one
// per command, each an eval of the quoted command text. Three streams connect it to us:
//
//   - input: the frames. Commands themselves have /dev/null as standard input and so cannot eat the next frame.
//   - output: what the commands print, standard output and standard error in one order. After each command the session
//     writes a record between two NULs: a random word, the exit code and the working directory. So every byte belongs to the
//     right command, and none is waited for in vain.
//   - control: what the shell's parent says when the shell has ended.
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
	"strings"
	"sync"
	"sync/atomic"
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
	pipes  Pipes
	nonce  string
	mark   []byte        // begins each record
	begun  chan struct{} // holds a word when there may be a new current step
	over   chan struct{} // closed when the streams have ended and the last step has had what was left
	parted bool          // the shell's parent has said farewell; valid once over is closed
	closed chan struct{}
	close  sync.Once
	sent   int // frames, the prologue not counted
	ahead  []sentAhead
	halt   bool // commands may be sent ahead
	// stopping says that RunUntil has told, or will tell, the processes to end.
	stopping atomic.Bool
	dir      string

	// Only the copying and the step's writes touch these.
	held     []byte // of the output stream, what nobody has had yet
	skipping bool   // up to the next NUL nothing is wanted

	mu      sync.Mutex // held while something is written to a step
	current *step
	pid     int // valid once the prologue has ended
}

// sentAhead is a command that the shell has been given, and that nobody has asked for yet.
type sentAhead struct {
	command string
	frame   int
	size    int // of the frame, in bytes
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

// Open starts to read the streams and sends the prologue, after which commands can be run. It returns when the shell is
// ready, or with an error that holds what the shell said instead. The shell must have been started with Argv.
func Open(p Pipes, s Setup) (*Session, error) {
	nonce := newNonce()
	ses := &Session{
		pipes: p, nonce: nonce, mark: []byte("\x00preamp:" + nonce + " "),
		begun: make(chan struct{}, 1), over: make(chan struct{}), closed: make(chan struct{}), halt: s.Halt != "",
	}
	var said bytes.Buffer
	st := newStep(0, &limited{w: &said, left: 4096})
	ses.begin(st) // before anything is read: a shell that ends at once has its words kept, too
	go ses.copyStreams()
	res, err := ses.send(ses.prologue(s), st)
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
//
// next are the commands that Run will be called with as long as each succeeds. The shell need not wait for us then: it may
// have begun one, or have run some, when Run returns, but none after one that has failed.
func (s *Session) Run(command string, out io.Writer, next ...string) (Result, error) {
	if i := bytes.IndexByte([]byte(command), 0); i >= 0 {
		return Result{}, fmt.Errorf("the command holds a NUL byte at offset %d, which no shell can be given", i)
	}
	res, skipped, err := s.run(command, out, next)
	switch {
	case !skipped:
	case s.stopping.Load():
		res = Result{Code: notRun, Dir: s.dir}
	default: // the build has changed what the shell decides by
		res, _, err = s.run(command, out, nil)
	}
	return res, err
}

// run is Run. skipped says that a command was sent ahead, and that the shell has not run it.
func (s *Session) run(command string, out io.Writer, next []string) (_ Result, skipped bool, _ error) {
	frames, frame := "", 0
	if s.isAhead(command) {
		frame, s.ahead = s.ahead[0].frame, s.ahead[1:]
	} else {
		s.ahead = nil // they skip themselves
		s.sent++
		frames, frame = s.frame(command), s.sent
	}
	frames += s.sendAhead(next, len(frames))
	res, err := s.exchange(frames, frame, out)
	if res.Code != 0 || res.Ended || res.skipped || err != nil {
		s.ahead = nil
	}
	return res.Result, res.skipped, err
}

// isAhead reports whether the command is the first of those that were sent ahead.
func (s *Session) isAhead(command string) bool {
	return len(s.ahead) > 0 && s.ahead[0].command == command
}

// sendAhead gives the frames of commands that may be sent already: no more than the pipe has room for behind the frame that is sent
// now, and many at once, because each that is sent wakes everybody on the way.
func (s *Session) sendAhead(next []string, size int) string {
	if !s.halt {
		return ""
	}
	for _, a := range s.ahead {
		size += a.size
	}
	if len(s.ahead) > 0 && size > roomInPipe/2 {
		return ""
	}
	var frames strings.Builder
	for _, command := range next[min(len(s.ahead), len(next)):] {
		if size+len(command) > roomInPipe || strings.IndexByte(command, 0) >= 0 {
			break
		}
		s.sent++
		frame := s.frameAhead(command)
		if size += len(frame); size > roomInPipe {
			s.sent--
			break
		}
		frames.WriteString(frame)
		s.ahead = append(s.ahead, sentAhead{command, s.sent, len(frame)})
	}
	return frames.String()
}

// Close ends the session: the shell reads end-of-file and exits once its current command is done. It does not wait.
func (s *Session) Close() {
	s.close.Do(func() {
		close(s.closed)
		_ = s.pipes.Input.Close() // a shell that is gone already is what we want
	})
}

// outcome is a Result, or that the shell has skipped the frame.
type outcome struct {
	Result
	skipped bool
}

// exchange has output go to a step of its own, sends frames, if any, and waits for the end of the one of that number.
func (s *Session) exchange(frames string, frame int, out io.Writer) (outcome, error) {
	st := newStep(frame, out)
	if s.begin(st) {
		return s.send(frames, st)
	}
	if s.hasEnded() && frames == "" { // by the command that was sent ahead, which has printed nothing
		return outcome{Result: Result{Ended: true, Killed: !s.parted}}, nil
	}
	return outcome{}, ErrClosed
}

// send sends frames, if any, and waits for the end of the current step.
func (s *Session) send(frames string, st *step) (outcome, error) {
	// A shell that dies while it reads leaves the write blocked or failed; the end of the streams tells of it in both
	// cases, so the write is not waited for. What every pipe has room for does not block.
	switch {
	case frames == "":
	case len(frames) <= roomInPipe:
		_, _ = io.WriteString(s.pipes.Input, frames)
	default:
		go func() { _, _ = io.WriteString(s.pipes.Input, frames) }()
	}
	ended := false
	select {
	case <-st.done:
	case <-s.over:
		ended = true
	case <-s.closed:
		ended = true
	}
	s.giveUp(st)
	select {
	case <-st.done: // whatever else has happened
		s.dir = st.res.text
		return outcome{Result{Code: st.res.number, Dir: st.res.text}, st.res.kind == recordSkipped}, st.out.err
	default:
		return outcome{Result: Result{Ended: ended, Killed: s.killed()}}, st.out.err
	}
}

// roomInPipe is less than the smallest pipe holds.
const roomInPipe = 4 << 10

// begin makes a step the one that output goes to, unless there will be none.
func (s *Session) begin(st *step) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return false
	case <-s.over:
		return false
	default:
	}
	s.current = st
	select {
	case s.begun <- struct{}{}:
	default:
	}
	return true
}

// hasEnded reports whether the shell has ended, and not the session.
func (s *Session) hasEnded() bool {
	select {
	case <-s.closed:
		return false
	default:
	}
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// giveUp waits until nothing is written to the step any more.
func (s *Session) giveUp(st *step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == st {
		s.current = nil
	}
}

// killed reports whether the shell's parent has ended without a word, where the streams tell.
func (s *Session) killed() bool {
	select {
	case <-s.over:
		return !s.parted
	case <-s.closed:
		return false
	}
}

// writer remembers the first error, after which nothing is written: the output is still read, or the command would block on its
// pipe.
type writer struct {
	w   io.Writer
	err error
}

func (w *writer) write(p []byte) {
	if len(p) == 0 || w.err != nil {
		return
	}
	_, w.err = w.w.Write(p)
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
