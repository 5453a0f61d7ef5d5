package buildspec

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestGolden parses testdata/spec/NAME.yml and compares what was understood, with positions, and what a person is told
// with NAME.golden.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "spec", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 40 {
		t.Fatalf("found %d cases, want at least 40", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			spec, ds := Parse("amplify.yml", src)
			checkResult(t, src, spec, ds)
			got := dump(spec) + "--- diagnostics\n" + rendered(t, ds, src)
			golden := strings.TrimSuffix(file, ".yml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
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
