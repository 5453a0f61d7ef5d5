package buildspec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/testdata/need"
)

// The service reads its specifications with js-yaml. Its log of April 2026 has the messages and the excerpt of the 4
// line, which is older than the 5 line, so 4 gives the verdicts. 5 is run beside it, to know what would change.
const (
	jsyaml4 = "4.3.2"
	jsyaml5 = "5.5.0"
)

var mutations = flag.Int("mutations", 200, "how many mutated files to compare with js-yaml")

// loadScript loads every text of the JSON list on its standard input with both versions, and writes the list of
// verdicts. 5 has merge keys only when asked.
const loadScript = `
const four = require('js-yaml-4'), five = require('js-yaml-5');
const schema = five.CORE_SCHEMA.withTags(five.mergeTag);
const verdict = (load) => {
  try {
    const value = load();
    const map = value !== null && typeof value === 'object' && !Array.isArray(value);
    return { line: 0, reason: map ? '' : 'not a map' };
  } catch (e) {
    return { line: e.mark ? e.mark.line + 1 : 0, reason: e.reason || String(e) };
  }
};
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8')).map((text) => Buffer.from(text, 'base64').toString('utf8'));
console.log(JSON.stringify(texts.map((text) => ({
  four: verdict(() => four.load(text)),
  five: verdict(() => five.load(text, { schema })),
}))));
`

// jsVerdict is what a js-yaml says of a file. Reason is empty when it loads as a map; Line is 0 when there is no error
// or it has no place.
type jsVerdict struct {
	Line   int
	Reason string
}

func (v jsVerdict) accepts() bool { return v.Reason == "" }

// jsVerdicts holds what both versions say.
type jsVerdicts struct{ Four, Five jsVerdict }

// yamlRules are the rules with which Parse says that a file is not YAML, or not YAML that js-yaml loads.
var yamlRules = []string{
	"multiple-documents", "merge-conflict", "yaml-syntax", "tab-indentation", "control-character", "unclosed",
	"unknown-anchor", "unquoted-text", "duplicate-key", "unknown-tag", "bad-tag", "bad-merge",
}

// limitRules refuse what js-yaml would load, whatever it costs.
var limitRules = []string{"too-large", "too-deep", "alias-bomb", "alias-cycle"}

// eitherRules refuse a file for what it is, whether it is YAML or not.
var eitherRules = []string{"empty-file", "not-a-map", "not-a-buildspec", "encoding"}

// TestAgreesWithJSYAML compares the verdict on the YAML of real, written and mutated files with js-yaml's, and the line
// of the error. A file that js-yaml loads as something else than a map counts as rejected: the service then finds no
// frontend in it.
func TestAgreesWithJSYAML(t *testing.T) {
	files := yamlFiles(t)
	files = slices.Concat(files, peculiarFiles(), mutate(files, *mutations))
	verdicts := loadAll(t, installJSYAML(t), files)
	var tally jsTally
	changed := 0
	for i, f := range files {
		tally.compare(t, f, verdicts[i].Four)
		if verdicts[i].Four.accepts() != verdicts[i].Five.accepts() {
			changed++
		}
	}
	t.Logf("%d files, %d rejected by js-yaml, %d of them by limits or for what they are here", len(files), tally.rejected, tally.other)
	t.Logf("verdicts that differ: %d; versions %s and %s differ on %d", tally.differ, jsyaml4, jsyaml5, changed)
	t.Logf("errors with a line: %d, within one line of js-yaml's: %d, by the first finding alone: %d", tally.placed, tally.near, tally.first)
	if tally.differ > 0 {
		t.Errorf("%d of %d verdicts differ from js-yaml's", tally.differ, len(files))
	}
	if tally.near*100 < tally.placed*90 {
		t.Errorf("only %d of %d error lines are within one line of js-yaml's, want 90 %%", tally.near, tally.placed)
	}
}

// jsTally counts agreement.
type jsTally struct{ rejected, other, differ, placed, near, first int }

func (c *jsTally) compare(t *testing.T, f yamlFile, js jsVerdict) {
	_, ds := buildspec.Parse(f.name, f.src)
	ours := findings(ds, yamlRules)
	if !js.accepts() {
		c.rejected++
	}
	switch {
	case js.accepts() && len(ours) == 0:
	case js.accepts() && len(findings(ds, limitRules)) > 0:
		c.other++
	case js.accepts():
		c.differ++
		t.Logf("%s: js-yaml accepts it; we say\n\t%s\n%s", f.name, ours[0], around(f.src, ours[0].Span.Start.Line))
	case len(ours) > 0 && js.Line > 0:
		c.compareLines(t, f, js, ours)
	case len(ours) > 0:
	case len(findings(ds, limitRules)) > 0, len(findings(ds, eitherRules)) > 0:
		c.other++
	default:
		c.differ++
		t.Logf("%s: js-yaml rejects it: %s (line %d)\n%s", f.name, js.Reason, js.Line, around(f.src, js.Line))
	}
}

// around returns the lines before and behind a line, quoted: what matters is often blanks.
func around(src []byte, line int) string {
	lines := strings.Split(string(src), "\n")
	from, to := min(max(line-8, 0), len(lines)), min(max(line, 0)+4, len(lines))
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "\t%4d %q\n", i+1, lines[i])
	}
	return b.String()
}

// compareLines looks for a place near js-yaml's: it reports a single error, we report all.
func (c *jsTally) compareLines(t *testing.T, f yamlFile, js jsVerdict, ours buildspec.Diagnostics) {
	near := func(p buildspec.Pos) bool { return js.Line-1 <= p.Line && p.Line <= js.Line+1 }
	c.placed++
	if near(ours[0].Span.Start) {
		c.first++
	}
	for _, d := range ours {
		if near(d.Span.Start) || slices.ContainsFunc(d.Related, func(r buildspec.Related) bool { return near(r.Span.Start) }) {
			c.near++
			return
		}
	}
	t.Logf("%s: js-yaml's line is %d (%s); ours\n\t%s", f.name, js.Line, js.Reason, ours[0])
}

// findings returns the errors of the given rules.
func findings(ds buildspec.Diagnostics, rules []string) buildspec.Diagnostics {
	var found buildspec.Diagnostics
	for _, d := range ds {
		if d.Severity == buildspec.Error && slices.Contains(rules, d.Rule) {
			found = append(found, d)
		}
	}
	return found
}

// yamlFile is a file to compare on. The name of a mutated one says what was done to which.
type yamlFile struct {
	name string
	src  []byte
}

// peculiarities are lines on which libraries for YAML disagree: what js-yaml makes of them is not always what YAML says.
var peculiarities = []string{
	"a:\n  - && x", "a:\n  - &&", "a:\n  - & x", "a: &a.b c\nd: *a.b", "a: &a' \"b\"", "a: [&b, c]", "a: &b &c d", "a: &b", "&a b: c", "&a b: c\n&d e: *a",
	"a: *b", "a: &x b\n*x : c", "a: &x b\n*x: c",
	"a: &x {b: c}\nd:\n  <<: [[*x]]", "a: &x {b: c}\nd:\n  <<: [*x, b]", "a: &x {b: c}\nd:\n  <<: *x\n  <<: *x", "a: {<<: null}", "a: {<<: []}", "<<: {a: b}\na: c", "a: {\"<<\": b}",
	"a: b\n...\n...", "a: b\n...\n# c", "a: b\n...\nc: d", "...\na: b", "---\n---\na: b", "--- a: b", "---\ta\n", "---a: b", "a: b\n---", "a: b\n---\n...\n", "# a\n---\na: b\n---\n# c", "%YAML 1.2\n---\na: b", "%YAML 1.2\na: b", "%TAG ! x:\n---\na: !b c", "%a b\n---\na: b",
	`a: "\/"`, `a: "\e\_\L\P\N"`, `a: "\x41\u0041\U00000041"`, `a: "\q"`, `a: "\'"`, "a: \"\\\n  b\"", `a: "\x4"`,
	"a: {b? c: d}", "a: [? b]", "a: [?b]", "a: {? b : c}", "? a\n: b", "? a", "a: [b: c]", "a: [b: c, d]", "a: [,]", "a: [b,,c]", "a: {b: c,}", "a: {b}", "a: [-]", "a: [- b]", "a: {-}", "a: [b\n]", "a: [\nb]", "a: {b: c\n}\nd: e", "a: [b]c", "a: [b] # c", "a: [b]# c", "a: {a:b}", "a: {\"a\":b}", "[a]: b", "{a: b}: c", "[a]:b", "a: [\"b\":c]",
	"a: 'b'c", "a: 'b' 'c'", "a: 'b\n\n  c'", "a: 'b\nc'", "a: 'b\n---\nc'", "'a\n b': c", "a: b\n  c: d", "a: b: c", "a: 'b': c", "a\n b: c", "a: b\n c", "a:\nb", "a: b #c", "a: b#c", "a: #b", "a: @b", "a: `b`", "a: %b", "a: -b", "a: - b", "a: ? b", "a: ?b", "a: :b", "a: ::", "a: b:", "a:: b", ": a", ":a", "a: , b", "a: ]", "a: }",
	"a: |\n b", "a: |x\n b", "a: |2\n  b", "a: |2\n b", "a: |0\n b", "a: |+-\n b", "a: | # c\n b", "a: |# c\n b", "a: |\nb", "a: >\n  b\n c", "a: |\n   \n  b", "a: |\n    \n b", "a: |\n\tb", "a: |\n  b\n\t", "a: |\n  b\n\t\nc: d", "a: >\n  \tb", "a: >\n \t b\n  c", "a: |\n  \t\n  b", "a: |\n\t\n  b",
	"a:\tb", "a:\n\tb", "a:\n \tb", "a:\n  b:\n \tc", "a:\n  b:\n  \tc", "a:\n  b:\n   \tc", "a:\n  -\n  \tc", "a:\n  -\n   \tc", "a:\n  b:\n \t'c'", "a:\n b:\n  \t[c]", "a:\n  b:\n \t[c]", "a: [\n\tb,\n\t\tc]", "a:\n  - b\n\t- c", "-\ta: b", "a:\n  -\tb: c", "a:\n  -\t'b: c'", "a:\n  -\tb # c: d", "a:\n  -\t- b", "a:\n  -\t[b: c]", "a:\n  -\t{b: c}", "a: b\t# c", "a: b\n\t\nc: d", "a: b\n\t# c\nd: e", "a: [\n\tb]", "a: {\n\tb: c\n}", "a: 'b\n\tc'", "a: b\n\tc", "a\t: b", "a: b\t", "\ta: b", "? \ta", "a:\n  b:\tc", "a:\t|\n  b", "a:\t[b]", "a:\t&b c", "a:\t'b: c'",
	"a: !b c", "a: !!str b", "a: !!int b", "a: !!int 1", "a: !!float 1", "a: !!null", "a: !!null b", "a: !!bool yes", "a: !!bool true", "a: !!map b", "a: !!seq [b]", "a: !!set {b}", "a: !!set {b: c}", "a: !!omap [b: c]", "a: !!omap [b]", "a: !!pairs [b: c]", "a: !!binary b", "a: !!binary '='", "a: !!timestamp 2020-01-01", "a: !!timestamp b", "a: !<tag:yaml.org,2002:str> b", "a: ! b", "a: !", "a: !!js/undefined ''", "a: !!js/regexp /x/", "a: !!merge b", "!!map\na: b", "!!map {a: b}", "!a\nb: c",
	"a: b\na: c", "a: b\n\"a\": c", "1: b\n\"1\": c", "1: b\n0x1: c", "1.0: b\n1: c", "null: b\n~: c", "true: b\nTrue: c", "on: b\nyes: c", "[a]: b\na: c", "{a: b}: c\n{d: e}: f", "__proto__: a\n__proto__: b", "~: a\n: b",
	"a: &x [*x]", "a: &x {b: *x}", "a: &x b\nc: &x d\ne: *x", "a: *b\nb: &b c",
	"a: \u0085b", "a: b\u2028c", "a: b\u0000", "a: b\u0007", "a: b\u007f", "a: b\ufeff", "a: b\r\nc: d\r\n", "a: b\rc: d", "a: b\u00a0", "\u00a0a: b", "a: \"b\u0007\"", "a: \"\x07\"",
	"- a", "a", "'a: b'", "[]", "{}", "# a", "null", "~", "a:", "a: ~", "{a: b}", "{a: b} # c", "{a: b}\nc: d", "[a]\nb: c",
	"a:\n- b\nc: d", "a:\n- b\n - c", "a:\n  - b\n - c", "a:\n - b\n  - c", "a:\n  b: c\n d: e", "a:\n b: c\n  d: e", "a:\n  - b\n  c: d", "a:\n  b: c\n  - d", "a: b\n- c", "- a\nb: c", "a:\n  - b: c\n    d: e\n   f: g", "a:\n  -\n    b: c", "a:\n  -b", "a:\n  - b\n  -c", "a:\n  -\n  - b", " a: b\nc: d", "a: b\n c: d", " a: b\n c: d", "a:\n\n\n  b: c", "a:b", "a : b", "a:\n  b\n  c: d", "a:\n  b\n  c", "a:\n  'b'\n  c: d", "a: b\nc", "a: b\nc\nd: e", "a: b\nc d\n",
}

func peculiarFiles() []yamlFile {
	var files []yamlFile
	for _, text := range peculiarities {
		files = append(files, yamlFile{name: fmt.Sprintf("%q", text), src: []byte(text)})
	}
	return files
}

// yamlFiles returns the cases of testdata and, when PREAMP_CORPUS names it, the corpus of real files.
func yamlFiles(t *testing.T) []yamlFile {
	t.Helper()
	patterns := []string{filepath.Join("..", "testdata", "spec", "*.yml")}
	if corpus := os.Getenv("PREAMP_CORPUS"); corpus != "" {
		patterns = append(patterns, filepath.Join(corpus, "*.yml"))
	}
	var files []yamlFile
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no files at %s (%v)", pattern, err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, yamlFile{name: filepath.Base(name), src: src})
		}
	}
	return files
}

// installJSYAML returns a folder with js-yaml in its node_modules, from the user's cache when it is there already.
func installJSYAML(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"npm", "node"} {
		need.Program(t, program)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir() // no home: installed for this run only
	}
	folder := filepath.Join(cache, "preamp-test", "js-yaml-"+jsyaml4+"-"+jsyaml5)
	manifest := filepath.Join(folder, "node_modules", "js-yaml-5", "package.json")
	if _, err := os.Stat(manifest); err == nil {
		return folder
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	npm := exec.CommandContext(t.Context(), "npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts",
		"--prefix", folder, "js-yaml-4@npm:js-yaml@"+jsyaml4, "js-yaml-5@npm:js-yaml@"+jsyaml5)
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		need.Missing(t, fmt.Sprintf("needs npm's registry, to install js-yaml: %v\n%s", err, out))
	}
	return folder
}

// loadAll runs js-yaml over the files, in one process.
func loadAll(t *testing.T, folder string, files []yamlFile) []jsVerdicts {
	t.Helper()
	texts := make([][]byte, len(files))
	for i, f := range files {
		texts[i] = f.src
	}
	input, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "-e", loadScript)
	node.Dir, node.Stdin, node.Stderr = folder, bytes.NewReader(input), os.Stderr
	out, err := node.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("node: %w", err))
	}
	var verdicts []jsVerdicts
	if err := json.Unmarshal(out, &verdicts); err != nil {
		t.Fatal(err)
	}
	if len(verdicts) != len(files) {
		t.Fatalf("%d verdicts for %d files", len(verdicts), len(files))
	}
	return verdicts
}
