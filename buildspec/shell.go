package buildspec

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

const (
	// maxShell is the length in bytes up to which a command is read as shell: a tree takes about a hundred times the
	// memory of its text.
	maxShell = 16 << 10
	// maxNesting bounds what nests in a command. The parser recurses, and a stack that overflows cannot be recovered.
	maxNesting = 60
	// leastCalls and callBytes bound the calls of one application that are remembered: so many, and one more for so many
	// bytes of the file. A call takes about three hundred bytes, and may be written in two.
	leastCalls = 1000
	callBytes  = 16
)

// script is what an application's commands do, in the order in which its one shell runs them.
type script struct {
	commands []*command
	calls    []*call
	// lastUse holds for each variable the number of calls before its last expansion by the shell.
	lastUse   map[string]int
	functions map[string]bool
}

// command is one command of the specification.
type command struct {
	Text
	section, phase string
	// index is the command's place in the script, calls the number of calls before it.
	index, calls int
	// read reports whether the command was read as shell; its calls are then in the script.
	read bool
	err  *syntax.ParseError
	way  *unfolding
}

// call is the start of a program, a builtin, a function or, without a name, an assignment.
type call struct {
	*command
	// name is the program's word as far as it is known without running anything, "" otherwise. Wrappers such as sudo
	// and env are left out. args follow it.
	name string
	args []arg
	// assigns are the assignments before the program, or the assignments themselves.
	assigns []assignment
	// from and to are the bytes of the command at which the call is written.
	from, to int
	number   int
	// dir is the folder of the repository in which the call runs, if it is known.
	dir      string
	dirKnown bool
	mode
}

// mode is how a call is run.
type mode struct {
	sub        bool // in a subshell: what it sets is lost afterwards
	cond       bool // it depends on another command whether it is run
	function   bool // in the body of a function
	background bool
	redirected bool // standard output goes to a file or a pipe
	piped      bool // another command of the pipeline follows, so that its status is lost
	loop       bool
}

// arg is a word of a call. text is its value if it is constant, and otherwise the word as written.
type arg struct {
	text     string
	constant bool
	from, to int
}

type assignment struct {
	name, value string
	constant    bool
	from        int
}

// certain reports whether the call is run, in the session's own shell, whenever its command is.
func (c *call) certain() bool { return !c.sub && !c.cond && !c.function && !c.background }

// has reports whether one of the arguments is one of the given texts.
func (c *call) has(texts ...string) bool {
	for _, a := range c.args {
		for _, text := range texts {
			if a.text == text {
				return true
			}
		}
	}
	return false
}

// arg returns the n-th argument's text, "" if there is none.
func (c *call) arg(n int) string {
	if n < len(c.args) {
		return c.args[n].text
	}
	return ""
}

// operands returns the arguments that are no options.
func (c *call) operands() []string {
	var operands []string
	for _, a := range c.args {
		if !strings.HasPrefix(a.text, "-") {
			operands = append(operands, a.text)
		}
	}
	return operands
}

// span returns where a part of the command's text is written.
func (l *linter) span(c *command, from, to int) Span {
	if !c.Set() {
		return c.Span
	}
	if c.way == nil {
		way := unfold(l.src, c.Text)
		c.way = &way
	}
	n := len(c.way.at)
	start, end := int(c.way.end), int(c.way.end)
	if from < n {
		start = int(c.way.at[from])
	}
	if to > from && to-1 < n {
		end = int(c.way.at[to-1]) + 1
	}
	span := l.src.span(start, end)
	if span.End.before(span.Start) {
		span.End = span.Start
	}
	return span
}

// line returns a span cut off at the end of its first line, as the caret shows it.
func (l *linter) place(c *call) Span { return l.src.firstLine(l.span(c.command, c.from, c.to)) }

func newScript() *script { return &script{lastUse: map[string]int{}, functions: map[string]bool{}} }

// readScript reads all commands of an application. A script that is beyond the budget is as good as none.
func (l *linter) readScript(a *app) *script {
	w := &shellWalk{
		script: newScript(),
		dir:    directory{path: a.start, known: true},
	}
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash))
	for _, s := range a.sections() {
		if s == a.Frontend && a.Backend != nil && a.project != a.root {
			w.dir = directory{path: a.project, known: true}
		}
		for _, p := range s.Phases {
			for _, text := range p.Commands {
				if l.budget -= len(text.Value) + commandCost; l.budget < 0 {
					return newScript()
				}
				w.command = &command{Text: text, section: s.Name, phase: p.Name, index: len(w.script.commands), calls: len(w.script.calls)}
				w.script.commands = append(w.script.commands, w.command)
				l.readCommand(parser, w)
			}
		}
	}
	return w.script
}

func (l *linter) readCommand(parser *syntax.Parser, w *shellWalk) {
	text := w.command.Value
	if len(text) > maxShell || nestsTooDeep(text) || len(w.script.calls) > leastCalls+len(l.src.text)/callBytes {
		w.dir.known = w.dir.known && !strings.Contains(text, "cd") && !strings.Contains(text, "pushd")
		return
	}
	if w.plain(text) {
		w.command.read = true
		return
	}
	file, err := parser.Parse(strings.NewReader(text), "")
	if err != nil {
		var bad syntax.ParseError
		if errors.As(err, &bad) {
			w.command.err = &bad
		}
		w.dir.known = false
		return
	}
	w.command.read = true
	w.statements(file.Stmts, mode{})
}

// nesters are the words of the shell that begin something that holds commands.
var nesters = map[string]bool{
	"if": true, "while": true, "until": true, "for": true, "case": true, "select": true, "time": true, "coproc": true,
	"function": true, "!": true, "elif": true,
}

// nestsTooDeep reports whether a command may make the parser recurse deeply. It counts what can nest without looking
// whether it does: no command that a person wrote comes near the limit.
func nestsTooDeep(text string) bool {
	depth, deepest, words, pairs, operators := 0, 0, 0, 0, 0
	arithmetic := strings.Contains(text, "((") || strings.Contains(text, "[") || strings.Contains(text, "let")
	start := 0
	for i := range len(text) {
		c := text[i]
		switch c {
		case '(', '{', '[':
			depth++
			deepest = max(deepest, depth)
		case ')', '}', ']':
			depth--
			if i > 0 && text[i-1] == '(' {
				pairs++
			}
		case '`':
			words++
		case '-', '+', '!', '~', '=', '?', '*', '|', '&':
			operators++
		}
		if c <= ' ' || c == ';' || c == '|' || c == '&' || c == '(' {
			if nesters[text[start:i]] {
				words++
			}
			start = i + 1
		}
	}
	return deepest > maxNesting || words > 5*maxNesting || pairs > maxNesting || arithmetic && operators > 20*maxNesting
}

// plainWord holds the bytes of words that have no meaning to the shell, whatever stands around them.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@,+-="

// plain notes the call of a command that is nothing but plain words, as most are, and reports whether it is. This saves
// the trouble of parsing it.
func (w *shellWalk) plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c != ' ' && strings.IndexByte(plainWord, c) < 0 {
			return false
		}
	}
	words := make([]arg, 0, strings.Count(text, " ")+1)
	for from := 0; from < len(text); {
		if text[from] == ' ' {
			from++
			continue
		}
		to := from + 1
		for to < len(text) && text[to] != ' ' {
			to++
		}
		words = append(words, arg{text: text[from:to], constant: true, from: from, to: to})
		from = to
	}
	if len(words) == 0 || syntax.IsKeyword(words[0].text) || declarations[words[0].text] || strings.Contains(words[0].text, "=") {
		return false
	}
	c := &call{
		command: w.command, dir: w.dir.path, dirKnown: w.dir.known,
		from: words[0].from, to: words[len(words)-1].to,
	}
	w.unwrap(c, words)
	w.add(c)
	w.move(c)
	return true
}

// declarations are builtins that the parser takes for more than calls.
var declarations = map[string]bool{
	"declare": true, "local": true, "export": true, "readonly": true, "typeset": true, "nameref": true, "let": true,
}
