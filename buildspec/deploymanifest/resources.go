package deploymanifest

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
)

func (c *checker) computeResources(root *value) []ComputeResource {
	m := c.optional(root, "computeResources", list)
	if m == nil {
		return nil
	}
	var all []ComputeResource
	for _, item := range c.elements(m, object) {
		c.keys(item, "in a compute resource", "name", "runtime", "entrypoint")
		r := ComputeResource{
			Span: item.span, Name: c.needText(item, "name"), Runtime: c.needText(item, "runtime"), Entrypoint: c.needText(item, "entrypoint"),
		}
		c.resource(r, all)
		all = append(all, r)
	}
	return all
}

func (c *checker) resource(r ComputeResource, before []ComputeResource) {
	switch {
	case !r.Name.Set():
	case r.Name.Value != computeDir:
		c.add(buildspec.Diagnostic{
			Rule: ruleCompute, Span: r.Name.Span, Message: fmt.Sprintf("a compute resource cannot be called %q", shorten(r.Name.Value)),
			Help: `the only name that is allowed is "default", which is also its folder's`,
		})
	case slices.ContainsFunc(before, func(b ComputeResource) bool { return b.Name.Value == r.Name.Value }):
		c.add(buildspec.Diagnostic{Rule: ruleCompute, Span: r.Name.Span, Message: "there are two compute resources of this name", Help: "remove one of them"})
	}
	c.runtime(r.Runtime)
	if e := r.Entrypoint; e.Set() && !entrypointName(e.Value) {
		c.add(buildspec.Diagnostic{
			Rule: ruleEntrypoint, Span: e.Span, Message: "the entrypoint must be a file inside the compute resource's folder",
			Help: "write its name relative to compute/default, such as server.js",
		})
	}
}

func (c *checker) runtime(r buildspec.Text) {
	switch {
	case !r.Set() || slices.Contains(runtimes, r.Value):
	case slices.Contains(newRuntimes, r.Value):
		c.add(buildspec.Diagnostic{
			Rule: ruleRuntime, Severity: buildspec.Warning, Span: r.Span,
			Message: fmt.Sprintf("%s is not documented, and the service was seen to refuse Node.js of that version", r.Value),
			Help:    "nodejs22.x is the newest that is documented",
		})
	default:
		c.add(buildspec.Diagnostic{
			Rule: ruleRuntime, Span: r.Span, Message: fmt.Sprintf("there is no runtime %q", shorten(r.Value)),
			Help: "it is " + strings.Join(runtimes, " or "),
		})
	}
}

func entrypointName(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.Contains(name, `\`)
}

// together checks what routes, resources and image settings say of each other.
func (c *checker) together(m *Manifest, root *value) {
	uses := map[string]buildspec.Span{}
	for _, r := range m.Routes {
		targets := []Target{r.Target}
		if r.Fallback != nil {
			targets = append(targets, *r.Fallback)
		}
		for _, t := range targets {
			if _, ok := uses[t.Kind.Value]; !ok {
				uses[t.Kind.Value] = t.Kind.Span
			}
			c.source(m, t.Src)
		}
	}
	if len(m.Routes) == 0 {
		return
	}
	_, static := uses[kindStatic]
	_, compute := uses[kindCompute]
	image, images := uses[kindImage]
	if _, unknown := uses[""]; unknown {
		return // reported, and whatever it is meant to be may be what is missing
	}
	if !static && !compute {
		c.add(buildspec.Diagnostic{
			Rule: ruleNoContent, Span: oneLine(root.get("routes").keySpan), Message: "no route leads to static files or to a server",
			Help: "a site needs a target of the kind Static or Compute",
		})
	}
	if images && !compute && static { // without static files, that is said above
		c.add(buildspec.Diagnostic{
			Rule: ruleImages, Span: image, Message: "images are optimized only beside a server, and no route leads to one",
			Help: "add a route with a target of the kind Compute, or serve the images as Static",
		})
	}
	if images && root.get("imageSettings") == nil {
		c.add(buildspec.Diagnostic{
			Rule: ruleImages, Span: image, Message: "a route optimizes images, but there are no imageSettings", Help: "add them to the manifest",
		})
	}
	c.server(m, compute)
}

// source checks that a target's resource exists.
func (c *checker) source(m *Manifest, src buildspec.Text) {
	if !src.Set() || slices.ContainsFunc(m.Compute, func(r ComputeResource) bool { return r.Name.Value == src.Value }) {
		return
	}
	c.add(buildspec.Diagnostic{
		Rule: ruleSource, Span: src.Span, Message: fmt.Sprintf("there is no compute resource %q", shorten(src.Value)),
		Help: `add it to computeResources; its name is "default"`,
	})
}

// server checks that a server is used, and that it gets what no other route takes.
func (c *checker) server(m *Manifest, used bool) {
	if len(m.Compute) == 0 {
		return
	}
	last := m.Routes[len(m.Routes)-1]
	switch {
	case !used:
		c.add(buildspec.Diagnostic{
			Rule: ruleCompute, Span: oneLine(m.Compute[0].Span), Message: "no route leads to this compute resource",
			Help: `route "/*" to it: { "kind": "Compute", "src": "default" }`,
		})
	case last.Path.Value == catchAll && last.Target.Kind.Value == kindStatic && (last.Fallback == nil || last.Fallback.Kind.Value != kindCompute):
		c.add(buildspec.Diagnostic{
			Rule: ruleServerRoute, Severity: buildspec.Warning, Span: last.Target.Kind.Span,
			Message: "what no other route takes goes to static files, although there is a server",
			Help:    "pages that a server renders are reached by the catch-all: let it lead to Compute",
		})
	}
}

// files checks that the bundle has what the manifest names.
func (c *checker) files(m *Manifest) {
	if c.bundle == nil {
		return
	}
	for _, r := range m.Compute {
		if r.Name.Value != computeDir || !r.Entrypoint.Set() || !entrypointName(r.Entrypoint.Value) {
			continue
		}
		name := path.Join("compute", computeDir, r.Entrypoint.Value)
		if info, ok := c.lstat(name); !ok || !info.Mode().IsRegular() {
			c.add(buildspec.Diagnostic{
				Rule: ruleEntrypoint, Span: r.Entrypoint.Span, Message: fmt.Sprintf("the bundle has no file %s", shorten(name)),
				Help:    "name the file that starts the server, and have the build put it there",
				Amplify: fmt.Sprintf(amplifyEntrypoint, shorten(r.Entrypoint.Value)),
			})
		}
	}
	seen := map[string]bool{}
	for _, r := range m.Routes {
		folder := map[string]string{kindStatic: "static", kindCompute: "compute"}[r.Target.Kind.Value]
		if folder == "" || seen[folder] {
			continue
		}
		seen[folder] = true
		if info, ok := c.lstat(folder); !ok || !info.IsDir() {
			c.add(buildspec.Diagnostic{
				Rule: ruleFolder, Span: r.Target.Kind.Span, Message: fmt.Sprintf("a route leads to %s, and the bundle has no folder %s", r.Target.Kind.Value, folder),
				Help: "have the build make it beside the manifest, or remove the routes",
			})
		}
	}
}

// lstat follows no link, not even in the folders above.
func (c *checker) lstat(name string) (fs.FileInfo, bool) {
	for i := range name {
		if name[i] != '/' {
			continue
		}
		if info, err := fs.Lstat(c.bundle, name[:i]); err != nil || !info.IsDir() {
			return nil, false
		}
	}
	info, err := fs.Lstat(c.bundle, name)
	return info, err == nil
}
