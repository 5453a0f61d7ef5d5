package deploymanifest

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"unicode/utf8"

	"github.com/preamp-build/preamp/buildspec"
)

// FileName is the manifest's name at the root of a bundle, and Folder is where bundles are by default.
const (
	FileName = "deploy-manifest.json"
	Folder   = ".amplify-hosting"
)

// Manifest is a deployment manifest that can be used. It is a plain value: safe to read concurrently.
type Manifest struct {
	// File is the name under which the file was parsed.
	File string
	// FrameworkName and FrameworkVersion say what made the bundle; the version is a semantic one.
	FrameworkName, FrameworkVersion buildspec.Text
	// Routes are tried in order; the last one's path is "/*". There are between 1 and 25.
	Routes []Route
	// Compute holds the servers; today at most one, with the name "default".
	Compute []ComputeResource
	// Images is nil where images are not optimized.
	Images *ImageSettings
}

// Route sends the requests whose path matches a pattern to a target.
type Route struct {
	// Path is a pattern; a star stands for any number of characters, slashes included.
	Path   buildspec.Text
	Target Target
	// Fallback is asked when the target has nothing (404); nil when there is none.
	Fallback *Target
	Span     buildspec.Span
}

// Target is what answers a request.
type Target struct {
	// Kind is "Static", "Compute" or "ImageOptimization".
	Kind buildspec.Text
	// Src names the compute resource of a Compute target.
	Src buildspec.Text
	// CacheControl is the response's Cache-Control; unset where the target has none.
	CacheControl buildspec.Text
	Span         buildspec.Span
}

// ComputeResource is a server.
type ComputeResource struct {
	// Name is also the name of its folder below compute.
	Name buildspec.Text
	// Runtime is such as "nodejs22.x".
	Runtime buildspec.Text
	// Entrypoint is the file in its folder that is run.
	Entrypoint buildspec.Text
	Span       buildspec.Span
}

// ImageSettings say how images are optimized.
type ImageSettings struct {
	// Sizes are the widths allowed, in pixels.
	Sizes []int
	// Domains and RemotePatterns are where images may come from, besides the site itself.
	Domains        []buildspec.Text
	RemotePatterns []RemotePattern
	// Formats are media types, such as "image/webp".
	Formats []buildspec.Text
	// MinimumCacheTTL is how long optimized images are kept at least, in seconds.
	MinimumCacheTTL int
	// AllowSVG is dangerouslyAllowSVG.
	AllowSVG bool
	Span     buildspec.Span
}

// RemotePattern describes URLs of images; all but Hostname may be unset.
type RemotePattern struct{ Protocol, Hostname, Port, Pathname buildspec.Text }

// Parse reads and checks a manifest. The name is used in positions only. bundle is the folder that holds the manifest,
// with compute and static in it; when it is nil, files are not looked for. Links in it are not followed where it can tell
// them apart, as that of an os.Root can.
//
// The Manifest is nil exactly when the diagnostics have an error, that is, when the service would refuse the deployment.
// The diagnostics are sorted by position. Parse takes bounded time and memory, never panics, and does not keep src.
func Parse(file string, src []byte, bundle fs.FS) (*Manifest, buildspec.Diagnostics) {
	c := &checker{file: file, bundle: bundle}
	m := c.parse(src)
	slices.SortStableFunc(c.list, func(a, b buildspec.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Span.Start.Line, b.Span.Start.Line),
			cmp.Compare(a.Span.Start.Column, b.Span.Start.Column),
			cmp.Compare(a.Severity, b.Severity),
		)
	})
	if c.list.HasErrors() {
		return nil, c.list
	}
	return m, c.list
}

// maxFindings bounds, for each severity, what one file can make us say.
const maxFindings = 100

// checker makes a Manifest of a tree. Its methods report problems and carry on with what is usable.
type checker struct {
	file   string
	bundle fs.FS
	list   buildspec.Diagnostics
	count  [buildspec.Hint + 1]int
}

func (c *checker) add(d buildspec.Diagnostic) {
	d.File = c.file
	c.count[d.Severity]++
	switch n := c.count[d.Severity]; {
	case n <= maxFindings:
		c.list = append(c.list, d)
	case n == maxFindings+1:
		c.list = append(c.list, buildspec.Diagnostic{
			Rule: ruleTooMany, Severity: d.Severity, File: c.file,
			Message: fmt.Sprintf("more than %d findings of severity %q are not shown", maxFindings, d.Severity),
			Help:    "repair the others first and look again",
		})
	}
}

func (c *checker) parse(src []byte) *Manifest {
	if len(src) > MaxFileSize {
		c.add(buildspec.Diagnostic{
			Rule: ruleTooLarge, Message: fmt.Sprintf("the manifest has %d bytes; at most %d are read", len(src), MaxFileSize),
			Help: "a manifest with 25 routes has some thousand",
		})
		return nil
	}
	if rest := bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")); len(rest) < len(src) {
		src = rest
		c.add(buildspec.Diagnostic{
			Rule: ruleEncoding, Severity: buildspec.Warning,
			Message: "the file begins with a byte order mark, which JSON does not allow", Help: "save it as UTF-8 without a mark",
		})
	}
	if !utf8.Valid(src) {
		c.add(buildspec.Diagnostic{Rule: ruleEncoding, Severity: buildspec.Warning, Message: "the file is not UTF-8", Help: "save it as UTF-8"})
	}
	root := readJSON(src, c.add)
	if root == nil {
		return nil
	}
	if root.kind != object {
		c.add(buildspec.Diagnostic{
			Rule: ruleType, Span: oneLine(root.span), Message: fmt.Sprintf("a manifest is an object, not %s", root.kind),
			Help: `it begins with { "version": 1, "routes": [`,
		})
		return nil
	}
	return c.manifest(root)
}

func (c *checker) manifest(root *value) *Manifest {
	c.keys(root, "in the manifest", "version", "framework", "routes", "computeResources", "imageSettings")
	m := &Manifest{File: c.file}
	if v := c.need(root, "version", number); v != nil && v.val.text != "1" {
		c.add(buildspec.Diagnostic{
			Rule: ruleVersion, Span: v.val.span, Message: fmt.Sprintf("there is no version %s of the deployment specification", shorten(v.val.text)),
			Help: "write 1",
		})
	}
	c.framework(m, root)
	m.Compute = c.computeResources(root)
	c.images(m, root)
	c.routes(m, root)
	c.together(m, root)
	c.files(m)
	return m
}

func (c *checker) framework(m *Manifest, root *value) {
	f := c.need(root, "framework", object)
	if f == nil {
		return
	}
	c.keys(f.val, "in framework", "name", "version")
	m.FrameworkName = c.needText(f.val, "name")
	m.FrameworkVersion = c.needText(f.val, "version")
	if v := m.FrameworkVersion; v.Set() && !semver().MatchString(v.Value) {
		c.add(buildspec.Diagnostic{
			Rule: ruleFramework, Span: v.Span, Message: fmt.Sprintf("%q is no semantic version", shorten(v.Value)),
			Help: "write the version that is installed with all its three numbers, such as 4.18.2; a range like ^4.18.0 is none",
		})
	}
}

// oneLine cuts a span off behind its first character if it goes over several lines: excerpts show one.
func oneLine(s buildspec.Span) buildspec.Span {
	if s.End.Line > s.Start.Line {
		s.End = buildspec.Pos{Line: s.Start.Line, Column: s.Start.Column + 1}
	}
	return s
}
