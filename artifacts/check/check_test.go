package check_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/artifacts"
	"github.com/preamp-build/preamp/artifacts/check"
	"github.com/preamp-build/preamp/buildspec"
)

type files = map[string]string

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder writes a tree: "-> x" is a link to x, "size N" a sparse file of N bytes.
func folder(t *testing.T, all files) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range all {
		name = filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			must(t, os.Symlink(target, name))
			continue
		}
		size, sparse := strings.CutPrefix(content, "size ")
		if sparse {
			content = ""
		}
		must(t, os.WriteFile(name, []byte(content), 0o644))
		if sparse {
			n, err := strconv.ParseInt(size, 10, 64)
			must(t, err)
			must(t, os.Truncate(name, n))
		}
	}
	return root
}

// output selects base and checks it.
func output(t *testing.T, o check.Options, base string, patterns ...string) *check.Report {
	t.Helper()
	var err error
	o.Selection, err = artifacts.Select(t.Context(), artifacts.Options{Root: o.Root, Base: base, Files: patterns})
	must(t, err)
	o.BaseAsWritten = base
	r, err := check.Output(o)
	must(t, err)
	return r
}

func summary(ds buildspec.Diagnostics) string {
	var all []string
	for _, d := range ds {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Severity, d.Rule, d.File)))
	}
	return strings.Join(all, "; ")
}

// with returns a copy of a tree with changes; "-" removes.
func with(all files, changes ...string) files {
	all = maps.Clone(all)
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "-" {
			delete(all, changes[i])
		} else {
			all[changes[i]] = changes[i+1]
		}
	}
	return all
}

const manifest = `{"version": 1, "framework": {"name": "x", "version": "1.2.3"},
"routes": [{"path": "/*.*", "target": {"kind": "Static"}, "fallback": {"kind": "Compute", "src": "default"}},
 {"path": "/*", "target": {"kind": "Compute", "src": "default"}}],
"computeResources": [{"name": "default", "runtime": "nodejs22.x", "entrypoint": "server.js"}]}`

// next is what Next.js leaves.
var next = files{
	"package.json": `{"dependencies": {"next": "^15.1.0"}}`, ".next/required-server-files.json": "{}", ".next/server/x": "", ".next/standalone/server.js": "s",
}

// bundle is what an adapter leaves.
var bundle = files{
	"out/deploy-manifest.json": manifest, "out/compute/default/server.js": "s", "out/static/a.css": "a",
}

func TestOutput(t *testing.T) {
	ssr := check.Options{Platform: check.Compute, Framework: "next"}
	app := check.Options{Platform: check.Compute}
	for _, tc := range []struct {
		name  string
		o     check.Options
		files files
		base  string
		kind  string
		want  string
	}{
		{"static", check.Options{Platform: check.Web}, files{"dist/index.html": ""}, "dist", check.Static, ""},
		{"static, nothing known", check.Options{}, files{"dist/index.html": ""}, "dist", check.Static, ""},
		{"a manifest on WEB", check.Options{Platform: check.Web}, files{"dist/deploy-manifest.json": "no"}, "dist", check.Static, ""},
		{"next", ssr, next, ".next", check.Next, ""},
		{"next, nothing known", check.Options{}, next, ".next", check.Next, ""},
		{"next, wrong folder", ssr, with(next, "out/x", ""), "out", check.Next, "error output-required-server-files out"},
		{"next, no server", ssr, with(next, ".next/server/x", "-"), ".next", check.Next, "error output-server-missing .next"},
		{"next, no standalone", ssr, with(next, ".next/standalone/server.js", "-"), ".next", check.Next, "error output-standalone-missing .next"},
		{"next, catalog", ssr, with(next, "package.json", `{"devDependencies": {"next": "catalog:"}}`), ".next", check.Next, "error output-next-version package.json"},
		{"next, latest", ssr, with(next, "package.json", `{"dependencies": {"next": "latest"}}`), ".next", check.Next, "warning output-next-version package.json"},
		{"next elsewhere", ssr, with(next, "package.json", `{"dependencies": {"next": 15}}`), ".next", check.Next, "error output-next-version package.json"},
		{"next, no JSON", ssr, with(next, "package.json", `{`), ".next", check.Next, "error output-next-version package.json"},
		{"next, no package.json", ssr, with(next, "package.json", "-"), ".next", check.Next, "error output-next-version package.json"},
		{"next, link out", ssr, with(next, "package.json", "-> /etc/passwd"), ".next", check.Next, "error output-unreadable package.json"},
		{"next, huge", ssr, with(next, "package.json", "size 9000000000"), ".next", check.Next, "error output-unreadable package.json"},
		{"next, Node 24", check.Options{Platform: check.Compute, Framework: "next", Node: "v24.14.0"}, next, ".next", check.Next, "error output-node-version .next"},
		{"next, Node 22", check.Options{Platform: check.Compute, Framework: "next", Node: "22"}, next, ".next", check.Next, ""},
		{"next in a monorepo", check.Options{Platform: check.Compute, Framework: "next", AppRoot: "web", Project: "web"}, files{
			"package.json": "{}", "web/package.json": `{"dependencies": {"next": "15.0.0"}}`, "web/.next/required-server-files.json": "{}",
			"web/.next/server/x": "", "web/.next/standalone/web/server.js": "",
		}, "web/.next", check.Next, ""},
		{"bundle", app, bundle, "out", check.Bundle, ""},
		{"bundle, nothing known", check.Options{}, bundle, "out", check.Bundle, ""},
		{"bundle of next", ssr, bundle, "out", check.Bundle, ""},
		{"no manifest", app, with(bundle, "out/deploy-manifest.json", "-"), "out", check.Bundle, "error output-manifest-missing out"},
		{"no entrypoint", app, with(bundle, "out/compute/default/server.js", "-"), "out", check.Bundle, "error manifest-folder out/deploy-manifest.json; error manifest-entrypoint out/deploy-manifest.json"},
		{"entrypoint is a link out", app, with(bundle, "out/compute/default/server.js", "-> /etc/passwd"), "out", check.Bundle, "error manifest-entrypoint out/deploy-manifest.json"},
		{"manifest is a link out", app, with(bundle, "out/deploy-manifest.json", "-> /etc/passwd"), "out", check.Bundle, "error output-unreadable out/deploy-manifest.json"},
		{"manifest is a link", app, with(bundle, "out/deploy-manifest.json", "-> ../m.json", "m.json", manifest), "out", check.Bundle, "error output-unreadable out/deploy-manifest.json"},
		{"huge manifest", app, with(bundle, "out/deploy-manifest.json", "size 9000000000"), "out", check.Bundle, "error output-unreadable out/deploy-manifest.json; error output-too-large out"},
		{"another Node", check.Options{Platform: check.Compute, Node: "v20.1.0"}, bundle, "out", check.Bundle, "warning output-node-version out/deploy-manifest.json"},
		{"large server", app, with(bundle, "out/compute/default/big", "size 230686720"), "out", check.Bundle, "error output-compute-too-large out"},
		{"as large as may be", app, with(bundle, "out/compute/default/big", "size 230686719"), "out", check.Bundle, "warning output-compute-too-large out"},
		{"large static part", app, with(bundle, "out/static/big", "size 230686720"), "out", check.Bundle, ""},
		{"large site", check.Options{}, files{"dist/a": "size 5368709121"}, "dist", check.Static, "error output-too-large dist"},
		{"site at the limit", check.Options{}, files{"dist/a": "size 5368709120"}, "dist", check.Static, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Root = folder(t, tc.files)
			r := output(t, tc.o, tc.base)
			if diff := cmp.Diff(tc.want, summary(r.Findings)); diff != "" {
				t.Errorf("(-want +got)\n%s\n%v", diff, r.Findings)
			}
			if r.Kind != tc.kind {
				t.Errorf("it was taken for %s", r.Kind)
			}
			if (r.Manifest != nil) != (tc.kind == check.Bundle && !r.Findings.HasErrors() || strings.Contains(tc.want, "compute-too-large")) {
				t.Errorf("the manifest is %v", r.Manifest)
			}
		})
	}
}

// TestServiceTexts holds the service's words, as its logs have them.
func TestServiceTexts(t *testing.T) {
	o := check.Options{Platform: check.Compute, Framework: "next", Node: "v24.14.0"}
	for _, tc := range []struct {
		files files
		want  string
	}{
		{files{".next/x": "", "package.json": "{}"}, "CustomerError: Cannot read 'next' version in package.json. If you are using monorepo, please ensure that AMPLIFY_MONOREPO_APP_ROOT is set correctly.\n" +
			"CustomerError: Unsupported NodeJS version: v24.14.0. Supported versions are 20 and 22.\n" +
			"CustomerError: Can't find required-server-files.json in build output directory"},
		{with(next, ".next/server/x", "-", ".next/standalone/server.js", "-"), "CustomerError: Unsupported NodeJS version: v24.14.0. Supported versions are 20 and 22.\n" +
			"CustomerError: Build output not found in amplify-compute-bundle-output/compute/.next/server, please check your build artifacts path\n" +
			"CustomerError: Standalone directory not found in .next/standalone. Please enable output standalone on your next.config.js"},
		{with(next, ".next/standalone/x", "size 244749948"), "CustomerError: Unsupported NodeJS version: v24.14.0. Supported versions are 20 and 22.\n" +
			"CustomerError: The size of the build output (244749949) exceeds the max allowed size of230686720 bytes. Please reduce the size ofyour build output and try again."},
	} {
		o.Root = folder(t, tc.files)
		var got []string
		for _, d := range output(t, o, ".next").Findings {
			got = append(got, d.Amplify)
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, tc := range []struct {
		name, base string
		o          check.Options
		files      files
		want       string
	}{
		{"another folder", "out", check.Options{Framework: "next"}, with(next, "out/x", ""), "it is in .next: set baseDirectory to that folder"},
		{"too high", "web", check.Options{Framework: "next", AppRoot: "web"}, files{"web/package.json": `{"dependencies": {"next": "1"}}`, "web/.next/required-server-files.json": ""}, "it is in web/.next"},
		{"export", "out", check.Options{Framework: "next"}, files{"package.json": next["package.json"], "out/index.html": ""}, "platform WEB"},
		{"adapter", "dist", check.Options{}, files{"dist/x": "", ".amplify-hosting/deploy-manifest.json": ""}, "the build wrote one to .amplify-hosting"},
		{
			"sizes", "out",
			check.Options{},
			with(bundle,
				"out/compute/default/node_modules/a/node_modules/@s/b/x/y", "size 200000000", "out/compute/default/node_modules/@s/c/z", "size 40000000",
				"out/compute/default/node_modules/a/i", "size 3000000"),
			"the largest in it:\n   191 MiB  compute/default/node_modules/a/node_modules/@s/b\n    38 MiB  compute/default/node_modules/@s/c\n" +
				"   2.9 MiB  compute/default/node_modules/a\n       1 B  compute/default/server.js\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Root, tc.o.Platform = folder(t, tc.files), check.Compute
			r := output(t, tc.o, tc.base)
			if len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Help, tc.want) {
				t.Errorf("got %+v, want %q", r.Findings, tc.want)
			}
		})
	}
}

func TestNotSelected(t *testing.T) {
	r := output(t, check.Options{Root: folder(t, bundle), Platform: check.Compute}, "out", "static/**")
	want := "warning output-not-selected out/deploy-manifest.json; warning output-not-selected out/compute/default/server.js"
	if diff := cmp.Diff(want, summary(r.Findings)); diff != "" {
		t.Error(diff)
	}
}

// TestPipe holds that a pipe in place of a file is not waited for.
func TestPipe(t *testing.T) {
	root := folder(t, with(next, "package.json", "-"))
	mkfifo(t, filepath.Join(root, "package.json"))
	r := output(t, check.Options{Root: root, Platform: check.Compute, Framework: "next"}, ".next")
	if got := summary(r.Findings); got != "error output-unreadable package.json" {
		t.Error(got)
	}
}

func TestBase(t *testing.T) {
	hosting := files{".amplify-hosting/deploy-manifest.json": "", "web/.amplify-hosting/deploy-manifest.json": "", "web/dist/x": ""}
	for _, tc := range []struct {
		project, base, platform string
		files                   files
		want                    string
	}{
		{"", "dist", check.Compute, hosting, ".amplify-hosting"},
		{"web", "web/build", check.Compute, hosting, "web/.amplify-hosting"},
		{"other", "other/build", check.Compute, hosting, ".amplify-hosting"},
		{"", "dist", "", hosting, ".amplify-hosting"},
		{"", "dist", check.Web, hosting, "dist"},
		{"web", "web/dist", check.Compute, hosting, "web/dist"},
		{"", "/", check.Compute, hosting, "/"},
		{"", "", check.Compute, hosting, ""},
		{"", "dist", check.Compute, files{".amplify-hosting/x": ""}, "dist"},
		{"", "dist", check.Compute, files{"dist": "-> /tmp", ".amplify-hosting/deploy-manifest.json": ""}, "dist"},
	} {
		got, err := check.Base(folder(t, tc.files), tc.project, tc.base, tc.platform)
		must(t, err)
		if got != tc.want {
			t.Errorf("%+v: got %q", tc, got)
		}
	}
}
