package contract_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/preamp-build/preamp/runner/contract"
)

var path = regexp.MustCompile(`^\$(\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\]|\["(?s:.*)"\])*$`)

// A job is taken or refused. When it is refused, every problem names a field and a place in the document; when it is taken,
// the published schema and package runner take it, too.
func FuzzParse(f *testing.F) {
	f.Add(full(f))
	for _, doc := range []string{
		``, `{`, `[]`, `"`, `{"version":"1.0","repository":{"path":"."}}`, `{"version":"1.7","repository":{"url":"x"},"new":{}}`, `{"version":"2.0"}`,
		`{"version":"1.0","repository":{"path":"a"},"limits":{"timeout":1e3,"memory":4194304.0,"cpus":0.5},"pullRequest":{"id":1}}`,
		`{"version":"1.0","repository":{"path":"a"},"environment":{"console":{"branches":[{"pattern":"{a,b}/**"}]}},"watchPaths":["["]}`,
	} {
		f.Add([]byte(doc))
	}
	schema, err := load(f, "job").Resolve(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		j, err := contract.Parse(raw)
		if err != nil {
			refused(t, raw, err)
			return
		}
		run, err := j.Runner()
		if err != nil {
			t.Fatal(err)
		}
		run.Out = t.TempDir()
		if err := run.Validate(); err != nil {
			t.Errorf("package runner refuses what was taken: %v", err)
		}
		taken(t, schema, j.Version, raw)
	})
}

func refused(t *testing.T, raw []byte, err error) {
	var e *contract.Error
	if !errors.As(err, &e) || len(e.Problems) == 0 {
		t.Fatalf("%v is no list of problems", err)
	}
	lines := strings.Count(string(raw), "\n") + 1
	for _, p := range e.Problems {
		if !path.MatchString(p.Path) || p.Message == "" || p.Line < 1 || p.Line > lines || p.Column < 1 {
			t.Errorf("a problem without its place: %+v", p)
		}
	}
}

func taken(t *testing.T, schema *jsonschema.Resolved, version string, raw []byte) {
	if version != contract.Version {
		return // the schema knows nothing of a newer one's fields
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("what was taken is no JSON: %v", err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("the schema refuses what was taken: %v", err)
	}
}
