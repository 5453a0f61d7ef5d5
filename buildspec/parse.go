package buildspec

import (
	"bytes"
	"fmt"
	"slices"
)

// MaxFileSize is the size in bytes up to which a file is read at all.
const MaxFileSize = 1 << 20

// The service's own messages.
const (
	amplifyNoFrontend  = "CustomerError: Missing frontend definition in buildspec"
	amplifyNoAppRoot   = `CustomerError: Invalid Monorepo spec provided. The "appRoot" key needs to be a string`
	amplifyNoArtifacts = "CustomerError: The `artifacts` key was not provided in the build spec"
	amplifyNoFiles     = "CustomerError: Invalid artifact file paths provided in build spec"
	amplifyNoBaseDir   = "Error: Base Directory not specified for artifacts, unable to create build artifact."
	amplifyNoMonorepo  = `CustomerError: Monorepo spec provided without "applications" key`
)

// Parse reads a build specification. The name is used in positions only; no file is opened.
//
// The Spec is nil exactly when the diagnostics have an error. All problems of the file are reported at once, except that
// a file that is not YAML has a single finding. The diagnostics are sorted by position; at most a few hundred are
// returned. Parse takes time in proportion to the size of src, which may be at most [MaxFileSize], never panics, and
// does not keep src.
func Parse(file string, src []byte) (*Spec, Diagnostics) {
	c := &collector{file: file}
	_, spec := parse(file, src, c)
	return c.verdict(spec)
}

// parse returns what could be understood, also when there are errors: the rules look at that as well. Both results may
// be nil, and sections and artifacts of the Spec may be missing.
func parse(file string, data []byte, c *collector) (*source, *Spec) {
	if len(data) > MaxFileSize {
		c.add(Diagnostic{
			Rule:    ruleTooLarge,
			Message: fmt.Sprintf("the file has more than %d bytes, the most that a build specification may have", MaxFileSize),
			Help:    "move long commands into a script in the repository and call it",
		})
		return nil, nil
	}
	if bytes.HasPrefix(data, bomUTF16LE) || bytes.HasPrefix(data, bomUTF16BE) {
		c.add(Diagnostic{
			Rule:    ruleEncoding,
			Message: "the file is encoded as UTF-16",
			Help:    "save it as UTF-8; in PowerShell, write it with: Out-File -Encoding utf8",
		})
		return nil, nil
	}
	src := newSource(file, data)
	if src.replaced >= 0 {
		c.add(Diagnostic{
			Rule: ruleEncoding, Severity: Warning, Span: src.span(src.replaced, src.replaced+len("\uFFFD")),
			Message: "this byte is not UTF-8; it is read as the replacement character U+FFFD",
			Help:    "save the file as UTF-8",
		})
	}
	node := loadYAML(src, c)
	if node == nil {
		return nil, nil
	}
	found := slices.Clone(c.list)
	root := buildTree(src, c, node)
	if root == nil {
		return nil, nil
	}
	if root.kind != mapping {
		c.add(Diagnostic{
			Rule: ruleNotAMap, Span: src.firstLine(root.span),
			Message: fmt.Sprintf("a build specification is a map with keys such as version and frontend; this file is %s", root.kind),
			Help:    `begin with the line "version: 1" and then "frontend:", without dashes before them`,
		})
		return nil, nil
	}
	if what, help, ok := foreign(root); ok {
		// Whatever else is wrong with it, it is wrong as something that it doesn't want to be.
		c.reset(found)
		c.add(foreignDiagnostic(root, what, help))
		reportForeignKeys(root, c)
		return nil, nil
	}
	d := &decoder{src: src, c: c, read: map[*value][]Text{}}
	return src, d.spec(root)
}

// firstLine cuts a span off at the end of its first line.
func (s *source) firstLine(sp Span) Span {
	if sp.End.Line > sp.Start.Line {
		_, end := s.line(sp.Start.Line)
		sp.End = s.pos(end)
	}
	return sp
}
