package deploymanifest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/buildspec"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

var cases = filepath.Join("..", "..", "testdata", "deploymanifest")

// TestGolden parses testdata/deploymanifest/NAME.json and compares what was understood, and what a person is told, with
// NAME.golden.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(cases, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 8 {
		t.Fatalf("found %d cases, want at least 8", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m, ds := Parse(FileName, src, nil)
			got := dump(m) + "--- diagnostics\n" + rendered(t, ds, src)
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func rendered(t *testing.T, ds buildspec.Diagnostics, src []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := buildspec.Render(&b, ds, src); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func dump(m *Manifest) string {
	if m == nil {
		return "no manifest\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "framework %s %s\n", m.FrameworkName.Value, m.FrameworkVersion.Value)
	for _, r := range m.Routes {
		fmt.Fprintf(&b, "route %s %s -> %s", r.Path.Span, r.Path.Value, target(r.Target))
		if r.Fallback != nil {
			fmt.Fprintf(&b, " else %s", target(*r.Fallback))
		}
		b.WriteString("\n")
	}
	for _, c := range m.Compute {
		fmt.Fprintf(&b, "compute %s %s %s\n", c.Name.Value, c.Runtime.Value, c.Entrypoint.Value)
	}
	if s := m.Images; s != nil {
		fmt.Fprintf(&b, "images %v ttl %d svg %v\n", s.Sizes, s.MinimumCacheTTL, s.AllowSVG)
		for _, p := range s.RemotePatterns {
			fmt.Fprintf(&b, "  %s://%s:%s%s\n", p.Protocol.Value, p.Hostname.Value, p.Port.Value, p.Pathname.Value)
		}
		fmt.Fprintf(&b, "  %d domains, %d formats\n", len(s.Domains), len(s.Formats))
	}
	return b.String()
}

func target(t Target) string {
	text := t.Kind.Value
	if t.Src.Set() {
		text += " " + t.Src.Value
	}
	if t.CacheControl.Set() {
		text += fmt.Sprintf(" (%s)", t.CacheControl.Value)
	}
	return text
}

const (
	head    = `{"version": 1, "framework": {"name": "x", "version": "1.2.3"}, `
	compute = `"computeResources": [{"name": "default", "runtime": "nodejs22.x", "entrypoint": "server.js"}], `
	server  = `{"path": "/*", "target": {"kind": "Compute", "src": "default"}}`
	static  = `{"path": "/*", "target": {"kind": "Static"}}`
	images  = `"imageSettings": {"sizes": [1], "domains": [], "remotePatterns": [], "formats": [], "minimumCacheTTL": 60, "dangerouslyAllowSVG": false}, `
)

// TestFindings checks rules one by one: id and severity, and the text at the place.
func TestFindings(t *testing.T) {
	routes := func(r ...string) string { return `"routes": [` + strings.Join(r, ", ") + `]}` }
	site := func(r ...string) string { return head + routes(append(r, static)...) }
	app := func(r ...string) string { return head + compute + routes(append(r, server)...) }
	image := func(from, to string) string {
		return head + compute + strings.Replace(images, from, to, 1) + routes(`{"path": "/i", "target": {"kind": "ImageOptimization"}}`, server)
	}
	to := func(target string) string { return `{"path": "/a/*", "target": ` + target + `}` }
	tests := []struct{ name, src, want string }{
		{"static site", site(), ""},
		{"server", app(), ""},
		{"images", image("1", "1"), ""},
		{"the documentation's own misspelling", image("minimumCacheTTL", "minumumCacheTTL"), ""},
		{"fallback", app(`{"path": "/*.*", "target": {"kind": "Static", "cacheControl": "public"}, "fallback": {"kind": "Compute", "src": "default"}}`), ""},
		{"prerelease", strings.Replace(app(), "1.2.3", "1.2.3-rc.1+b7", 1), ""},
		{"no object", `[]`, "manifest-wrong-type error []"},
		{"version 2", strings.Replace(app(), `"version": 1,`, `"version": 2,`, 1), "manifest-version error 2"},
		{"version as a text", strings.Replace(app(), `"version": 1,`, `"version": "1",`, 1), `manifest-wrong-type error "1"`},
		{"framework version", strings.Replace(app(), "1.2.3", "^1.2", 1), `manifest-framework-version error "^1.2"`},
		{"leading zero", strings.Replace(app(), "1.2.3", "1.02.3", 1), `manifest-framework-version error "1.02.3"`},
		{"unknown key", strings.Replace(app(), `"routes"`, `"Routes": [], "routes"`, 1), `manifest-unknown-key warning "Routes"`},
		{"duplicate key", strings.Replace(app(), `"version": 1`, `"version": 2, "version": 1`, 1), `manifest-duplicate-key warning "version"`},
		{"no slash", site(`{"path": "a", "target": {"kind": "Static"}}`), `manifest-route-path error "a"`},
		{"bad character", site(`{"path": "/a?b", "target": {"kind": "Static"}}`), `manifest-route-path error "/a?b"`},
		{"long path", site(`{"path": "/` + strings.Repeat("a", 255) + `", "target": {"kind": "Static"}}`), `manifest-route-path error "/` + strings.Repeat("a", 255) + `"`},
		{"twice", site(to(`{"kind": "Static"}`), to(`{"kind": "Static"}`)), `manifest-unreachable-route warning "/a/*"`},
		{"kind", site(to(`{"kind": "static"}`)), `manifest-target-kind error "static"`},
		{"kind of nothing", site(to(`{"kind": "Lambda"}`)), `manifest-target-kind error "Lambda"`},
		{"no src", app(to(`{"kind": "Compute"}`)), `manifest-missing-key error {"kind": "Compute"}`},
		{"src of static", site(to(`{"kind": "Static", "src": "x"}`)), `manifest-target-src warning "src"`},
		{"src of nothing", head + routes(server), `manifest-target-src error "default"`},
		{"cacheControl of a server", app(to(`{"kind": "Compute", "src": "default", "cacheControl": "x"}`)), `manifest-cache-control warning "cacheControl"`},
		{"same kind", site(`{"path": "/a", "target": {"kind": "Static"}, "fallback": {"kind": "Static"}}`), `manifest-fallback error "Static"`},
		{"no routes", head + routes(), `manifest-catch-all error "routes"`},
		{"no catch-all", head + routes(to(`{"kind": "Static"}`)), `manifest-catch-all error "/a/*"`},
		{"catch-all first", head + routes(static, to(`{"kind": "Static"}`)), `manifest-catch-all error "/*"`},
		{"26 routes", site(func() (all []string) {
			for i := range 25 {
				all = append(all, fmt.Sprintf(`{"path": "/%d", "target": {"kind": "Static"}}`, i))
			}
			return all
		}()...), "manifest-too-many-routes error " + static},
		{"images without a server", head + images + routes(`{"path": "/i", "target": {"kind": "ImageOptimization"}}`, static), `manifest-image-settings error "ImageOptimization"`},
		{"images without settings", app(`{"path": "/i", "target": {"kind": "ImageOptimization"}}`), `manifest-image-settings error "ImageOptimization"`},
		{"only images", head + images + routes(`{"path": "/*", "target": {"kind": "ImageOptimization"}}`), `manifest-no-content-route error "routes"`},
		{"unused server", head + compute + routes(static), `manifest-compute error {"name": "default", "runtime": "nodejs22.x", "entrypoint": "server.js"}`},
		{"server behind static", head + compute + routes(to(`{"kind": "Compute", "src": "default"}`), static), `manifest-server-route warning "Static"`},
		{"static fallback of all", head + compute + routes(strings.Replace(server, "}}", `}, "fallback": {"kind": "Static"}}`, 1)), `manifest-fallback hint "Static"`},
		{"another name", strings.ReplaceAll(app(), `"default"`, `"main"`), `manifest-compute error "main"`},
		{"old runtime", strings.Replace(app(), "nodejs22.x", "nodejs18.x", 1), `manifest-runtime error "nodejs18.x"`},
		{"new runtime", strings.Replace(app(), "nodejs22.x", "nodejs24.x", 1), `manifest-runtime warning "nodejs24.x"`},
		{"entrypoint outside", strings.Replace(app(), "server.js", "../server.js", 1), `manifest-entrypoint error "../server.js"`},
		{"absolute entrypoint", strings.Replace(app(), "server.js", "/server.js", 1), `manifest-entrypoint error "/server.js"`},
		{"negative size", image("[1]", "[-1]"), "manifest-image-settings error -1"},
		{"half a size", image("[1]", "[1.5]"), "manifest-image-settings error 1.5"},
		{"huge size", image("[1]", "[99999999999999999999]"), "manifest-image-settings error 99999999999999999999"},
		{"wide", image("[1]", "[10000]"), "manifest-image-settings warning 10000"},
		{"size as a text", image("[1]", `["1"]`), `manifest-wrong-type error "1"`},
		{"TTL", image("60", "-1"), "manifest-image-settings error -1"},
		{"format", image(`"formats": []`, `"formats": ["image/bmp"]`), `manifest-image-settings error "image/bmp"`},
		{"domain", image(`"domains": []`, `"domains": ["https://a.b"]`), `manifest-image-settings warning "https://a.b"`},
		{"all hosts", image(`"remotePatterns": []`, `"remotePatterns": [{"hostname": "**"}]`), `manifest-remote-pattern error "**"`},
		{"host", image(`"remotePatterns": []`, `"remotePatterns": [{"hostname": "*.a.b", "protocol": "https", "port": "", "pathname": "/**"}]`), ""},
		{"http", image(`"remotePatterns": []`, `"remotePatterns": [{"hostname": "a.b", "protocol": "http"}]`), `manifest-remote-pattern warning "http"`},
		{"ftp", image(`"remotePatterns": []`, `"remotePatterns": [{"hostname": "a.b", "protocol": "ftp"}]`), `manifest-remote-pattern error "ftp"`},
		{"SVG as a text", image("false", `"no"`), `manifest-wrong-type error "no"`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if !json.Valid([]byte(tc.src)) {
				t.Fatalf("the case is not JSON: %s", tc.src)
			}
			m, ds := Parse(FileName, []byte(tc.src), nil)
			var got []string
			for _, d := range ds {
				got = append(got, fmt.Sprintf("%s %s %s", d.Rule, d.Severity, tc.src[d.Span.Start.Column-1:d.Span.End.Column-1]))
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if (m == nil) != ds.HasErrors() {
				t.Errorf("the manifest is there: %v, with the findings %v", m != nil, ds)
			}
		})
	}
}

func TestSyntax(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"empty", "", "manifest-syntax 1:1"},
		{"blank", " \n ", "manifest-syntax 2:2"},
		{"trailing comma", "{\n  \"version\": 1,\n}", "manifest-syntax 3:1"},
		{"missing comma", "{\n  \"version\": 1\n  \"routes\": []\n}", "manifest-syntax 3:3"},
		{"comment", "{\n  // c\n}", "manifest-syntax 2:3"},
		{"single quotes", "{'a': 1}", "manifest-syntax 1:2"},
		{"unfinished", "{\n \"a\": [1", "manifest-syntax 2:9"},
		{"unclosed text", "{\n \"é\": \"b\n}", "manifest-syntax 2:9"},
		{"two values", "{}\n{}", "manifest-syntax 2:1"},
		{"wrong bracket", "{\"a\": [1}", "manifest-syntax 1:9"},
		{"deep", strings.Repeat("[", 100) + strings.Repeat("]", 100), "manifest-too-deep 1:51"},
		{"large", strings.Repeat(" ", MaxFileSize+1), "manifest-too-large -"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m, ds := Parse(FileName, []byte(tc.src), nil)
			if m != nil || len(ds) != 1 {
				t.Fatalf("manifest %v, findings %v", m, ds)
			}
			if got := fmt.Sprintf("%s %s", ds[0].Rule, ds[0].Span.Start); got != tc.want {
				t.Errorf("got %s (%s), want %s", got, ds[0].Message, tc.want)
			}
		})
	}
	m, ds := Parse(FileName, []byte("\xef\xbb\xbf"+head+`"routes": [`+static+"]}"), nil)
	if m == nil || len(ds) != 1 || ds[0].Rule != ruleEncoding {
		t.Errorf("a byte order mark must be a warning: %v", ds)
	}
}

// TestBundle checks what the manifest names against the files beside it.
func TestBundle(t *testing.T) {
	src := []byte(head + compute + `"routes": [{"path": "/*.*", "target": {"kind": "Static"}}, ` + server + `]}`)
	check := func(bundle fs.FS) string {
		m, ds := Parse(FileName, src, bundle)
		if (m == nil) != ds.HasErrors() {
			t.Errorf("the manifest is there: %v, with the findings %v", m != nil, ds)
		}
		var got []string
		for _, d := range ds {
			got = append(got, d.Rule)
		}
		return strings.Join(got, " ")
	}
	full := fstest.MapFS{"compute/default/server.js": {}, "static/a.css": {}}
	for _, tc := range []struct {
		name, want string
		bundle     fs.FS
	}{
		{"complete", "", full},
		{"empty", "manifest-entrypoint manifest-folder manifest-folder", fstest.MapFS{}},
		{"entrypoint is a folder", "manifest-entrypoint", fstest.MapFS{"compute/default/server.js/x": {}, "static/a.css": {}}},
		{"no static", "manifest-folder", fstest.MapFS{"compute/default/server.js": {}}},
	} {
		if got := check(tc.bundle); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	_, ds := Parse(FileName, src, fstest.MapFS{"compute/x": {}, "static/x": {}})
	if len(ds) != 1 || !strings.Contains(ds[0].Amplify, "The entrypoint file 'server.js' cannot be found") {
		t.Errorf("the service's own message is missing: %v", ds)
	}
	outside, root := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "server.js"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"static", "compute"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(root, "compute", "default")); err != nil {
		t.Skip("needs symbolic links: ", err)
	}
	if got := check(os.DirFS(root)); got != "manifest-entrypoint" {
		t.Errorf("an entrypoint outside of the bundle was accepted: %q", got)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(cases, "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte(head + compute + images + `"routes": [` + server + `]}`))
	bundle := fstest.MapFS{"compute/default/server.js": {}}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, ds := Parse(FileName, src, bundle)
		if (m == nil) != ds.HasErrors() {
			t.Fatalf("the manifest is there: %v, with the findings %v", m != nil, ds)
		}
		plain := bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
		if m == nil && !json.Valid(plain) && len(plain) <= MaxFileSize && len(ds) == 0 {
			t.Error("what is not JSON was taken")
		}
		if m != nil && !json.Valid(plain) {
			t.Error("what is not JSON was taken")
		}
		lines := bytes.Count(src, []byte("\n")) + bytes.Count(src, []byte("\r")) + 1
		for i, d := range ds {
			if d.Message == "" || d.Rule == "" || d.File == "" || d.Span.Start.Line > lines {
				t.Errorf("an incomplete finding: %+v", d)
			}
			if i > 0 && d.Span.Start.Line < ds[i-1].Span.Start.Line {
				t.Errorf("the findings are not sorted: %v after %v", d, ds[i-1])
			}
		}
		if err := buildspec.Render(io.Discard, ds, src); err != nil {
			t.Error(err)
		}
	})
}
