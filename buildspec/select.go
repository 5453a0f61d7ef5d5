package buildspec

import (
	"fmt"
	"path"
	"strings"
)

// SelectError says that a specification has no application for an app root.
type SelectError struct {
	// File is the specification's file.
	File string
	// AppRoot is what was asked for, as given.
	AppRoot string
	// Have holds the app roots that there are, in the order of the file; nil when the file has no applications.
	Have []string
	// Suggestion is the one of Have that was probably meant, or "".
	Suggestion string
	// Amplify is the service's own message.
	Amplify string
}

// Error names the app root, what there is instead, and what to do.
func (e *SelectError) Error() string {
	if e.Have == nil {
		return fmt.Sprintf("%s has no applications, but the app root %q is set: unset AMPLIFY_MONOREPO_APP_ROOT, or put the "+
			"specification under an applications key with this appRoot", e.File, e.AppRoot)
	}
	text := fmt.Sprintf("%s has no application with the appRoot %q; it has %s", e.File, e.AppRoot, quoteAll(e.Have))
	if e.Suggestion != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Suggestion)
	}
	return text
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}

// Select returns the application to build. appRoot is the value of AMPLIFY_MONOREPO_APP_ROOT or its like, and "" when
// it is unset; "/" and "." name the repository's root. Roots are compared after cleaning: "./apps/web/" is "apps/web".
//
// Without applications the file's only application is returned, and another appRoot than the root is an error. With
// applications and no appRoot the first application is returned, as the service does silently, and notice says so; it
// is "" otherwise. The same holds for the repository's root when no application has it. Every error is a
// [*SelectError]. The result points into s.
func (s *Spec) Select(appRoot string) (app *App, notice string, err error) {
	want := cleanRoot(appRoot)
	if !s.Monorepo {
		if want != "" {
			return nil, "", &SelectError{File: s.File, AppRoot: appRoot, Amplify: amplifyNoMonorepo}
		}
		return &s.Apps[0], "", nil
	}
	have := make([]string, len(s.Apps))
	for i := range s.Apps {
		have[i] = s.Apps[i].AppRoot.Value
		// With no appRoot at all the service doesn't look for the root but takes the first.
		if app == nil && appRoot != "" && cleanRoot(have[i]) == want {
			app = &s.Apps[i]
		}
	}
	switch {
	case app != nil:
		return app, "", nil
	case want == "":
		return &s.Apps[0], firstNotice(s, appRoot, have), nil
	}
	return nil, "", &SelectError{
		File: s.File, AppRoot: appRoot, Have: have, Suggestion: nearestRoot(want, have),
		Amplify: fmt.Sprintf("Invalid monorepo spec, no appRoot matching %s found", appRoot),
	}
}

func firstNotice(s *Spec, appRoot string, have []string) string {
	reason := "no app root is given"
	if appRoot != "" {
		reason = fmt.Sprintf("no application has the app root %q", appRoot)
	}
	text := fmt.Sprintf("%s: building the first application of %s, %s", reason, s.File, quote(have[0]))
	if len(have) > 1 {
		text += fmt.Sprintf(" (there are %d: %s)", len(have), quoteAll(have))
	}
	return text
}

// cleanRoot returns a root relative to the repository's, without dots and slashes at its ends; "" is the root itself.
func cleanRoot(root string) string {
	root = path.Clean("/" + strings.ReplaceAll(strings.TrimSpace(root), `\`, "/"))
	return strings.TrimPrefix(root, "/")
}

// nearestRoot prefers the same last folder over similar letters: packages/web for apps/web.
func nearestRoot(want string, have []string) string {
	if near := nearest(want, have); near != "" {
		return near
	}
	for _, root := range have {
		clean := cleanRoot(root)
		if clean != "" && (path.Base(clean) == path.Base(want) || strings.HasSuffix(want, "/"+clean)) {
			return root
		}
	}
	return ""
}
