package buildlog

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape is what the tests look at of a log: one line for each thing that it tells.
func shape(l *Log) []string {
	var out []string
	add := func(s ...string) { out = append(out, strings.Join(s, " ")) }
	for name, f := range map[string]Fact{"commit": l.Commit, "image": l.Image, "headers": l.Headers, "files": l.Files, "dir": l.Dir} {
		if f.Known() {
			add(name, f.Value)
		}
	}
	for _, u := range l.Updates {
		add("update", u.Pkg, u.Version, map[bool]string{true: "ok", false: "failed"}[u.OK])
	}
	for tool, v := range l.Versions {
		add("version", tool, v.Value)
	}
	for section, why := range l.Skips {
		add("skip", section, why.Value)
	}
	slices.Sort(out)
	for _, c := range l.Commands {
		add("command", c.Where(), c.Text, string(c.Outcome), strconv.Itoa(c.Code))
		for _, at := range c.Output {
			add("  ", l.Lines[at].Text)
		}
	}
	for _, f := range l.Failures {
		add("failure", f.Value)
	}
	flags := map[string]bool{"old": l.Old, "ours": l.Ours, "cut": l.Cut, "ended": l.Ended, "failed": l.Failed}
	for _, name := range []string{"cut", "ended", "failed", "old", "ours"} {
		if flags[name] {
			add(name)
		}
	}
	return out
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, log string
		want      []string
	}{
		{
			"service, failed", `2025-05-16T20:10:40.920Z [INFO]: # Cloning repository: git@git.example.com:o/r.git
2025-05-16T20:10:41.684Z [INFO]: # Switching to commit: f5d9614511ac98c9b2dc09b7effc028b28bb3da1
2025-05-16T20:10:41.761Z [INFO]: # Checking for Git submodules at: /codebuild/output/src1/src/r/.gitmodules
2025-05-16T20:10:46.345Z [INFO]: ## Starting Backend Build
                                 ## Checking for associated backend environment...
                                 ## Completed Backend Build
                                 ## Starting Frontend Build
                                 # Starting phase: build
                                 # Executing command: cd frontend
2025-05-16T20:10:46.386Z [INFO]: # Executing command: npm ci
2025-05-16T20:11:06.280Z [WARNING]: npm warn one
                                    # no marker
2025-05-16T20:11:06.416Z [ERROR]: !!! Build failed
2025-05-16T20:11:06.416Z [ERROR]: !!! Error: Command failed with exit code 13
2025-05-16T20:11:06.417Z [INFO]: # Starting environment caching...
2025-05-16T20:11:06.417Z [INFO]: # Environment caching completed
`,
			[]string{
				"commit f5d9614511ac98c9b2dc09b7effc028b28bb3da1", "dir /codebuild/output/src1/src/r", "command frontend.build cd frontend ok 0",
				"command frontend.build npm ci failed 13", "   npm warn one", "   # no marker", "ended", "failed",
			},
		},
		{
			"earlier runner, cut at its beginning", "# Executing command: amplifyPushX\n2019-09-14T13:15:35.531Z [WARNING]: /codebuild/output/src4/src/f/amplify.sh: line 5: amplifyPushX: command not found\n" +
				"2019-09-14T13:15:35.533Z [ERROR]: !!! Build failed\r\n2019-09-14T13:15:35.670Z [ERROR]: !!! Non-Zero Exit Code detected\r\nTerminating logging...\r\n",
			[]string{"command  amplifyPushX failed -1", "   /codebuild/output/src4/src/f/amplify.sh: line 5: amplifyPushX: command not found", "cut", "ended", "failed", "old"},
		},
		{
			"live updates with curly quotes, and a stop", "# Patching NPM package ‘@aws-amplify/cli’ from 12.8.2 to 12.10.1...\n# Done patching NPM package ‘@aws-amplify/cli’ to version 12.10.1\n# Now using Node version 17\n## Starting Tests\n# Starting phase: test\n# Executing command: node --version\nv22.1.0\n",
			[]string{"update @aws-amplify/cli 12.10.1 ok", "update node 17 ok", "command test.test node --version stopped 0", "   v22.1.0", "cut"},
		},
		{
			"customer error", "[INFO]: # Cloning repository: x\n[ERROR]: !!! CustomerError: Missing frontend definition in buildspec\n[INFO]: # Starting environment caching...",
			[]string{"failure CustomerError: Missing frontend definition in buildspec", "ended", "failed"},
		},
		{
			"plain", "preamp     build b on docker 28, timeout 30m\nsource     r: main 4f2a9c81 \"S\" (0.4s)\nimage      preamp/debian:latest 0123\n== frontend\n-- frontend build\n$ yarn build\nyarn run v1.22.22\n$ vite build\nsource of wisdom\nresults    none\n   2.1s\n" +
				"$ exit 3\nwarning    something\n   exit code 3 after 0.1s\nfailed     amplify.yml:3: a command of frontend.build failed with exit code 3: exit 3\nfailed     in 3s\n",
			[]string{
				"commit 4f2a9c81", "image preamp/debian:latest", "version yarn 1.22.22", "command frontend.build yarn build ok 0", "   yarn run v1.22.22", "   $ vite build",
				"   source of wisdom", "   results    none", "command frontend.build exit 3 failed 3", "ended", "failed", "ours",
			},
		},
		{
			"events", `{"type":"source-ready","commit":"4f2a9c81"}` + "\n" + `{"type":"skipped","what":"backend","code":"no-changes","why":"same"}` + "\n" +
				`{"type":"command-started","section":"frontend","phase":"build","text":"a\n  b\n"}` + "\n" + `{"type":"output","text":"on"}` + "\n" + `{"type":"output","text":"e\ntwo"}` + "\nnonsense\n" +
				`{"type":"command-ended","code":2}` + "\n" + `{"type":"failed","failure":{"class":"output","message":"m","service":"CustomerError: s"}}` + "\n" + `{"type":"build-ended"}`,
			[]string{"commit 4f2a9c81", "skip backend same", "command frontend.build a failed 2", "   one", "   two", "failure CustomerError: s", "ended", "failed", "ours"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := Parse("x", []byte(tt.log))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, shape(l)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotALog(t *testing.T) {
	for name, tt := range map[string]struct{ log, says, hint string }{
		"deploy step": {"2023-11-13T07:48:46 [INFO]: Beginning deployment for application d2, branch:b, buildId 0000000005\n2023-11-13T07:48:47 [INFO]: Got archive: 455078 bytes\n", "deploy step", "under Build"},
		"something":   {"# A readme\n\nwith text\n", "not the log of a build", "Build"},
		"empty":       {"", "not the log of a build", "Build"},
		"binary":      {"\x00\x01\xff\xfe", "not the log of a build", "Build"},
	} {
		_, err := Parse("x.log", []byte(tt.log))
		var no *NotALogError
		if !errors.As(err, &no) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(no.Hint, tt.hint) {
			t.Errorf("%s: Parse = %v, want %q with the hint %q", name, err, tt.says, tt.hint)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open of nothing = %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "build.log") {
		t.Errorf("Open of an empty folder = %v", err)
	}
	write("build.log", "== frontend\n-- frontend build\n$ a\n  b\n$ not a command\n$ c\n")
	if l, err := Open(dir); err != nil || len(l.Commands) != 3 {
		t.Errorf("Open without a result = %+v, %v", l, err)
	}
	write("result.json", `{"sections":[{"name":"frontend","phases":[{"name":"build","commands":[{"text":"a\nb"},{"text":"c","code":137,"oom":true}]}]}],"envNames":["X"],"artifacts":{"files":3}}`)
	l, err := Open(filepath.Join(dir, "build.log"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"files 3", "command frontend.build a ok 0", "   $ not a command", "command frontend.build c failed 137", "ours"}
	if diff := cmp.Diff(want, shape(l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !l.Commands[1].OOM || !cmp.Equal(l.EnvNames, []string{"X"}) {
		t.Errorf("the result is not used: %+v", l)
	}
	write("result.json", "{")
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "result.json") {
		t.Errorf("Open with half a result = %v", err)
	}
}

// FuzzParse holds that everything a log tells is in it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"2025-05-16T20:10:46.386Z [INFO]: # Executing command: npm ci\nx\n!!! Build failed\n!!! Error: Command failed with exit code 1",
		"0\n# Starting phase: build\n1\n# Executing command: a\n2\n!!!Invalid\n3\nTerminating logging...",
		"== frontend\n-- frontend build\n$ a\n   exit code 99999999999999999999 after 1s\nfailed     in 3s",
		`{"type":"output","text":"a"}` + "\n" + `{"type":"command-started","text":"x"}` + "\n" + `{"type":"output","text":"a\rb"}`,
		"# Patching NPM package 'a' to b...\n## Skipping Tests, x\n\x1b[31m# NOTE: artifacts: 5 files",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := Parse("x", raw)
		if err != nil {
			return
		}
		in := func(at int) bool { return at == None || at >= 0 && at < len(l.Lines) }
		for _, fact := range append([]Fact{l.Commit, l.Image, l.Headers, l.Files, l.Dir, l.Compute, l.CacheHit}, l.Failures...) {
			if fact.Known() && !in(fact.At) {
				t.Errorf("%q is at line %d of %d", fact.Value, fact.At, len(l.Lines))
			}
		}
		n := strings.Count(string(raw), "\n") + 1
		for i, line := range l.Lines {
			if line.Number < 1 || line.Number > n || i > 0 && line.Number < l.Lines[i-1].Number {
				t.Errorf("line %d has the number %d of %d", i, line.Number, n)
			}
		}
		last := -1
		for _, c := range l.Commands {
			for _, at := range append([]int{c.At}, c.Output...) {
				if !in(at) || at <= last {
					t.Errorf("the command %q has line %d after %d", c.Text, at, last)
				}
				last = at
			}
		}
	})
}
