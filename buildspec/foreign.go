package buildspec

import (
	"fmt"
	"slices"
)

// foreign recognises files that carry the name of a build specification and are something else. It returns what the
// file seems to be, what to do about it, and whether it is foreign at all.
func foreign(root *value) (what, help string, ok bool) {
	keys := make(map[string]*value, len(root.entries))
	for _, e := range root.entries {
		keys[e.key.text] = e.val
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if keys[name] == nil {
				return false
			}
		}
		return true
	}
	switch {
	case has("applications") && onlyHeaders(keys["applications"]):
		return "a customHttp.yml, the file for custom headers", "name it customHttp.yml; the build specification is another file", true
	case has("frontend"), has("backend"), has("applications"):
		return "", "", false
	case has("AWSTemplateFormatVersion"), has("Resources"):
		return "an AWS CloudFormation or SAM template", "keep the template under another name, such as template.yml", true
	case has("on", "jobs"):
		return "a GitHub Actions workflow", "workflows stand in .github/workflows", true
	case has("customHeaders") && len(root.entries) <= 2:
		return "a customHttp.yml, the file for custom headers", "name it customHttp.yml; the build specification is another file", true
	case has("phases") && !isFrontend(keys["phases"], keys["artifacts"]):
		return "an AWS CodeBuild buildspec", "put phases and artifacts under a frontend key; install is no phase of Amplify", true
	case has("services"):
		return "a Docker Compose file", "name it compose.yml", true
	}
	return "", "", false
}

// isFrontend reports whether phases and artifacts without a frontend around them are Amplify's, by the keys that CodeBuild
// spells otherwise.
func isFrontend(phases, artifacts *value) bool {
	ours := map[string]bool{"preBuild": true, "postBuild": true, "baseDirectory": true}
	theirs := map[string]bool{"install": true, "pre_build": true, "post_build": true, "base-directory": true, "name": true}
	found := false
	for _, v := range []*value{phases, artifacts} {
		if v == nil {
			continue
		}
		for _, e := range v.entries {
			if theirs[e.key.text] {
				return false
			}
			found = found || ours[e.key.text]
		}
	}
	return found
}

// onlyHeaders reports whether every application has custom headers and nothing to build.
func onlyHeaders(apps *value) bool {
	if apps.kind != list || len(apps.items) == 0 {
		return false
	}
	for _, app := range apps.items {
		headers := false
		for _, e := range app.entries {
			switch e.key.text {
			case "customHeaders":
				headers = true
			case "appRoot":
			default:
				return false
			}
		}
		if !headers {
			return false
		}
	}
	return true
}

func foreignDiagnostic(root *value, what, help string) Diagnostic {
	at := root.span
	if len(root.entries) > 0 {
		at = root.entries[0].key.span
	}
	return Diagnostic{
		Rule: ruleNotABuildspec, Span: at,
		Message: fmt.Sprintf("this is not a build specification; it seems to be %s", what),
		Help:    help,
		Amplify: amplifyNoFrontend,
	}
}

// reportForeignKeys adds what speaks for the verdict: the keys that a build specification doesn't have, after the first.
func reportForeignKeys(root *value, c *collector) {
	for _, e := range root.entries[min(1, len(root.entries)):] {
		if e.key.kind != scalar || slices.Contains(topScope.keys, e.key.text) {
			continue
		}
		c.add(Diagnostic{
			Rule: ruleUnknownKey, Severity: Warning, Span: e.key.span,
			Message: fmt.Sprintf("%s is no key at the top level of a build specification", quote(e.key.text)),
		})
	}
}
