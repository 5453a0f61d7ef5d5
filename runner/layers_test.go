package runner_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/preamp-build/preamp/"

// Arrows point one way: what each of our packages may import of ours. A package that is not named here fails the test, so
// that a new one is placed on purpose.
var layers = map[string][]string{
	"buildspec":                    {},
	"buildspec/detect":             {"buildspec"},
	"buildspec/customhttp":         {"buildspec"},
	"buildspec/deploymanifest":     {"buildspec"},
	"buildspec/schema":             {"buildspec"},
	"cache":                        {},
	"cache/layers":                 {"cache"},
	"cache/cachetest":              {"cache"},
	"artifacts":                    {},
	"artifacts/testreport":         {"artifacts"},
	"artifacts/check":              {"artifacts", "buildspec", "buildspec/customhttp", "buildspec/deploymanifest"},
	"images":                       {},
	"runner/redact":                {},
	"runner/session":               {},
	"runner/source":                {},
	"runner/source/sourcetest":     {"testdata/need"},
	"runner/engine":                {},
	"runner/engine/enginetest":     {"runner/engine"},
	"runner/engine/docker":         {"runner/engine", "runner/session"},
	"runner/engine/dockertest":     {"runner/engine", "runner/engine/docker"},
	"runner/engine/host":           {"runner/engine", "runner/session"},
	"runner/advice":                {"cache"},
	"runner/kit":                   {"runner/engine", "runner/session"},
	"runner":                       {"buildspec", "buildspec/detect", "cache", "cache/layers", "artifacts", "artifacts/check", "artifacts/testreport", "images", "runner/redact", "runner/session", "runner/source", "runner/engine", "runner/kit", "runner/advice"},
	"testdata/need":                {},
	"runner/contract":              {"buildspec", "runner", "runner/engine", "runner/source"},
	"cmd/preamp":                   {"*"},
	"cmd/preamp/internal/render":   {"runner", "runner/advice", "buildspec", "cmd/preamp/internal/workflow"},
	"cmd/preamp/internal/settings": {"runner", "runner/engine", "buildspec"},
	"cmd/preamp/internal/buildlog": {},
	"cmd/preamp/internal/compare":  {"cmd/preamp/internal/buildlog"},
	"cmd/preamp/internal/workflow": {"buildspec"},
	"cmd/preamp/internal/report":   {"cmd/preamp/internal/workflow", "buildspec", "buildspec/customhttp", "buildspec/deploymanifest"},

	"cmd/preamp-bench":                 {"cmd/preamp-bench/internal/axes", "cmd/preamp-bench/internal/report", "cmd/preamp-bench/internal/work"},
	"cmd/preamp-bench/internal/axes":   {"cache/layers", "cmd/preamp-bench/internal/proc", "cmd/preamp-bench/internal/report", "cmd/preamp-bench/internal/stat", "cmd/preamp-bench/internal/trees", "cmd/preamp-bench/internal/work"},
	"cmd/preamp-bench/internal/proc":   {},
	"cmd/preamp-bench/internal/report": {"cmd/preamp-bench/internal/stat"},
	"cmd/preamp-bench/internal/stat":   {},
	"cmd/preamp-bench/internal/trees":  {},
	"cmd/preamp-bench/internal/work":   {"artifacts", "cache", "cache/layers", "runner/source", "cmd/preamp-bench/internal/trees"},
}

// owners are the libraries that one folder alone may import, so that each can be replaced there.
var owners = map[string][]string{
	"github.com/docker/docker/": {"runner/engine/docker"},
	"github.com/go-git/":        {"runner/source"},
	"gopkg.in/yaml.v3":          {"buildspec"},
}

func TestLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}: {{join .Imports " "}}`, module+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ": ")
		pkg = strings.TrimPrefix(pkg, module)
		allowed, known := layers[pkg]
		if !known {
			t.Errorf("the package %s has no place in the layers", pkg)
			continue
		}
		for _, imp := range strings.Fields(imports) {
			if ours, ok := strings.CutPrefix(imp, module); ok && !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s, which its place does not allow", pkg, ours)
			}
			for lib, folders := range owners {
				if strings.HasPrefix(imp, lib) && !slices.Contains(folders, pkg) {
					t.Errorf("%s imports %s; only %v may", pkg, imp, folders)
				}
			}
		}
	}
}
