package redact

import "io"

// chunk bounds how much of one large Write is looked at, and copied, at a time.
const chunk = 64 << 10

// A Writer masks the secrets in what is written to it and hands the rest on. It belongs to one goroutine.
//
// It holds text back only while that text may still become a secret: a prompt without a newline is delivered at once unless
// its last bytes are the beginning of a secret. It never holds more than the longest spelling of a secret.
type Writer struct {
	dst  io.Writer
	auto *automaton // nil: pass everything on
	err  error      // the first error of dst; it stays

	held  []byte // text not delivered yet: the longest tail of the text that a secret begins with
	state uint32 // of the automaton, after the last byte of held
	hits  []span // secrets that end in held: ascending, and no two overlap
	// maskedFirst: hits[0] began before held and its mask has been written already. Without this, a text that is one
	// endless secret ("aaaa…" for the secret "aaaa") would have to be held back for ever.
	maskedFirst bool
	out         []byte
}

// A span is the bytes [start, end) of Writer.held.
type span struct{ start, end int }

// Writer returns a Writer that delivers to dst. Each Write makes at most one Write to dst for each 64 KiB.
// The caller must call [Writer.Flush] or [Writer.Close] at the end, or the last bytes may be missing.
func (r *Redactor) Writer(dst io.Writer) *Writer {
	w := &Writer{dst: dst}
	if r != nil {
		w.auto = r.auto
	}
	return w
}

// Write takes all of p, and delivers what can no longer be part of a secret. After an error of the destination the text
// held back is lost and every further call returns that error.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.auto == nil {
		w.deliver(p)
		if w.err != nil {
			return 0, w.err
		}
		return len(p), nil
	}
	for n := 0; n < len(p); {
		part := p[n:min(n+chunk, len(p))]
		from := len(w.held)
		w.held = append(w.held, part...)
		w.scan(from)
		w.release(len(w.held) - w.auto.depth(w.state))
		w.deliver(w.out)
		w.out = w.out[:0]
		if w.err != nil {
			return n, w.err
		}
		n += len(part)
	}
	return len(p), nil
}

// Flush delivers all that is held back. A secret of which one part is written before Flush and one after it is not
// recognised: call it where the text really ends, such as at the end of a command.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	w.release(len(w.held))
	w.state = 0
	w.deliver(w.out)
	w.out = w.out[:0]
	return w.err
}

// Close is [Writer.Flush]. It does not close the destination.
func (w *Writer) Close() error { return w.Flush() }

func (w *Writer) deliver(p []byte) {
	if len(p) == 0 {
		return
	}
	n, err := w.dst.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	w.err = err
}

// scan runs the automaton over held[from:] and notes the hits.
func (w *Writer) scan(from int) {
	w.state = w.auto.scan(w.held, from, w.state, func(start, end int) {
		// Hits come in the order of their ends, but a longer secret may begin before shorter ones that ended earlier.
		for n := len(w.hits); n > 0 && w.hits[n-1].end > start; n-- {
			start = min(start, w.hits[n-1].start)
			w.hits = w.hits[:n-1]
		}
		w.hits = append(w.hits, span{start, end})
	})
}

// release moves the text before safe to out, with its hits masked. No secret that is still to be found begins before safe,
// so a hit that ends there is final. A hit that begins there but reaches further is masked now, and its rest is dropped when
// that is released, along with all that later turns out to overlap it.
func (w *Writer) release(safe int) {
	pos, done := 0, 0
	for done < len(w.hits) && w.hits[done].start < safe {
		h := w.hits[done]
		if !w.maskedFirst {
			w.out = append(w.out, w.held[pos:h.start]...)
			w.out = append(w.out, Mask...)
		}
		pos = min(h.end, safe)
		w.maskedFirst = h.end > safe
		if w.maskedFirst {
			break
		}
		done++
	}
	w.out = append(w.out, w.held[pos:safe]...)
	w.forget(safe, done)
}

// forget drops the first n bytes of held and the first done hits.
func (w *Writer) forget(n, done int) {
	if n == 0 {
		return
	}
	w.hits = append(w.hits[:0], w.hits[done:]...)
	for i := range w.hits {
		w.hits[i].start = max(w.hits[i].start-n, 0)
		w.hits[i].end -= n
	}
	rest := w.held[n:]
	// Moving the rest to the front keeps the buffer; not moving more bytes than were released keeps the total cost
	// linear when a long text is held and released byte by byte.
	if len(rest) <= n {
		rest = w.held[:copy(w.held, rest)]
	}
	w.held = rest
}
