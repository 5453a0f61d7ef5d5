package session

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A cut is one way in which a stream may arrive.
var cuts = map[string]func(io.Reader) io.Reader{
	"whole":        func(r io.Reader) io.Reader { return r },
	"halves":       iotest.HalfReader,
	"byte by byte": iotest.OneByteReader,
}

const testNonce = "0123456789abcdef"

// pump is a session whose output is stream and whose shell is nobody.
func pump(t testing.TB, stream io.Reader) *Session {
	t.Helper()
	s := &Session{
		pipes: Pipes{Copy: CopyFrom(stream, strings.NewReader(""))}, nonce: testNonce, mark: []byte("\x00preamp:" + testNonce + " "),
		begun: make(chan struct{}, 1), over: make(chan struct{}), closed: make(chan struct{}),
	}
	go s.copyStreams()
	t.Cleanup(func() {
		close(s.closed)
		<-s.over
	})
	return s
}

// take runs one step as send does, without a shell. ended says that the stream has ended instead of the step; ok is false when it
// had before.
func (s *Session) take(frame int, out io.Writer) (rec record, ended, ok bool) {
	st := &step{frame: frame, out: writer{w: out}, done: make(chan struct{})}
	if !s.begin(st) {
		return record{}, true, false
	}
	select {
	case <-st.done:
	case <-s.over:
	}
	s.giveUp(st)
	select {
	case <-st.done:
		return st.res, false, true
	default:
		return record{}, true, true
	}
}

// done is the record with which a frame ends.
func done(frame, code int, dir string) string {
	return fmt.Sprintf("\x00preamp:%s done %d %d %s\x00", testNonce, frame, code, dir)
}

// outputs are what a shell sends: two commands' output, what a background process prints between them, and the rest up to
// the end of the stream.
type outputs struct{ first, between, second, rest []byte }

// split checks that the outputs come out whole, in order and at the right command, however cut hands out the stream.
func split(t *testing.T, o outputs, cut func(io.Reader) io.Reader) {
	t.Helper()
	r, w := io.Pipe()
	s := pump(t, cut(r))
	begun := make(chan struct{}, 3)
	go func() { // a shell ends a command only after it was given one
		for _, p := range []string{string(o.first) + done(0, 0, "/") + string(o.between), string(o.second) + done(1, 3, "/"), string(o.rest)} {
			<-begun
			_, _ = io.WriteString(w, p)
		}
		_ = w.Close()
	}()
	for i, want := range []string{string(o.first), string(o.between) + string(o.second), string(o.rest)} {
		var got bytes.Buffer
		begun <- struct{}{}
		rec, ended, ok := s.take(i, &got)
		if i == 2 && !ok && want == "" { // the end had come already
			continue
		}
		if !ok || ended != (i == 2) || !ended && (rec.frame != i || rec.number != 3*i) {
			t.Fatalf("step %d: %+v, ended %t, begun %t", i, rec, ended, ok)
		}
		if got.String() != want {
			t.Errorf("step %d got %.200q, want %.200q", i, got.String(), want)
		}
	}
}

func TestRecordAtEveryBoundary(t *testing.T) {
	said := []string{"", "a", "\x00", "\x00preamp:", "\x00preamp:0123456789abcde", "\x00preamp:0123456789abcdef", "\x00\x00\x00preamp", "line\nline\n"}
	for name, cut := range cuts {
		for _, first := range said {
			for _, second := range said {
				t.Run(fmt.Sprintf("%s/%q/%q", name, first, second), func(t *testing.T) {
					split(t, outputs{[]byte(first), nil, []byte(second), []byte("tail")}, cut)
					split(t, outputs{[]byte(first), []byte("bg"), []byte(second), nil}, cut)
				})
			}
		}
	}
	// Every place at which a read may end within two outputs and the records behind them.
	stream := len("ab" + done(0, 0, "/") + "cd" + done(1, 3, "/") + "e")
	for at := range stream {
		split(t, outputs{[]byte("ab"), nil, []byte("cd"), []byte("e")}, func(r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, int64(at)), r)
		})
	}
}

// However a stream arrives, no byte of it goes missing or changes places.
func FuzzOutput(f *testing.F) {
	f.Add([]byte("one"), []byte(""), []byte("two\n"), []byte("three"), uint16(1))
	f.Add([]byte("\x00preamp:"), []byte("\x00"), []byte("\x00"), []byte(""), uint16(7))
	f.Add([]byte(""), []byte("bg"), []byte("\x00preamp:0123456789abcde\x00"), []byte("\x00\x00"), uint16(25))
	f.Fuzz(func(t *testing.T, first, between, second, rest []byte, size uint16) {
		if bytes.Contains(bytes.Join([][]byte{first, between, second, rest}, []byte("\n")), []byte("0123456789abcdef")) {
			t.Skip("needs outputs that do not know the nonce")
		}
		split(t, outputs{first, between, second, rest}, func(r io.Reader) io.Reader { return &sized{r, int(size%200) + 1} })
	})
}

// sized reads at most n bytes at a time.
type sized struct {
	r io.Reader
	n int
}

func (s *sized) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }

// What stands between two NULs is a record only when it is one of the shell's; all else is output.
func TestRecords(t *testing.T) {
	const mark = "\x00preamp:" + testNonce + " "
	long := strings.Repeat("d/", maxRecord)
	type said struct {
		output string
		record record
	}
	cases := []struct {
		name, stream string
		want         []said
		rest         string // output of a step that does not end
	}{
		{"plain", done(1, 0, "/a b"), []said{{"", record{recordDone, 1, 0, "/a b"}}}, ""},
		{"directory with anything in it", done(1, 1, "/a\nb preamp:"+testNonce+" done 1 2 x"), []said{{"", record{recordDone, 1, 1, "/a\nb preamp:" + testNonce + " done 1 2 x"}}}, ""},
		{"no directory", done(1, 1, ""), []said{{"", record{recordDone, 1, 1, ""}}}, ""},
		{"output around", "one" + done(1, 0, "/") + "two\x00" + done(2, 3, "/") + "rest", []said{{"one", record{recordDone, 1, 0, "/"}}, {"two\x00", record{recordDone, 2, 3, "/"}}}, "rest"},
		{"another frame", done(7, 1, "/") + "a" + done(1, 0, "/"), []said{{"a", record{recordDone, 1, 0, "/"}}}, ""},
		{"a directory that is too long", done(1, 3, long) + "a" + done(2, 4, "/"), []said{{"", record{recordDone, 1, 3, ""}}, {"a", record{recordDone, 2, 4, "/"}}}, ""},
		{"another nonce", strings.ReplaceAll(done(1, 0, "/"), testNonce, "f"+testNonce[1:]), nil, strings.ReplaceAll(done(1, 0, "/"), testNonce, "f"+testNonce[1:])},
		{"not numbers", mark + "done x 0 /\x00" + mark + "done 1 y /\x00", nil, mark + "done x 0 /\x00" + mark + "done 1 y /\x00"},
		{"another kind", mark + "gone 1 0 /\x00", nil, mark + "gone 1 0 /\x00"},
		{"too few words", mark + "done 1\x00", nil, mark + "done 1\x00"},
		{"very long, and none of ours", mark + long + done(1, 0, "/"), []said{{mark + long, record{recordDone, 1, 0, "/"}}}, ""},
		{"cut short", mark + "done 1 0 /", nil, mark + "done 1 0 /"},
	}
	for _, tc := range cases {
		for name, cut := range cuts {
			t.Run(tc.name+"/"+name, func(t *testing.T) {
				s := pump(t, cut(strings.NewReader(tc.stream)))
				for i, want := range tc.want {
					var out bytes.Buffer
					rec, ended, ok := s.take(i+1, &out)
					if ended || !ok || rec != want.record || out.String() != want.output {
						t.Errorf("step %d: %.300q, %.300v, ended %t; want %.300v", i+1, out.String(), rec, ended, want)
					}
				}
				var out bytes.Buffer
				if rec, ended, ok := s.take(len(tc.want)+1, &out); !ended || out.String() != tc.rest || !ok && tc.rest != "" {
					t.Errorf("behind it %.300q, %v, ended %t; want %.300q", out.String(), rec, ended, tc.rest)
				}
			})
		}
	}
}

// The shell's last word is found wherever it stands.
func TestFarewell(t *testing.T) {
	for stream, want := range map[string]bool{
		"\x00" + farewell + "\x00": true, "junk\x00" + farewell + "\x00junk": true, farewell: false, "\x00" + farewell: false,
		"\x00preamp: ende": false, strings.Repeat("x", 100_000) + "\x00" + farewell + "\x00": true, "": false,
	} {
		for name, cut := range cuts {
			s := &Session{}
			if _, err := io.Copy(&controlWriter{s: s}, cut(strings.NewReader(stream))); err != nil || s.parted != want {
				t.Errorf("%.40q, %s: %t, %v", stream, name, s.parted, err)
			}
		}
	}
}

// Whatever is on the stream, the shell's own record is found, and only it where nobody knows the nonce.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("junk"), []byte("\x00preamp:"), "/work", uint8(1))
	f.Add([]byte("\x00preamp:"+testNonce+" done 1 "), []byte(" hello -1 9999999999999999999999 "), "", uint8(255))
	f.Fuzz(func(t *testing.T, before, after []byte, dir string, code uint8) {
		dir = strings.ReplaceAll(dir, "\x00", "")
		known := bytes.Contains(append(bytes.Clone(before), after...), []byte(testNonce))
		s := pump(t, io.MultiReader(bytes.NewReader(before), strings.NewReader(done(7, int(code), dir)), bytes.NewReader(after)))
		var first, second bytes.Buffer
		rec, ended, _ := s.take(7, &first)
		_, over, _ := s.take(8, &second)
		if known {
			return // it can say what it likes, as long as both steps have ended
		}
		want := record{recordDone, 7, int(code), dir}
		if len(dir) > maxRecord/2 {
			want.text, rec.text = "", ""
		}
		if ended || rec != want || !over || !bytes.Equal(first.Bytes(), before) || !bytes.Equal(second.Bytes(), after) && second.Len() > 0 {
			t.Errorf("%v after %q and before %q, want %v after %q and before %q", rec, first.Bytes(), second.Bytes(), want, before, after)
		}
	})
}
