package compare

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cmd/preamp/internal/buildlog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// edit replaces the one place in a log that holds old.
type edit struct{ old, new string }

// fails ends a log where a command has printed something, as the service does.
const fails = `
2026-04-10T17:59:04.878Z [ERROR]: !!! Build failed
2026-04-10T17:59:04.878Z [ERROR]: !!! Error: Command failed with exit code 1
2026-04-10T17:59:04.878Z [INFO]: # Starting environment caching...
2026-04-10T17:59:04.878Z [INFO]: # Environment caching completed
`

// plantings are logs with one difference planted. The place is told by texts that the found lines hold.
type planting struct {
	name         string
	base         string // a log
	edits        []edit // in the order in which they are made
	cutAfter     string // the rest of the log goes, but for what is added
	add          string
	class        Class
	cloud, build string // texts of the lines that are pointed at
	says         string
}

// TestPlantedInOurLogs finds one difference in a log whose every time, hash, size and id differs too.
func TestPlantedInOurLogs(t *testing.T) {
	const base = "testdata/cloud_again.log"
	tests := []planting{
		{
			name: "node version", base: base, edits: []edit{{"v22.18.0", "v20.19.4"}}, class: Version,
			cloud: "v22.18.0", build: "v20.19.4", says: "node is 22.18.0 in the cloud and 20.19.4 here",
		},
		{
			name: "tool version", base: base, edits: []edit{{"vite v7.1.2", "vite v6.0.1"}}, class: Version,
			cloud: "vite v7.1.2", build: "vite v6.0.1", says: "vite is 7.1.2 in the cloud and 6.0.1 here",
		},
		{
			name: "command", base: base, edits: []edit{{"# Executing command: npm ci", "# Executing command: npm install"}}, class: Command,
			cloud: "command: npm ci", build: "command: npm install", says: "the cloud runs `npm ci`, this build `npm install`",
		},
		{
			name: "command left out", base: base, edits: []edit{{"2026-02-20T10:00:03.973Z [INFO]: # Executing command: npm ci\n", ""}}, class: Command,
			cloud: "command: npm ci", says: "only the cloud runs `npm ci`",
		},
		{
			name: "value of a variable", base: base, edits: []edit{{"API_URL=https://api.example.com", "API_URL="}}, class: Variable,
			cloud: "API_URL=https", build: "API_URL=", says: "API_URL has a value in the cloud and none here",
		},
		{
			name: "missing variable", base: base, edits: []edit{{"API_URL=https://api.example.com", "Error: Environment variable DATABASE_URL is not set"}},
			cutAfter: "DATABASE_URL is not set", add: fails, class: Variable,
			build: "DATABASE_URL is not set", says: "`node check.js` succeeds in the cloud and fails with exit code 1 here",
		},
		{
			name: "exit code", base: base, cutAfter: "transforming...", add: "2026-04-10T17:59:04.877Z [WARNING]: Error: Build failed with 1 error" + fails,
			class: Result, build: "Build failed with 1 error", says: "`npm run build` succeeds in the cloud and fails with exit code 1 here",
		},
		{
			name: "output", base: base, edits: []edit{{"✓ 42 modules transformed.", "✓ 41 modules transformed."}}, class: Output,
			cloud: "42 modules", build: "41 modules",
		},
		{
			name: "memory", base: base, edits: []edit{{"transforming...", "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"}},
			cutAfter: "heap out of memory", add: strings.Replace(fails, "code 1", "code 134", 1), class: Memory, build: "heap out of memory",
		},
		{
			name: "killed", base: base, cutAfter: "transforming...", add: strings.Replace(fails, "code 1", "code 137", 1), class: Memory, build: "transforming...",
		},
		{
			name: "program", base: base, edits: []edit{{"> vite build", "sh: 1: vite: not found"}}, cutAfter: "vite: not found", add: fails, class: Tool,
			build: "vite: not found", says: "vite is not there",
		},
		{
			name: "commit", base: base, edits: []edit{{"Switching to commit: 4f2a9c81", "Switching to commit: 5f2a9c81"}}, class: Commit,
			cloud: "commit: 4f2a", build: "commit: 5f2a",
		},
		{
			name: "live update", base: base, edits: []edit{{"to version 12.10.1", "to version 12.11.0"}}, class: Update, cloud: "12.10.1...", build: "12.10.1...",
		},
		{
			name: "artifacts", base: base, edits: []edit{{"# Starting build artifact upload process...", "!!! CustomerError: Artifact directory doesn't exist: dist"}},
			cutAfter: "doesn't exist: dist", class: Artifacts, build: "doesn't exist: dist", says: "only this build failed",
		},
		{
			name: "headers", base: base, edits: []edit{{"# No custom headers found.", "Found customHttp.yml, applying custom headers..."}}, class: Headers,
			cloud: "No custom headers", build: "Found customHttp.yml",
		},
		{
			name: "timeout", base: base, cutAfter: "rendering chunks", class: Timeout, build: "rendering chunks", says: "does not end here",
		},
		{
			name: "specification", base: base, cutAfter: "Checking for Git submodules", class: Spec,
			add:   "2026-04-17T17:57:00.932Z [ERROR]: !!! CustomerError: Unable to parse build spec: duplicated mapping key (9:1)\n",
			build: "duplicated mapping key", says: "this build ended before its first command",
		},
		{
			name: "skip", base: base, cutAfter: `{"backendDuration": 0}`, add: "2026-04-10T17:59:04.877Z [INFO]: ## Skipping Frontend Build & Deploy, No changes detected...\n",
			class: Skip, cloud: "## Starting Frontend Build",
		},
		{name: "artifact files", base: "testdata/out/build.log", edits: []edit{{"artifacts  5 files", "artifacts  4 files"}}, class: Artifacts, build: "4 files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cloud := parse(t, "testdata/cloud.log", read(t, "testdata/cloud.log"))
			if strings.HasSuffix(tt.base, "build.log") {
				cloud = parse(t, tt.base, read(t, tt.base))
			}
			tt.run(t, cloud)
		})
	}
}

// TestPlantedInRealLogs does the same with logs of the service.
func TestPlantedInRealLogs(t *testing.T) {
	dir := os.Getenv("PREAMP_AMPLIFY_LOGS")
	if dir == "" {
		t.Skip("needs PREAMP_AMPLIFY_LOGS, a folder of logs of the service")
	}
	tests := []planting{
		{name: "node version", base: "01", edits: []edit{{"v22.18.0", "v20.19.4"}}, class: Version, cloud: "v22.18.0", build: "v20.19.4"},
		{name: "npm version", base: "01", edits: []edit{{"[INFO]: 10.9.3", "[INFO]: 11.0.0"}}, class: Version, cloud: "10.9.3", build: "11.0.0"},
		{name: "framework", base: "01", edits: []edit{{"Next.js 15.5.4", "Next.js 14.2.0"}}, class: Version, cloud: "15.5.4", build: "14.2.0"},
		{name: "command", base: "01", edits: []edit{{"npm ci --legacy-peer-deps --include=dev", "npm ci --include=dev"}}, class: Command, cloud: "--legacy-peer-deps", build: "npm ci --include=dev"},
		{name: "commit", base: "01", edits: []edit{{"commit: 11f29bdb", "commit: 22f29bdb"}}, class: Commit, cloud: "11f29bdb", build: "22f29bdb"},
		{name: "variable", base: "01", edits: []edit{{"> next build", "Error: DATABASE_URL is not defined"}}, cutAfter: "DATABASE_URL is not defined", add: fails, class: Variable, build: "DATABASE_URL"},
		{name: "memory", base: "01", edits: []edit{{"> next build", "<--- JavaScript heap out of memory"}}, cutAfter: "heap out of memory", add: fails, class: Memory, build: "heap out"},
		{name: "command in the middle", base: "01", edits: []edit{{"                                 # Executing command: export NEXT_TELEMETRY_DISABLED=1\n", ""}}, class: Command, cloud: "NEXT_TELEMETRY_DISABLED"},
		{name: "exit code", base: "02", edits: []edit{{"exit code 1", "exit code 127"}}, class: Result, says: "fails with exit code 1 in the cloud and fails with exit code 127 here"},
		{name: "output", base: "02", edits: []edit{{"npm error code EUSAGE", "npm error code E401"}}, class: Output, build: "E401", cloud: "EUSAGE"},
		{name: "folder", base: "03", edits: []edit{{"command: cd frontend", "command: cd web"}}, class: Command, cloud: "cd frontend", build: "cd web"},
		{name: "artifact directory", base: "04", edits: []edit{{"doesn't exist: dist", "doesn't exist: build"}}, class: Artifacts, cloud: "exist: dist", build: "exist: build"},
		{
			name: "artifacts", base: "04", edits: []edit{{"[ERROR]: !!! CustomerError: Artifact directory doesn't exist: dist", "[INFO]: # No custom headers found."}},
			add: "2026-02-20T12:28:20.368Z [INFO]: # Starting environment caching...\n", class: Artifacts, cloud: "doesn't exist", says: "only the cloud failed",
		},
		{name: "live update", base: "07", edits: []edit{{"Now using Node version 17", "Now using Node version 16"}}, class: Update, cloud: "Node version 17", build: "Node version 17"},
		{name: "skip", base: "08", edits: []edit{{"## Skipping Frontend Build & Deploy, No changes detected...", "## Starting Frontend Build"}}, class: Skip, cloud: "## Skipping", build: "## Starting"},
		{name: "specification", base: "09", edits: []edit{{"duplicated mapping key", "bad indentation of a mapping entry"}}, class: Spec, cloud: "duplicated", build: "bad indentation"},
		{name: "old runner", base: "10", edits: []edit{{"line 13: npm: command not found", "line 13: yarn: command not found"}}, class: Output, cloud: "npm: command", build: "yarn: command"},
		{name: "permissions", base: "11", edits: []edit{{"[AccessDeniedError]", "[StackNotFoundError]"}}, class: Output, cloud: "AccessDenied", build: "StackNotFound"},
	}
	for _, tt := range tests {
		t.Run(tt.base+" "+tt.name, func(t *testing.T) {
			found, err := filepath.Glob(filepath.Join(dir, tt.base+"_*"))
			if err != nil || len(found) != 1 {
				t.Fatalf("%d logs begin with %s_: %v", len(found), tt.base, err)
			}
			tt.base = found[0]
			tt.run(t, parse(t, "cloud.log", read(t, found[0])))
		})
	}
}

// run plants, gives the noise of another build, and compares.
func (p planting) run(t *testing.T, cloud *buildlog.Log) {
	t.Helper()
	raw := read(t, p.base)
	for _, e := range p.edits {
		if strings.Count(raw, e.old) < 1 {
			t.Fatalf("%s does not hold %q", p.base, e.old)
		}
		raw = strings.Replace(raw, e.old, e.new, 1)
	}
	if p.cutAfter != "" {
		i := strings.LastIndex(raw, p.cutAfter)
		if i < 0 {
			t.Fatalf("%s does not hold %q", p.base, p.cutAfter)
		}
		raw = raw[:i+len(p.cutAfter)] + "\n"
	}
	raw = otherNoise(raw + p.add)
	report := Compare(cloud, parse(t, "build.log", raw))
	if len(report.Differences) == 0 {
		t.Fatal("the planted difference is not found")
	}
	d := report.Differences[0]
	if d.Class != p.class || !strings.Contains(d.Message, p.says) || !strings.Contains(d.Cloud.Text, p.cloud) || !strings.Contains(d.Build.Text, p.build) {
		t.Errorf("found %+v\nwant class %q, message with %q, lines with %q and %q", d, p.class, p.says, p.cloud, p.build)
	}
	// The number is that of the line in the file.
	if all := strings.Split(raw, "\n"); d.Build.Line > 0 && !strings.Contains(all[d.Build.Line-1], d.Build.Text) {
		t.Errorf("line %d of the build is %q and not %q", d.Build.Line, all[d.Build.Line-1], d.Build.Text)
	}
	// What follows from it may be told too, but there is no second cause.
	for _, more := range report.Differences[1:] {
		if more.Class == p.class && more.Where == d.Where && p.class != Command {
			t.Errorf("also found %+v", more)
		}
	}
}

// noisy are the things of a log that another build of the same has in another form. They are written independently of
// the rules that are tested.
var noisy = []struct {
	find *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?m)^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`), "2031-07-09T23:58:01.007Z"},
	{regexp.MustCompile(`output/src\d+/`), "output/src111222333/"},
	{regexp.MustCompile(`/amplify/d[0-9a-z]+/`), "/amplify/dzz9zz9zz9zz9/"},
	{regexp.MustCompile(`\bin \d+s\b`), "in 2m"},
	{regexp.MustCompile(`\bin 851ms\b`), "in 4s"},
	{regexp.MustCompile(`\b(?:901|899) packages`), "903 packages"},
	{regexp.MustCompile(`5:59:04 PM`), "11:02:59 AM"},
	{regexp.MustCompile(`2025-05-16T19_28_03_841Z`), "2031-07-09T23_58_01_007Z"},
	{regexp.MustCompile(`"backendDuration": \d+`), `"backendDuration": 7`},
	{regexp.MustCompile(`AWSCodeBuild-[0-9a-f-]{36}`), "AWSCodeBuild-01234567-89ab-4cde-8f01-23456789abcd"},
}

func otherNoise(s string) string {
	for _, n := range noisy {
		s = n.find.ReplaceAllString(s, n.with)
	}
	return s
}

// TestEqualPairs compares logs of the same build in other forms, with everything else that ever differs.
func TestEqualPairs(t *testing.T) {
	cloud := read(t, "testdata/cloud.log")
	again := read(t, "testdata/cloud_again.log")
	times := regexp.MustCompile(`(?m)^\S+Z \[[A-Z]+\]: |^ {33}`)
	levels := regexp.MustCompile(`(?m)^\S+Z (\[[A-Z]+\]: )`)
	tests := []struct {
		name  string
		build func(t *testing.T) *buildlog.Log
	}{
		{"itself", func(t *testing.T) *buildlog.Log { return parse(t, "b", cloud) }},
		{"another build", func(t *testing.T) *buildlog.Log { return parse(t, "b", again) }},
		{"Windows line ends", func(t *testing.T) *buildlog.Log { return parse(t, "b", strings.ReplaceAll(again, "\n", "\r\n")) }},
		{"without times", func(t *testing.T) *buildlog.Log { return parse(t, "b", times.ReplaceAllString(again, "")) }},
		{"without times, with levels", func(t *testing.T) *buildlog.Log { return parse(t, "b", levels.ReplaceAllString(again, "$1")) }},
		{"with the console's line numbers", func(t *testing.T) *buildlog.Log { return parse(t, "b", numberLines(again, "\t")) }},
		{"with line numbers between", func(t *testing.T) *buildlog.Log { return parse(t, "b", numberLines(again, "\n")) }},
		{"coloured, from a web page", func(t *testing.T) *buildlog.Log {
			return parse(t, "b", "\ufeff"+strings.NewReplacer("✓", "\x1b[32m✓\x1b[39m", "  ", "\u00a0 ").Replace(again))
		}},
		{"its streams in another order", func(t *testing.T) *buildlog.Log {
			return parse(t, "b", strings.Replace(strings.Replace(again, "all 7 checks passed", "@", 1), "API_URL=https://api.example.com", "all 7 checks passed\nAPI_URL=https://api.example.com", 1))
		}},
		{"preamp's folder", func(t *testing.T) *buildlog.Log { return open(t, "testdata/out") }},
		{"preamp's log beside its result", func(t *testing.T) *buildlog.Log { return open(t, "testdata/out/build.log") }},
		{"preamp's events", func(t *testing.T) *buildlog.Log { return open(t, "testdata/events.json") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.build(t)
			for _, pair := range [][2]*buildlog.Log{{parse(t, "cloud.log", cloud), b}, {b, parse(t, "cloud.log", cloud)}} {
				r := Compare(pair[0], pair[1])
				if tt.name == "its streams in another order" {
					r.Differences = slices.DeleteFunc(r.Differences, func(d Difference) bool { return strings.Contains(d.Build.Text+d.Cloud.Text, "@") })
				}
				if len(r.Differences) > 0 || r.Compared != 5 {
					t.Errorf("%d commands compared; differences: %+v", r.Compared, r.Differences)
				}
			}
		})
	}
}

func numberLines(s, sep string) string {
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		b.WriteString(strings.Join([]string{itoa(i), sep, line, "\n"}, ""))
	}
	return b.String()
}

func itoa(i int) string {
	raw, _ := json.Marshal(i)
	return string(raw)
}

// TestEqualRealLogs holds that no real log differs from itself with other noise.
func TestEqualRealLogs(t *testing.T) {
	dir := os.Getenv("PREAMP_AMPLIFY_LOGS")
	if dir == "" {
		t.Skip("needs PREAMP_AMPLIFY_LOGS, a folder of logs of the service")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no logs in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw := read(t, file)
			if strings.Contains(file, "deploy_step") {
				_, err := buildlog.Parse(file, []byte(raw))
				if err == nil || !strings.Contains(err.Error(), "deploy step") {
					t.Errorf("Parse = %v, want the hint that this is the deploy step's log", err)
				}
				return
			}
			r := Compare(parse(t, "a", raw), parse(t, "b", strings.ReplaceAll(otherNoise(raw), "\n", "\r\n")))
			if !r.Equal {
				t.Errorf("differences: %+v", r.Differences)
			}
		})
	}
}

// TestText holds the form of a report for people.
func TestText(t *testing.T) {
	cloud := parse(t, "cloud.log", read(t, "testdata/cloud.log"))
	build := parse(t, "build.log", strings.NewReplacer("v22.18.0", "v20.19.4", "✓ 42 modules", "✓ 41 modules", "8GiB Memory", "4GiB Memory", "API_URL=https://api.example.com", "API_URL=").Replace(read(t, "testdata/cloud_again.log")))
	for _, tt := range []struct {
		name string
		r    *Report
		o    Options
	}{
		{"first", Compare(cloud, build), Options{}},
		{"all", Compare(cloud, build), Options{All: true}},
		{"equal", Compare(cloud, cloud), Options{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got bytes.Buffer
			if err := tt.r.Text(&got, tt.o); err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/report_"+tt.name+".txt", got.Bytes())
		})
	}
	var got bytes.Buffer
	if err := Compare(cloud, build).JSON(&got); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.json", got.Bytes())
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read(t, file), string(got)); diff != "" {
		t.Errorf("not as in %s (-want +got):\n%s", file, diff)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func parse(t *testing.T, name, raw string) *buildlog.Log {
	t.Helper()
	l, err := buildlog.Parse(name, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func open(t *testing.T, name string) *buildlog.Log {
	t.Helper()
	l, err := buildlog.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
