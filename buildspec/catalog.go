package buildspec

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// RuleInfo describes a rule to people: what it reports, and why that matters.
type RuleInfo struct {
	// ID is what findings of the rule have as [Diagnostic.Rule]. It is stable.
	ID string
	// Severity is the gravest with which the rule reports.
	Severity Severity
	// Title says in a few words what the rule reports, and Why in one or more sentences what comes of it.
	Title, Why string
	// Bad and Good are whole build specifications, as small as they can be: the rule reports Bad, and nothing reports
	// Good. Bad is empty where the problem cannot be shown in print.
	Bad, Good string
	// Files is what both assume in the repository: contents by name. Most assume nothing.
	Files map[string]string
	// AppRoot is the value of AMPLIFY_MONOREPO_APP_ROOT that both assume, mostly none.
	AppRoot string
	// Fixable reports whether some findings of the rule have a [Fix].
	Fixable bool
	// Source says where the rule comes from, such as "amplify-hosting #2831", an issue of aws-amplify/amplify-hosting;
	// empty where YAML or the shell itself is the source.
	Source string
}

// Rules returns all rules that [Parse] and [Check] can report, sorted by id. The result is the caller's own.
func Rules() []RuleInfo {
	var rules []RuleInfo
	for _, table := range [][]RuleInfo{yamlRules, structureRules, pathRules, appRules, commandRules, sessionRules, repositoryRules} {
		for _, r := range table {
			r.Files = maps.Clone(r.Files)
			r.Bad, r.Good = strings.TrimPrefix(r.Bad, "\n"), strings.TrimPrefix(r.Good, "\n")
			rules = append(rules, r)
		}
	}
	slices.SortFunc(rules, func(a, b RuleInfo) int { return cmp.Compare(a.ID, b.ID) })
	return rules
}

// The examples of the tables are made of these, so that what matters stands out in the tables.

// site returns a specification with the given commands.
func site(commands ...string) string { return siteIn("dist", commands...) }

// siteIn returns a specification with the given commands and a folder that they write.
func siteIn(dir string, commands ...string) string {
	return "version: 1\nfrontend:\n" + phaseOf("build", commands...) + artifactsIn(dir)
}

// cached returns a specification with the given commands and cache paths.
func cached(commands []string, paths ...string) string {
	return site(commands...) + "  cache:\n    paths:\n      - " + strings.Join(paths, "\n      - ") + "\n"
}

// tested returns a specification with the given commands before the tests.
func tested(preTest ...string) string {
	return site("npm run build") + "test:\n" + phaseOf("preTest", preTest...) +
		"    test:\n      commands:\n        - npx cypress run\n  artifacts:\n    baseDirectory: cypress\n"
}

// monorepo returns a specification of one application with the given lines in its frontend.
func monorepo(root, frontend string) string {
	text := "version: 1\napplications:\n  - appRoot: " + root + "\n    frontend:\n"
	for line := range strings.Lines(frontend) {
		text += "      " + line
	}
	return text
}

// siteLines returns the lines of a frontend with the given commands and the folder that they write.
func siteLines(dir string, commands ...string) string {
	return strings.ReplaceAll(strings.TrimPrefix("\n"+phaseOf("build", commands...)+artifactsIn(dir), "\n  "), "\n  ", "\n")
}

func phaseOf(name string, commands ...string) string {
	text := "  phases:\n    " + name + ":\n      commands:\n"
	for _, c := range commands {
		text += "        - " + strings.ReplaceAll(c, "\n", "\n          ") + "\n"
	}
	return text
}

func artifactsIn(dir string) string {
	return "  artifacts:\n    baseDirectory: " + dir + "\n    files:\n      - '**/*'\n"
}
