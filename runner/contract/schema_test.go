package contract_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/preamp-build/preamp/runner/contract"
)

var update = flag.Bool("update", false, "write the published schemas anew")

const published = "../../docs/schema"

func TestPublishedSchemas(t *testing.T) {
	for _, name := range contract.Documents {
		want, err := contract.Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(published, name+".schema.json")
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what the Go types are; go test ./runner/contract -update (-types +file):\n%s", file, diff)
		}
	}
	if _, err := contract.Schema("plan"); err == nil || !strings.Contains(err.Error(), "job, event, result") {
		t.Errorf("an unknown document: %v", err)
	}
}

// Every type of event in package runner has its place in the schema.
func TestEveryEventHasASchema(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Type" {
			continue
		}
		name := f.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BasicLit).Value
		want = append(want, strings.Trim(name, `"`))
	}
	var got []string
	for _, s := range load(t, "event").OneOf {
		got = append(got, s.Title)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 20 {
		t.Errorf("events (-in runner +in the schema):\n%s", diff)
	}
}

func load(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(published, name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := &jsonschema.Schema{}
	if err := json.Unmarshal(raw, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// What the renderer writes, for which there are examples of every event, has no field that the schema does not know.
func TestEventsMatchTheirSchema(t *testing.T) {
	files, err := filepath.Glob("../../cmd/preamp/internal/render/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	kinds := map[string]*jsonschema.Resolved{}
	for _, s := range load(t, "event").OneOf {
		closed(s)
		r, err := s.Resolve(nil)
		if err != nil {
			t.Fatal(err)
		}
		kinds[s.Title] = r
	}
	seen := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			var doc map[string]any
			if err := json.Unmarshal([]byte(line), &doc); err != nil {
				t.Fatal(err)
			}
			kind, _ := doc["type"].(string)
			if kinds[kind] == nil {
				t.Errorf("%s: no schema of %q", file, kind)
				continue
			}
			seen[kind] = true
			if err := kinds[kind].Validate(doc); err != nil {
				t.Errorf("%s: %v: %s", file, err, line)
			}
		}
	}
	for kind := range kinds {
		if !seen[kind] {
			t.Logf("there is no example of %s", kind)
		}
	}
}

// closed makes a schema refuse what it does not name.
func closed(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}}
	}
	for _, p := range s.Properties {
		closed(p)
	}
	closed(s.Items)
}
