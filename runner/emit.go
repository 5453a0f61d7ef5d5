package runner

import (
	"fmt"
	"io"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/preamp-build/preamp/runner/redact"
)

// send masks an event and hands it on. It is called from one goroutine at a time.
func (b *build) send(e Event) {
	b.r.Log.Debug().Str("build", b.id).Msg(e.Type())
	b.emit(Stamped{Time: time.Now(), Event: mask(b.redactor, e)})
}

func (b *build) notice(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	b.result.Notices = append(b.result.Notices, message)
	b.send(Notice{Message: message})
}

func (b *build) warn(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	b.result.Warnings = append(b.result.Warnings, message)
	b.send(Warning{Message: message})
}

// output is a writer for what a command prints: every piece becomes an event once it is certain that it is not part of a
// secret. The caller flushes it when the command has ended.
func (b *build) output() *outputWriter {
	o := &outputWriter{emit: func(p []byte) {
		b.emit(Stamped{Time: time.Now(), Event: Output{Text: string(p)}})
	}}
	o.Writer = b.redactor.Writer(writerFunc(o.whole))
	return o
}

// outputWriter masks, and then keeps characters together that a read has cut in two: JSON cannot hold half of one.
type outputWriter struct {
	*redact.Writer
	emit func([]byte)
	tail []byte // the beginning of a character
}

func (o *outputWriter) whole(p []byte) {
	p = append(o.tail, p...)
	n := len(p) - halfRune(p)
	o.tail = append([]byte(nil), p[n:]...)
	if n > 0 {
		o.emit(p[:n])
	}
}

// Flush delivers what is left; the command has ended.
func (o *outputWriter) Flush() error {
	err := o.Writer.Flush()
	if len(o.tail) > 0 {
		o.emit(o.tail)
		o.tail = nil
	}
	return err
}

// halfRune is the length of the incomplete character at the end of p.
func halfRune(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if b := p[len(p)-n]; utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

var _ io.Writer = writerFunc(nil)

func (b *build) maskFailure(f *Failure) { *f = *mask(b.redactor, f) }

// mask gives a copy of v in which every string that can be reached and set is free of secrets. Doing it to whatever a
// value holds, and not field by field, is what keeps a new field from being forgotten.
func mask[T any](r *redact.Redactor, v T) T {
	if r == nil {
		return v
	}
	in := reflect.ValueOf(&v).Elem()
	out := reflect.New(in.Type()).Elem()
	maskInto(r, out, in)
	return out.Interface().(T)
}

func maskInto(r *redact.Redactor, out, in reflect.Value) {
	switch in.Kind() {
	case reflect.String:
		out.SetString(r.String(in.String()))
	case reflect.Interface:
		if !in.IsNil() {
			elem := reflect.New(in.Elem().Type()).Elem()
			maskInto(r, elem, in.Elem())
			out.Set(elem)
		}
	case reflect.Pointer:
		if !in.IsNil() {
			out.Set(reflect.New(in.Type().Elem()))
			maskInto(r, out.Elem(), in.Elem())
		}
	case reflect.Struct:
		out.Set(in) // unexported fields go along as they are; nothing that renders an event can see them
		for i := range in.NumField() {
			if in.Type().Field(i).IsExported() {
				maskInto(r, out.Field(i), in.Field(i))
			}
		}
	case reflect.Slice:
		if in.IsNil() {
			return
		}
		if in.Type().Elem().Kind() == reflect.Uint8 {
			out.SetBytes(r.Bytes(in.Bytes()))
			return
		}
		out.Set(reflect.MakeSlice(in.Type(), in.Len(), in.Len()))
		for i := range in.Len() {
			maskInto(r, out.Index(i), in.Index(i))
		}
	case reflect.Map:
		if in.IsNil() {
			return
		}
		out.Set(reflect.MakeMapWithSize(in.Type(), in.Len()))
		for it := in.MapRange(); it.Next(); {
			k, v := reflect.New(in.Type().Key()).Elem(), reflect.New(in.Type().Elem()).Elem()
			maskInto(r, k, it.Key())
			maskInto(r, v, it.Value())
			out.SetMapIndex(k, v)
		}
	default:
		out.Set(in)
	}
}
