package images

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// instruction is one instruction of a Dockerfile, its continuation lines joined.
type instruction struct {
	line       int
	name, rest string
}

// knownInstructions are those of Docker's classic builder.
var knownInstructions = strings.Fields("ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR")

// parseDockerfile returns the instructions and what is wrong with the form of
// the file.
func parseDockerfile(text string) (out []instruction, problems []string) {
	problem := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
	}
	open := false
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		n := i + 1
		if strings.TrimRight(line, " \t\r") != line {
			problem(n, "white space at its end")
		}
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "#") {
			continue
		}
		if trimmed == "" {
			if open {
				problem(n, "empty line inside an instruction")
			}
			continue
		}
		body, continues := strings.CutSuffix(trimmed, "\\")
		if open {
			out[len(out)-1].rest += "\n" + strings.TrimSpace(body)
		} else {
			name, rest, _ := strings.Cut(body, " ")
			if !slices.Contains(knownInstructions, name) {
				problem(n, "unknown instruction %q", name)
			}
			out = append(out, instruction{n, name, strings.TrimSpace(rest)})
		}
		open = continues
	}
	if open {
		problems = append(problems, "the last line continues")
	}
	return out, problems
}

var (
	buildKit  = regexp.MustCompile(`(^|\s)--(mount|network|security|chmod|link|exclude|parents|checksum|keep-git-dir)\b|<<`)
	download  = regexp.MustCompile(`-o (\S+) "(https?://[^"]+)"`)
	exactPin  = regexp.MustCompile(`^\S+:\S*[0-9]{8}\S*$|@sha256:[0-9a-f]{64}$`)
	variables = regexp.MustCompile(`\$\{(\w+)\}`)
)

// lintDockerfile returns everything that breaks our rules for a Dockerfile:
// classic builder only, everything pinned, every download checked.
func lintDockerfile(text string) []string {
	instructions, problems := parseDockerfile(text)
	args := map[string]string{}
	used := map[string]bool{}
	for i, in := range instructions {
		problem := func(format string, a ...any) {
			problems = append(problems, fmt.Sprintf("line %d: ", in.line)+fmt.Sprintf(format, a...))
		}
		for _, m := range variables.FindAllStringSubmatch(in.rest, -1) {
			used[m[1]] = true
		}
		if buildKit.MatchString(in.rest) {
			problem("%s needs BuildKit", in.name)
		}
		if i == 0 && in.name != "ARG" && in.name != "FROM" {
			problem("%s comes before FROM", in.name)
		}
		switch in.name {
		case "ARG":
			name, value, ok := strings.Cut(in.rest, "=")
			if !ok {
				problem("ARG %s has no default", name)
			}
			args[name] = value
		case "FROM":
			base := variables.ReplaceAllStringFunc(in.rest, func(v string) string { return args[v[2:len(v)-1]] })
			if !exactPin.MatchString(base) {
				problem("the base image %q is not pinned", base)
			}
		case "ADD":
			problem("ADD: use COPY for files, and curl with a checksum for downloads")
		case "RUN":
			for _, p := range lintRun(in.rest) {
				problem("%s", p)
			}
		}
	}
	for name := range args {
		if !used[name] {
			problems = append(problems, "ARG "+name+" is never used")
		}
	}
	slices.Sort(problems)
	return problems
}

func lintRun(script string) (problems []string) {
	found := download.FindAllStringSubmatch(script, -1)
	if strings.Count(script, "://") != len(found) {
		problems = append(problems, "a download that is not written as curl -o FILE \"URL\"")
	}
	for _, m := range found {
		file, url := m[1], m[2]
		if !regexp.MustCompile(`\$\{\w+_SHA256\}  ` + regexp.QuoteMeta(file) + `" \| sha256sum -c -`).MatchString(script) {
			problems = append(problems, "the download "+file+" is not checked against a SHA-256")
		}
		if strings.Contains(url, "latest") || !strings.Contains(url, "_VERSION}") {
			problems = append(problems, "the download "+file+" has no version in its URL")
		}
		if !strings.HasPrefix(url, "https://") {
			problems = append(problems, "the download "+file+" is not over HTTPS")
		}
	}
	return problems
}

func TestAL2023Dockerfile(t *testing.T) {
	t.Parallel()
	for _, p := range lintDockerfile(al2023Dockerfile) {
		t.Error(p)
	}
	instructions, _ := parseDockerfile(al2023Dockerfile)
	for _, in := range instructions {
		if in.name != "RUN" {
			continue
		}
		// As the builder does: line ends inside an instruction are no line ends.
		if _, code := run(t, strings.ReplaceAll(in.rest, "\n", " "), "bash", "-n"); code != 0 {
			t.Errorf("line %d: RUN is not a valid shell script", in.line)
		}
	}
	// Amplify's requirements of a custom image that Amazon Linux itself does
	// not fulfil, and what its users' specifications call.
	for _, want := range strings.Fields("git openssh-clients tar gzip unzip zip which procps-ng jq python3-pip make gcc-c++ sudo wget awscli-2 glibc-langpack-en") {
		if !regexp.MustCompile(`(?m)^ +` + regexp.QuoteMeta(want) + ` `).MatchString(al2023Dockerfile) {
			t.Errorf("package %s is not installed", want)
		}
	}
}

// The lint must see what it is there for.
func TestLintDockerfile(t *testing.T) {
	t.Parallel()
	const from = "FROM al:2023.9.20251117.1\n"
	sum := "@sha256:" + strings.Repeat("0a", 32)
	tests := []struct {
		name, in string
		want     []string
	}{
		{"fine", "ARG BASE=al:2023.9.20251117.1\nFROM ${BASE}\nRUN a \\\n    # why\n    b\n", nil},
		{"digest", "FROM al" + sum + "\n", nil},
		{"latest base", "FROM al:latest\n", []string{`line 1: the base image "al:latest" is not pinned`}},
		{"moving base", "ARG B=al:2023\nFROM ${B}\n", []string{`line 2: the base image "al:2023" is not pinned`}},
		{"unknown instruction", from + "RUNN x\n", []string{`line 2: unknown instruction "RUNN"`}},
		{"lower case", from + "run x\n", []string{`line 2: unknown instruction "run"`}},
		{"space after the backslash", from + "RUN a \\ \n", []string{"line 2: white space at its end", "the last line continues"}},
		{"gap", from + "RUN a \\\n\n  b\n", []string{"line 3: empty line inside an instruction"}},
		{"open end", from + "RUN a \\\n", []string{"the last line continues"}},
		{"unused ARG", from + "ARG X=1\n", []string{"ARG X is never used"}},
		{"ARG without default", from + "ARG X\nRUN ${X}\n", []string{"line 2: ARG X has no default"}},
		{"ADD of a URL", from + "ADD https://example.com/x /x\n", []string{"line 2: ADD: use COPY for files, and curl with a checksum for downloads"}},
		{"BuildKit", from + "RUN --mount=type=cache,target=/x a\nRUN <<EOF\n", []string{"line 2: RUN needs BuildKit", "line 3: RUN needs BuildKit"}},
		{"RUN first", "RUN a\n" + from, []string{"line 1: RUN comes before FROM"}},
		{
			"unchecked download", from + `ARG A_VERSION=1` + "\n" + `RUN curl -o a "https://example.com/${A_VERSION}"` + "\n",
			[]string{"line 3: the download a is not checked against a SHA-256"},
		},
		{
			"download of the latest", from + "ARG A_SHA256=0\n" + `RUN curl -o a "http://example.com/latest" && echo "${A_SHA256}  a" | sha256sum -c -` + "\n",
			[]string{"line 3: the download a has no version in its URL", "line 3: the download a is not over HTTPS"},
		},
		{"piped download", from + "RUN curl https://example.com/i | sh\n", []string{`line 2: a download that is not written as curl -o FILE "URL"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, lintDockerfile(tt.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
