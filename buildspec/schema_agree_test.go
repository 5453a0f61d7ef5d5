package buildspec_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/buildspec/schema"
)

// updating reports whether golden files are to be written: the flag is that of the package's other tests.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// TestGolden holds the schema to the published file: editors of many people refer to it.
func TestGolden(t *testing.T) {
	golden := filepath.Join("..", "testdata", "schema", "amplify.schema.json")
	got := schema.JSON()
	if updating() {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// load returns the schema ready to validate with. Resolving it checks that it is one: all references lead somewhere, and
// defaults and patterns are valid.
func load(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(schema.JSON(), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

// TestIsASchema validates the schema by the meta-schema of its draft, which lies in the library's source.
func TestIsASchema(t *testing.T) {
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/jsonschema-go").Output()
	if err != nil {
		t.Skipf("needs the go command and the module cache: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "jsonschema", "meta-schemas", "draft7", "schema.json"))
	if err != nil {
		t.Skipf("needs the meta-schema in the module cache: %v", err)
	}
	var meta jsonschema.Schema
	if err := json.Unmarshal(text, &meta); err != nil {
		t.Fatal(err)
	}
	resolved, err := meta.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(schema.JSON(), &value); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(value); err != nil {
		t.Error(err)
	}
	if err := resolved.Validate(map[string]any{"type": "text"}); err == nil {
		t.Error("the meta-schema takes anything")
	}
}

// TestExamples holds the examples in the schema to the schema.
func TestExamples(t *testing.T) {
	s := load(t)
	if len(s.Schema().Examples) < 2 {
		t.Fatal("no examples of whole files")
	}
	for _, example := range s.Schema().Examples {
		if err := s.Validate(example); err != nil {
			t.Errorf("%v: %v", example, err)
		}
	}
}

// warningRules are about what has no effect: keys and values that Parse warns of and the schema refuses.
var warningRules = []string{"unknown-key", "misplaced-key", "unknown-phase", "wrong-type", "invalid-variable-name"}

// TestAgreesWithParse compares the schema with Parse on the cases of testdata and, when PREAMP_CORPUS names it, on the
// corpus of real files: it takes what Parse takes without a warning about keys, and refuses what Parse refuses for its
// structure.
func TestAgreesWithParse(t *testing.T) {
	s := load(t)
	taken, refused, unread := 0, 0, 0
	for _, file := range specFiles(t) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, ds := buildspec.Parse(file, src)
		want, ok := expectation(ds)
		if !ok {
			continue
		}
		value, err := toJSON(src)
		if err != nil {
			t.Logf("%s: only Parse can read it: %v", filepath.Base(file), err)
			unread++
			continue
		}
		err = s.Validate(value)
		switch {
		case want && err != nil:
			t.Errorf("%s: %v", filepath.Base(file), err)
		case !want && err == nil:
			t.Errorf("%s: the schema takes it, Parse says\n%v", filepath.Base(file), ds)
		case want:
			taken++
		default:
			refused++
		}
	}
	t.Logf("%d files are valid, %d are refused", taken, refused)
	if taken < 20 || refused < 20 || unread > 10 {
		t.Error("there should be more files of each kind")
	}
}

func specFiles(t *testing.T) []string {
	t.Helper()
	patterns := []string{filepath.Join("..", "testdata", "spec", "*.yml")}
	if corpus := os.Getenv("PREAMP_CORPUS"); corpus != "" {
		patterns = append(patterns, filepath.Join(corpus, "*.yml"))
	}
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no files at %s (%v)", pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

// structureRules are the errors that a schema can find: those that are about keys and the kinds of their values.
var structureRules = []string{
	"not-a-map", "not-a-buildspec", "wrong-type", "no-applications", "missing-app-root", "missing-frontend",
	"missing-artifacts", "missing-base-directory", "missing-artifact-files", "command-is-a-map", "command-is-a-list",
	"variable-not-a-scalar",
}

// expectation says whether the schema should take a file with the given findings. It is not ok to expect anything of a
// file that is no YAML, or that is refused for what no schema sees.
func expectation(ds buildspec.Diagnostics) (valid, ok bool) {
	valid = true
	for _, d := range ds {
		switch {
		case d.Severity == buildspec.Error && !slices.Contains(structureRules, d.Rule):
			return false, false
		case d.Severity == buildspec.Error, slices.Contains(warningRules, d.Rule):
			valid = false
		}
	}
	return valid, true
}

// TestForms checks forms that a file may have, and some that it may not.
func TestForms(t *testing.T) {
	const rest = "\n  artifacts: {baseDirectory: dist}\n"
	for name, tt := range map[string]struct {
		src   string
		valid bool
	}{
		"least":                       {"frontend: {artifacts: {baseDirectory: dist}}", true},
		"second spellings":            {"frontend: {buildpath: /, artifacts: {base-directory: dist, discard-paths: yes}}", true},
		"versions":                    {"version: 0.1\nfrontend:" + rest, true},
		"version in quotes":           {"version: '1.0'\nfrontend:" + rest, true},
		"version is a list":           {"version: [1]\nfrontend:" + rest, false},
		"no commands":                 {"frontend:\n  phases: {build: {commands: []}}" + rest, true},
		"null phase":                  {"frontend:\n  phases: {preBuild: , build: {commands: }}" + rest, true},
		"numbers as commands":         {"frontend:\n  phases: {build: {commands: [1, true, null]}}" + rest, true},
		"a single command":            {"frontend:\n  phases: {build: {commands: make}}" + rest, true},
		"phase is a list":             {"frontend:\n  phases: {build: [make]}" + rest, true},
		"phases outside of phases":    {"frontend:\n  preBuild: {commands: [make]}" + rest, true},
		"command is a map":            {"frontend:\n  phases: {build: {commands: [echo a: b]}}" + rest, false},
		"unknown phase":               {"frontend:\n  phases: {install: {commands: [make]}}" + rest, false},
		"phase of another section":    {"frontend:\n  phases: {preTest: {commands: [make]}}" + rest, false},
		"wrong case":                  {"frontend:\n  phases: {prebuild: {commands: [make]}}" + rest, false},
		"test":                        {"test: {phases: {preTest: {commands: [make]}}, artifacts: {configFilePath: x}}\nfrontend:" + rest, true},
		"build in test":               {"test: {phases: {build: {commands: [make]}}}\nfrontend:" + rest, false},
		"anchors":                     {"x-a: &a {commands: [make]}\nfrontend:\n  phases: {build: {<<: *a}}" + rest, true},
		"variables":                   {"env: {variables: {A: b, B: 1, C: true, D: }}\nfrontend:" + rest, true},
		"no variables":                {"env: {variables: []}\nfrontend:" + rest, true},
		"variables as a list":         {"env: {variables: [A=b]}\nfrontend:" + rest, false},
		"variables without their key": {"env: {A: b}\nfrontend:" + rest, false},
		"empty baseDirectory":         {"frontend: {artifacts: {baseDirectory: ''}}", false},
		"null baseDirectory":          {"frontend: {artifacts: {baseDirectory: }}", false},
		"no files":                    {"frontend: {artifacts: {baseDirectory: dist, files: []}}", false},
		"one file":                    {"frontend: {artifacts: {baseDirectory: dist, files: '**/*'}}", true},
		"no cache paths":              {"frontend:\n  cache: {paths: []}" + rest, true},
		"empty cache":                 {"frontend:\n  cache:" + rest, true},
		"headers":                     {"customHeaders: [{pattern: '*', headers: []}]\nfrontend:" + rest, true},
		"applications":                {"applications:\n- appRoot: a\n  frontend: {artifacts: {baseDirectory: dist}}", true},
		"applications as a map":       {"applications:\n  appRoot: a\n  frontend: {artifacts: {baseDirectory: dist}}", true},
		"no applications":             {"applications: []", false},
		"empty applications":          {"applications:\nfrontend:" + rest, true},
		"frontend beside":             {"frontend: {}\napplications:\n- appRoot: a\n  frontend: {artifacts: {baseDirectory: dist}}", false},
		"appRoot is a number":         {"applications:\n- appRoot: 1\n  frontend: {artifacts: {baseDirectory: dist}}", false},
		"appRoot is missing":          {"applications:\n- frontend: {artifacts: {baseDirectory: dist}}", false},
		"nothing":                     {"", false},
		"list":                        {"[]", false},
	} {
		t.Run(name, func(t *testing.T) {
			value, err := toJSON([]byte(tt.src))
			if err != nil {
				t.Fatal(err)
			}
			err = load(t).Validate(value)
			if (err == nil) != tt.valid {
				t.Errorf("valid = %v, want %v (%v)", err == nil, tt.valid, err)
			}
			_, ds := buildspec.Parse("amplify.yml", []byte(tt.src))
			if want, ok := expectation(ds); ok && want != tt.valid {
				t.Errorf("Parse takes another view: %v", ds)
			}
		})
	}
}
