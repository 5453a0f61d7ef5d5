package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
)

const whole = `appId: d1
defaultBranch: trunk
image: amplify:al2023
size: large
timeout: 1h
watchPaths: [packages/**]
env: { A: 1, YES: on, EMPTY: "" }
branches:
  main: { env: { A: two } }
  feature/**: { env: {} }
applications:
  - appRoot: apps/web
    appId: d2
    size: standard
    env: { A: web }
    branches: { main: { env: { A: web-main } } }
`

func TestParse(t *testing.T) {
	t.Parallel()
	s, found := Parse("preamp.yml", []byte(whole))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	env := []engine.Var{{Name: "A", Value: "1"}, {Name: "YES", Value: "on"}, {Name: "EMPTY"}}
	branches := []runner.BranchEnv{{Pattern: "main", Env: []engine.Var{{Name: "A", Value: "two"}}}, {Pattern: "feature/**"}}
	want := App{
		AppID: "d1", DefaultBranch: "trunk", Image: "amplify:al2023", Size: "large", Timeout: time.Hour, WatchPaths: []string{"packages/**"},
		Console: runner.Console{Env: env, Branches: branches},
	}
	if diff := cmp.Diff(want, s.For("")); diff != "" {
		t.Error(diff)
	}
	web := want
	web.AppID, web.Size = "d2", "standard"
	web.Console.Env = append(env, engine.Var{Name: "A", Value: "web"})
	web.Console.Branches = append(branches, runner.BranchEnv{Pattern: "main", Env: []engine.Var{{Name: "A", Value: "web-main"}}})
	if diff := cmp.Diff(web, s.For("/apps/web/")); diff != "" {
		t.Error(diff)
	}
}

// Everything that is wrong is said at once, with its place.
func TestProblems(t *testing.T) {
	t.Parallel()
	src := `size: huge
timeout: soon
branch: { main: {} }
env: [A]
branches: { main: { image: x } }
applications:
  - env: { A: [1] }
image: [a]
`
	_, found := Parse("preamp.yml", []byte(src))
	var got []string
	for _, d := range found {
		got = append(got, d.Span.Start.String()+" "+d.Message)
	}
	want := []string{
		`1:7 there is no instance size "huge"`,
		`2:10 "soon" is no length of time`,
		`3:1 the file has no setting "branch"`,
		`4:6 env must be a map, not a list`,
		`5:21 a branch has no setting "image"`,
		`7:15 the value of A must be a single value, not a list`,
		`7:5 an application needs its appRoot`,
		`8:8 this must be a single value, not a list`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("applications: {a: &a [*a]}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, found := Parse("preamp.yml", src)
		if found.HasErrors() {
			var b strings.Builder
			if err := buildspec.Render(&b, found, src); err != nil {
				t.Fatal(err)
			}
			return
		}
		if a := s.For(""); a.Size != "" && runner.Sizes[a.Size].Memory == 0 {
			t.Errorf("accepted the size %q", a.Size)
		}
	})
}
