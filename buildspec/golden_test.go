package buildspec

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestGolden checks testdata/spec/NAME.yml and compares what was understood, with positions, and what a person is told
// with NAME.golden. NAME.repo, if it is there, describes the repository around the file, as readFacts says. What the
// fixes make of the file, if there are any, is NAME.fixed.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "spec", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 150 {
		t.Fatalf("found %d cases, want at least 150", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			base := strings.TrimSuffix(file, ".yml")
			facts := readFacts(t, base+".repo")
			spec, ds := Check("amplify.yml", src, facts)
			checkResult(t, src, spec, ds)
			compareGolden(t, base+".golden", dump(spec)+"--- diagnostics\n"+rendered(t, ds, src))
			if fixed := checkFixes(t, src, ds, facts); fixed != nil {
				compareGolden(t, base+".fixed", string(fixed))
			} else if _, err := os.Stat(base + ".fixed"); err == nil {
				t.Errorf("there is %s.fixed, and nothing to fix", base)
			}
		})
	}
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", filepath.Base(file), diff)
	}
}

// readFacts reads the facts of a case, none if there is no such file. Each line is "appRoot: ...", "dir: ...",
// "tool: ...", or a file of the repository, with its content behind a blank.
func readFacts(t *testing.T, file string) Facts {
	t.Helper()
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Facts{}
	} else if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	f := Facts{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "appRoot:":
			f.AppRoot = value
		case "dir:":
			f.Dir = value
		case "tool:":
			f.Tools = append(f.Tools, value)
		default:
			files[key] = value
		}
	}
	f.FS = repository(files)
	return f
}

// repository returns a file system with the given files, or nil when there are none.
func repository(files map[string]string) fs.FS {
	if len(files) == 0 {
		return nil
	}
	repo := fstest.MapFS{}
	for name, content := range files {
		repo[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return repo
}

// checkFixes makes all fixes of a file and checks what holds for every fix: that what it was offered for is gone, that
// nothing new is wrong, and that nothing else was touched. It returns nil when there is nothing to fix.
func checkFixes(t *testing.T, src []byte, ds Diagnostics, facts Facts) []byte {
	t.Helper()
	untouched := string(src)
	fixed, applied, err := ApplyFixes(src, ds)
	if err != nil {
		t.Fatal(err)
	}
	if string(src) != untouched {
		t.Fatal("ApplyFixes changed its argument")
	}
	if applied == 0 {
		if string(fixed) != string(src) {
			t.Error("no fix was made, and the file is another")
		}
		return nil
	}
	for range 5 { // what overlapped, or is only seen once the first problems are gone
		_, after := Check("amplify.yml", fixed, facts)
		var n int
		if fixed, n, err = ApplyFixes(fixed, after); err != nil {
			t.Fatal(err)
		} else if n == 0 {
			break
		}
	}
	before := map[string]int{}
	for _, d := range ds {
		before[d.Rule]++
	}
	_, after := Check("amplify.yml", fixed, facts)
	for _, d := range after {
		if d.Fix != nil {
			t.Errorf("still to be fixed: %v", d)
		}
		// What couldn't be read before can have problems of its own.
		if before[d.Rule]--; before[d.Rule] < 0 && !ds.HasErrors() {
			t.Errorf("the fixes brought a new problem: %v", d)
		}
	}
	checkUntouched(t, src, fixed)
	return fixed
}

// checkUntouched checks that what fixes have no business with is the same in both files, in the same order.
func checkUntouched(t *testing.T, src, fixed []byte) {
	t.Helper()
	if bytes.HasPrefix(src, bomUTF8) != bytes.HasPrefix(fixed, bomUTF8) {
		t.Error("the byte order mark was lost or added")
	}
	breaks := func(b []byte) (crlf, lf bool) {
		n := bytes.Count(b, []byte("\r\n"))
		return n > 0, bytes.Count(b, []byte("\n")) > n
	}
	crlf, lf := breaks(src)
	if gotCRLF, gotLF := breaks(fixed); crlf && !gotCRLF || crlf != lf && gotCRLF && gotLF {
		t.Error("the line breaks are others")
	}
	comments := regexp.MustCompile(`(?m)(?:^|\s)#.*$`)
	var want, got []string
	for _, c := range comments.FindAllString(string(src), -1) {
		want = append(want, strings.TrimSpace(c))
	}
	for _, c := range comments.FindAllString(string(fixed), -1) {
		got = append(got, strings.TrimSpace(c))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the comments are others (-before +after)\n%s", diff)
	}
}

// dump writes a spec for people to compare: one thing per line with its place.
func dump(spec *Spec) string {
	var b strings.Builder
	if spec == nil {
		return "no spec\n"
	}
	fmt.Fprintf(&b, "spec monorepo=%v version=%s\n", spec.Monorepo, show(spec.Version))
	for _, app := range spec.Apps {
		fmt.Fprintf(&b, "app %s appRoot=%s\n", app.Span, show(app.AppRoot))
		for _, v := range app.Env {
			fmt.Fprintf(&b, "  env %s = %s\n", show(v.Name), show(v.Value))
		}
		for _, s := range []*Section{app.Backend, app.Frontend, app.Test} {
			if s != nil {
				dumpSection(&b, s)
			}
		}
	}
	return b.String()
}

func dumpSection(b *strings.Builder, s *Section) {
	fmt.Fprintf(b, "  %s %s\n", s.Name, s.Span)
	if s.BuildPath.Set() {
		fmt.Fprintf(b, "    buildPath %s\n", show(s.BuildPath))
	}
	for _, p := range s.Phases {
		fmt.Fprintf(b, "    phase %s %s\n", p.Name, p.Span)
		for _, c := range p.Commands {
			fmt.Fprintf(b, "      %s\n", show(c))
		}
	}
	if a := s.Artifacts; a != nil {
		fmt.Fprintf(b, "    artifacts %s\n", a.Span)
		fmt.Fprintf(b, "      baseDirectory %s\n", show(a.BaseDirectory))
		for _, f := range a.Files {
			fmt.Fprintf(b, "      file %s\n", show(f))
		}
		if a.DiscardPaths {
			fmt.Fprintf(b, "      discard-paths\n")
		}
		if a.ConfigFilePath.Set() {
			fmt.Fprintf(b, "      configFilePath %s\n", show(a.ConfigFilePath))
		}
	}
	if s.HasCache {
		fmt.Fprintf(b, "    cache\n")
	}
	for _, p := range s.CachePaths {
		fmt.Fprintf(b, "      path %s\n", show(p))
	}
}

func show(t Text) string {
	if t == (Text{}) {
		return "-"
	}
	if !t.Set() {
		return fmt.Sprintf("%q (default)", t.Value)
	}
	return fmt.Sprintf("%q %s", t.Value, t.Span)
}
