package buildspec

import (
	"fmt"
	"strings"
	"testing"
)

// hostileCommands are files whose commands are made to hurt whoever reads them as shell.
func hostileCommands() map[string][]byte {
	const size = 64 << 10
	one := func(s string) string { return strings.Repeat(s, maxShell/len(s)) }
	block := func(command string) []byte {
		return frontendOnly("commands:\n  - |\n    " + strings.ReplaceAll(command, "\n", "\n    ") + "\n")
	}
	many := func(f func(i int) string) []byte {
		var b strings.Builder
		b.WriteString("commands:\n")
		for i := 0; b.Len() < size; i++ {
			b.WriteString("  - " + strings.ReplaceAll(f(i), "\n", "\n    ") + "\n")
		}
		return frontendOnly(b.String())
	}
	cases := map[string][]byte{
		"many words":          many(func(int) string { return one("a ")[:4000] }),
		"long commands":       many(func(int) string { return "|\n" + strings.Repeat("a b;", maxShell/4-8) }),
		"too long a command":  block(strings.Repeat("npm run build\n", size/14)),
		"substitutions":       many(func(int) string { return "echo $(a $(b $(c)))" }),
		"quotes":              many(func(int) string { return "echo 'a' \"b $c\" `d`" }),
		"assignments":         many(func(i int) string { return fmt.Sprintf("VITE_%d=1", i) }),
		"assignments, npm":    many(func(i int) string { return fmt.Sprintf("VITE_%d=1; npm x", i) }),
		"unset variables":     many(func(i int) string { return fmt.Sprintf("VITE_%d=1; 'echo", i) }),
		"exits":               many(func(int) string { return "exit 0" }),
		"folders":             many(func(i int) string { return fmt.Sprintf("cd d%d", i) }),
		"servers":             many(func(int) string { return "npm start &" }),
		"syntax errors":       many(func(int) string { return "(" }),
		"late syntax errors":  many(func(int) string { return "|\n" + strings.Repeat("é ", 3000) + "(" }),
		"folded errors":       many(func(int) string { return "if a\nb\nc" }),
		"folded backslashes":  many(func(int) string { return "a \\\nb" }),
		"here documents":      many(func(int) string { return "|\ncat <<A <<B\nx\nA\ny\nB" }),
		"functions":           many(func(i int) string { return fmt.Sprintf("f%d() { npm ci; }", i) }),
		"pipelines":           many(func(int) string { return "npm run build | tee x" }),
		"options":             many(func(int) string { return "npm run build --mode x" }),
		"installs":            append(many(func(int) string { return "npm ci" }), "  cache:\n    paths: [node_modules/**/*]\n"...),
		"entries twice":       frontendOnly("commands: []\n"),
		"commands by aliases": []byte("x-c: &c\n" + strings.Repeat("  - npm run build --mode x\n", 1000) + "applications:\n" + aliasApps(90)),
		"servers by scripts":  many(func(int) string { return "npm run s0" }),
	}
	for name, s := range map[string]string{
		"parentheses": "(", "braces": "{ ", "dollars": "$(", "parameters": "${a:-", "back quotes": "`", "arithmetic": "$((", "arithmetic signs": "$((-",
		"brackets": "a[", "tests": "[[ ! ", "test parentheses": "[[ ( ", "ifs": "if ", "whiles": "while ", "cases": "case a in b) ", "times": "time ",
		"negations": "! ", "functions in functions": "f() ", "function words": "function f ", "ands": "a && ", "pipes": "a | ", "coprocesses": "coproc ",
		"redirections": "<(", "here strings": "<<<", "here documents": "<<a\n", "lets": "let a=", "commas": "$((a,", "powers": "$((a**", "selects": "select a in b; do ",
		"double quotes": "\"$(", "elifs": "if a; then b; elif ", "arrays": "a=(", "globs": "@(", "backgrounds": "a & ", "not": "$((!", "ternaries": "$((a?",
	} {
		cases["nested "+name] = block(one(s))
		cases["nested once "+name] = block("echo $((" + strings.Repeat(strings.TrimLeft(s, "$("), 2000/len(s)))
	}
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "      - p%d\n      - p%d\n", i%1000, i)
	}
	cases["entries twice"] = append(cases["entries twice"], "  cache:\n    paths:\n"+b.String()...)
	return cases
}

func aliasApps(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - appRoot: a%d\n    frontend: {phases: {build: {commands: *c}}, artifacts: {baseDirectory: d}}\n", i)
	}
	return b.String()
}

// hostileFacts is a repository whose package.json is made to hurt whoever follows its scripts.
func hostileFacts() Facts {
	var b strings.Builder
	b.WriteString(`{"scripts": {"x": ""`)
	for i := range 100 {
		fmt.Fprintf(&b, `, "s%d": "%s"`, i, strings.Repeat(fmt.Sprintf("npm run s%d;", (i+1)%100), 1000))
	}
	return Facts{FS: repository(map[string]string{"package.json": b.String() + "}}"})}
}

// TestHostileCommands checks that files made to hurt whoever reads commands are checked, with a bounded number of
// findings. Without the limits some of them would overflow the stack, which ends the program, and others would take
// minutes.
func TestHostileCommands(t *testing.T) {
	for name, src := range hostileCommands() {
		t.Run(name, func(t *testing.T) {
			for _, facts := range []Facts{{}, hostileFacts()} {
				spec, ds := Check("amplify.yml", src, facts)
				checkResult(t, src, spec, ds)
				if most := 3*maxDiagnostics + 3; len(ds) > most {
					t.Errorf("%d findings, want at most %d", len(ds), most)
				}
				if n := len(rendered(t, ds, src)); n > 1<<20 {
					t.Errorf("the findings take %d bytes to print", n)
				}
				if _, _, err := ApplyFixes(src, ds); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
