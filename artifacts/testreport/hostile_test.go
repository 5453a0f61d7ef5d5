package testreport_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/preamp-build/preamp/artifacts/testreport"
)

// TestMemory reads reports with one part of 8 MiB, and holds that Read allocates a small part of that in all.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("needs some time, and disk")
	}
	const size = 8 << 20
	test := `{"title": "t", "state": "failed", "fail": true, %s}`
	mocha := func(part string) string {
		return `{"results": [{"uuid": "u", "tests": [` + fmt.Sprintf(test, part) + `], "suites": []}]}`
	}
	unit := func(part string) string {
		return `<testsuite name="s"><testcase name="t"><failure>` + part + `</failure></testcase></testsuite>`
	}
	for _, tc := range []struct{ name, file, content, filler string }{
		{"screenshot", "a.json", mocha(`"context": "%"`), "iVBORw0KGgo"},
		{"message", "a.json", mocha(`"err": {"message": "%"}`), `é\n\"\u00e9`},
		{"key", "a.json", mocha(`"%": 1`), "k"},
		{"number", "a.json", mocha(`"duration": 1%`), "1"},
		{"white space", "a.json", mocha(`"duration": %1`), " \n\t"},
		{"many values", "a.json", mocha(`"context": [%1]`), `{"a": [1, 2]}, `},
		{"text", "a.xml", unit("%"), "text &amp; &#27;[31m"},
		{"CDATA", "a.xml", unit("<![CDATA[%]]>"), "é & <]]"},
		{"attribute", "a.xml", unit(`<x y="%"/>`), `x&quot;>`},
		{"comment", "a.xml", unit("<!--%-->"), "--> <!--- -"},
		{"elements", "a.xml", unit("%"), "<a b='c'>d</a>"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			before, after, _ := strings.Cut(tc.content, "%")
			f, err := os.Create(filepath.Join(root, tc.file))
			must(t, err)
			w := bufio.NewWriterSize(f, 1<<20)
			filler := strings.Repeat(tc.filler, 1<<16/len(tc.filler))
			if tc.name == "comment" {
				filler = strings.Repeat("- - > <!-", 1<<13)
			}
			_, err = w.WriteString(before)
			must(t, err)
			for n := 0; n < size; n += len(filler) {
				_, err = w.WriteString(filler)
				must(t, err)
			}
			_, err = w.WriteString(after)
			must(t, err)
			must(t, w.Flush())
			must(t, f.Close())

			var m0, m1 runtime.MemStats
			runtime.ReadMemStats(&m0)
			s, problems := testreport.Read(t.Context(), testreport.Options{Root: root, Config: tc.file})
			runtime.ReadMemStats(&m1)
			if len(problems) > 0 || s == nil || s.Failed != 1 {
				t.Fatalf("got %+v, %v", s, problems)
			}
			limit := uint64(2 << 20)
			if tc.name == "many values" || tc.name == "elements" { // small things, of which none is kept
				limit = math.MaxUint64
				runtime.GC()
				runtime.ReadMemStats(&m1)
				if live := int64(m1.HeapAlloc) - int64(m0.HeapAlloc); live > 2<<20 {
					t.Errorf("%d bytes are still held", live)
				}
			}
			if got := m1.TotalAlloc - m0.TotalAlloc; got > limit {
				t.Errorf("%d bytes were allocated for %d", got, size)
			}
		})
	}
}

// TestBounds holds what is refused, and that it is said.
func TestBounds(t *testing.T) {
	deep := func(open, inner, end string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	for _, tc := range []struct{ name, file, content, want string }{
		{"deep suites", "a.xml", deep("<testsuite>", `<testcase name="x"/>`, "</testsuite>", 5000), "nested more than 200"},
		{"deep markup", "a.xml", "<testsuite>" + deep("<x>", "", "</x>", 5000) + "</testsuite>", "nested more than 200"},
		{"deep JSON", "a.json", `{"results": [` + deep(`{"suites": [`, "", "]}", 5000) + "]}", "nested more than 200"},
		{"deep JSON that is skipped", "a.json", `{"results": [], "x": ` + deep("[", "", "]", 1<<20) + "}", "nested more than 200"},
		{"many attributes", "a.xml", "<testsuite" + strings.Repeat(" a='b'", 20000) + "/>", "a tag has more than"},
		{"long name of a tag", "a.xml", "<testsuite><" + strings.Repeat("a", 1<<20) + "/></testsuite>", "a tag has more than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, problems := testreport.Read(t.Context(), testreport.Options{Root: folder(t, map[string]string{tc.file: tc.content}), Config: tc.file})
			if len(problems) == 0 || !strings.Contains(problems[0].Message, tc.want) {
				t.Errorf("got %v", problems)
			}
		})
	}
}

// TestManyFailures holds that all failures are counted and only some are named.
func TestManyFailures(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, `<testcase name="t%d"><failure message="%s"/></testcase>`, i, strings.Repeat("long\n", 600))
	}
	s, problems := testreport.Read(t.Context(), testreport.Options{Root: folder(t, map[string]string{"junit.xml": "<testsuite>" + b.String() + "</testsuite>"})})
	if len(problems) > 0 || s.Failed != 500 || len(s.Failing) != testreport.MaxFailing {
		t.Fatalf("%d failed, %d named, %v", s.Failed, len(s.Failing), problems)
	}
	if m := s.Failing[99].Message; len(m) > 2100 || strings.Count(m, "\n") > 12 || !strings.HasSuffix(m, "…") {
		t.Errorf("the message is %q", m)
	}
}

// TestHugeFile holds that a file beyond the bound is not read. It is sparse.
func TestHugeFile(t *testing.T) {
	root := folder(t, map[string]string{"junit.xml": "<testsuite>"})
	must(t, os.Truncate(filepath.Join(root, "junit.xml"), testreport.MaxFileSize+1))
	s, problems := testreport.Read(t.Context(), testreport.Options{Root: root})
	if s != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, "at most 1073741824 in one file") {
		t.Errorf("got %v, %v", s, problems)
	}
}

// TestNoWayOut holds that no link is followed out of the repository, and no pipe is waited for.
func TestNoWayOut(t *testing.T) {
	outside := folder(t, map[string]string{"junit.xml": unit("a", "1")})
	root := folder(t, map[string]string{"keep/.keep": ""})
	must(t, os.Symlink(filepath.Join(outside, "junit.xml"), filepath.Join(root, "junit.xml")))
	must(t, os.Symlink(outside, filepath.Join(root, "test-results")))
	mkfifo(t, filepath.Join(root, "mochawesome.json"))
	if s, _ := testreport.Read(t.Context(), testreport.Options{Root: root}); s != nil {
		t.Errorf("got %+v", s)
	}
	if s, problems := testreport.Read(t.Context(), testreport.Options{Root: root, Config: "*.json"}); s != nil || len(problems) == 0 {
		t.Errorf("got %+v, %v", s, problems)
	}
}

func fuzz(f *testing.F, file string) {
	names, err := filepath.Glob(filepath.Join("testdata", "*"+filepath.Ext(file)))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		f.Add(content[:len(content)/2])
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		must(t, os.WriteFile(filepath.Join(root, file), content, 0o644))
		s, problems := testreport.Read(t.Context(), testreport.Options{Root: root, Config: file, Dir: built})
		for _, p := range problems {
			if p.Message == "" {
				t.Error("a problem without a message")
			}
		}
		if s == nil {
			return
		}
		if s.Passed < 0 || s.Failed < 0 || s.Skipped < 0 || s.Total() == 0 || s.Duration < 0 || len(s.Failing) > testreport.MaxFailing {
			t.Errorf("impossible: %+v", s)
		}
		for _, c := range s.Failing {
			for _, text := range []string{c.Suite, c.Name, c.Message, c.File} {
				if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r") || utf8.RuneCountInString(text) > 2100 {
					t.Errorf("text %q", text)
				}
			}
			if c.Line < 0 {
				t.Errorf("line %d", c.Line)
			}
		}
	})
}

func FuzzMochawesome(f *testing.F) { fuzz(f, "fuzz.json") }

func FuzzJUnit(f *testing.F) { fuzz(f, "fuzz.xml") }

// BenchmarkRead reads a report of 32 MiB, most of it screenshots.
func BenchmarkRead(b *testing.B) {
	shot := strings.Repeat("iVBORw0KGgo", 1<<20/11)
	for _, bm := range []struct{ name, begin, one, end string }{
		{"a.json", `{"results": [{"uuid": "u", "tests": [`, `{"title": "t", "state": "passed", "pass": true, "context": "` + shot + `"},`, `{}]}]}`},
		{"a.xml", "<testsuite>", `<testcase name="t"><system-out>` + shot + `</system-out></testcase>`, "</testsuite>"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			root := b.TempDir()
			content := bm.begin + strings.Repeat(bm.one, 32) + bm.end
			if err := os.WriteFile(filepath.Join(root, bm.name), []byte(content), 0o644); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if s, problems := testreport.Read(b.Context(), testreport.Options{Root: root, Config: bm.name}); s == nil || len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}
