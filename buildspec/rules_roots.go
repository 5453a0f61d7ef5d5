package buildspec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// appRoots checks which applications there are against each other and against what is asked for.
func (l *linter) appRoots(spec *Spec) {
	if len(spec.Apps) == 0 {
		return
	}
	if root := spec.Apps[0].AppRoot; !spec.Monorepo && root.Set() {
		l.add(Diagnostic{
			Rule: ruleAppRootAlone, Severity: Warning, Span: root.Span,
			Message: "appRoot has no effect without applications",
			Help:    "remove it; or put the application into a list below applications, with appRoot and all sections",
		})
	}
	l.selected(spec)
	first := map[string]Text{}
	for i := range spec.Apps {
		root := spec.Apps[i].AppRoot
		if !spec.Monorepo || !root.Set() {
			continue
		}
		if l.appRoot(spec, i) {
			l.duplicateRoot(first, root)
		}
	}
}

func (l *linter) duplicateRoot(first map[string]Text, root Text) {
	clean := cleanRoot(root.Value)
	earlier, again := first[clean]
	switch {
	case !again:
		first[clean] = root
	case earlier.Span != root.Span:
		l.add(Diagnostic{
			Rule: ruleDuplicateRoot, Severity: Warning, Span: root.Span,
			Message: "an application with this appRoot stands above; this one is never built",
			Help:    "put the sections of both into one application, or correct the appRoot of one",
			Related: []Related{{Span: earlier.Span, Message: "the first one"}},
		})
	}
}

// selected reports that the specification has no application for AMPLIFY_MONOREPO_APP_ROOT.
func (l *linter) selected(spec *Spec) {
	if slices.ContainsFunc(spec.Apps, func(a App) bool { return spec.Monorepo && !a.AppRoot.Set() }) {
		return // it may be the one; that its appRoot is missing is reported
	}
	_, _, err := spec.Select(l.facts.AppRoot)
	var failed *SelectError
	if !errors.As(err, &failed) {
		return
	}
	d := Diagnostic{
		Rule: ruleRootMismatch, Span: l.src.firstLine(spec.Apps[0].Span), Amplify: failed.Amplify,
		Message: fmt.Sprintf("AMPLIFY_MONOREPO_APP_ROOT is %s, and the file has no applications", quote(failed.AppRoot)),
		Help:    "unset the variable in the app's settings, or put the specification under applications with this appRoot",
	}
	if spec.Monorepo {
		d.Span = spec.Apps[0].AppRoot.Span
		d.Message = fmt.Sprintf("AMPLIFY_MONOREPO_APP_ROOT is %s, and no application has this appRoot", quote(failed.AppRoot))
		d.Help = fmt.Sprintf("there are %s; the variable must name one of them", quoteAll(failed.Have))
		if failed.Suggestion != "" {
			d.Help += fmt.Sprintf("; did you mean %s?", quote(failed.Suggestion))
		}
	}
	l.add(d)
}

// appRoot checks one application's folder and reports whether it can be one.
func (l *linter) appRoot(spec *Spec, i int) bool {
	root := spec.Apps[i].AppRoot
	if !l.plainPath("appRoot", root) {
		return false
	}
	if leaves(relative(root.Value)) {
		l.add(Diagnostic{
			Rule: ruleRootOutside, Span: root.Span,
			Message: "appRoot leaves the repository",
			Help:    "write the application's folder relative to the repository's root, wherever this file lies",
		})
		return false
	}
	clean := cleanRoot(root.Value)
	if l.repo.kind(clean) != missing {
		return true
	}
	d := Diagnostic{
		Rule: ruleRootNotFound, Severity: Warning, Span: root.Span,
		Message: fmt.Sprintf("the repository has no folder %s", quote(clean)),
		Help:    "write the application's folder relative to the repository's root, in the case of its letters",
	}
	app, _, err := spec.Select(l.facts.AppRoot)
	if err == nil && app == &spec.Apps[i] {
		d.Severity = Error // this is the one to be built
	}
	if dir := cleanRoot(l.facts.Dir); dir != "" && l.repo.kind(dir+"/"+clean) == folder {
		d.Help = fmt.Sprintf("it is relative to the repository's root, not to this file: write %s", dir+"/"+clean)
	}
	l.add(d)
	return true
}

// controls are variables that the service reads before it reads the specification.
var controls = []string{
	"_BUILD_TIMEOUT", "_CUSTOM_IMAGE", "_LIVE_UPDATES", "AMPLIFY_MONOREPO_APP_ROOT", "AMPLIFY_DIFF_DEPLOY",
	"AMPLIFY_DIFF_DEPLOY_ROOT", "AMPLIFY_DIFF_BACKEND", "USER_DISABLE_TESTS",
}

// checkEnvironment checks the names in env.variables.
func (l *linter) checkEnvironment(a *app) {
	for _, v := range a.Env {
		d := Diagnostic{Rule: ruleReservedVariable, Severity: Warning, Span: v.Name.Span}
		switch name := v.Name.Value; {
		case slices.Contains(controls, name):
			d.Message = fmt.Sprintf("%s has no effect here: it is read from the app's settings, before this file", name)
			d.Help = "set it under environment variables in the console"
		case strings.HasPrefix(name, "AWS_"):
			d.Message = fmt.Sprintf("the name %s begins with AWS, which is reserved for the service", quote(name))
			d.Help = "take another name and set the AWS one in a command, as in: export AWS_REGION=$MY_REGION"
		default:
			continue
		}
		l.add(d)
	}
}
