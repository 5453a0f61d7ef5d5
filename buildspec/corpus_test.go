package buildspec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/testdata/need"
)

// TestCorpus holds Check against real files with known verdicts. The folder has the files and expected.tsv, whose
// columns are file, kind, verdict (accept, reject, unsure) and reason.
func TestCorpus(t *testing.T) {
	folder, rows := corpusTable(t, "expected.tsv")
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) { checkCorpusFile(t, folder, row) })
	}
}

// corpusTable returns the folder of the corpus, and the rows of a table in it that has at least three columns.
func corpusTable(t *testing.T, name string) (folder string, rows [][]string) {
	t.Helper()
	folder = os.Getenv("PREAMP_CORPUS")
	if folder == "" {
		t.Skip("needs PREAMP_CORPUS, a folder of real files with their verdicts in expected.tsv and their faults in findings.tsv")
	}
	table, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		row := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if !strings.HasPrefix(row[0], "#") && len(row) >= 3 {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no rows", name)
	}
	return folder, rows
}

func checkCorpusFile(t *testing.T, folder string, row []string) {
	src, err := os.ReadFile(filepath.Join(folder, row[0]))
	if err != nil {
		t.Fatal(err)
	}
	spec, ds := Check(row[0], src, Facts{})
	checkResult(t, src, spec, ds)
	kind, verdict := row[1], row[2]
	if kind == "customHttp" {
		if len(ds) == 0 || ds[0].Rule != ruleNotABuildspec {
			t.Errorf("a header file should be told apart, got\n%s", rendered(t, ds, src))
		}
		return
	}
	if got := ds.HasErrors(); verdict != "unsure" && got != (verdict == "reject") {
		t.Errorf("rejected = %v, want verdict %s (%s)\n%s", got, verdict, row[3:], rendered(t, ds, src))
	}
	if verdict == "unsure" {
		t.Logf("unsure (%s): rejected = %v", row[3:], ds.HasErrors())
	}
}

// findingRules holds, for each kind of finding in findings.tsv, the rules by which we report it.
var findingRules = map[string][]string{
	"appRoot-missing":                 {ruleNoAppRoot},
	"artifacts-missing":               {ruleNoArtifacts},
	"artifacts-or-cache-under-phases": {ruleMisplacedKey},
	// The second where artifacts is null, the third where it has base-directory, which the documentation lists as the key.
	"baseDirectory-missing":          {ruleNoBaseDir, ruleNoArtifacts, ruleSpelling},
	"buildPath-outside-frontend":     {ruleMisplacedKey},
	"cache-path-outside":             {ruleCacheOutside, ruleVariableInPattern}, // the latter for $HOME/...
	"command-is-a-map":               {ruleCommandMap},
	"commands-not-a-list":            {ruleCommandsList},
	"customHeaders-in-buildspec":     {ruleLegacyHeaders},
	"frontend-missing":               {ruleNoFrontend, ruleNotABuildspec}, // the latter where the file is something else
	"npm-ci-with-node_modules-cache": {ruleNpmCiCache},
	"phase-without-commands-key":     {rulePhaseFormat, ruleMisplacedKey}, // the latter for "files" below phases
	"phase-wrong-case":               {ruleUnknownPhase},
	"unknown-key-in-phase":           {ruleMisplacedKey, ruleUnknownKey},
	"unknown-or-misplaced-key":       {ruleUnknownKey, ruleMisplacedKey, ruleNotABuildspec},
	"unknown-phase":                  {ruleUnknownPhase, ruleMisplacedKey},
	"variable-in-path":               {ruleVariableInPattern, ruleVariableInPath},
}

// TestCorpusFindings checks that all that an independent checker found in real files is reported at its line. The columns
// of findings.tsv are file, line, kind and detail.
func TestCorpusFindings(t *testing.T) {
	folder, rows := corpusTable(t, "findings.tsv")
	for _, row := range rows[1:] {
		file, line, kind := row[0], row[1], row[2]
		src, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		_, ds := Check(file, src, Facts{})
		found := slices.ContainsFunc(ds, func(d Diagnostic) bool {
			return strconv.Itoa(d.Span.Start.Line) == line && slices.Contains(findingRules[kind], d.Rule)
		})
		if !found {
			t.Errorf("%s:%s: no finding for %s\n%s", file, line, kind, rendered(t, ds, src))
		}
	}
}

// TestCorpusCommands holds our reading of shell commands against bash's, on all commands of the corpus.
func TestCorpusCommands(t *testing.T) {
	bash := need.Program(t, "bash")
	folder, rows := corpusTable(t, "expected.tsv")
	seen := map[string]bool{}
	var script strings.Builder
	var ours []bool
	for _, row := range rows {
		src, err := os.ReadFile(filepath.Join(folder, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		c := &collector{}
		text, spec := parse(row[0], src, c)
		if spec == nil {
			continue
		}
		l := newLinter(text, c, Facts{})
		for i := range spec.Apps {
			for _, cmd := range l.readScript(l.newApp(spec, &spec.Apps[i])).commands {
				if seen[cmd.Value] {
					continue
				}
				seen[cmd.Value] = true
				if !cmd.read && cmd.err == nil {
					t.Errorf("not read: %q", cmd.Value)
				}
				ours = append(ours, cmd.err == nil)
				fmt.Fprintf(&script, "bash -n <<'PREAMP-END' 2>/dev/null && echo true || echo false\n%s\nPREAMP-END\n", cmd.Value)
			}
		}
	}
	run := exec.CommandContext(t.Context(), bash)
	run.Stdin = strings.NewReader(script.String())
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.Fields(string(out))
	if len(theirs) != len(ours) {
		t.Fatalf("%d answers for %d commands", len(theirs), len(ours))
	}
	for i, readable := range ours {
		if strconv.FormatBool(readable) != theirs[i] {
			t.Errorf("command %d: readable for us is %v, for bash %s", i, readable, theirs[i])
		}
	}
}
