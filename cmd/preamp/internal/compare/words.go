package compare

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/preamp-build/preamp/cmd/preamp/internal/buildlog"
)

const name = `([A-Za-z_][A-Za-z0-9_]{2,})`

const upper = `([A-Z][A-Z0-9_]{2,})`

// complaints are the ways in which tools say that they miss a variable.
var complaints = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?:process\.env|import\.meta\.env|ENV)[.\[]['"]?` + name + `.*(?i:undefined|missing|required|not (?:set|defined|found|provided)|empty)`),
		regexp.MustCompile(name + `: (?:unbound variable|parameter (?:null or )?not set)`),
		regexp.MustCompile(`\$\{` + name + `\}`),
		regexp.MustCompile(upper + "[`'\":]* (?i:environment variable |env var |variable )?(?i:is|was|must be|needs to be)(?i: not)? (?i:set|defined|provided|found|configured|specified|undefined|missing|required|empty|unset)"),
		regexp.MustCompile("(?i:missing|undefined|unset|invalid|required|no value for|could not find|not found|not set|set|provide|define)\\b[^A-Z]*(?i:env(?:ironment)?|variables?|vars?)\\b[^A-Z]*" + upper),
		regexp.MustCompile("(?i:env(?:ironment)?|variables?|vars?)\\b[^A-Z]*" + upper + "\\b.*(?i:missing|not (?:set|defined|found|provided)|undefined|required|empty|unset)"),
		regexp.MustCompile("(?i:please|must|should|define|set|provide|add)\\b.*\\b" + upper + " (?i:environment variable|env var|in your env)"),
		regexp.MustCompile("(?i:env(?:ironment)? (?:variable|var)s?) (?i:not found|not set|missing|required|undefined):? *[`'\"]*" + upper),
		regexp.MustCompile("[`'\"]?" + upper + "[`'\"]?: (?:Required|Invalid input|undefined|missing)\\b"),
		regexp.MustCompile("(?i:missing|undefined|required):? *[`'\"]?([A-Z][A-Z0-9]*_[A-Z0-9_]+)"),
	}
})

// common are words in capitals that are no variables.
var common = []string{"ERROR", "WARNING", "WARN", "INFO", "FAIL", "FAILED", "FATAL", "NOTE", "URL", "JSON", "HTTP", "HTTPS", "API", "EUSAGE", "ENOENT", "ERR", "AWS", "CLI", "ENV", "SSL", "TLS"}

// missingVariable is the variable that a line of output misses, or "".
func missingVariable(line string) string {
	for _, re := range complaints() {
		if m := re.FindStringSubmatch(line); m != nil && !slices.Contains(common, m[1]) {
			return m[1]
		}
	}
	return ""
}

var assigned = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:export |declare -x |[-*>•] ?)?` + upper + `(?: ?= ?|: ?)(.*)$`)
})

// assignment reads a line that shows a variable with its value. What stands for no value is "".
func assignment(line string) (name, value string) {
	m := assigned().FindStringSubmatch(line)
	if m == nil || slices.Contains(common, m[1]) {
		return "", ""
	}
	value = strings.Trim(m[2], `"' `)
	if slices.Contains([]string{"undefined", "null", "<unset>", "(not set)", "not set", "none"}, value) {
		value = ""
	}
	return m[1], value
}

// advice says what to do about a difference of a class.
func advice(c Class, build *buildlog.Log) string {
	switch c {
	case Spec:
		return "preamp validate explains what is wrong with amplify.yml; a specification in the console counts where the repository has none"
	case Skip:
		return "look at AMPLIFY_DIFF_DEPLOY, AMPLIFY_DIFF_BACKEND, AMPLIFY_SKIP_BACKEND_BUILD and USER_DISABLE_TESTS in the console"
	case Version:
		if build.Image.Known() {
			return "the build image is " + build.Image.Value + "; nvm in preBuild, or _LIVE_UPDATES, sets the version in both"
		}
		return "build in the same image, or set the version in both with nvm in preBuild or _LIVE_UPDATES"
	case Tool:
		return "install it in preBuild, or build in an image that has it (--image)"
	case Memory:
		return "NODE_OPTIONS=--max-old-space-size raises the limit of Node.js; a larger build instance that of the machine"
	case Timeout:
		return "_BUILD_TIMEOUT gives it longer; does the command wait for input, or serve for ever?"
	case Artifacts:
		return "compare baseDirectory with what the build writes; the folder is relative to appRoot or buildPath"
	case Result, Output:
		return "the lines before it may tell why; variables of the console that were not passed on are a usual reason"
	default:
		return ""
	}
}
