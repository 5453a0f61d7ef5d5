package buildspec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpus holds Parse against real files with known verdicts. The folder has the files and expected.tsv, whose
// columns are file, kind, verdict (accept, reject, unsure) and reason.
func TestCorpus(t *testing.T) {
	folder := os.Getenv("PREAMP_CORPUS")
	if folder == "" {
		t.Skip("needs PREAMP_CORPUS, a folder of real files with their verdicts in expected.tsv")
	}
	table, err := os.ReadFile(filepath.Join(folder, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(table)) {
		row := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if strings.HasPrefix(row[0], "#") || len(row) < 3 {
			continue
		}
		checked++
		t.Run(row[0], func(t *testing.T) { checkCorpusFile(t, folder, row) })
	}
	if checked == 0 {
		t.Fatal("expected.tsv has no rows")
	}
}

func checkCorpusFile(t *testing.T, folder string, row []string) {
	src, err := os.ReadFile(filepath.Join(folder, row[0]))
	if err != nil {
		t.Fatal(err)
	}
	spec, ds := Parse(row[0], src)
	checkResult(t, src, spec, ds)
	kind, verdict := row[1], row[2]
	if kind == "customHttp" {
		if len(ds) != 1 || ds[0].Rule != ruleNotABuildspec {
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
