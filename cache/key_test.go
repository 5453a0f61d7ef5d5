package cache

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCanonical holds the canonical form still: a change of it makes every cache in the field a miss.
func TestCanonical(t *testing.T) {
	k := Key{
		App: "shop", Branch: "feature/ü\n", DefaultBranch: "main", Image: "sha256:12", Arch: "amd64",
		Paths: []string{"node_modules/**/*", "!x", "node_modules/**/*"}, Dir: "/apps/web/",
	}
	want := "preamp cache key 1\napp 4:shop\nbranch 11:feature/ü\n\nimage 9:sha256:12\narch 5:amd64\ndir 8:apps/web\n" +
		"path 2:!x\npath 17:node_modules/**/*\n"
	if d := cmp.Diff(want, k.Canonical()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	const id = "629253167ee7edc1e9df6a11808cf8dfe4ab94b0dbdd6c0985f5d20e2ff45144"
	if k.ID() != id {
		t.Errorf("ID() = %s", k.ID())
	}
	same := k
	same.DefaultBranch, same.Paths, same.Dir = "other", []string{"node_modules/**/*", "!x"}, "apps/web"
	if same.ID() != id {
		t.Error("the ID depends on the default branch, or on the order of the paths")
	}
}

func FuzzMetaKey(f *testing.F) {
	f.Add("app", "feature/x", "i", "x")
	f.Add("\xff", "\x00", `{"base64":"AA=="}`, "\u2028")
	f.Fuzz(func(t *testing.T, app, branch, image, path string) {
		k := Key{App: app, Branch: branch, Image: image, Paths: []string{path}}
		text, err := json.Marshal(newMetaKey(k))
		must(t, err)
		var m metaKey
		must(t, json.Unmarshal(text, &m))
		if m.key().Canonical() != k.Canonical() {
			t.Errorf("%q came back as %q", k.Canonical(), m.key().Canonical())
		}
	})
}
