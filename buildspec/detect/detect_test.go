package detect

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// unescape undoes what encoding/json does for HTML, so that goldens can be read.
var unescape = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">")

var skeletons = filepath.Join("..", "..", "testdata", "detect")

// appRoots says at which app roots a skeleton is looked at, other than at its root alone.
var appRoots = map[string][]string{
	"npm-workspaces":       {"", "apps/web", "/apps/admin/"},
	"yarn-workspaces-gen2": {"apps/web"},
	"pnpm-workspaces":      {"apps/site"},
	"turborepo":            {"", "apps/web"},
	"nx":                   {"apps/shop"},
	"lerna":                {"packages/site"},
	"plain-monorepo":       {"frontend"},
}

// TestSkeletons compares what is concluded of each small repository, and both specifications, with a golden file.
func TestSkeletons(t *testing.T) {
	folders, err := os.ReadDir(skeletons)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		count++
		t.Run(folder.Name(), func(t *testing.T) { testSkeleton(t, folder.Name()) })
	}
	if count < 24 {
		t.Errorf("found %d skeletons, want at least 24", count)
	}
}

func testSkeleton(t *testing.T, name string) {
	roots := appRoots[name]
	if roots == nil {
		roots = []string{""}
	}
	fsys := os.DirFS(filepath.Join(skeletons, name))
	var got bytes.Buffer
	for _, root := range roots {
		p, err := Detect(fsys, root)
		if err != nil {
			t.Fatal(err)
		}
		facts, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		facts = []byte(unescape.Replace(string(facts)))
		fmt.Fprintf(&got, "=== app root %q\n%s\n--- Spec\n%s--- BestSpec\n%s", root, facts, p.Spec(), p.BestSpec())
		checkSpecs(t, p, root)
		// The better specification is one that the rules have nothing to say about.
		known := buildspec.Facts{FS: fsys, AppRoot: root}
		if _, ds := buildspec.Check("amplify.yml", p.BestSpec(), known); len(ds) > 0 {
			t.Errorf("BestSpec for %q has findings: %v\n%s", root, ds, p.BestSpec())
		}
	}
	golden := filepath.Join(skeletons, name+".golden")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// checkSpecs holds both texts to what Project promises of them.
func checkSpecs(t *testing.T, p Project, root string) {
	t.Helper()
	for what, text := range map[string][]byte{"Spec": p.Spec(), "BestSpec": p.BestSpec()} {
		spec, ds := buildspec.Parse("amplify.yml", text)
		if len(ds) > 0 {
			t.Errorf("%s has findings: %v\n%s", what, ds, text)
			continue
		}
		app, _, err := spec.Select(root)
		if err != nil {
			t.Errorf("%s has no application for %q: %v", what, root, err)
			continue
		}
		if app.Frontend.Artifacts.BaseDirectory.Value == "" || !app.Frontend.HasCache {
			t.Errorf("%s lacks a base directory or a cache:\n%s", what, text)
		}
		if !bytes.HasSuffix(text, []byte("\n")) || bytes.Contains(text, []byte(" \n")) {
			t.Errorf("%s has blanks at the end of a line, or no line break at its end:\n%s", what, text)
		}
	}
}

// TestStable checks that the same repository gives the same bytes: maps have no order.
func TestStable(t *testing.T) {
	fsys := os.DirFS(filepath.Join(skeletons, "npm-workspaces"))
	var first string
	for range 20 {
		p, err := Detect(fsys, "")
		if err != nil {
			t.Fatal(err)
		}
		got := string(p.Spec()) + string(p.BestSpec()) + strings.Join(p.Reasons, "\n")
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatalf("two runs differ\n%s", cmp.Diff(first, got))
		}
	}
}
