package buildspec

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ApplyFixes makes the changes that the findings propose and returns the changed file with the number of findings whose
// fix was made. All else stays as it is: comments, order, quoting, line breaks, a byte order mark. src must be the file
// that the findings are about; it is not changed.
//
// Of fixes that touch the same place only the first is made, and a fix is made wholly or not at all. To make all of
// them, check the result and apply again until nothing is applied. The error says that a fix does not fit the file;
// fixed is then nil.
func ApplyFixes(src []byte, ds Diagnostics) (fixed []byte, applied int, err error) {
	text := newSource("", src)
	var accepted []change
	for _, d := range ds {
		if d.Fix == nil || len(d.Fix.Edits) == 0 {
			continue
		}
		changes, err := changesOf(text, d.Fix)
		if err != nil {
			return nil, 0, fmt.Errorf("fix %q of %s: %w", d.Fix.Title, d.Rule, err)
		}
		if slices.ContainsFunc(changes, func(c change) bool { return c.touchesAny(accepted) }) {
			continue
		}
		accepted = append(accepted, changes...)
		applied++
	}
	return rewrite(text, src, accepted), applied, nil
}

// change is an edit as offsets in the text of a source.
type change struct {
	start, end int
	text       string
}

func (c change) touchesAny(others []change) bool {
	return slices.ContainsFunc(others, func(o change) bool {
		// Two insertions at one place have no order, so that they touch as well.
		return c.start < o.end && o.start < c.end || c.start == o.start
	})
}

func changesOf(text *source, fix *Fix) ([]change, error) {
	changes := make([]change, 0, len(fix.Edits))
	for _, e := range fix.Edits {
		for _, p := range []Pos{e.Span.Start, e.Span.End} {
			if !p.IsValid() || p.Line > text.lines() {
				return nil, fmt.Errorf("the place %s is not in the file", e.Span)
			}
		}
		c := change{start: text.offset(e.Span.Start), end: text.offset(e.Span.End), text: e.NewText}
		if c.start > c.end || c.touchesAny(changes) {
			return nil, fmt.Errorf("the edit at %s cannot be made with the others", e.Span)
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// rewrite makes changes, which do not overlap, in the bytes of the file.
func rewrite(text *source, src []byte, changes []change) []byte {
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.start, b.start) })
	lineBreak := "\n"
	if strings.Contains(text.text, "\r\n") {
		lineBreak = "\r\n"
	}
	at := newOffsets(text, src)
	var out bytes.Buffer
	done := 0
	for _, c := range changes {
		out.Write(src[done:at.original(c.start)])
		out.WriteString(strings.ReplaceAll(c.text, "\n", lineBreak))
		done = at.original(c.end)
	}
	out.Write(src[done:])
	return out.Bytes()
}

// offsets leads from offsets in a source's text, asked for in ascending order, to those in the file: the text has no
// byte order mark, and three bytes for each that is not UTF-8.
type offsets struct {
	src       []byte
	mark      int // length of the byte order mark
	same      bool
	text, raw int
}

func newOffsets(text *source, src []byte) *offsets {
	rest := bytes.TrimPrefix(src, bomUTF8)
	return &offsets{src: rest, mark: len(src) - len(rest), same: text.replaced < 0}
}

func (o *offsets) original(off int) int {
	if o.same {
		return o.mark + off
	}
	for o.text < off && o.raw < len(o.src) {
		r, size := utf8.DecodeRune(o.src[o.raw:])
		o.raw += size
		o.text += utf8.RuneLen(r)
	}
	return o.mark + o.raw
}
