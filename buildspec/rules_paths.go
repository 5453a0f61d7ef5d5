package buildspec

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
)

var (
	expansion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("\\$[A-Za-z_{(]|`") })
	// machineDir are first folders of absolute paths that no project has.
	machineDir = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^/(root|home|usr|opt|tmp|var|etc|codebuild|Users)(/|$)`)
	})
	// escapedBracket is the one use of a backslash that patterns need: for names such as [id].
	escapedBracket = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\[\[\]{}]`) })
	windowsDir     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z]:[\\/]`) })
)

// checkPaths checks what is written where the service expects a path or a pattern.
func (l *linter) checkPaths(a *app) {
	if f := a.Frontend; f != nil && f.BuildPath.Set() {
		l.plainPath("buildPath", f.BuildPath)
		if a.located && l.repo.kind(a.project) == missing {
			l.add(Diagnostic{
				Rule: ruleBuildPathNotFound, Span: f.BuildPath.Span,
				Message: fmt.Sprintf("the repository has no folder %s, so the commands have nowhere to run", quote(a.project)),
				Help:    "write the folder relative to the repository's root; / is the root itself",
			})
		}
	}
	for _, s := range a.sections() {
		if s.Artifacts == nil {
			continue
		}
		l.baseDirectory(a, s)
		for _, f := range s.Artifacts.Files {
			if f.Set() && l.written(f) {
				l.artifactPattern(s, f)
			}
		}
		l.duplicates("files", s.Artifacts.Files)
	}
	if f := a.Frontend; f != nil {
		for _, p := range f.CachePaths {
			l.cachePattern(a, p)
		}
		l.duplicates("cache.paths", f.CachePaths)
	}
}

// written reports whether there is a text in the file, as against a tag that leaves nothing of it.
func (l *linter) written(t Text) bool { return t.Value != "" || l.src.slice(t.Span) != "" }

// plainPath reports what makes no path on the build machine, and returns whether the path is good so far.
func (l *linter) plainPath(key string, t Text) bool {
	if l.backslash(key, t) {
		return false
	}
	if expansion().MatchString(t.Value) {
		d := Diagnostic{
			Rule: ruleVariableInPath, Span: t.Span,
			Message: fmt.Sprintf("%s is taken as it is written: variables and commands in it are not expanded", key),
			Help:    "write the folder itself; a command can copy or move what it must contain there",
		}
		if key == "baseDirectory" {
			d.Amplify = "CustomerError: Artifact directory doesn't exist: " + t.Value
		}
		l.add(d)
		return false
	}
	return true
}

func (l *linter) backslash(key string, t Text) bool {
	if !strings.Contains(escapedBracket().ReplaceAllString(t.Value, ""), `\`) {
		return false
	}
	l.add(Diagnostic{
		Rule: ruleBackslash, Severity: Warning, Span: t.Span,
		Message: fmt.Sprintf("%s has a backslash; builds run on Linux, where folders are separated by /", key),
		Help:    "write / between the folders",
		Fix:     l.rewriteFix("write slashes", t, strings.ReplaceAll(t.Value, `\`, "/")),
	})
	return true
}

func (l *linter) baseDirectory(a *app, s *Section) {
	t := s.Artifacts.BaseDirectory
	if !t.Set() || t.Value == "" || a.located && l.repo.kind(path.Join(a.project, relative(t.Value))) == folder {
		return
	}
	if !l.plainPath("baseDirectory", t) || l.globInBase(t) {
		return
	}
	base := relative(t.Value)
	switch {
	case strings.HasPrefix(t.Value, "~"), machineDir().MatchString(t.Value), windowsDir().MatchString(t.Value):
		l.add(Diagnostic{
			Rule: ruleBaseOutside, Severity: Warning, Span: t.Span,
			Message: "baseDirectory is always below the project's folder; it cannot name another place of the machine",
			Help:    "write the folder relative to the project, or copy the files into it",
		})
	case leaves(path.Join(a.project, base)):
		l.add(Diagnostic{
			Rule: ruleBaseOutside, Severity: Warning, Span: t.Span,
			Message: "baseDirectory leaves the repository",
			Help:    fmt.Sprintf("it is relative to the project's folder, which is %s", nameFolder(a.project)),
		})
	}
}

func nameFolder(dir string) string {
	if dir == "" {
		return "the root of the repository"
	}
	return quote(dir)
}

func (l *linter) globInBase(t Text) bool {
	if !strings.ContainsAny(t.Value, "*?{") {
		return false
	}
	d := Diagnostic{
		Rule: ruleGlobInBase, Span: t.Span,
		Message: "baseDirectory is a folder; a pattern in it is not expanded",
		Help:    "write the folder here and the pattern under files",
		Amplify: "CustomerError: Artifact directory doesn't exist: " + t.Value,
	}
	for _, all := range []string{"/**/*", "/**", "/*"} {
		if dir, ok := strings.CutSuffix(t.Value, all); ok && dir != "" && !strings.ContainsAny(dir, "*?{") {
			d.Fix = l.rewriteFix("write the folder only", t, dir)
			break
		}
	}
	l.add(d)
	return true
}

func (l *linter) artifactPattern(s *Section, t Text) {
	if l.backslash("a pattern of files", t) || l.patternExpansion(t, "files") {
		return
	}
	body := strings.TrimPrefix(t.Value, "!")
	base := relative(s.Artifacts.BaseDirectory.Value)
	d := Diagnostic{Rule: ruleGlobNothing, Severity: Warning, Span: t.Span}
	switch {
	case strings.TrimSpace(body) == "":
		d.Message, d.Help = "an empty pattern matches no file", "write '**/*' for all files below baseDirectory"
	case strings.HasPrefix(body, "~"), machineDir().MatchString(body), leaves(relative(body)):
		d.Message = "files are looked for below baseDirectory, so this pattern matches none"
		d.Help = "set baseDirectory to a folder around all the files, or copy them into it"
	case !doublestar.ValidatePattern(body):
		d.Message, d.Help = "this is no valid pattern, because a bracket or brace is not closed", "write [[] or [{] for the character itself"
	case base != "" && !strings.ContainsAny(base, "*?[{$") && strings.HasPrefix(relative(body), base+"/"):
		rest := strings.TrimPrefix(relative(body), base+"/")
		d.Message = fmt.Sprintf("files are looked for below baseDirectory, so this means %s", quote(path.Join(base, relative(body))))
		d.Help = fmt.Sprintf("write %s", rest)
		d.Related = []Related{{Span: s.Artifacts.BaseDirectory.Span, Message: "the baseDirectory"}}
		d.Fix = l.rewriteFix("write it relative to baseDirectory", t, strings.TrimSuffix(t.Value, strings.TrimPrefix(t.Value, "!"))+rest)
	default:
		return
	}
	l.add(d)
}

// patternExpansion reports a variable or a command in a pattern.
func (l *linter) patternExpansion(t Text, key string) bool {
	if !expansion().MatchString(t.Value) {
		return false
	}
	d := Diagnostic{
		Rule: ruleVariableInPattern, Severity: Warning, Span: t.Span,
		Message: fmt.Sprintf("variables and commands in %s are not expanded, so this pattern matches nothing", key),
		Help:    "write the folder itself, relative to the project's folder",
	}
	if advice := toolCacheAdvice(t.Value); advice != "" && key == "cache.paths" {
		d.Help = advice
	}
	l.add(d)
	return true
}

// duplicates reports what stands in a list twice.
func (l *linter) duplicates(key string, list []Text) {
	first := make(map[string]Text, len(list))
	for _, t := range list {
		if earlier, again := first[t.Value]; again && t.Set() {
			if earlier.Span == t.Span {
				continue // one entry, repeated by an alias
			}
			l.add(Diagnostic{
				Rule: ruleDuplicateEntry, Severity: Hint, Span: t.Span,
				Message: fmt.Sprintf("%s stands in %s already", quote(t.Value), key),
				Help:    "remove one of the two",
				Related: []Related{{Span: earlier.Span, Message: "the first one"}},
				Fix:     l.removeItemFix("remove the second", t),
			})
			continue
		}
		first[t.Value] = t
	}
}
