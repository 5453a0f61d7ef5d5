package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/advice"
	"github.com/preamp-build/preamp/testdata/need"
)

// packageFiles is how many files the package of npmProject has besides its package.json.
const packageFiles = 400

// npmProject is a project with one dependency that is in the repository, so that installing it needs no registry.
func npmProject(t *testing.T, install string) *project {
	t.Helper()
	var dep bytes.Buffer
	zw := gzip.NewWriter(&dep)
	tw := tar.NewWriter(zw)
	files := map[string]string{"package/package.json": `{"name":"dep","version":"1.0.0"}`}
	for i := range packageFiles {
		files[fmt.Sprintf("package/lib/%d/index.js", i)] = strings.Repeat("x", 4000)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return newProject(t, map[string]string{
		"index.html": "hi\n", "dep.tgz": dep.String(),
		"package.json": `{"name":"site","version":"1.0.0","dependencies":{"dep":"file:dep.tgz"}}`,
		"package-lock.json": `{"name":"site","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{
"":{"name":"site","version":"1.0.0","dependencies":{"dep":"file:dep.tgz"}},"node_modules/dep":{"version":"1.0.0","resolved":"file:dep.tgz"}}}`,
		"amplify.yml": `version: 1
frontend:
  phases:
    preBuild:
      commands:
        - echo begin && ` + install + `
  artifacts: { baseDirectory: /, files: ['*.html'] }
  cache:
    paths: ['node_modules/**/*']
`,
	})
}

func advised(r *runner.Result, id string) *advice.Advice {
	i := slices.IndexFunc(r.Advice, func(a advice.Advice) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Advice[i]
}

// A restored node_modules of which npm ci leaves nothing is told of with its numbers; npm install makes use of one.
func TestAdviceOnNpmCi(t *testing.T) {
	need.Program(t, "npm")
	onEngines(t, func(t *testing.T) {
		p := npmProject(t, "npm ci --offline --no-audit --no-fund")
		if r, log := p.build(t); len(r.Advice) > 0 || strings.Contains(log, "\nadvice ") {
			t.Errorf("the first build was told %v", r.Advice)
		}
		r, log := p.build(t)
		a := advised(r, "npm-ci-over-node-modules")
		if a == nil {
			t.Fatalf("advice %v, cache %+v\n%s", r.Advice, r.Cache.Save, log)
		}
		if a.Numbers["files"] < packageFiles || a.Numbers["bytes"] < packageFiles*4000 || a.Rule != "npm-ci-node-modules-cache" {
			t.Errorf("%+v", a)
		}
		// The place is that of the call, not that of the command.
		if !regexp.MustCompile(`\nadvice     amplify\.yml:6:25: npm ci deleted the node_modules that the cache had brought \(40\d files, 1\.6 MB\)`).MatchString(log) {
			t.Errorf("the log says nothing of it:\n%s", log)
		}
		if b := r.Cache.Save.Biggest; len(b) == 0 || b[0].Path != "node_modules/dep" || b[0].Files != packageFiles+1 {
			t.Errorf("the biggest parts are %+v", b)
		}
	})
	onEngines(t, func(t *testing.T) {
		p := npmProject(t, "npm install --offline --no-audit --no-fund")
		p.build(t)
		r, log := p.build(t)
		if !r.Cache.Restore.Hit || advised(r, "npm-ci-over-node-modules") != nil || advised(r, "node-modules-replaced") != nil {
			t.Errorf("cache %+v, advice %+v\n%s", r.Cache.Restore, r.Advice, log)
		}
	})
}

// What is thrown away without npm ci is known from the files.
func TestAdviceOnReplacedModules(t *testing.T) {
	composing(t)
	p := npmProject(t, "rm -rf node_modules && npm install --offline --no-audit --no-fund")
	p.build(t)
	r, log := p.build(t)
	if a := advised(r, "node-modules-replaced"); a == nil || a.Numbers["replaced"] < packageFiles || a.Line != 9 {
		t.Errorf("%+v\n%s", r.Advice, log)
	}
}

// A build with a cache is compared with the last one that had none. How long that took is made up here.
func TestAdviceOnWhatTheCacheSaves(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		p := newProject(t, map[string]string{"index.html": "hi\n", "amplify.yml": `version: 1
frontend:
  phases: { build: { commands: ['mkdir -p store && echo 1 > store/one'] } }
  artifacts: { baseDirectory: /, files: ['*.html'] }
  cache: { paths: ['store/**/*'] }
`})
		p.build(t)
		if r, _ := p.build(t); advised(r, "cache-saves") != nil {
			t.Errorf("a command of no length is said to be faster: %+v", r.Advice)
		}
		found, err := filepath.Glob(filepath.Join(os.Getenv("PREAMP_HOME"), "history", "*", "*.json"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		raw, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "mkdir") {
			t.Errorf("the history has the text of a command: %s", raw)
		}
		took := regexp.MustCompile(`("commands":\{"[0-9a-f]+":)\d+`)
		if !took.Match(raw) {
			t.Fatalf("the history is %s", raw)
		}
		if err := os.WriteFile(found[0], took.ReplaceAll(raw, []byte("${1}3600000000000")), 0o600); err != nil {
			t.Fatal(err)
		}
		r, log := p.build(t)
		a := advised(r, "cache-saves")
		if a == nil || a.Numbers["commandSecondsWithout"] != 3600 || a.Help != "" {
			t.Fatalf("%+v", r.Advice)
		}
		if !regexp.MustCompile("advice     the cache took \\S+ and `mkdir -p store && echo 1 > store/one` \\S+; without a cache that took 60m00s, on ").MatchString(log) {
			t.Errorf("%s", log)
		}
		// A damaged file is no fault of the build, and the next one without a cache begins anew.
		if err := os.WriteFile(found[0], []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, _ := p.build(t); len(r.Advice)+len(r.Warnings) > 0 {
			t.Errorf("%+v %v", r.Advice, r.Warnings)
		}
	})
}
