package cache

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// MaxDepth is how many levels below the project root are cached; what lies deeper is left out with a notice. Amplify
// stops at 20, which saves it from symbolic links that form a cycle. Links are never followed here, so there are no
// cycles, and nested node_modules do get deeper than 20; the bound only keeps a hostile tree from using up all file
// descriptors.
const MaxDepth = 128

// Paths is the compiled cache.paths of one application. The zero value caches nothing. It is immutable and safe for
// concurrent use.
type Paths struct {
	dir      string
	patterns []string
	include  []glob
	exclude  []glob
}

// Problem is a pattern that caches nothing, or not what it says. Amplify drops these without a word; the build goes on
// here as well, but the person should be told.
type Problem struct {
	Index   int    // in the patterns given to Compile
	Pattern string // as written
	Message string // what is wrong, what Amplify makes of it and what to write instead
}

// Compile prepares the cache patterns of an application. dir is its project root relative to the root of the
// repository, with slashes, "" for the root itself; a leading slash is ignored and ".." cannot leave the repository.
// With a buildPath the project root is that folder: which it is, the caller decides.
//
// Patterns with a problem are skipped and reported, all of them; the others are used.
func Compile(dir string, patterns []string) (Paths, []Problem) {
	p := Paths{dir: cleanDir(dir), patterns: slices.Clone(patterns)}
	var problems []Problem
	for i, written := range patterns {
		body, excluded := strings.CutPrefix(written, "!")
		clean, fault := checkPattern(p.dir, body)
		if fault.what != "" {
			message := fault.what + ". " + fault.instead
			if excluded {
				message = "this exclusion has no effect: " + fault.what + ". Write it relative to the project root, or remove it"
			}
			problems = append(problems, Problem{Index: i, Pattern: written, Message: message})
			continue
		}
		if excluded {
			p.exclude = append(p.exclude, newGlob(clean))
		} else {
			p.include = append(p.include, newGlob(clean))
		}
	}
	if len(p.include) == 0 && len(p.exclude) > 0 && len(problems) == 0 {
		problems = append(problems, Problem{
			Pattern: patterns[0],
			Message: "there are only exclusions, so nothing is cached; add a path to cache, such as node_modules/**/*",
		})
	}
	return p, problems
}

// Dir is the project root relative to the root of the repository, slash-separated and clean, "" for the root itself.
func (p Paths) Dir() string { return p.dir }

// Empty reports whether no usable pattern asks for anything to be cached.
func (p Paths) Empty() bool { return len(p.include) == 0 }

// Match reports whether the file or folder at rel, slash-separated and relative to the project root, is cached. The
// project root itself ("" or ".") never is, only what lies in it. It looks at the name alone, not at a file system.
func (p Paths) Match(rel string) bool {
	rel = path.Clean(rel)
	if !localPath(rel) {
		return false
	}
	s := p.top()
	for end := range len(rel) + 1 {
		if end < len(rel) && rel[end] != '/' {
			continue
		}
		var ok bool
		if s, ok = p.enter(s, rel[:end]); !ok {
			return false
		}
	}
	return s.included()
}

// cleanDir turns the project root as people write it ("/", "./apps/web/", "apps/web") into its one form.
func cleanDir(dir string) string {
	return strings.TrimPrefix(path.Clean("/"+dir), "/")
}

var (
	variable = regexp.MustCompile("\\$[A-Za-z_{(]|`")
	upwards  = regexp.MustCompile(`(^|[/{,])\.\.($|[/},])`)
	// systemDir are first components of absolute paths that are nobody's project folder.
	systemDir = regexp.MustCompile(`^/(root|home|usr|opt|tmp|var|etc|codebuild|Users)(/|$)`)
)

// fault is what is wrong with a pattern.
type fault struct{ what, instead string }

const removeIt = "Remove it"

// checkPattern answers the clean pattern, or what is wrong with it.
func checkPattern(dir, body string) (string, fault) {
	switch {
	case body == "":
		return "", fault{"an empty path caches nothing", removeIt}
	case strings.ContainsRune(body, 0):
		return "", fault{"a path cannot hold a NUL character", removeIt}
	case strings.HasPrefix(body, "~"):
		return "", fault{"Amplify does not expand ~ and caches nothing outside the project root", insteadOf(body)}
	case variable.MatchString(body):
		return "", fault{"Amplify does not expand variables or commands in cache paths, so this matches nothing", insteadOf(body)}
	case strings.HasPrefix(body, "/"):
		return "", fault{"Amplify accepts an absolute path without an error and caches nothing for it", insteadOfAbsolute(body)}
	}
	clean := path.Clean(body)
	switch {
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return "", outside(dir, clean)
	case upwards.MatchString(clean):
		return "", fault{`".." inside braces matches nothing`, "Write each folder as a path of its own"}
	case !doublestar.ValidatePattern(clean):
		return "", fault{
			`this is not a valid pattern (an unclosed [ or {, or a \ at the end?), so it matches nothing`,
			`Write \[ or \{ for the character itself`,
		}
	case slices.ContainsFunc(strings.Split(clean, "/"), isGit):
		return "", fault{".git is never cached: every build starts from its own clone", removeIt}
	}
	return clean, fault{}
}

func isGit(component string) bool { return strings.EqualFold(component, ".git") }

// outside explains a pattern that climbs out of the project root.
func outside(dir, clean string) fault {
	joined := path.Join(dir, clean)
	if dir == "" || joined == ".." || strings.HasPrefix(joined, "../") {
		return fault{"this leaves the repository, and Amplify caches nothing outside the project root", insteadOf(clean)}
	}
	instead := "Cache folders of the project instead"
	if joined != "." {
		instead = "To build and cache from the root of the repository, set buildPath: / and write " + joined
	}
	return fault{"this leaves the project root " + dir + ", and Amplify caches nothing outside it", instead}
}

func insteadOfAbsolute(body string) string {
	rel := strings.TrimPrefix(path.Clean(body), "/")
	switch {
	case systemDir.MatchString(body):
		return insteadOf(body)
	case rel == "":
		return "Write the folders to cache relative to the project root, such as node_modules/**/*"
	}
	return "Write it relative to the project root: " + rel
}

// insteadOf proposes a folder inside the project for a tool's cache that lies outside.
func insteadOf(body string) string {
	if advice := adviceFor(body); advice != "" {
		return advice
	}
	return "Let the tool keep its cache in a folder of the project and write that folder here, as with " +
		"npm ci --cache .npm and the path .npm/**/*"
}

func adviceFor(body string) string {
	lower := strings.ToLower(body)
	for _, t := range toolCaches {
		if strings.Contains(lower, t.sign) {
			return "Instead, " + t.how + " and cache " + t.path
		}
	}
	return ""
}

// toolCaches are the tools whose caches people try to reach outside the project, in the order of the check.
var toolCaches = []struct{ sign, how, path string }{
	{"cypress", "run export CYPRESS_CACHE_FOLDER=$PWD/.cache/Cypress before installing", ".cache/Cypress/**/*"},
	{"playwright", "run export PLAYWRIGHT_BROWSERS_PATH=$PWD/.cache/ms-playwright before installing", ".cache/ms-playwright/**/*"},
	{"pnpm", "run pnpm install --store-dir .pnpm-store", ".pnpm-store/**/*"},
	{"npm", "run npm ci --cache .npm --prefer-offline", ".npm/**/*"},
	{"yarn", "run yarn install --cache-folder .yarn-cache", ".yarn-cache/**/*"},
	{".bun/", "run bun install --cache-dir .bun-cache", ".bun-cache/**/*"},
	{"hugo", "run export HUGO_CACHEDIR=$PWD/.hugo_cache before the build", ".hugo_cache/**/*"},
	{"pub-cache", "run export PUB_CACHE=$PWD/.pub-cache before the build", ".pub-cache/**/*"},
}
