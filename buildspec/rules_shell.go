package buildspec

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// checkShell checks each command by itself.
func (l *linter) checkShell(s *script) {
	for _, c := range s.commands {
		l.foldedBackslash(c)
		if c.err != nil && !l.full(Warning) {
			l.shellSyntax(c)
		}
	}
	for _, c := range s.calls {
		l.lostOption(c)
		l.environmentInLog(c)
	}
}

// unsure holds signs of constructs about which the parser and bash do not agree in all cases.
var unsure = []string{"((", "[[", "=~", "let ", "$[", "@(", "+(", "?(", "!(", "*("}

func (l *linter) shellSyntax(c *command) {
	from := int(c.err.Pos.Offset())
	d := Diagnostic{
		Rule: ruleShellSyntax, Severity: Warning, Span: l.src.firstLine(l.span(c, from, from+1)),
		Message: "bash cannot read this command: " + shellMessage(c.err),
		Help:    "the command fails before any part of it is run",
	}
	for _, sign := range unsure {
		if strings.Contains(c.Value, sign) {
			d.Message = "bash can probably not read this command: " + shellMessage(c.err)
		}
	}
	if l.folded(c.Text) {
		d.Help = "YAML joins these lines into one; to keep them, write a | behind the dash and the lines indented below it"
		d.Fix = l.literalFix(c.Text)
	}
	l.add(d)
}

// shellMessage rewords what people would take for words of ours.
func shellMessage(err *syntax.ParseError) string {
	return strings.NewReplacer("`", "'", "reached EOF", "it ends").Replace(err.Text)
}

// folded reports whether a scalar's lines are joined by YAML.
func (l *linter) folded(t Text) bool {
	if !t.Set() || t.Span.Start.Line == t.Span.End.Line {
		return false
	}
	return !strings.HasPrefix(l.src.slice(t.Span), "|")
}

// literalFix makes a literal block of a folded command, if that is a command that bash can read.
func (l *linter) literalFix(t Text) *Fix {
	raw := l.src.slice(t.Span)
	start, _ := l.src.line(t.Span.Start.Line)
	before := l.src.text[start:l.src.offset(t.Span.Start)]
	if raw == "" || strings.ContainsAny(raw[:1], `'">|`) || strings.TrimSpace(before) != "-" || len(raw) > maxShell {
		return nil
	}
	lines := strings.Split(strings.ReplaceAll(raw, "\r\n", "\n"), "\n")
	indent := indentation(lines[1:])
	text := lines[0]
	for _, line := range lines[1:] {
		text += "\n" + strings.TrimRight(line[min(indent, len(line)):], " \t")
	}
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash))
	if nestsTooDeep(text) {
		return nil
	}
	if _, err := parser.Parse(strings.NewReader(text), ""); err != nil {
		return nil
	}
	margin := strings.Repeat(" ", len(before))
	block := "|"
	for line := range strings.SplitSeq(text, "\n") {
		block += strings.TrimRight("\n"+margin+line, " ")
	}
	return &Fix{Title: "write the command as a block", Edits: []Edit{{Span: t.Span, NewText: block}}}
}

// indentation returns the number of blanks that all lines begin with.
func indentation(lines []string) int {
	least := -1
	for _, line := range lines {
		if n := len(line) - len(strings.TrimLeft(line, " ")); strings.TrimSpace(line) != "" && (least < 0 || n < least) {
			least = n
		}
	}
	return max(least, 0)
}

// foldedBackslash reports a backslash at the end of a line that YAML has joined with the next: it then stands before a
// blank, where it makes the blank a part of the word.
func (l *linter) foldedBackslash(c *command) {
	if !strings.Contains(c.Value, `\ `) || !l.folded(c.Text) || strings.HasPrefix(l.src.slice(c.Span), `"`) {
		return
	}
	var edits []Edit
	for n := c.Span.Start.Line; n < c.Span.End.Line; n++ {
		start, end := l.src.line(n)
		trimmed := strings.TrimRight(l.src.text[start:end], " \t")
		if !strings.HasSuffix(trimmed, ` \`) {
			continue
		}
		at := start + len(strings.TrimRight(strings.TrimSuffix(trimmed, `\`), " \t"))
		edits = append(edits, Edit{Span: l.src.span(at, start+len(trimmed))})
	}
	if len(edits) == 0 || l.full(Warning) {
		return
	}
	l.add(Diagnostic{
		Rule: ruleFoldedBackslash, Severity: Warning, Span: lastColumn(edits[0].Span),
		Message: "YAML joins these lines into one, so that this backslash stands before a blank and makes it part of a word",
		Help:    "remove the backslashes at the ends of the lines, or write a | behind the dash to keep the lines apart",
		Fix:     &Fix{Title: "remove the backslashes", Edits: edits},
	})
}

// lastColumn returns the last character of a span on one line.
func lastColumn(s Span) Span {
	s.Start.Column = s.End.Column - 1
	return s
}

// npmOptions are options of npm itself that are used with npm run. Others are taken by npm as well, and ignored.
var npmOptions = []string{
	"--if-present", "--silent", "--quiet", "--verbose", "--loglevel", "--workspace", "--workspaces", "--prefix",
	"--ignore-scripts", "--foreground-scripts", "--script-shell", "--include-workspace-root", "--no-", "--color",
	"--userconfig", "--cache", "--offline", "--prefer-offline", "--legacy-peer-deps", "--force", "--scripts-prepend",
	"--unsafe-perm", "--node-options", "--max-old-space-size", "--progress", "--omit", "--include", "--global",
	"--max", "--registry", "--dry-run", "--json", "--parseable", "--timing", "--version", "--help", "--location",
	"--production", "--only", "--also", "--dev", "--save", "--audit", "--fund", "--strict", "--yes",
}

// lostOption reports an option that is meant for a script and taken by npm.
func (l *linter) lostOption(c *call) {
	if c.name != "npm" || c.arg(0) != "run" && c.arg(0) != "run-script" || len(c.args) < 3 {
		return
	}
	for i, a := range c.args[2:] {
		if a.text == "--" {
			return
		}
		known := func(option string) bool { return strings.HasPrefix(a.text, option) }
		if !strings.HasPrefix(a.text, "--") || !a.constant || slices.ContainsFunc(npmOptions, known) {
			continue
		}
		if l.full(Warning) {
			return
		}
		l.add(Diagnostic{
			Rule: ruleLostOption, Severity: Warning, Span: l.span(c.command, a.from, a.to),
			Message: fmt.Sprintf("npm takes %s for itself; the script %s does not see it", quote(a.text), quote(c.arg(1))),
			Help:    "put -- before the options of the script",
			Fix:     l.insertFix("insert --", c.command, c.args[2+i].from, "-- "),
		})
		return
	}
}

// environmentInLog reports commands that write all variables, and with them all secrets, into the log.
func (l *linter) environmentInLog(c *call) {
	if c.redirected || c.function {
		return
	}
	what := ""
	switch c.name {
	case "printenv", "env":
		if len(c.args) == 0 && len(c.assigns) == 0 {
			what = "all environment variables"
		}
	case "export":
		if len(c.args) == 1 && c.arg(0) == "-p" && len(c.assigns) == 0 {
			what = "all environment variables"
		}
	case "cat":
		for _, operand := range c.operands() {
			if name := operand[strings.LastIndexByte(operand, '/')+1:]; isDotEnv(name) {
				what = "the variables in " + name
			}
		}
	case "echo", "printf":
		for _, a := range c.args {
			if text := strings.Trim(a.text, `"`); text == "$secrets" || text == "${secrets}" {
				what = "all secrets of the app"
			}
		}
	}
	if what == "" || l.full(Warning) {
		return
	}
	l.add(Diagnostic{
		Rule: ruleEnvInLog, Severity: Warning, Span: l.place(c),
		Message: fmt.Sprintf("this writes %s into the log; the service masks nothing in it", what),
		Help:    "remove the command, or show the names only, as in: env | cut -d= -f1",
	})
}

// isDotEnv reports whether a file usually holds values, as .env and .env.production do and .env.example does not.
func isDotEnv(name string) bool {
	rest, ok := strings.CutPrefix(name, ".env")
	if !ok || rest != "" && !strings.HasPrefix(rest, ".") {
		return false
	}
	for _, harmless := range []string{"example", "sample", "template", "dist", "defaults"} {
		if strings.Contains(rest, harmless) {
			return false
		}
	}
	return true
}
