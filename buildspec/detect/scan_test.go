package detect

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
)

func TestConfigScan(t *testing.T) {
	cases := []struct {
		name, src, keys string
		want            string
		computed, none  bool
	}{
		{name: "module.exports", src: `module.exports = { output: "export" }`, keys: "output", want: "export"},
		{name: "wrapped in a call", src: "export default withMDX({\n  output: 'export', // static\n})", keys: "output", want: "export"},
		{name: "template", src: "export default { outDir: `www` }", keys: "outDir", want: "www"},
		{name: "template with a placeholder", src: "export default { outDir: `www/${x}` }", keys: "outDir", computed: true},
		{name: "comment", src: "export default { /* output: 'export' */\n // output: 'export'\n}", keys: "output", none: true},
		{name: "text", src: `export default { a: "{ output: 'export' }" }`, keys: "output", none: true},
		{name: "condition", src: "export default { output: ci ? 'export' : undefined }", keys: "output", computed: true},
		{name: "concatenation", src: "export default { outDir: 'a' + b }", keys: "outDir", computed: true},
		{name: "variable", src: "export default { output }", keys: "output", none: true},
		{name: "nested elsewhere", src: "export default { experimental: { output: 'export' } }", keys: "output", none: true},
		{name: "nested", src: "export default defineConfig(({ mode }) => ({ build: { outDir: 'x' } }))", keys: "build.outDir", want: "x"},
		{name: "nested in the wrong object", src: "export default { server: { outDir: 'x' }, build: {} }", keys: "build.outDir", none: true},
		{name: "TypeScript", src: "const c: Config = { output: 'export' as const }", keys: "output", want: "export"},
		{name: "assignment", src: "const c = {}\nc.output = 'export'\nmodule.exports = c", keys: "output", want: "export"},
		{name: "regular expression", src: "export default { a: /[/'\"]{/, output: 'export' }", keys: "output", want: "export"},
		{name: "division", src: "const n = 4 / 2; export default { output: 'export' } // 1/2", keys: "output", want: "export"},
		{name: "boolean", src: "export default { ssr: false, } satisfies Config;", keys: "ssr", want: "false"},
		{name: "quoted key", src: `{"webDir": "www"}`, keys: "webDir", want: "www"},
		{name: "escape", src: `export default { outDir: 'a\'b' }`, keys: "outDir", computed: true},
		{name: "method", src: "export default { webpack(config) { return { output: {} } }, outDir: 'x' }", keys: "outDir", want: "x"},
		{name: "unfinished", src: "export default { outDir: 'x", keys: "outDir", computed: true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			lit, found := scanConfig(tc.src).get(strings.Split(tc.keys, ".")...)
			if found == tc.none || lit.computed != tc.computed || !tc.computed && lit.value != tc.want {
				t.Errorf("got %+v, found %v", lit, found)
			}
		})
	}
}

func TestHelpers(t *testing.T) {
	if got := string(plainJSON("{ // c\n \"a//b\": [1, 2, /* x */ ], }")); got != "{ \n \"a//b\": [1, 2] }" && got != "{  \"a//b\": [1, 2]}" {
		t.Errorf("plainJSON: %q", got)
	}
	for text, want := range map[string]int{"^3.4.0": 3, "~12": 12, ">= 2.1": 2, "latest": 0, "catalog:": 0, "npm:nuxt@3": 0} {
		if got := major(text); got != want {
			t.Errorf("major(%q) = %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"vite build --outDir www": "www", "vite build --outDir=www/a && x": "www/a", "vite build --outDir $X": "", "vite build": "",
	} {
		if got := option(text, "--outDir"); got != want {
			t.Errorf("option(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"vitepress build docs": "docs", "vitepress build --base /x/ && cp a b": "", "vitepress build": "",
	} {
		if got := argument(text, "vitepress build"); got != want {
			t.Errorf("argument(%q) = %q, want %q", text, got, want)
		}
	}
	src := "packages:\n# all\n- 'apps/*'\n- packages/** # libraries\n\nother:\n  - x\n"
	if diff := cmp.Diff([]string{"apps/*", "packages/**"}, yamlList(src, "packages")); diff != "" {
		t.Errorf("yamlList (-want +got)\n%s", diff)
	}
	w := &workspace{patterns: []string{"apps/*", "./libs/**/", "!libs/old"}}
	for folder, want := range map[string]bool{"apps/a": true, "apps/a/b": false, "libs": true, "libs/x/y": true, "libs/old": false, "x": false} {
		if w.matches(folder) != want {
			t.Errorf("matches(%q) is %v", folder, !want)
		}
	}
}

// TestScalar checks the quoting against the reader that matters.
func TestScalar(t *testing.T) {
	for _, s := range []string{
		"npm ci", "**/*", "/", ".", "a: b", "#x", "- x", "a #b", "it's", `say "x"`, "true", "no", "1", "1.5", "0x1F", "2024-01-02", "~",
		"null", ".5", "-x", "*a", "&a", "!a", "[a]", "{a}", "@a/b", "`a`", "a, b", "a\\b", "%x", "? a", "| a", "é", "(a && b)", "$A_B -c",
	} {
		text := document([]plan{{base: step{text: s}, build: steps(s), cache: steps(s)}})
		spec, ds := buildspec.Parse("amplify.yml", text)
		if len(ds) > 0 {
			t.Errorf("%q: %v", s, ds)
			continue
		}
		f := spec.Apps[0].Frontend
		got := []string{f.Phases[0].Commands[0].Value, f.Artifacts.BaseDirectory.Value, f.CachePaths[0].Value}
		if diff := cmp.Diff([]string{s, s, s}, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", s, diff)
		}
	}
}

// FuzzDetect feeds arbitrary texts to all readers of configurations. Whatever the repository says, detection must not
// fail other than by refusing a package.json, and what it writes must be a specification.
func FuzzDetect(f *testing.F) {
	f.Add(`{"dependencies":{"next":"15"},"scripts":{"build":"next build"}}`, "module.exports = { output: 'export', distDir: 'x' }", "packages:\n  - apps/*\n", "{}")
	f.Add(`{"devDependencies":{"vite":"5","@sveltejs/kit":"2"}}`, "export default { build: { outDir: `a${b}` } }", "_x", `{"projects":{"a":{"architect":{"build":{"options":{"outputPath":{"base":"x"}}}}}}}`)
	f.Add(`{"name":"a","dependencies":{"@angular/core":"18"},"workspaces":["**"]}`, "/[/'`", "packages: [a, 'b'", "{ // x\n}")
	f.Fuzz(func(t *testing.T, manifest, script, yaml, json string) {
		fsys := fstest.MapFS{
			"package.json": file(manifest), "apps/a/package.json": file(manifest), "apps/a/project.json": file(json),
			"pnpm-workspace.yaml": file(yaml), "_config.yml": file(yaml), "_posts/x": file(""), "hugo.toml": file(yaml),
			"angular.json": file(json), "pnpm-lock.yaml": file(yaml), "yarn.lock": file(yaml), "nx.json": file(json),
		}
		for _, name := range []string{"next", "nuxt", "astro", "svelte", "vite", "vue", "react-router", "eleventy", "capacitor"} {
			fsys[name+".config.js"] = file(script)
			fsys["apps/a/"+name+".config.ts"] = file(script)
		}
		for _, root := range []string{"", "apps/a"} {
			p, err := Detect(fsys, root)
			if err != nil {
				continue
			}
			for _, text := range [][]byte{p.Spec(), p.BestSpec()} {
				if _, ds := buildspec.Parse("amplify.yml", text); len(ds) > 0 {
					t.Errorf("%v\n%s", ds, text)
				}
			}
		}
	})
}
