package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/buildspec/customhttp"
)

// Headers are the custom HTTP headers that apply to an application.
type Headers struct {
	// File is where they are written, relative to Root.
	File string
	// Legacy reports that it is the build specification, which is deprecated.
	Legacy bool
	// App holds the rules. Its YAML method writes them as a customHttp.yml of their own.
	App customhttp.App
}

// HeaderOptions say where to look for custom headers.
type HeaderOptions struct {
	// Root is the repository's folder on this machine. It is trusted, its content is not.
	Root string
	// AppRoot is the application's folder, relative to Root; "" is Root itself.
	AppRoot string
	// Spec is the build specification's file, relative to Root, for headers in it; "" means that there is none.
	Spec string
}

// FindHeaders reads the custom headers of an application: those of customHttp.yml in the root of the repository, also in
// a monorepo, or else those of the build specification. The Headers are nil when there are none, or when they have an
// error, which is among the findings: the service then refuses them. The error is about Root itself.
func FindHeaders(o HeaderOptions) (*Headers, buildspec.Diagnostics, error) {
	root, err := os.OpenRoot(o.Root)
	if err != nil {
		return nil, nil, fmt.Errorf("look for custom headers: %w", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	src, err := readFile(root, customhttp.FileName, buildspec.MaxFileSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h, found := legacyHeaders(root, o)
		return h, append(found, misplaced(root, o)...), nil
	case err != nil:
		return nil, buildspec.Diagnostics{{Rule: ruleUnreadable, File: customhttp.FileName, Message: fmt.Sprintf("the file cannot be read: %v", err)}}, nil
	}
	config, found := customhttp.Parse(customhttp.FileName, src)
	if config == nil {
		return nil, found, nil
	}
	app, ok := config.For(o.AppRoot)
	if !ok {
		return nil, append(found, buildspec.Diagnostic{
			Rule: ruleHeadersApp, Severity: buildspec.Warning, File: customhttp.FileName,
			Message: fmt.Sprintf("the file has no headers for the application %q", o.AppRoot),
			Help:    "add an entry with this appRoot to applications, if it should have some",
		}), nil
	}
	return &Headers{File: customhttp.FileName, App: app}, found, nil
}

// legacyHeaders reads those in the build specification. What else is wrong with it is not reported here.
func legacyHeaders(root *os.Root, o HeaderOptions) (*Headers, buildspec.Diagnostics) {
	if o.Spec == "" {
		return nil, nil
	}
	src, err := readFile(root, path.Clean(o.Spec), buildspec.MaxFileSize)
	if err != nil { // it was built from, so the build removed or replaced it
		return nil, buildspec.Diagnostics{{
			Rule: ruleUnreadable, Severity: buildspec.Warning, File: o.Spec, Message: fmt.Sprintf("the file cannot be read for custom headers: %v", err),
		}}
	}
	config, found := customhttp.ParseBuildspec(o.Spec, src, o.AppRoot)
	if config == nil {
		return nil, found
	}
	found = append(found, buildspec.Diagnostic{
		Rule: ruleHeadersLegacy, Severity: buildspec.Warning, File: o.Spec,
		Message: "customHeaders in the build specification is deprecated",
		Help:    "move the block into a file customHttp.yml at the root of the repository",
	})
	return &Headers{File: o.Spec, Legacy: true, App: config.Apps[0]}, found
}

// misplaced warns of files that look like the one that is read.
func misplaced(root *os.Root, o HeaderOptions) buildspec.Diagnostics {
	var found buildspec.Diagnostics
	for _, name := range []string{"customHttp.yaml", "customhttp.yml", path.Join(o.AppRoot, customhttp.FileName), path.Join(o.AppRoot, "customHttp.yaml")} {
		if info, err := root.Lstat(name); err != nil || !info.Mode().IsRegular() {
			continue
		}
		found = append(found, buildspec.Diagnostic{
			Rule: ruleHeadersPlace, Severity: buildspec.Warning, File: name, Message: "this file is not read, so its headers are not set",
			Help: "it must be customHttp.yml in the root of the repository, in a monorepo with the applications below a key applications",
		})
		break
	}
	return found
}
