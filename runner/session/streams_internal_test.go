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

// pump is a session whose output is stream and whose shell is nobody.
func pump(t testing.TB, stream io.Reader) *Session {
	t.Helper()
	const nonce = "0123456789abcdef"
	s := &Session{
		pipes: Pipes{Copy: CopyFrom(stream, strings.NewReader(""))}, nonce: nonce, fence: []byte("\x00preamp:" + nonce + "\x00"),
		next: make(chan *step), chunks: make(chan []byte), taken: make(chan struct{}), records: make(chan record),
		over: make(chan struct{}), closed: make(chan struct{}),
	}
	go s.readOutput()
	go s.copyStreams()
	t.Cleanup(func() {
		close(s.closed)
		<-s.over
	})
	return s
}

// take runs one step as send does, without waiting for a record. ok is false when the stream had ended before.
func (s *Session) take(out io.Writer) (ended, ok bool) {
	st := &step{out: out, fenced: make(chan struct{}), release: make(chan struct{}), quiet: make(chan struct{})}
	select {
	case s.next <- st:
	case <-s.over:
		return true, false
	}
	<-st.fenced
	close(st.release)
	<-st.quiet
	return st.ended, true
}

// outputs are what a shell sends: two commands' output, what a background process prints between them, and the rest up to
// the end of the stream.
type outputs struct{ first, between, second, rest []byte }

// split checks that the outputs come out whole, in order and at the right command, however cut hands out the stream.
func split(t *testing.T, o outputs, cut func(io.Reader) io.Reader) {
	t.Helper()
	const fence = "\x00preamp:0123456789abcdef\x00"
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	r, w := io.Pipe()
	s := pump(t, cut(r))
	begun := make(chan struct{}, 3)
	go func() { // a shell ends a command only after it was given one
		for _, p := range [][]byte{join(o.first, []byte(fence), o.between), join(o.second, []byte(fence)), o.rest} {
			<-begun
			_, _ = w.Write(p)
		}
		_ = w.Close()
	}()
	var got [3]bytes.Buffer
	for i := range got {
		begun <- struct{}{}
		if ended, ok := s.take(&got[i]); !ok || ended != (i == 2) {
			t.Fatalf("step %d: ended %t, begun %t", i, ended, ok)
		}
	}
	// What was read together with a fence may go to the step before it, so only the beginnings are certain.
	two := join(got[0].Bytes(), got[1].Bytes())
	for _, c := range []struct{ got, want []byte }{
		{got[0].Bytes(), o.first}, {two, join(o.first, o.between, o.second)},
	} {
		if !bytes.HasPrefix(c.got, c.want) {
			t.Errorf("got %.200q, want at least %.200q", c.got, c.want)
		}
	}
	if all, want := join(two, got[2].Bytes()), join(o.first, o.between, o.second, o.rest); !bytes.Equal(all, want) {
		t.Errorf("all output is %.200q, want %.200q", all, want)
	}
}

func TestFenceAtEveryBoundary(t *testing.T) {
	said := []string{"", "a", "\x00", "\x00preamp:", "\x00preamp:0123456789abcde", "\x00\x00\x00preamp", "line\nline\n"}
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
	// Every place at which a read may end within two outputs and the fences around them.
	stream := len("ab\x00preamp:0123456789abcdef\x00cd\x00preamp:0123456789abcdef\x00e")
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

func TestRecords(t *testing.T) {
	const nonce = "0123456789abcdef"
	done := func(frame, code int, dir string) string {
		return fmt.Sprintf("\x00preamp:%s done %d %d %s\x00", nonce, frame, code, dir)
	}
	long := strings.Repeat("d/", maxRecord)
	cases := []struct {
		name, stream string
		want         []record
	}{
		{"plain", done(1, 0, "/a b"), []record{{recordDone, 1, 0, "/a b"}}},
		{"directory with anything in it", done(2, 1, "/a\nb preamp:"+nonce+" done 1 1 x"), []record{{recordDone, 2, 1, "/a\nb preamp:" + nonce + " done 1 1 x"}}},
		{"no directory", done(2, 1, ""), []record{{recordDone, 2, 1, ""}}},
		{"hello", "\x00preamp:" + nonce + " hello 0 42 -\x00", []record{{recordHello, 0, 42, "-"}}},
		{"junk before", "sh: 1: oops\n" + done(1, 0, "/"), []record{{recordDone, 1, 0, "/"}}},
		{"much junk before", strings.Repeat("x", maxRecord-5) + done(1, 0, "/"), []record{{recordDone, 1, 0, "/"}}},
		{"very much junk before", strings.Repeat("x", 10*maxRecord+7) + done(1, 3, "/"), []record{{recordDone, 1, 3, "/"}}},
		{"a directory that is too long", done(1, 3, long) + done(2, 4, "/"), []record{{recordDone, 1, 3, ""}, {recordDone, 2, 4, "/"}}},
		{"another nonce", strings.ReplaceAll(done(1, 0, "/"), nonce, "f"+nonce[1:]), nil},
		{"not numbers", "\x00preamp:" + nonce + " done x 0 /\x00\x00preamp:" + nonce + " done 1 y /\x00", nil},
		{"another kind", "\x00preamp:" + nonce + " gone 1 0 /\x00", nil},
		{"cut short", "\x00preamp:" + nonce + " done 1 0 /", nil},
	}
	for _, tc := range cases {
		for name, cut := range cuts {
			t.Run(tc.name+"/"+name, func(t *testing.T) {
				if got := readRecords(cut(strings.NewReader(tc.stream)), nonce); fmt.Sprint(got) != fmt.Sprint(tc.want) {
					t.Errorf("got %.300v, want %.300v", got, tc.want)
				}
			})
		}
	}
}

func readRecords(stream io.Reader, nonce string) []record {
	s := &Session{nonce: nonce, records: make(chan record)}
	go func() {
		defer close(s.records)
		_, _ = io.Copy(&controlWriter{s: s}, stream)
	}()
	var got []record
	for rec := range s.records {
		got = append(got, rec)
	}
	return got
}

// Whatever is on the control stream, the shell's own records are found, and only they where nobody knows the nonce.
func FuzzRecord(f *testing.F) {
	const nonce = "0123456789abcdef"
	f.Add([]byte("junk"), []byte("\x00preamp:"), "/work", uint8(1))
	f.Add([]byte("\x00preamp:"+nonce+" done 1 "), []byte(" hello -1 9999999999999999999999 "), "", uint8(255))
	f.Fuzz(func(t *testing.T, before, after []byte, dir string, code uint8) {
		stream := append(bytes.Clone(before), fmt.Sprintf("\x00preamp:%s done 7 %d %s\x00", nonce, code, strings.ReplaceAll(dir, "\x00", ""))...)
		got := readRecords(bytes.NewReader(append(stream, after...)), nonce)
		want := record{recordDone, 7, int(code), strings.ReplaceAll(dir, "\x00", "")}
		if len(want.text) > maxRecord/2 {
			want.text = ""
		}
		var found int
		for _, rec := range got {
			if rec == want {
				found++
			}
		}
		known := bytes.Contains(append(bytes.Clone(before), after...), []byte(nonce))
		if found == 0 || !known && len(got) != 1 {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
