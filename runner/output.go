package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/preamp-build/preamp/runner/engine"
)

// What a build leaves in its output folder, besides the log.
const (
	ResultFile = "result.json"
	LogFile    = "build.log"
	// HeadersFile holds the custom headers that apply to the deployment.
	HeadersFile = "customHttp.yml"
	// SummaryFile and AppsDir hold what several builds of one monorepo leave.
	SummaryFile = "summary.json"
	AppsDir     = "apps"
)

// outputNames are all the names that preamp uses in an output folder.
var outputNames = []string{
	ResultFile, LogFile, "artifacts", "artifacts.zip", "artifacts.hashes.json", "test-artifacts", "test-artifacts.zip",
	"test-artifacts.hashes.json", HeadersFile, SummaryFile, AppsDir,
}

// markFile tells a folder that we made from one that happens to hold an "artifacts". It also keeps git from seeing it.
const markFile = ".gitignore"

const markText = "# Made by preamp for its output; everything in here is replaced by the next build.\n*\n"

// PrepareOutput makes dir ready for a build: it exists afterwards and holds nothing of an earlier build. A folder that is
// not empty and was not made by preamp is refused, because its files would be overwritten. Call it before Run.
func PrepareOutput(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fail(ClassUsage, fmt.Errorf("make the output folder: %w", err))
		}
	case err != nil:
		return fail(ClassUsage, fmt.Errorf("look into the output folder: %w", err))
	case len(entries) > 0:
		if mark, err := os.ReadFile(filepath.Join(dir, markFile)); err != nil || string(mark) != markText {
			return &Failure{
				Class: ClassUsage, Message: fmt.Sprintf("the output folder %s is not empty and was not made by preamp", dir),
				Hint: "name another one with --out: what is in it would be overwritten",
			}
		}
	}
	for _, name := range outputNames {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fail(ClassOutput, fmt.Errorf("empty the output folder: %w", err))
		}
	}
	if err := os.WriteFile(filepath.Join(dir, markFile), []byte(markText), 0o644); err != nil {
		return fail(ClassOutput, fmt.Errorf("mark the output folder: %w", err))
	}
	return nil
}

func writeResult(dir string, res *Result) error {
	raw, err := json.MarshalIndent(res, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if err := engine.ReplaceFile(filepath.Join(dir, ResultFile), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
