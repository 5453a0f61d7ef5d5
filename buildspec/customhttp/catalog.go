package customhttp

import (
	"slices"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
)

// Rules returns the rules that [Parse] adds to those of YAML, sorted by id. Their examples are whole files of custom
// headers. The result is the caller's own.
func Rules() []buildspec.RuleInfo {
	rules := slices.Concat(shapeRules, ruleRules, valueRules)
	slices.SortFunc(rules, func(a, b buildspec.RuleInfo) int { return strings.Compare(a.ID, b.ID) })
	return rules
}

// cacheRule is the rule that most examples are made of.
var cacheRule = ruleFor("'**/*'", "Cache-Control", "no-cache")

// ruleFor returns the lines of one rule with one header.
func ruleFor(pattern, key, value string) string {
	return "  - pattern: " + pattern + "\n    headers:\n" + headerOf(key, value)
}

func headerOf(key, value string) string {
	return "      - key: " + key + "\n        value: " + value + "\n"
}

// headersFile returns a file with the given rules.
func headersFile(rules ...string) string { return "customHeaders:\n" + strings.Join(rules, "") }

// appFile returns a file with one rule for an application that begins with the given line.
func appFile(root string) string {
	return "applications:\n  - " + root + "\n    customHeaders:\n" + indent(cacheRule)
}

func indent(lines string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n    ") + "\n"
}

var good = headersFile(cacheRule)

// shapeRules are about the file's outer parts.
var shapeRules = []buildspec.RuleInfo{
	{
		ID: ruleTooMany, Title: "more findings in customHttp.yml than are shown",
		Why:  "The rest is counted, not listed. A file with more than 5000 rules is read in part, and refused.",
		Good: good,
	},
	{
		ID: ruleNotAMap, Title: "customHttp.yml is a list or a single value",
		Why:  "The file is a map with the key customHeaders, or applications in a monorepo. The service refuses others when it deploys.",
		Bad:  strings.ReplaceAll(strings.TrimPrefix(good, "customHeaders:\n"), "\n  ", "\n")[2:],
		Good: good,
	},
	{
		ID: ruleMissing, Title: "no custom headers",
		Why:  "The rules stand under customHeaders, in a monorepo in each application, and the headers of a rule under headers. Without them there is nothing to apply.",
		Bad:  "version: 1\n",
		Good: good,
	},
	{
		ID: ruleNotAList, Title: "map or text instead of a list in customHttp.yml",
		Why:  "customHeaders, headers and applications are lists. Other hosts write the headers of a rule as a map of names and values, which the service refuses.",
		Bad:  "customHeaders:\n  - pattern: '**/*'\n    headers:\n      Cache-Control: no-cache\n",
		Good: good,
	},
	{
		ID: ruleEmpty, Severity: buildspec.Warning, Title: "empty list in customHttp.yml",
		Why:  "An empty list changes nothing, and overrides the headers that are set in the console.",
		Bad:  "customHeaders: []\n",
		Good: good,
	},
	{
		ID: ruleEntry, Title: "list entry of customHttp.yml that is no map",
		Why:  "Each rule is a map with pattern and headers, each header a map with key and value.",
		Bad:  "customHeaders:\n  - pattern: '**/*'\n    headers:\n      - no-cache\n",
		Good: good,
	},
	{
		ID: ruleUnknownKey, Severity: buildspec.Warning, Title: "unknown key in customHttp.yml", Fixable: true,
		Why:  "A key that the service does not know is ignored.",
		Bad:  good + "    comment: never cached\n",
		Good: good,
	},
	{
		ID: ruleMisplaced, Severity: buildspec.Warning, Title: "customHeaders beside applications",
		Why:  "In a monorepo's file the service reads the headers of the applications only.",
		Bad:  appFile("appRoot: apps/web") + good,
		Good: appFile("appRoot: apps/web"),
	},
	{
		ID: ruleAppRoot, Title: "application without appRoot in customHttp.yml",
		Why:  "The appRoot says whose headers these are. It is the same as in amplify.yml.",
		Bad:  appFile("appRoot: 5"),
		Good: appFile("appRoot: apps/web"),
	},
	{
		ID: ruleAppRootTwo, Severity: buildspec.Warning, Title: "two applications with one appRoot in customHttp.yml",
		Why:  "Only one of them has an effect.",
		Bad:  appFile("appRoot: apps/web") + strings.TrimPrefix(appFile("appRoot: apps/web/"), "applications:\n"),
		Good: appFile("appRoot: apps/web") + strings.TrimPrefix(appFile("appRoot: apps/docs"), "applications:\n"),
	},
}

// ruleRules are about rules and their patterns.
var ruleRules = []buildspec.RuleInfo{
	{
		ID: rulePattern, Title: "headers without a pattern",
		Why:  "A rule says with its pattern which paths it is for.",
		Bad:  "customHeaders:\n  - headers:\n" + headerOf("Cache-Control", "no-cache"),
		Good: good,
	},
	{
		ID: ruleBraces, Severity: buildspec.Warning, Title: "braces in a pattern of customHttp.yml",
		Why:    "Alternatives in braces are no part of the service's patterns: the rule matches nothing.",
		Bad:    headersFile(ruleFor("'**/*.{js,css}'", "Cache-Control", "no-cache")),
		Good:   headersFile(ruleFor("'**/*.js'", "Cache-Control", "no-cache"), ruleFor("'**/*.css'", "Cache-Control", "no-cache")),
		Source: "amplify-hosting #3937",
	},
	{
		ID: rulePatternForm, Severity: buildspec.Warning, Title: "pattern of customHttp.yml that is no glob",
		Why:    "Patterns are globs for the path of a URL. A regular expression, a host or a query in it matches nothing.",
		Bad:    headersFile(ruleFor(`'^/static/.*\.js$'`, "Cache-Control", "no-cache")),
		Good:   headersFile(ruleFor("'/static/**/*.js'", "Cache-Control", "no-cache")),
		Source: "amplify-hosting #198",
	},
	{
		ID: ruleOverlap, Severity: buildspec.Warning, Title: "header set differently for the same paths",
		Why:    "All rules that match a path apply. Which of two values of one header wins was another one over the years.",
		Bad:    headersFile(cacheRule, ruleFor("'/static/*'", "Cache-Control", "max-age=31536000")),
		Good:   headersFile(ruleFor("'/index.html'", "Cache-Control", "no-cache"), ruleFor("'/static/*'", "Cache-Control", "max-age=31536000")),
		Source: "amplify-hosting #2899",
	},
}

// valueRules are about headers and their values.
var valueRules = []buildspec.RuleInfo{
	{
		ID: ruleName, Title: "invalid name of a header",
		Why:  "The name of a header has no blanks and no colon. A name with its value as one entry is no header either.",
		Bad:  headersFile(ruleFor("'**/*'", "'Cache-Control:'", "no-cache")),
		Good: good,
	},
	{
		ID: ruleValue, Title: "value that no header can have",
		Why:  "A header's value is one line of text. A block that begins with | has several, and also > leaves a line break at the end.",
		Bad:  headersFile(ruleFor("'**/*'", "Content-Security-Policy", "|\n          default-src 'self';\n          img-src *")),
		Good: headersFile(ruleFor("'**/*'", "Content-Security-Policy", ">-\n          default-src 'self';\n          img-src *")),
	},
	{
		ID: ruleValueType, Severity: buildspec.Warning, Title: "header's value that YAML does not read as text", Fixable: true,
		Why:  "YAML makes a number, a truth value or a date of it, which may be written otherwise than here when it is sent.",
		Bad:  headersFile(ruleFor("'**/*'", "X-XSS-Protection", "0")),
		Good: headersFile(ruleFor("'**/*'", "X-XSS-Protection", "'0'")),
	},
	{
		ID: ruleVariable, Severity: buildspec.Warning, Title: "variable in customHttp.yml",
		Why:    "The file is no shell script: variables are sent as they are written.",
		Bad:    headersFile(ruleFor("'**/*'", "X-Version", "${AWS_COMMIT_ID}")),
		Good:   headersFile(ruleFor("'**/*'", "X-Version", "'7'")),
		Source: "amplify-hosting #644",
	},
	{
		ID: ruleDuplicate, Severity: buildspec.Warning, Title: "header twice in one rule",
		Why:  "Only one of the values is sent. The case of names does not matter.",
		Bad:  good + headerOf("cache-control", "max-age=60"),
		Good: headersFile(ruleFor("'**/*'", "Cache-Control", "no-cache, max-age=60")),
	},
}
