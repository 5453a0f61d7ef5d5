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
	"testing"

	"github.com/preamp-build/preamp/buildspec"
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
	files = append(files, mutate(files, *mutations)...)
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
		t.Logf("%s: js-yaml accepts it; we say\n\t%s", f.name, ours[0])
	case len(ours) > 0 && js.Line > 0:
		c.compareLines(t, f, js, ours)
	case len(ours) > 0:
	case len(findings(ds, limitRules)) > 0, len(findings(ds, eitherRules)) > 0:
		c.other++
	default:
		c.differ++
		t.Logf("%s: js-yaml rejects it: %s (line %d)", f.name, js.Reason, js.Line)
	}
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
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs " + program)
		}
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
		t.Skipf("needs npm's registry, to install js-yaml: %v\n%s", err, out)
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
