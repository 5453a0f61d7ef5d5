package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/preamp-build/preamp/artifacts"
	"github.com/preamp-build/preamp/buildspec"
)

// shown is how many of the largest paths are named.
const shown = 5

// computePart is the folder of the artifact that a server is made of. For Next.js that is a guess: the service's number was
// seen to be much smaller than all of .next, and near what standalone has.
func (c *checker) computePart() string {
	switch c.report.Kind {
	case Bundle:
		return "compute/"
	case Next:
		return "standalone/"
	}
	return ""
}

// sizes compares what is selected with the service's limits.
func (c *checker) sizes() {
	if n := c.o.Selection.Bytes; n > MaxArtifact {
		c.add(buildspec.Diagnostic{
			Rule: ruleTooLarge, Message: fmt.Sprintf("the artifact has %s (%d bytes); the most is %s", humanize.IBytes(uint64(n)), n, humanize.IBytes(MaxArtifact)),
			Help: largest(c.o.Selection.Files, ""),
		})
	}
	part := c.computePart()
	if part == "" {
		return
	}
	for _, f := range c.o.Selection.Files {
		if strings.HasPrefix(f.Path, part) {
			c.report.ComputeBytes += f.Size
		}
	}
	n := c.report.ComputeBytes
	d := buildspec.Diagnostic{Rule: ruleComputeLarge, Help: largest(c.o.Selection.Files, part)}
	switch {
	case n > MaxCompute:
		d.Message = fmt.Sprintf("the server in %s has %s (%d bytes); the most is %s (%d bytes)",
			part, humanize.IBytes(uint64(n)), n, humanize.IBytes(MaxCompute), MaxCompute)
		d.Amplify = fmt.Sprintf(serviceTooLarge, n, MaxCompute)
	case n > MaxCompute/10*9:
		d.Severity = buildspec.Warning
		d.Message = fmt.Sprintf("the server in %s has %s, which is near the most that is allowed, %s", part, humanize.IBytes(uint64(n)), humanize.IBytes(MaxCompute))
	default:
		return
	}
	c.add(d)
}

// largest names what takes the most space below prefix: packages, and otherwise folders two levels deep.
func largest(files []artifacts.File, prefix string) string {
	bytes := map[string]int64{}
	for _, f := range files {
		if strings.HasPrefix(f.Path, prefix) {
			bytes[prefix+unit(f.Path[len(prefix):])] += f.Size
		}
	}
	type entry struct {
		name  string
		bytes int64
	}
	all := make([]entry, 0, len(bytes))
	for name, n := range bytes {
		all = append(all, entry{name, n})
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), strings.Compare(a.name, b.name))
	})
	var text strings.Builder
	text.WriteString("the largest in it:")
	for _, e := range all[:min(len(all), shown)] {
		fmt.Fprintf(&text, "\n  %8s  %s", humanize.IBytes(uint64(e.bytes)), shorten(e.name))
	}
	text.WriteString("\nleave out what is not needed to run: development dependencies, source maps, binaries for other platforms")
	return text.String()
}

// unit returns the part of a path that a person would remove as a whole.
func unit(name string) string {
	const modules = "node_modules/"
	if i := strings.LastIndex("/"+name, "/"+modules); i >= 0 {
		end := i + len(modules)
		levels := 1
		if strings.HasPrefix(name[end:], "@") {
			levels = 2
		}
		return first(name, end, levels)
	}
	return first(name, 0, 2)
}

// first returns the beginning of a path, with so many elements after start.
func first(name string, start, levels int) string {
	for i := start; i < len(name); i++ {
		if name[i] == '/' {
			if levels--; levels == 0 {
				return name[:i]
			}
		}
	}
	return name
}

func shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
