package advice_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/advice"
)

var update = flag.Bool("update", false, "write docs/advice.md anew")

const page = `# Advice

<!-- Written by go test ./runner/advice -run TestDoc -update from runner/advice/catalog.go. -->

The last lines of a build's log say what its own numbers show. Each line has a place in the build specification where there is
one, this build's numbers, what to do, and an id. A build for which there is nothing to say has no such lines; there are never
more than %d, the most important ones. [result.json](result.md#advice) has the same for programs, ` + "`preamp explain ID`" + ` this page.

Builds are compared with the last one of the same application and branch that had no cache: the first one, or one with
` + "`--no-cache`" + `. Times of commands and sizes of caches are remembered for that in the state folder, under ` + "`history`" + `, without
the commands' text.

`

func describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, page, advice.Max)
	b.WriteString("| id | |\n|---|---|\n")
	for _, i := range advice.Catalog() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", i.ID, i.ID, i.Title)
	}
	for _, i := range advice.Catalog() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", i.ID, i.Why)
		if i.Do != "" {
			fmt.Fprintf(&b, "\n**What to do:** %s\n", i.Do)
		}
	}
	return strings.ReplaceAll(b.String(), ".npm/**/*", "`.npm/**/*`")
}

// TestDoc keeps docs/advice.md in step with the catalog.
func TestDoc(t *testing.T) {
	file, got := filepath.Join("..", "..", "docs", "advice.md"), describe()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what go test ./runner/advice -run TestDoc -update writes (-want +got):\n%s", file, diff)
	}
}
