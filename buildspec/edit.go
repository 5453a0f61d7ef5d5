package buildspec

import "strings"

// rewriteFix replaces the value of a scalar and keeps its quotes. It returns nil when the value would need other ones.
func (l *linter) rewriteFix(title string, t Text, value string) *Fix {
	e, ok := rewriteEdit(l.src, t, value)
	if !ok {
		return nil
	}
	return &Fix{Title: title, Edits: []Edit{e}}
}

func rewriteEdit(src *source, t Text, value string) (Edit, bool) {
	raw := src.slice(t.Span)
	if raw == "" || value == "" {
		return Edit{}, false
	}
	switch quote := raw[:1]; {
	case strings.ContainsAny(raw, "\r\n"), quote == "|", quote == ">":
		return Edit{}, false
	case quote == "'" || quote == `"`:
		if strings.Contains(value, quote) || strings.Contains(value, `\`) {
			return Edit{}, false
		}
		return Edit{Span: t.Span, NewText: quote + value + quote}, true
	case !isPlain(value):
		return Edit{Span: t.Span, NewText: quoteYAML(value)}, true
	}
	return Edit{Span: t.Span, NewText: value}, true
}

// isPlain reports whether a text surely means itself without quotes, in block and in flow style. It says no to some
// that would.
func isPlain(text string) bool {
	if text == "" || strings.ContainsAny(text[:1], "-?:,[]{}#&*!|>'\"%@` ~=<") || strings.HasSuffix(text, " ") {
		return false
	}
	return !strings.ContainsAny(text, ",[]{}#\t\r\n") && !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":")
}

// removeItemFix removes an entry of a list together with its line. It returns nil when the entry isn't alone there.
func (l *linter) removeItemFix(title string, t Text) *Fix {
	e, ok := l.removeItem(t)
	if !ok {
		return nil
	}
	return &Fix{Title: title, Edits: []Edit{e}}
}

func (l *linter) removeItem(t Text) (Edit, bool) {
	n := t.Span.Start.Line
	if t.Span.End.Line != n || n >= l.src.lines() {
		return Edit{}, false
	}
	start, end := l.src.line(n)
	line := l.src.text[start:end]
	item := strings.TrimSpace(line)
	if item != "- "+strings.TrimSpace(l.src.slice(t.Span)) {
		return Edit{}, false
	}
	return Edit{Span: Span{Start: Pos{n, 1}, End: Pos{n + 1, 1}}}, true
}

// insertFix puts a text before a place of a command.
func (l *linter) insertFix(title string, c *command, at int, text string) *Fix {
	e, ok := l.insertEdit(c, at, text)
	if !ok {
		return nil
	}
	return &Fix{Title: title, Edits: []Edit{e}}
}

func (l *linter) insertEdit(c *command, at int, text string) (Edit, bool) {
	pos := l.span(c, at, at).Start
	if !c.Set() || !pos.IsValid() {
		return Edit{}, false
	}
	return Edit{Span: Span{Start: pos, End: pos}, NewText: text}, true
}
