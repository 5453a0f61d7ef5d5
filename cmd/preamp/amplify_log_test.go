package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// TestCustomerErrors holds the service's texts for what is wrong with a specification or its output: sections 1.3, 1.4 and
// 2.4, log 15. Each is provoked by a real build.
func TestCustomerErrors(t *testing.T) {
	const artifacts = "\n  artifacts: { baseDirectory: /, files: ['*.html'] }\n"
	tests := []struct {
		name, spec string
		args       []string
		want       []string
	}{
		{"no frontend", "version: 1\nbackend:\n  phases: { build: { commands: [echo] } }\n", nil, []string{"!!! CustomerError: Missing frontend definition in buildspec"}},
		{"no applications", "version: 1\nfrontend:\n  phases: {}" + artifacts, []string{"--app-root", "apps/web"}, []string{`!!! CustomerError: Monorepo spec provided without "applications" key`}},
		{"no appRoot", "version: 1\napplications:\n  - frontend:\n      phases: {}\n      artifacts: { baseDirectory: /, files: ['*.html'] }\n", nil, []string{`!!! CustomerError: Invalid Monorepo spec provided. The "appRoot" key needs to be a string`}},
		{
			"another appRoot", "version: 1\napplications:\n  - appRoot: apps/web\n    frontend:\n      phases: {}\n      artifacts: { baseDirectory: /, files: ['*.html'] }\n",
			[]string{"--app-root", "dashboard"},
			[]string{"!!!Invalid monorepo spec, no appRoot matching dashboard found", "!!!Invalid monorepo app root, please set correct AMPLIFY_MONOREPO_APP_ROOT environment variable"},
		},
		{"empty artifacts", "version: 1\nfrontend:\n  phases: {}\n  artifacts: { baseDirectory: dist, files: [] }\n", nil, []string{"!!! CustomerError: Invalid artifact file paths provided in build spec"}},
		{"no folder", "version: 1\nfrontend:\n  phases: {}\n  artifacts: { baseDirectory: dist, files: ['**/*'] }\n", nil, []string{"!!! CustomerError: Artifact directory doesn't exist: dist"}},
		{"no YAML", "version: 1\nfrontend:\nfrontend:\n", nil, []string{"!!! CustomerError: Unable to parse build spec: duplicated mapping key (3:1)"}},
		{"exit code", "version: 1\nfrontend:\n  phases: { build: { commands: [exit 7] } }" + artifacts, nil, []string{"!!! Build failed", "!!! Error: Command failed with exit code 7"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, line := range buildHere(t, documentedCase{spec: tt.spec, args: tt.args, files: map[string]string{"apps/web/x": "", "dashboard/x": ""}}) {
				if strings.HasPrefix(line, "!!!") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDocumentedCases lays the structure of our logs beside that of the service's. Its markers are in testdata; with
// PREAMP_AMPLIFY_LOGS they are held to the logs themselves, and -update takes them from there.
func TestDocumentedCases(t *testing.T) {
	logs := os.Getenv("PREAMP_AMPLIFY_LOGS")
	for _, tt := range documentedCases() {
		t.Run(tt.log+" "+tt.name, func(t *testing.T) {
			want := serviceMarkers(t, logs, tt)
			got := markersOf(buildHere(t, tt))
			for marker, why := range tt.differs {
				if strings.HasPrefix(why, "+") {
					got = slices.DeleteFunc(got, func(s string) bool { return s == marker })
					continue
				}
				n := len(want)
				if want = slices.DeleteFunc(want, func(s string) bool {
					return s == marker || strings.HasPrefix(marker, "B") && strings.HasPrefix(s, marker) || strings.HasPrefix(marker, "R") && strings.HasPrefix(s, marker)
				}); len(want) == n {
					t.Errorf("%q is said to differ (%s), but the service does not print it in this case", marker, why)
				}
			}
			if !contains(got, want) {
				t.Errorf("the service's markers are not in ours, in one piece (section %s); -service +ours:\n%s", tt.section, cmp.Diff(want, got))
			}
		})
	}
}

// contains tells whether part is one piece of whole.
func contains(whole, part []string) bool {
	for i := 0; i+len(part) <= len(whole); i++ {
		if slices.Equal(whole[i:i+len(part)], part) {
			return len(part) > 0
		}
	}
	return false
}

// serviceMarkers are the markers of the case's log.
func serviceMarkers(t *testing.T, logs string, c documentedCase) []string {
	t.Helper()
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(c.log+" "+c.name), "_")
	file := filepath.Join("testdata", "markers", name+".txt")
	if logs != "" {
		found, err := filepath.Glob(filepath.Join(logs, c.log+"_*"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%d logs begin with %s_: %v", len(found), c.log, err)
		}
		raw, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		have := strings.Join(markersOf(between(t, strings.Split(string(raw), "\n"), c.from, c.to)), "\n") + "\n"
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(have), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(have, string(want)); diff != "" {
			t.Errorf("%s is not what the service's log has (-log +file):\n%s", file, diff)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

// between cuts the lines of a case out of a log. A text may say after which other text it is looked for, behind an @.
func between(t *testing.T, lines []string, from, to string) []string {
	t.Helper()
	find := func(text string, start int) int {
		text, mark, _ := strings.Cut(text, "@")
		for i := start; i < len(lines); i++ {
			if mark != "" && strings.Contains(lines[i], mark) {
				mark = ""
			}
			if mark == "" && strings.Contains(lines[i], text) {
				return i
			}
		}
		t.Fatalf("the log does not hold %q", text)
		return 0
	}
	first, last := 0, len(lines)-1
	if from != "" {
		first = find(from, 0)
	}
	if to != "" {
		last = find(to, first)
	}
	return lines[first : last+1]
}

// forms are the markers that have something in them that differs from build to build.
var forms = []struct {
	find *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`^# (?:SOURCE|The console numbers|Lines with no|https:|Evidence|Shows|\(npm's log|#\d+ )`), ""},
	{regexp.MustCompile(`^# NOTE: Set the AMPLIFY_DIFF_DEPLOY_ROOT`), "# NOTE: Set the AMPLIFY_DIFF_DEPLOY_ROOT"},
	{regexp.MustCompile(`^# NOTE: `), ""}, // ours
	{regexp.MustCompile(`^# Build environment configured with `), "# Build environment"},
	{regexp.MustCompile(`^# Cloning repository: `), "# Cloning repository: *"},
	{regexp.MustCompile(`^Cloning into '[^/']*'\.\.\.$`), "Cloning into *"},
	{regexp.MustCompile(`^# Switching to commit: `), "# Switching to commit: *"},
	{regexp.MustCompile(`^Note: switching to '`), "Note: switching to *"},
	{regexp.MustCompile(`^HEAD is now at `), "HEAD is now at *"},
	{regexp.MustCompile(`^# Checking for Git submodules at: `), "# Checking for Git submodules at: *"},
	{regexp.MustCompile(`^! (?:Unable to write cache|No environment cache)`), "! environment cache"},
	{regexp.MustCompile(`^# Retrieved environment cache`), "! environment cache"},
	{regexp.MustCompile(`^SSM params `), "SSM params"},
	{regexp.MustCompile(`^!Failed to set up process\.env\.secrets`), ""}, // depends on what is in the parameter store
	{regexp.MustCompile(`^# Executing command: # `), ""},                 // a comment, which the runner of earlier years did not print
	{regexp.MustCompile(`^# Executing command:`), ""},                    // what is run is the specification's
	{regexp.MustCompile(`^\{"backendDuration": \d+\}`), `{"backendDuration": *}`},
	{regexp.MustCompile(`^# Last built commit: `), "# Last built commit: *"},
	{regexp.MustCompile(`^# Node version \S+ is available for installation`), "# Node version * is available for installation"},
	{regexp.MustCompile(`^# (Installing|Now using) Node version `), "# $1 Node version *"},
	{regexp.MustCompile(`^# (Patching|Done patching) NPM package `), "# $1 NPM package *"},
	{regexp.MustCompile(`^# Installed `), "# Installed *"},
	{regexp.MustCompile(`^# (Cache|Build) artifact is: `), "# $1 artifact is: *"},
	{regexp.MustCompile(`^!!! (?:Non-Zero Exit Code detected|Error: Command failed with exit code \d+)`), "!!! Error: Command failed"},
	{regexp.MustCompile(`^# (Start initializing|Initializing new|Initializing existing|Done initializing) Amplify environment: `), "# $1 Amplify environment: *"},
	{regexp.MustCompile(`^BackendEnvironment name `), "BackendEnvironment name"},
	{regexp.MustCompile(`^Random environment name `), "Random environment name"},
	{regexp.MustCompile(`^(?:# )?(Creating cache artifact\.\.\.|No custom headers found\.)`), "# $1"},
	{regexp.MustCompile(`^(-+\^|\d+ \| .*)$`), "$1"}, // the excerpt of a parse error
	{regexp.MustCompile(`^# Uploading build artifact '(\w+\.zip)'`), "# Uploading build artifact '$1'..."},
	{regexp.MustCompile(`^(Found customHttp\.yml, applying custom headers\.\.\.|Terminating logging\.\.\.|Successfully cleaned up Git credentials)`), "$1"},
}

// markersOf are the lines of the runner, without what differs from build to build.
func markersOf(lines []string) []string {
	var out []string
	for _, line := range lines {
		line = strings.NewReplacer("‘", "'", "’", "'").Replace(plainLine(line))
		matched := false
		for _, f := range forms {
			if m := f.find.FindStringSubmatchIndex(line); m != nil {
				if name := string(f.find.ExpandString(nil, f.name, line, m)); name != "" {
					out = append(out, name)
				}
				matched = true
				break
			}
		}
		if !matched && (strings.HasPrefix(line, "#") || strings.HasPrefix(line, "!!!") || strings.HasPrefix(line, "----")) {
			out = append(out, line)
		}
	}
	return out
}

var lineHead = regexp.MustCompile(`^\S+Z \[[A-Z]+\]: ?`)

func plainLine(s string) string { return strings.TrimSpace(lineHead.ReplaceAllString(s, "")) }

// buildHere does the build of a case and gives the lines of the log in the service's form.
func buildHere(t *testing.T, c documentedCase) []string {
	t.Helper()
	t.Setenv("PREAMP_ENGINE", "host")
	if c.docker {
		dockertest.Image(t, dockertest.Engine(t, docker.Options{}))
		t.Setenv("PREAMP_ENGINE", "docker")
	}
	if c.cli {
		bin := t.TempDir()
		sourcetest.Write(t, bin, map[string]string{"amplify*": "#!/bin/sh\necho \"amplify $*\"\ncase \"$1 $2\" in 'env get') echo '{}' ;; esac\n"})
		t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	}
	t.Setenv("PREAMP_HOME", t.TempDir())
	dir := repoWith(t, c.spec)
	sourcetest.Write(t, dir, c.files)
	args := append([]string{"build", dir, "--log", "amplify", "--out", filepath.Join(t.TempDir(), "out")}, c.args...)
	if c.commit {
		if len(c.files) > 0 {
			initRepo(t, dir) // commits them too
		}
		args = append(args, "--commit", "HEAD")
	}
	_, out := preamp(t, args...)
	if c.again {
		_, out = preamp(t, args...)
	}
	var lines []string
	for _, line := range strings.Split(out, "\n") {
		lines = append(lines, plainLine(line))
	}
	return lines
}
