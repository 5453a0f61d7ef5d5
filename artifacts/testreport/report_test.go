package testreport_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/artifacts/testreport"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

const built = "/codebuild/output/src1/src/shop"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, []byte(content), 0o644))
	}
	return root
}

func fixture(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	must(t, err)
	return string(content)
}

// TestFormats reads testdata/NAME, each in the form of another tool, and compares the summary with NAME.golden.
func TestFormats(t *testing.T) {
	for _, name := range []string{
		"mochawesome.json", "old-mochawesome.json", "merged.json", "jest-junit.xml", "mocha-junit.xml", "pytest.xml", "go-junit.xml", "nested.xml",
	} {
		t.Run(name, func(t *testing.T) {
			root := folder(t, map[string]string{name: fixture(t, name)})
			s, problems := testreport.Read(t.Context(), testreport.Options{Root: root, Config: name, Dir: built})
			for _, p := range problems {
				t.Errorf("problem: %v", p)
			}
			got, err := json.MarshalIndent(s, "", "  ")
			must(t, err)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				must(t, os.WriteFile(golden, append(got, '\n'), 0o644))
				return
			}
			want, err := os.ReadFile(golden)
			must(t, err)
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// part is a mochawesome report of one root suite with a test that passes and one that fails.
func part(id string) string {
	return `{"results": [` + root(id) + `]}`
}

func root(id string) string {
	return `{"uuid": "` + id + `", "title": "` + id + `", "tests": [
		{"title": "good", "state": "passed", "pass": true}, {"title": "bad", "state": "failed", "fail": true}], "suites": []}`
}

func unit(name, time string) string {
	return `<testsuite name="` + name + `"><testcase name="good" time="` + time + `"/><testcase name="bad"><failure/></testcase></testsuite>`
}

// TestOnce holds what counts when a run left several reports.
func TestOnce(t *testing.T) {
	type files = map[string]string
	for _, tc := range []struct {
		name, config string
		files        files
		want         string // the paths that count, each with its number of tests
		problems     string
	}{
		{"two specs", "", files{"r/mochawesome.json": part("a"), "r/mochawesome_001.json": part("b")}, "r/mochawesome.json:2 r/mochawesome_001.json:2", ""},
		{
			"merged beside the parts", "**/mochawesome*.json",
			files{"r/mochawesome.json": part("a"), "r/mochawesome_001.json": part("b"), "mochawesome.json": `{"results": [` + root("a") + "," + root("b") + "]}"},
			"mochawesome.json:4 r/mochawesome.json:0 r/mochawesome_001.json:0", "",
		},
		{
			"the parts come first", "**/*.json",
			files{"a/mochawesome.json": part("a"), "z.json": `{"results": [` + root("a") + "," + root("b") + "]}"},
			"a/mochawesome.json:2 z.json:2", "",
		},
		{"mochawesome and its twin", "", files{"mochawesome.json": part("a"), "junit.xml": unit("a", "1")}, "mochawesome.json:2", ""},
		{"both are named", "*.{json,xml}", files{"mochawesome.json": part("a"), "junit.xml": unit("a", "1")}, "mochawesome.json:2", ""},
		{"the named one wins", "x.xml", files{"mochawesome.json": part("a"), "x.xml": unit("a", "1")}, "x.xml:2", ""},
		{"nothing is named", "no/*.json", files{"junit.xml": unit("a", "1")}, "junit.xml:2", `configFilePath "no/*.json" matches no report of this run in "."`},
		{
			"the named one is none", "x.json",
			files{"x.json": `{"a": 1}`, "junit.xml": unit("a", "1")},
			"junit.xml:2",
			"x.json: this is neither a report of mochawesome nor one in JUnit's format",
		},
		{"the same suite twice", "", files{"junit.xml": unit("a", "1"), "copy/junit.xml": unit("a", "1")}, "copy/junit.xml:2 junit.xml:0", ""},
		{"another run of the suite", "", files{"junit.xml": unit("a", "1"), "copy/junit.xml": unit("a", "2")}, "copy/junit.xml:2 junit.xml:2", ""},
		{"twice in one file", "", files{"junit.xml": "<testsuites>" + unit("a", "1") + unit("a", "1") + "</testsuites>"}, "junit.xml:4", ""},
		{"other files", "", files{"report.xml": "<html/>", "test-results/a.xml": "text", "results.xml": ""}, "", ""},
		{"node_modules", "", files{"node_modules/x/mochawesome.json": part("a"), "node_modules/junit.xml": unit("a", "1")}, "", ""},
		{"node_modules, named", "node_modules/x.json", files{"node_modules/x.json": part("a")}, "node_modules/x.json:2", ""},
		{"no tests", "", files{"junit.xml": "<testsuites/>", "mochawesome.json": `{"results": []}`}, "", ""},
		{
			"cut off", "",
			files{"junit.xml": "<testsuites>" + unit("a", "1") + `<testsuite name="b"><testcase name="x"/><testcase`},
			"junit.xml:3",
			"junit.xml: the report ends too early (was the program that wrote it killed?); the tests before that count",
		},
		{
			"cut off mochawesome", "",
			files{"mochawesome.json": `{"results": [` + root("a") + `, {"uuid": "b", "tests": [{"title": "x`},
			"mochawesome.json:2",
			"mochawesome.json: the report ends too early (was the program that wrote it killed?); the suites before that count",
		},
		{
			"damaged", "",
			files{"junit.xml": "<testsuites>" + unit("a", "1") + `<testsuite></testcase>`},
			"junit.xml:2",
			"junit.xml: the report is damaged: line 1: element <testsuite> closed by </testcase>; the tests before that count",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, problems := testreport.Read(t.Context(), testreport.Options{Root: folder(t, tc.files), Config: tc.config})
			var got, said []string
			sum := 0
			if s != nil {
				for _, r := range s.Reports {
					n := r.Passed + r.Failed + r.Skipped
					sum += n
					got = append(got, r.Path+":"+string(rune('0'+n)))
				}
				if s.Total() != sum || len(s.Failing) != s.Failed {
					t.Errorf("%d tests in all, %d in the files; %d failed, %d named", s.Total(), sum, s.Failed, len(s.Failing))
				}
			}
			for _, p := range problems {
				said = append(said, p.String())
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tc.problems, strings.Join(said, "\n")); diff != "" {
				t.Errorf("problems (-want +got)\n%s", diff)
			}
		})
	}
}

func TestSince(t *testing.T) {
	dir := folder(t, map[string]string{"mochawesome.json": part("old"), "junit.xml": unit("new", "1")})
	began := time.Now()
	must(t, os.Chtimes(filepath.Join(dir, "mochawesome.json"), began, began.Add(-time.Minute)))
	s, problems := testreport.Read(t.Context(), testreport.Options{Root: dir, Since: began})
	if s == nil || len(s.Reports) != 1 || s.Reports[0].Path != "junit.xml" || len(problems) > 0 {
		t.Errorf("got %+v, %v", s, problems)
	}
	if s, _ := testreport.Read(t.Context(), testreport.Options{Root: dir}); s == nil || s.Failing[0].Suite != "old" {
		t.Errorf("without a limit: %+v", s)
	}
}

func TestEncodings(t *testing.T) {
	utf16 := func(s string) string {
		b := []byte{0xff, 0xfe}
		for _, r := range s {
			b = append(b, byte(r), byte(r>>8))
		}
		return string(b)
	}
	const plain = `<testsuite name="Übung"><testcase name="größer"><failure message="ß"/></testcase></testsuite>`
	latin := strings.NewReplacer("Ü", "\xdc", "ö", "\xf6", "ß", "\xdf").Replace(plain)
	for name, content := range map[string]string{
		"UTF-8":            plain,
		"byte order mark":  "\xef\xbb\xbf" + `<?xml version="1.0" encoding="UTF-8"?>` + plain,
		"UTF-16":           utf16(`<?xml version="1.0" encoding="UTF-16"?>` + plain),
		"ISO-8859-1":       `<?xml version='1.0' encoding='ISO-8859-1'?>` + latin,
		"unknown encoding": `<?xml version="1.0" encoding="x-mine"?>` + plain,
		"white space":      "\n  " + plain,
	} {
		t.Run(name, func(t *testing.T) {
			s, problems := testreport.Read(t.Context(), testreport.Options{Root: folder(t, map[string]string{"junit.xml": content})})
			if len(problems) > 0 || s == nil {
				t.Fatalf("%v, %v", s, problems)
			}
			if diff := cmp.Diff(testreport.Case{Suite: "Übung", Name: "größer", Message: "ß"}, s.Failing[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
	s, problems := testreport.Read(t.Context(), testreport.Options{Root: folder(t, map[string]string{"junit.xml": latin})})
	if s == nil || s.Failing[0].Name != "gr\ufffd\ufffder" {
		t.Errorf("bytes that are not UTF-8: %+v, %v", s, problems)
	}
}
