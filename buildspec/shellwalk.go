package buildspec

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// directory is the shell's current folder as far as it is known, relative to the repository's root.
type directory struct {
	path  string
	known bool
	stack string // the folder that popd returns to; "" is unknown
}

// shellWalk follows commands through their syntax trees and notes what they call.
type shellWalk struct {
	script  *script
	command *command
	dir     directory
}

func (w *shellWalk) statements(list []*syntax.Stmt, x mode) {
	for i, s := range list {
		y := x
		// The status of a statement that isn't the last is lost, but what it does to the shell is not.
		y.piped = x.piped && i == len(list)-1
		w.statement(s, y)
	}
}

func (w *shellWalk) statement(s *syntax.Stmt, x mode) {
	if s.Background || s.Coprocess || s.Disown {
		x.background, x.sub = true, true
	}
	for _, r := range s.Redirs {
		w.expansions(r.Word, x)
		w.expansions(r.Hdoc, x)
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			x.redirected = x.redirected || r.N == nil || r.N.Value == "1"
		}
	}
	if x.sub {
		before := w.dir
		defer func() { w.dir = before }()
	}
	w.compound(s.Cmd, x)
}

func (w *shellWalk) compound(cmd syntax.Command, x mode) {
	maybe := x
	maybe.cond = true
	loop := maybe
	loop.loop = true
	switch cmd := cmd.(type) {
	case *syntax.CallExpr:
		w.call(cmd, x)
	case *syntax.DeclClause:
		w.declaration(cmd, x)
	case *syntax.BinaryCmd:
		w.binary(cmd, x)
	case *syntax.Subshell:
		before := w.dir
		x.sub = true
		w.statements(cmd.Stmts, x)
		w.dir = before
	case *syntax.Block:
		w.statements(cmd.Stmts, x)
	case *syntax.IfClause:
		for c := cmd; c != nil; c = c.Else {
			w.statements(c.Cond, maybe)
			w.statements(c.Then, maybe)
		}
	case *syntax.WhileClause:
		w.statements(cmd.Cond, loop)
		w.statements(cmd.Do, loop)
	case *syntax.ForClause:
		w.expansions(cmd.Loop, x)
		w.statements(cmd.Do, loop)
	case *syntax.CaseClause:
		w.expansions(cmd.Word, x)
		for _, item := range cmd.Items {
			w.statements(item.Stmts, maybe)
		}
	case *syntax.FuncDecl:
		w.function(cmd, maybe)
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			w.statement(cmd.Stmt, x)
		}
	case *syntax.CoprocClause:
		x.background, x.sub = true, true
		w.statement(cmd.Stmt, x)
	case nil:
	default:
		w.expansions(cmd, x)
	}
}

func (w *shellWalk) function(f *syntax.FuncDecl, x mode) {
	if f.Name != nil {
		w.script.functions[f.Name.Value] = true
	}
	before := w.dir
	x.function = true
	w.statement(f.Body, x)
	w.dir = before
}

// binary follows a && b, a || b and a | b. Who writes a && b means that both are run: where a fails, the build fails.
// Before || that is not so.
func (w *shellWalk) binary(b *syntax.BinaryCmd, x mode) {
	switch b.Op {
	case syntax.AndStmt:
		w.statement(b.X, x)
		w.statement(b.Y, x)
	case syntax.OrStmt:
		left := x
		if and, ok := b.X.Cmd.(*syntax.BinaryCmd); ok && and.Op == syntax.AndStmt {
			left.cond = true
		}
		w.statement(b.X, left)
		x.cond = true
		w.statement(b.Y, x)
	default:
		left, right := x, x
		left.sub, left.redirected, left.piped = true, true, true
		right.sub = true
		w.statement(b.X, left)
		w.statement(b.Y, right)
	}
}

// expansions notes the variables and the commands inside of words.
func (w *shellWalk) expansions(n syntax.Node, x mode) {
	switch n := n.(type) {
	case nil:
		return
	case *syntax.Word:
		if n == nil || n.Lit() != "" {
			return
		}
	}
	x.sub, x.cond, x.redirected, x.piped = true, true, true, false
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ParamExp:
			if n.Param != nil {
				w.script.lastUse[n.Param.Value] = len(w.script.calls)
			}
		case *syntax.ArithmExp:
			w.arithmetic(n)
		case *syntax.CmdSubst:
			before := w.dir
			w.statements(n.Stmts, x)
			w.dir = before
			return false
		case *syntax.ProcSubst:
			before := w.dir
			w.statements(n.Stmts, x)
			w.dir = before
			return false
		}
		return true
	})
}

// arithmetic notes the variables that stand without a dollar sign.
func (w *shellWalk) arithmetic(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		if lit, ok := n.(*syntax.Lit); ok {
			w.script.lastUse[lit.Value] = len(w.script.calls)
		}
		return true
	})
}

func (w *shellWalk) call(e *syntax.CallExpr, x mode) {
	c := w.newCall(e, x)
	for _, a := range e.Assigns {
		c.assigns = append(c.assigns, w.assign(a, x))
	}
	words := make([]arg, 0, len(e.Args))
	for _, word := range e.Args {
		w.expansions(word, x)
		words = append(words, newArg(word, w.command.Value))
	}
	w.unwrap(c, words)
	w.add(c)
	w.move(c)
}

func (w *shellWalk) declaration(d *syntax.DeclClause, x mode) {
	c := w.newCall(d, x)
	c.name = d.Variant.Value
	for _, a := range d.Args {
		if a.Name == nil {
			w.expansions(a.Value, x)
			if a.Value != nil {
				c.args = append(c.args, newArg(a.Value, w.command.Value))
			}
			continue
		}
		as := w.assign(a, x)
		if a.Naked {
			c.args = append(c.args, arg{text: as.name, constant: true, from: as.from, to: as.from + len(as.name)})
			continue
		}
		c.assigns = append(c.assigns, as)
	}
	w.add(c)
}

func (w *shellWalk) newCall(n syntax.Node, x mode) *call {
	return &call{
		command: w.command, mode: x, dir: w.dir.path, dirKnown: w.dir.known,
		from: int(n.Pos().Offset()), to: int(n.End().Offset()),
	}
}

func (w *shellWalk) add(c *call) {
	c.number = len(w.script.calls)
	w.script.calls = append(w.script.calls, c)
}

func (w *shellWalk) assign(a *syntax.Assign, x mode) assignment {
	as := assignment{from: int(a.Pos().Offset()), constant: a.Array == nil && a.Index == nil && !a.Append}
	if a.Name != nil {
		as.name = a.Name.Value
	}
	if a.Value != nil {
		w.expansions(a.Value, x)
		value := newArg(a.Value, w.command.Value)
		as.value, as.constant = value.text, as.constant && value.constant
	}
	if a.Array != nil {
		w.expansions(a.Array, x)
	}
	return as
}

func newArg(word *syntax.Word, text string) arg {
	a := arg{from: int(word.Pos().Offset()), to: int(word.End().Offset())}
	if a.text, a.constant = constant(word.Parts); !a.constant {
		a.text = text[min(a.from, len(text)):min(a.to, len(text))]
	}
	return a
}

// constant returns the value of a word without expansions.
func constant(parts []syntax.WordPart) (string, bool) {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(part.Value))
		case *syntax.SglQuoted:
			if part.Dollar {
				return "", false
			}
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			text, ok := constant(part.Parts)
			if !ok {
				return "", false
			}
			b.WriteString(text)
		default:
			return "", false
		}
	}
	return b.String(), true
}

func unescape(lit string) string {
	if !strings.Contains(lit, `\`) {
		return lit
	}
	var b strings.Builder
	for i := 0; i < len(lit); i++ {
		if lit[i] == '\\' && i+1 < len(lit) {
			if i++; lit[i] == '\n' {
				continue
			}
		}
		b.WriteByte(lit[i])
	}
	return b.String()
}

// wrappers run the program that follows them and their options.
var wrappers = map[string]bool{
	"sudo": true, "env": true, "nohup": true, "command": true, "exec": true, "nice": true, "cross-env": true, "xvfb-run": true,
}

// unwrap sets the call's name and arguments, without the wrappers before them.
func (w *shellWalk) unwrap(c *call, words []arg) {
	for len(words) > 1 && words[0].constant && wrappers[words[0].text] {
		rest := words[1:]
		for len(rest) > 0 && strings.Contains(rest[0].text, "=") && !strings.HasPrefix(rest[0].text, "-") {
			name, value, _ := strings.Cut(rest[0].text, "=")
			c.assigns = append(c.assigns, assignment{name: name, value: value, constant: rest[0].constant, from: rest[0].from})
			rest = rest[1:]
		}
		if len(rest) == 0 || strings.HasPrefix(rest[0].text, "-") {
			break
		}
		words = rest
	}
	if len(words) == 0 {
		return
	}
	c.args = words[1:]
	if words[0].constant {
		c.name = words[0].text
	} else {
		c.args = words
	}
}

// move follows a change of the current folder.
func (w *shellWalk) move(c *call) {
	switch c.name {
	case "cd", "pushd":
		from := w.dir
		if c.function {
			return
		}
		if w.dir = from.enter(c); c.name == "pushd" && from.known {
			w.dir.stack = "/" + from.path
		}
	case "popd":
		w.dir = directory{path: strings.TrimPrefix(w.dir.stack, "/"), known: w.dir.stack != "" && !c.cond}
	case "source", ".", "eval":
		// They can change the folder, and seldom do.
	}
}

// maxPath is the length in bytes up to which folders are followed; Linux has no longer paths.
const maxPath = 4096

// repositoryRoots are spellings of the folder into which the service clones the repository.
var repositoryRoots = []string{"$CODEBUILD_SRC_DIR", "${CODEBUILD_SRC_DIR}"}

func (d directory) enter(c *call) directory {
	lost := directory{}
	targets := c.operands()
	if c.cond || len(targets) != 1 || len(c.args) == 0 {
		return lost
	}
	target := c.args[len(c.args)-1]
	text := strings.Trim(target.text, `"`)
	for _, root := range repositoryRoots {
		if rest, ok := strings.CutPrefix(text, root); ok && !strings.Contains(rest, "$") {
			d, text, target.constant = directory{known: true}, "./"+rest, true
		}
	}
	if !target.constant || !d.known || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~") || strings.HasPrefix(text, "-") {
		return lost
	}
	p := relative(path.Join(".", d.path, text))
	if leaves(p) || len(p) > maxPath {
		return lost
	}
	return directory{path: p, known: true, stack: d.stack}
}
