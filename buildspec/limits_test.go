package buildspec

import (
	"fmt"
	"strings"
	"testing"
)

// bomb returns a file whose aliases multiply by width on each of depth levels.
func bomb(width, depth int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "x-0: &a0 [%s]\n", strings.Repeat("y,", width))
	for i := 1; i < depth; i++ {
		fmt.Fprintf(&b, "x-%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), width))
	}
	return b.String()
}

// mergeBomb returns a file that asks for n·n·n merged entries.
func mergeBomb(n int) string {
	var b strings.Builder
	b.WriteString("x-0: &a {")
	for i := range n {
		fmt.Fprintf(&b, "k%d: v,", i)
	}
	b.WriteString("}\n")
	for i := range n {
		fmt.Fprintf(&b, "x-m%d:\n  <<: [%s]\n", i, strings.Repeat("*a,", n))
	}
	return b.String()
}

// TestHostileFiles checks that files made to hurt are refused, and by the limit that they run into. Without the limits
// most of them would take longer than anyone waits, or more memory than there is.
func TestHostileFiles(t *testing.T) {
	million := func(s string) string { return strings.Repeat(s, MaxFileSize/len(s)) }
	half := func(s string) string { return strings.Repeat(s, MaxFileSize/2/len(s)) }
	for _, tt := range []struct{ name, src, rule string }{
		{"too large", strings.Repeat("#", MaxFileSize+1), ruleTooLarge},
		{"alias bomb", bomb(10, 10) + singleSpec, ruleAliasBomb},
		{"alias bomb in the commands", bomb(10, 10) + strings.Replace(string(frontendOnly("commands: *a9")), "version: 1\n", "", 1), ruleAliasBomb},
		{"many bombs", bomb(45, 100) + singleSpec, ruleAliasBomb},
		{"merge bomb", mergeBomb(60) + singleSpec, ruleAliasBomb},
		{"deep by aliases", bomb(1, 120) + singleSpec, ruleTooDeep},
		{"deep brackets", "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), ruleTooDeep},
		{"deeper brackets", half("[") + half("]"), ruleTooLarge},
		{"deep maps", strings.Repeat("{a: ", 300) + strings.Repeat("}", 300), ruleTooDeep},
		{"deep indentation", deepIndent(1000), ruleTooDeep},
		{"open brackets", million("["), ruleTooLarge},
		{"open braces", million("{"), ruleTooLarge},
		{"question marks", million("? "), ruleTooLarge},
		{"fewer question marks", strings.Repeat("? ", 4000), ruleTooDeep},
		{"dashes", million("- "), ruleTooLarge},
		{"fewer dashes", strings.Repeat("- ", 9000), ruleTooDeep},
		{"one long line", million("x"), ruleNotAMap},
		{"long list in one line", "a: [" + strings.Repeat("éééééé,", MaxFileSize/14) + "]", ruleNoFrontend},
		{"too long a list", "a: [" + strings.Repeat("é,", MaxFileSize/12) + "]", ruleTooLarge},
		{"many keys", manyKeys(4_000), ruleTooMany},
		{"too many keys", manyKeys(20_000), ruleTooLarge},
		{"an error after many warnings", manyKeys(1000), ruleNoFrontend},
		{"many problems", string(frontendOnly("commands:\n" + strings.Repeat("  - a: b\n", 3_000))), ruleTooMany},
		{"tags", half("- !abcdefghijk x\n"), ruleUnknownTag},
		{"unclosed quote", "a: '" + half("x\n"), ruleUnclosed},
		{"unclosed double quote", "a: \"" + half("\\n"), ruleUnclosed},
		{"comments", million("# x\n"), ruleEmpty},
		{"line breaks", million("\n"), ruleEmpty},
		{"colons", million(":"), ruleSyntax},
		{"nul", million("\x00"), ruleControlChar},
		{"invalid bytes", million("\xff\xfa"), ruleEncoding},
		{"documents", million("---\n"), ruleMultiDoc},
		{"late syntax error", strings.Repeat("a: b\n", 4_000) + ": : :\n- x", ruleSyntax},
		{"only tabs and breaks", "\t\r\t\t\t\r\t\r\t", ruleEmpty},
		{"late tab", strings.Repeat("a:\n - b\n - c\n", 2_000) + "\tx", ruleTab},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := []byte(tt.src)
			spec, ds := Parse("amplify.yml", src)
			if spec != nil {
				t.Fatal("the file was accepted")
			}
			if !hasRule(ds, tt.rule) {
				t.Errorf("want a finding of %s, got\n%s", tt.rule, rendered(t, ds[:min(len(ds), 3)], src))
			}
			if most := 2*maxDiagnostics + 2; len(ds) > most {
				t.Errorf("%d findings, want at most %d", len(ds), most)
			}
			if n := len(rendered(t, ds, src)); n > 1<<20 {
				t.Errorf("the findings take %d bytes to print", n)
			}
		})
	}
}

func hasRule(ds Diagnostics, rule string) bool {
	for _, d := range ds {
		if d.Rule == rule {
			return true
		}
	}
	return false
}

func deepIndent(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d: v\n", i)
	}
	return b.String()
}

// TestReasonableAliases checks that the budget is no hindrance to files that use aliases well.
func TestReasonableAliases(t *testing.T) {
	var b strings.Builder
	b.WriteString("x-commands: &c [" + strings.Repeat("npm ci,", 100) + "]\napplications:\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  - appRoot: app%d\n    frontend:\n      phases: {build: {commands: *c}}\n      artifacts: {baseDirectory: d}\n", i)
	}
	if spec := mustParse(t, b.String()); len(spec.Apps) != 100 {
		t.Errorf("%d applications, want 100", len(spec.Apps))
	}
}
