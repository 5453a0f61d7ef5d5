package source

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// What a submodule and Git LFS brought once is not fetched again, and the content of one repository is not another's, even
// when that has a pointer to it.
func TestMirrorParts(t *testing.T) {
	hermetic(t)
	var packs, content atomic.Int64
	count := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/info/lfs/") {
				content.Add(1)
			} else if r.Method == http.MethodPost {
				packs.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}
	lfs := sourcetest.LFS(t)
	dir := t.TempDir()
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{LFS: lfs, Wrap: count})
	newLFS(t, dir, "large", lfs)
	newLFS(t, dir, "thief", nil) // the same pointers, and no content
	shop := sourcetest.NewRepo(t, dir, "shop")
	sourcetest.Git(t, shop.Dir, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../large.git", "large")
	sourcetest.Git(t, shop.Dir, "commit", "-q", "-m", "Submodule")
	sourcetest.Git(t, shop.Dir, "push", "-q", "--mirror", shop.Bare)
	bothWays(t, func(t *testing.T, git gitProgram) {
		mirror := t.TempDir()
		clone := func(name string) (*Checkout, map[string]string) {
			packs.Store(0)
			content.Store(0)
			dest := filepath.Join(t.TempDir(), "src")
			out, err := prepare(t.Context(), Request{URL: web.URL + "/" + name + ".git", Mirror: mirror, Dest: dest}, git)
			if err != nil {
				t.Fatal(err)
			}
			return out, files(t, dest)
		}
		out, first := clone("shop")
		if len(out.Problems) > 0 || packs.Load() != 2 || content.Load() == 0 || first["large/a/same.bin"] != "content\n" {
			t.Errorf("first: %+v, %d packs, %d requests for content", out, packs.Load(), content.Load())
		}
		out, second := clone("shop")
		if diff := cmp.Diff(first, second); diff != "" || len(out.Problems) > 0 {
			t.Errorf("%+v\n%s", out.Problems, diff)
		}
		if packs.Load() != 0 || content.Load() != 0 {
			t.Errorf("again: %d packs, %d requests for content", packs.Load(), content.Load())
		}
		out, stolen := clone("thief")
		if content.Load() == 0 || !strings.HasPrefix(stolen["a/same.bin"], "version https://git-lfs") || len(out.Problems) == 0 {
			t.Errorf("another repository got the content %q: %v", stolen["a/same.bin"], out.Problems)
		}
	})
}
