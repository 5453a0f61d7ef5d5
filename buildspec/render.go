package buildspec

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	tabWidth = 4
	// excerptBefore and excerptAfter bound in characters how much of a long line is shown around the caret.
	excerptBefore, excerptAfter = 60, 60
)

// Render writes findings for people to read: for each a line "file:line:column: severity: message [rule]", the source
// line with carets below the place, further places, help, and the service's own message. src is the file that was
// parsed; where it doesn't have the place, the excerpt is left out. The text has no colours and is safe to print:
// control characters of the file are replaced. The error is that of w.
func Render(w io.Writer, ds Diagnostics, src []byte) error {
	source := newSource("", src)
	var b bytes.Buffer
	for i, d := range ds {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(&b, d)
		excerpt(&b, source, d.Span)
		for _, r := range d.Related {
			fmt.Fprintf(&b, "  note: %s: %s\n", place(d.File, r.Span), r.Message)
		}
		labelled(&b, "help", d.Help)
		labelled(&b, "Amplify", d.Amplify)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing diagnostics: %w", err)
	}
	return nil
}

// labelled writes a text of one or more lines, aligned behind its label.
func labelled(b *bytes.Buffer, label, text string) {
	if text == "" {
		return
	}
	indent := strings.Repeat(" ", len("  ")+len(label)+len(": "))
	fmt.Fprintf(b, "  %s: %s\n", label, strings.ReplaceAll(clean(text), "\n", "\n"+indent))
}

// clean replaces what must not reach a terminal, and keeps line breaks.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return printable(r)
	}, text)
}

// excerpt writes the first line of a span with carets below it.
func excerpt(b *bytes.Buffer, src *source, span Span) {
	if !span.Start.IsValid() || span.Start.Line > src.lines() {
		return
	}
	lineStart, lineEnd := src.line(span.Start.Line)
	from := src.offset(span.Start)
	to := lineEnd
	if span.End.Line == span.Start.Line {
		to = src.offset(span.End)
	}
	if strings.TrimSpace(src.text[lineStart:lineEnd]) == "" {
		return // nothing to point at
	}
	shown, caret, width := window(src.text, lineStart, lineEnd, from, to)
	number := strconv.Itoa(span.Start.Line)
	gutter := strings.Repeat(" ", max(4, len(number)))
	fmt.Fprintf(b, "  %*s | %s\n", len(gutter), number, strings.TrimRight(shown, " "))
	fmt.Fprintf(b, "  %s | %s%s\n", gutter, strings.Repeat(" ", caret), strings.Repeat("^", max(width, 1)))
}

// window returns the part of the line between start and end that is shown around from, as a terminal shows it, and the
// column at which the text between from and to begins there, with its width.
func window(text string, start, end, from, to int) (shown string, caret, width int) {
	left, right := back(text, start, from, excerptBefore), ahead(text, from, end, excerptAfter)
	var b strings.Builder
	column, caret, caretEnd := 0, -1, 0
	if left > start {
		b.WriteString("…")
		column = 1
	}
	for i := left; i < right; {
		r, size := utf8.DecodeRuneInString(text[i:])
		if i == from {
			caret = column
		}
		if r == '\t' {
			n := tabWidth - column%tabWidth
			b.WriteString(strings.Repeat(" ", n))
			column += n
		} else {
			r = printable(r)
			b.WriteRune(r)
			column += runeWidth(r)
		}
		if i += size; i <= to {
			caretEnd = column
		}
	}
	if caret < 0 { // behind the last character
		caret = column
	}
	if right < end {
		b.WriteString("…")
	}
	return b.String(), caret, caretEnd - caret
}

// back returns the offset up to n characters before off, not before limit.
func back(text string, limit, off, n int) int {
	for ; n > 0 && off > limit; n-- {
		_, size := utf8.DecodeLastRuneInString(text[limit:off])
		off -= size
	}
	return off
}

// ahead returns the offset up to n characters after off, not after limit.
func ahead(text string, off, limit, n int) int {
	for ; n > 0 && off < limit; n-- {
		_, size := utf8.DecodeRuneInString(text[off:limit])
		off += size
	}
	return off
}
