package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/preamp-build/preamp"

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name          string
		in            []string
		requireDocker bool
		ok            bool
		want          string
	}{
		{
			name: "subtests count, their parents do not",
			in: []string{
				`{"Action":"run","Package":"` + module + `/cache","Test":"TestA"}`,
				`{"Action":"run","Package":"` + module + `/cache","Test":"TestA/x/y"}`,
				`{"Action":"pass","Package":"` + module + `/cache","Test":"TestA/x/y"}`,
				`{"Action":"run","Package":"` + module + `/cache","Test":"TestA/z"}`,
				`{"Action":"pass","Package":"` + module + `/cache","Test":"TestA/z"}`,
				`{"Action":"pass","Package":"` + module + `/cache","Test":"TestA"}`,
				`{"Action":"pass","Package":"` + module + `/cache","Elapsed":1.26}`,
				`{"Action":"skip","Package":"` + module + `/images"}`,
			},
			ok: true,
			want: `ok       1.3s  cache

2 passed, 0 failed, 0 skipped
`,
		},
		{
			name: "skips have reasons",
			in: []string{
				`{"Action":"run","Package":"` + module + `/cache","Test":"TestA"}`,
				`{"Action":"output","Package":"` + module + `/cache","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"` + module + `/cache","Test":"TestA","Output":"    a_test.go:3: needs a container engine:\n"}`,
				`{"Action":"output","Package":"` + module + `/cache","Test":"TestA","Output":"        no socket\n"}`,
				`{"Action":"output","Package":"` + module + `/cache","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}`,
				`{"Action":"skip","Package":"` + module + `/cache","Test":"TestA"}`,
				`{"Action":"pass","Package":"` + module + `/cache","Elapsed":0.1}`,
			},
			ok: true,
			want: `ok       0.1s  cache: all skipped

Skipped:
  cache TestA: needs a container engine: no socket

0 passed, 0 failed, 1 skipped
`,
		},
		{
			name: "Docker-backed skips can be forbidden",
			in: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: needs git\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestB","Output":"    a_test.go:3: needs the image x\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestB"}`,
				`{"Action":"output","Package":"p","Test":"TestC","Output":"    a_test.go:3: needs a dockerd that starts\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestC"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			requireDocker: true,
			want: `ok       0.0s  p: all skipped

Skipped:
  p TestA: needs git
  p TestB: needs the image x  <- not allowed here
  p TestC: needs a dockerd that starts  <- not allowed here

2 of the skipped tests need a container engine or its image, and they must run here.
0 passed, 2 failed, 1 skipped
`,
		},
		{
			name: "failures in full",
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestA/x"}`,
				`{"Action":"output","Package":"p","Test":"TestA/x","Output":"    a_test.go:9: got 1\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA/x","Output":"    --- FAIL: TestA/x (0.00s)\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA/x"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestB","Output":"never shown\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestB"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\n"}`,
				`{"Action":"fail","Package":"p","Elapsed":2}`,
			},
			want: `FAIL     2.0s  p: 1 failed
    --- FAIL: TestA (0.00s)
        a_test.go:9: got 1
        --- FAIL: TestA/x (0.00s)

1 passed, 1 failed, 0 skipped
`,
		},
		{
			name: "does not compile",
			in: []string{
				`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/a.go:1:1: undefined: x\n"}`,
				`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			},
			want: `FAIL     0.0s  p: does not compile
    p/a.go:1:1: undefined: x

0 passed, 1 failed, 0 skipped
`,
		},
		{
			name: "killed",
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:9: waiting\n"}`,
			},
			want: `FAIL     0.0s  p: 1 failed
        a_test.go:9: waiting
    The run ended before this package did.

0 passed, 1 failed, 0 skipped
`,
		},
		{
			name: "nothing",
			in:   []string{"go: cannot find main module"},
			want: `go: cannot find main module

No test was run.
0 passed, 0 failed, 0 skipped
`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := run(strings.NewReader(strings.Join(tc.in, "\n")), &out, tc.requireDocker)
			if err != nil {
				t.Fatal(err)
			}
			if ok != tc.ok {
				t.Errorf("ok: %v, want %v", ok, tc.ok)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
