package layers

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cache"
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

// A tree whose parts were not counted, as one that an older preamp has saved, is known again when all of it is new.
func TestPartsOfNewTree(t *testing.T) {
	x := &sealer{hidden: newCount("web"), added: newCount("web")}
	x.hidden.add(entry{what: regular, size: 5}, "web/a/b/1")
	x.added.add(entry{what: regular, size: 2}, "web/c/d/1")
	kept, told := x.parts(nil, true)
	if diff := cmp.Diff([]cache.Part{{Path: "c/d", Files: 1, Bytes: 2}}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]cache.Part{{Path: "c/d", Files: 1, Bytes: 2}, {Path: "a/b", Replaced: 1}}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
