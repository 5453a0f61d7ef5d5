package work_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/axes"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
	"github.com/preamp-build/preamp/testdata/need"
)

func do(t *testing.T, r work.Request) work.Response {
	t.Helper()
	answer, err := try(t, r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func try(t *testing.T, r work.Request) (answer work.Response, err error) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := work.Main(t.Context(), string(text), &out); err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(out.Bytes(), &answer)
}

// What is measured has to do what it is said to do.
func TestPortable(t *testing.T) {
	dir := t.TempDir()
	tree, store := filepath.Join(dir, "tree"), filepath.Join(dir, "store")
	made := do(t, work.Request{Do: "modules", Root: tree, Files: 300})
	save := work.Request{Do: "save", Root: tree, Store: store}
	if got := do(t, save); got.Files != 300 || got.Bytes != made.Bytes || got.Added == 0 || got.Known {
		t.Errorf("saved %+v", got)
	}
	if got := do(t, save); !got.Known || got.Added != 0 {
		t.Errorf("saved again %+v", got)
	}
	changed := do(t, work.Request{Do: "change", Root: tree, Files: 300, Round: 3})
	if got := do(t, save); got.Known || changed.Changed == 0 || got.Added == 0 {
		t.Errorf("saved %+v of %+v", got, changed)
	}
	restore := work.Request{Do: "restore", Store: store, To: filepath.Join(dir, "restored"), Files: 300}
	if err := os.Mkdir(restore.To, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := do(t, restore); got.Files != 300 || got.Bytes < made.Bytes {
		t.Errorf("restored %+v", got)
	}
	restore.Files = 301
	if _, err := try(t, restore); err == nil || !strings.Contains(err.Error(), "300 files of 301 were restored") {
		t.Errorf("the error is %v", err)
	}
}

func TestComposed(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs root on Linux, to mount overlays")
	}
	dir := t.TempDir()
	r := work.Request{Do: "compose-save", Store: filepath.Join(dir, "layers"), To: filepath.Join(dir, "first"), Files: 300, Changes: work.Nothing}
	if got := do(t, r); got.Files != 300 || got.Known {
		t.Errorf("saved %+v", got)
	}
	r.To = filepath.Join(dir, "second")
	if got := do(t, r); !got.Known {
		t.Errorf("saved again %+v", got)
	}
	r.To, r.Changes = filepath.Join(dir, "third"), work.Percent
	if got := do(t, r); got.Known || got.Changed == 0 || got.Took <= 0 {
		t.Errorf("saved %+v", got)
	}
	r.Do, r.To = "compose", filepath.Join(dir, "fourth")
	got := do(t, r)
	defer func() { do(t, work.Request{Do: "take-apart", To: r.To}) }()
	if got.Files != 300 {
		t.Errorf("mounted %+v", got)
	}
	if raw, err := os.ReadFile(filepath.Join(r.To, "merged", "node_modules", "package-0", "lib0", "file0.js")); err != nil || len(raw) == 0 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

func TestClone(t *testing.T) {
	need.Program(t, "git")
	dir := t.TempDir()
	bare := filepath.Join(dir, "big.git")
	history, err := trees.NewHistory(t.Context(), bare, 400, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := axes.Serve(t.Context(), dir)
	if err != nil {
		need.Missing(t, err.Error())
	}
	defer stop()
	url += "/big.git"
	r := work.Request{Do: "clone", URL: url, To: filepath.Join(dir, "clone"), Mirror: filepath.Join(dir, "mirror")}
	first := do(t, r)
	if err := history.Grow(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.To = filepath.Join(dir, "again")
	second := do(t, r)
	if first.Commit == "" || second.Commit == first.Commit {
		t.Fatalf("%+v, %+v", first, second)
	}
	ask := work.Request{Do: "compare", URL: url, Root: r.To, Mirror: r.Mirror, Base: first.Commit, Watch: "packages"}
	for _, ask.Do = range []string{"compare", "peek"} {
		if got := do(t, ask); got.Known || got.Files == 0 || got.Commit != second.Commit {
			t.Errorf("%s: %+v", ask.Do, got)
		}
	}
	ask.Watch, ask.Base = "packages", second.Commit
	for _, ask.Do = range []string{"compare", "peek"} {
		if got := do(t, ask); !got.Known {
			t.Errorf("%s: nothing has changed, but %+v", ask.Do, got)
		}
	}
	ask.Base = strings.Repeat("1", 40)
	if _, err := try(t, ask); err == nil || !strings.Contains(err.Error(), "it cannot be decided") {
		t.Errorf("the error is %v", err)
	}
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	var out bytes.Buffer
	for text, want := range map[string]string{"{": "the request: ", `{"do":"nothing"}`: `there is nothing called "nothing" to do`} {
		if err := work.Main(t.Context(), text, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
