package layers

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPartsInManifest(t *testing.T) {
	for _, want := range []parts{nil, {{Path: "node_modules/a b\n1 2 3 \"", Files: 3, Bytes: 1 << 40}, {Path: "\uFFFD", Files: 1}}} {
		raw, err := (&manifest{Version: manifestVersion, Parts: want}).encode()
		if err != nil {
			t.Fatal(err)
		}
		m, err := decodeManifest(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, m.Parts); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, text := range []string{`"1"`, `"1 2"`, `"1 2 3"`, `"1 2 3 ab"`, `"-1 2 1 a"`, `"1 2 -1 a"`, `"1 2 1 ab"`, `"x"`, `1`, `[]`} {
		var p parts
		if err := p.UnmarshalJSON([]byte(text)); err == nil || text[0] == '"' && !errors.Is(err, errDamaged) {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
}
