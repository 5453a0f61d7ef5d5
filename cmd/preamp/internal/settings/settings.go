// Package settings reads preamp.yml, which says what Amplify's console knows of an application and the repository does
// not: variables for all and for single branches, image, instance size.
//
//	appId: d1a2b3c4d5e6f7
//	defaultBranch: main
//	image: amplify:al2023
//	size: large
//	env:
//	  API_URL: https://api.example.com
//	branches:
//	  main:
//	    env: { API_URL: https://api.example.org }
//	  feature/**:
//	    env: { AMPLIFY_DIFF_DEPLOY: "true" }
//	applications:           # of a monorepo; each takes what is above and overrides it
//	  - appRoot: apps/web
//	    env: { SITE: web }
//
// The file is its user's, not the repository's: whoever builds what others have written does not take it from there.
package settings

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
)

// FileName is the file's name in a work tree.
const FileName = "preamp.yml"

// App holds the settings of an application. The zero value sets nothing.
type App struct {
	AppID, DefaultBranch, Image, Size string
	Timeout                           time.Duration
	Console                           runner.Console
	WatchPaths                        []string
}

// Settings is a file that was read.
type Settings struct {
	App
	Apps []AppSettings // of a monorepo, on top of the above
}

// AppSettings are those of one application of a monorepo.
type AppSettings struct {
	AppRoot string
	App
}

// For gives the settings of the application with this appRoot, "" being the only one of a repository.
func (s *Settings) For(appRoot string) App {
	out := s.App
	for _, a := range s.Apps {
		if clean(a.AppRoot) == clean(appRoot) {
			out = out.with(a.App)
		}
	}
	return out
}

func clean(folder string) string { return path.Clean("/" + strings.TrimSpace(folder)) }

func (a App) with(b App) App {
	for _, f := range []struct{ to, from *string }{
		{&a.AppID, &b.AppID}, {&a.DefaultBranch, &b.DefaultBranch}, {&a.Image, &b.Image}, {&a.Size, &b.Size},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	if b.Timeout > 0 {
		a.Timeout = b.Timeout
	}
	if len(b.WatchPaths) > 0 {
		a.WatchPaths = b.WatchPaths
	}
	a.Console.Env = slices.Concat(a.Console.Env, b.Console.Env)
	a.Console.Branches = slices.Concat(a.Console.Branches, b.Console.Branches)
	return a
}

// Parse reads a file. The settings are usable when the findings hold no error. It is safe for concurrent use.
func Parse(file string, src []byte) (*Settings, buildspec.Diagnostics) {
	root, found := buildspec.ParseTree(file, src)
	d := &decoder{file: file, found: found}
	s := &Settings{}
	if root == nil {
		return s, d.found
	}
	d.object(root, "the file", d.fields(&s.App, map[string]func(*buildspec.Node){
		"applications": func(n *buildspec.Node) { d.applications(n, s) },
	}))
	return s, d.found
}

type decoder struct {
	file  string
	found buildspec.Diagnostics
}

func (d *decoder) add(n *buildspec.Node, help, format string, args ...any) {
	d.found = append(d.found, buildspec.Diagnostic{
		Rule: "settings", Severity: buildspec.Error, File: d.file, Span: n.Span, Message: fmt.Sprintf(format, args...), Help: help,
	})
}

// object hands each entry of a map to the function of its key.
func (d *decoder) object(n *buildspec.Node, what string, keys map[string]func(*buildspec.Node)) {
	if n.Kind != buildspec.MapNode {
		d.add(n, "", "%s must be a map, not %s", what, n.Kind)
		return
	}
	for _, e := range n.Entries {
		read, ok := keys[e.Key.Text.Value]
		if !ok {
			d.add(e.Key, "there are "+strings.Join(slices.Sorted(maps.Keys(keys)), ", "), "%s has no setting %q", what, e.Key.Text.Value)
			continue
		}
		if !e.Value.IsNull() {
			read(e.Value)
		}
	}
}

func (d *decoder) fields(a *App, more map[string]func(*buildspec.Node)) map[string]func(*buildspec.Node) {
	keys := map[string]func(*buildspec.Node){
		"appId":         d.text(&a.AppID),
		"defaultBranch": d.text(&a.DefaultBranch),
		"image":         d.text(&a.Image),
		"size":          func(n *buildspec.Node) { d.size(n, a) },
		"timeout":       func(n *buildspec.Node) { d.timeout(n, a) },
		"env":           func(n *buildspec.Node) { a.Console.Env = d.env(n) },
		"branches":      func(n *buildspec.Node) { d.branches(n, a) },
		"watchPaths":    func(n *buildspec.Node) { a.WatchPaths = d.list(n) },
	}
	maps.Copy(keys, more)
	return keys
}

func (d *decoder) text(to *string) func(*buildspec.Node) {
	return func(n *buildspec.Node) {
		if n.Kind != buildspec.ScalarNode {
			d.add(n, "", "this must be a single value, not %s", n.Kind)
			return
		}
		*to = n.Text.Value
	}
}

func (d *decoder) size(n *buildspec.Node, a *App) {
	d.text(&a.Size)(n)
	if _, ok := runner.Sizes[a.Size]; !ok && a.Size != "" {
		d.add(n, "there are "+strings.Join(slices.Sorted(maps.Keys(runner.Sizes)), ", "), "there is no instance size %q", a.Size)
	}
}

func (d *decoder) timeout(n *buildspec.Node, a *App) {
	var s string
	d.text(&s)(n)
	t, err := time.ParseDuration(s)
	if err != nil || t <= 0 {
		d.add(n, "write it as 45m or 1h30m", "%q is no length of time", s)
		return
	}
	a.Timeout = t
}

func (d *decoder) env(n *buildspec.Node) []engine.Var {
	var vars []engine.Var
	if n.Kind != buildspec.MapNode {
		d.add(n, "write NAME: value lines", "env must be a map, not %s", n.Kind)
		return nil
	}
	for _, e := range n.Entries {
		if e.Value.Kind != buildspec.ScalarNode {
			d.add(e.Value, "put the value in quotes", "the value of %s must be a single value, not %s", e.Key.Text.Value, e.Value.Kind)
			continue
		}
		vars = append(vars, engine.Var{Name: e.Key.Text.Value, Value: e.Value.Text.Value})
	}
	return vars
}

func (d *decoder) branches(n *buildspec.Node, a *App) {
	if n.Kind != buildspec.MapNode {
		d.add(n, "write the branch's name as a key", "branches must be a map, not %s", n.Kind)
		return
	}
	for _, e := range n.Entries {
		b := runner.BranchEnv{Pattern: e.Key.Text.Value}
		d.object(e.Value, "a branch", map[string]func(*buildspec.Node){"env": func(n *buildspec.Node) { b.Env = d.env(n) }})
		a.Console.Branches = append(a.Console.Branches, b)
	}
}

func (d *decoder) list(n *buildspec.Node) []string {
	if n.Kind == buildspec.ScalarNode {
		return []string{n.Text.Value}
	}
	if n.Kind != buildspec.ListNode {
		d.add(n, "", "this must be a list, not %s", n.Kind)
		return nil
	}
	var out []string
	for _, item := range n.Items {
		var s string
		d.text(&s)(item)
		out = append(out, s)
	}
	return out
}

func (d *decoder) applications(n *buildspec.Node, s *Settings) {
	if n.Kind != buildspec.ListNode {
		d.add(n, `begin each application with "- appRoot:"`, "applications must be a list, not %s", n.Kind)
		return
	}
	for _, item := range n.Items {
		var a AppSettings
		d.object(item, "an application", d.fields(&a.App, map[string]func(*buildspec.Node){"appRoot": d.text(&a.AppRoot)}))
		if a.AppRoot == "" {
			d.add(item, "", "an application needs its appRoot")
		}
		s.Apps = append(s.Apps, a)
	}
}
