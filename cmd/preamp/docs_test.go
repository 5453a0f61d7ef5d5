package main

import (
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/preamp-build/preamp/runner"
)

const repositoryDir = "../.."

var (
	codeSpan  = regexp.MustCompile("`([^`]+)`")
	testFunc  = regexp.MustCompile(`(?m)^func (Test\w+|Fuzz\w+)\(`)
	caseName  = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	logNumber = regexp.MustCompile(`^\d\d_`)
	// What testing makes of a name that it cannot use as it is.
	unusable = strings.NewReplacer(" ", "_")
)

// suites are the folders with the cases of a test that runs a suite, or one case for each golden file.
var suites = map[string]string{
	"TestEngine": "runner/engine/enginetest", "TestLocal": "cache/cachetest", "TestGolden": "golden", "TestForms": "golden",
}

// testNames are what may stand in the table: scripts, tests with the folders that have one of this name, and each folder's
// cases.
type testNames struct {
	scripts map[string]bool
	folders map[string][]string
	cases   map[string]map[string]bool
}

func allTests(t *testing.T) testNames {
	t.Helper()
	names := testNames{map[string]bool{}, map[string][]string{}, map[string]map[string]bool{"golden": {}}}
	err := fs.WalkDir(os.DirFS(repositoryDir), ".", func(file string, d fs.DirEntry, err error) error {
		folder := path.Dir(file)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(file, ".txtar"):
			names.scripts[d.Name()] = true
		case strings.HasSuffix(file, ".golden"), strings.HasSuffix(file, ".plain"):
			names.cases["golden"][strings.TrimSuffix(d.Name(), path.Ext(file))] = true
		case strings.HasSuffix(file, "_test.go"), strings.HasSuffix(file, ".go") && strings.HasSuffix(folder, "test"):
			return names.read(file, folder)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func (n testNames) read(file, folder string) error {
	raw, err := os.ReadFile(filepath.Join(repositoryDir, filepath.FromSlash(file)))
	if err != nil {
		return err
	}
	for _, m := range testFunc.FindAllStringSubmatch(string(raw), -1) {
		n.folders[m[1]] = append(n.folders[m[1]], folder)
	}
	if n.cases[folder] == nil {
		n.cases[folder] = map[string]bool{}
	}
	for _, m := range caseName.FindAllStringSubmatch(string(raw), -1) {
		n.cases[folder][unusable.Replace(m[1])] = true
	}
	return nil
}

// missing says which part of a name of the table does not exist.
func (n testNames) missing(name string) string {
	if strings.HasSuffix(name, ".txtar") {
		if !n.scripts[name] {
			return "there is no such script"
		}
		return ""
	}
	parts := strings.Split(name, "/")
	folders := n.folders[parts[0]]
	if len(folders) == 0 {
		return "there is no such test"
	}
	if suite := suites[parts[0]]; suite != "" {
		folders = append(slices.Clip(folders), suite)
	}
	for _, part := range parts[1:] {
		plain := logNumber.ReplaceAllString(part, "")
		if !slices.ContainsFunc(folders, func(f string) bool { return n.cases[f][part] || n.cases[f][plain] }) {
			return "the test has no case " + part
		}
	}
	return ""
}

// Nothing in docs/compatibility.md is claimed without a test.
func TestCompatibilityTable(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(repositoryDir, "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	names, rows, section := allTests(t), 0, ""
	sections := map[string]int{}
	for i, line := range strings.Split(string(raw), "\n") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
		}
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| Amplify |") {
			continue
		}
		rows++
		sections[section]++
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 3 {
			t.Errorf("line %d has %d cells", i+1, len(cells))
			continue
		}
		shown := codeSpan.FindAllStringSubmatch(cells[2], -1)
		word := strings.TrimRight(strings.Fields(cells[1])[0], ":;,")
		switch word {
		case "reproduced", "better":
			if len(shown) == 0 {
				t.Errorf("line %d claims %q without a test", i+1, cells[0])
			}
		case "not":
			if !strings.HasPrefix(cells[1], "not:") && cells[1] != "not" || len(shown) > 0 {
				t.Errorf("line %d: %q", i+1, line)
			}
		default:
			t.Errorf("line %d: %q is none of reproduced, better and not", i+1, word)
		}
		for _, m := range shown {
			if why := names.missing(m[1]); why != "" {
				t.Errorf("line %d: %s: %s", i+1, m[1], why)
			}
		}
	}
	if rows < 100 || len(sections) != 8 {
		t.Errorf("%d rows in sections %v: the table is not read as it is written", rows, sections)
	}
	for _, name := range []string{"TestNoSuchTest", "no_such.txtar", "TestDocumentedCases/no_such_case", "TestMatch/directory"} {
		if names.missing(name) == "" {
			t.Errorf("%s is taken for a test", name)
		}
	}
}

// Every flag of build stands in the manual.
func TestFlagsAreDocumented(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join(repositoryDir, "docs", "usage.md"))
	if err != nil {
		t.Fatal(err)
	}
	build, _, err := newRoot(io.Discard, io.Discard).Find([]string{"build"})
	if err != nil {
		t.Fatal(err)
	}
	flags := 0
	build.Flags().VisitAll(func(f *pflag.Flag) {
		flags++
		if !regexp.MustCompile("(?m)^\\|.*`--" + f.Name + "[ `]").Match(manual) {
			t.Errorf("docs/usage.md has no row for --%s", f.Name)
		}
	})
	if flags < 20 {
		t.Errorf("build has only %d flags", flags)
	}
}

// Every field of result.json, and every event with its fields, stands in docs/result.md.
func TestResultIsDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(repositoryDir, "docs", "result.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for _, v := range []any{runner.Result{}, runner.Plan{}, appSummary{}} {
		for _, name := range jsonNames(reflect.TypeOf(v)) {
			if !strings.Contains(page, "`"+name+"`") {
				t.Errorf("%T has a field %s", v, name)
			}
		}
	}
	events, err := os.ReadFile(filepath.Join(repositoryDir, "runner", "event.go"))
	if err != nil {
		t.Fatal(err)
	}
	types := regexp.MustCompile(`Type\(\) string +\{ return "([a-z-]+)" \}`).FindAllStringSubmatch(string(events), -1)
	for _, m := range types {
		if !strings.Contains(page, "`"+m[1]+"`") {
			t.Errorf("there is an event %s", m[1])
		}
	}
	if len(types) < 20 {
		t.Errorf("only %d events were found", len(types))
	}
}

// jsonNames are the keys that a type has as JSON, and those of what it holds.
func jsonNames(of reflect.Type) []string {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || !strings.HasPrefix(of.PkgPath(), "github.com/preamp-build/") {
		return nil
	}
	var names []string
	for i := range of.NumField() {
		f := of.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || key == "-" {
			continue
		}
		if key != "" {
			names = append(names, key)
		}
		names = append(names, jsonNames(f.Type)...)
	}
	return names
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```")
	notSlug = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are the names that a page's headings have in links.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		found[strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return found
}

// The links between the pages lead somewhere.
func TestLinksOfThePages(t *testing.T) {
	pages := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(repositoryDir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(repositoryDir, file)
			if err != nil {
				t.Fatal(err)
			}
			pages[filepath.ToSlash(name)] = string(raw)
		}
	}
	links := 0
	for name, text := range pages {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(repositoryDir, filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
				continue
			}
			if page, ok := pages[target]; ok && anchor != "" && !anchors(page)[anchor] {
				t.Errorf("%s: %s has no heading %s", name, target, anchor)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
}
