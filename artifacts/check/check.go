package check

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/preamp-build/preamp/artifacts"
	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/buildspec/deploymanifest"
)

// Options say what is looked at, and how it will be deployed.
type Options struct {
	// Root is the repository's folder on this machine. It is trusted, its content is not.
	Root string
	// Selection is the artifact that was selected in it.
	Selection *artifacts.Selection
	// BaseAsWritten is the base directory as the build specification has it, for messages. Default: Selection.Base.
	BaseAsWritten string
	// Project is the folder that the base directory is relative to, and AppRoot the application's; both are relative to Root
	// and with slashes, "" is Root itself.
	Project, AppRoot string
	// Platform is Web, Compute, or "" when that is not known: then a manifest or the output of Next.js's server is
	// taken for what it is, and no server is missed.
	Platform string
	// Framework is "next", another of package detect's ids, or "" when that is not known.
	Framework string
	// Node is the version that the build ran with, such as "v22.18.0"; "" when that is not known.
	Node string
}

// Kinds of output.
const (
	Static = "static" // files only
	Bundle = "bundle" // a deploy-manifest.json and what it names
	Next   = "next"   // what Next.js makes for a server
)

// A Report is what was found.
type Report struct {
	// Kind is what the output was taken for.
	Kind string
	// Findings say what is wrong; an error means that the service would refuse the output. File is relative to Root: the base
	// directory where the finding is about all of the artifact.
	Findings buildspec.Diagnostics
	// Manifest is the bundle's, or nil.
	Manifest *deploymanifest.Manifest
	// ComputeBytes is the size of the server's part; 0 without one.
	ComputeBytes int64
}

// Base returns the folder to select the artifact from: base, relative to root, or the folder .amplify-hosting of the project if
// base does not exist and the application may have a server. Whether the result exists is left to [artifacts.Select].
func Base(root, project, base, platform string) (string, error) {
	if platform == Web {
		return base, nil
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return "", fmt.Errorf("check the output: %w", err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	clean := path.Clean(strings.TrimLeft(base, "/"))
	if _, err := r.Stat(clean); !errors.Is(err, fs.ErrNotExist) {
		return base, nil // there, or in a way that Select will explain
	}
	for _, dir := range []string{project, ""} {
		dir = path.Join(dir, deploymanifest.Folder)
		if info, err := r.Lstat(path.Join(dir, deploymanifest.FileName)); err == nil && info.Mode().IsRegular() {
			return dir, nil
		}
	}
	return base, nil
}

// Output checks an artifact. The error is about Root itself; everything about its content is a finding.
func Output(o Options) (*Report, error) {
	root, err := os.OpenRoot(o.Root)
	if err != nil {
		return nil, fmt.Errorf("check the output: %w", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	c := &checker{o: o, root: root, base: cmp.Or(o.Selection.Base, ".")}
	c.written = cmp.Or(o.BaseAsWritten, c.base)
	c.report.Kind = c.kind()
	switch c.report.Kind {
	case Bundle:
		c.bundle()
	case Next:
		c.next()
	}
	c.sizes()
	return &c.report, nil
}

// checker is one call of Output.
type checker struct {
	o       Options
	root    *os.Root
	base    string
	written string
	report  Report
}

// add reports a finding, about the base directory where it names no file.
func (c *checker) add(d buildspec.Diagnostic) {
	d.File = cmp.Or(d.File, c.base)
	c.report.Findings = append(c.report.Findings, d)
}

// in returns a path in the base directory.
func (c *checker) in(elem ...string) string { return path.Join(append([]string{c.base}, elem...)...) }

// exists reports whether there is a file or folder of that name; links are followed as far as root lets them.
func (c *checker) exists(name string) bool {
	_, err := c.root.Stat(name)
	return err == nil
}

func (c *checker) isDir(name string) bool {
	info, err := c.root.Stat(name)
	return err == nil && info.IsDir()
}

// read returns a regular file of at most limit bytes. Its error is reported, unless there is no such file.
func (c *checker) read(name string, limit int64) ([]byte, error) {
	content, err := readFile(c.root, name, limit)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.add(buildspec.Diagnostic{Rule: ruleUnreadable, File: name, Message: fmt.Sprintf("the file cannot be read: %v", err), Help: "have the build write a regular file"})
	}
	return content, err
}

func readFile(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := artifacts.OpenRegular(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return content, err
}

// kind says what the output is.
func (c *checker) kind() string {
	manifest := c.exists(c.in(deploymanifest.FileName))
	switch {
	case c.o.Platform == Web:
		return Static
	case manifest:
		return Bundle
	case c.o.Framework == "next" && c.o.Platform == Compute:
		return Next
	case c.o.Framework == "" && c.exists(c.in(serverFiles)):
		return Next
	case c.o.Platform == Compute:
		return Bundle
	}
	return Static
}

// bundle checks the manifest and what it names.
func (c *checker) bundle() {
	name := c.in(deploymanifest.FileName)
	src, err := c.read(name, deploymanifest.MaxFileSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.noManifest()
		return
	case err != nil:
		return
	}
	dir, err := c.root.OpenRoot(c.base)
	if err != nil {
		c.add(buildspec.Diagnostic{Rule: ruleUnreadable, File: c.base, Message: fmt.Sprintf("the folder cannot be read: %v", err)})
		return
	}
	defer dir.Close() //nolint:errcheck // it was only read
	m, found := deploymanifest.Parse(name, src, dir.FS())
	c.report.Manifest = m
	c.report.Findings = append(c.report.Findings, found...)
	c.selected(deploymanifest.FileName)
	if m != nil {
		for _, r := range m.Compute {
			c.selected(path.Join("compute", r.Name.Value, r.Entrypoint.Value))
			c.runtime(name, r)
		}
	}
}

// runtime warns when a server runs with another Node.js than it was built with: native modules then do not load.
func (c *checker) runtime(file string, r deploymanifest.ComputeResource) {
	built, _, _ := strings.Cut(strings.TrimPrefix(c.o.Node, "v"), ".")
	if built == "" || r.Runtime.Value == "nodejs"+built+".x" {
		return
	}
	c.add(buildspec.Diagnostic{
		Rule: ruleNode, Severity: buildspec.Warning, File: file, Span: r.Runtime.Span,
		Message: fmt.Sprintf("the server runs with %s, and the build ran with Node.js %s", r.Runtime.Value, c.o.Node),
		Help:    "use the same version for both: modules with native parts work only with that they were installed with",
	})
}

func (c *checker) noManifest() {
	d := buildspec.Diagnostic{
		Rule: ruleNoManifest, Amplify: serviceManifest,
		Message: fmt.Sprintf("there is no %s in %q, which an application with a server needs", deploymanifest.FileName, c.written),
		Help: "set baseDirectory to the folder that the framework's adapter writes, usually " + deploymanifest.Folder +
			"; an application without a server has the platform WEB",
	}
	for _, dir := range []string{c.o.Project, c.o.AppRoot, ""} {
		if other := path.Join(dir, deploymanifest.Folder); c.exists(path.Join(other, deploymanifest.FileName)) {
			d.Help = fmt.Sprintf("the build wrote one to %s: set baseDirectory to that folder", other)
			break
		}
	}
	c.add(d)
}

// selected warns when a file that is there is not among the artifacts.
func (c *checker) selected(name string) {
	for _, f := range c.o.Selection.Files {
		if f.Path == name {
			return
		}
	}
	if info, err := c.root.Lstat(c.in(name)); err != nil || !info.Mode().IsRegular() {
		return // said already
	}
	c.add(buildspec.Diagnostic{
		Rule: ruleNotSelected, Severity: buildspec.Warning, File: c.in(name),
		Message: "the file is needed to deploy, and it is not among the artifacts", Help: "let artifacts.files be '**/*', without discard-paths",
	})
}
