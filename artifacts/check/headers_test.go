package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/artifacts/check"
)

func headers(value string) string {
	return "customHeaders:\n  - pattern: '**/*'\n    headers:\n      - key: 'X-A'\n        value: '" + value + "'\n"
}

func indented(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ") + "\n"
}

func TestFindHeaders(t *testing.T) {
	mono := "applications:\n  - appRoot: apps/a\n" + indented(indented(headers("a"))) + "  - appRoot: /apps/b/\n" + indented(indented(headers("b")))
	spec := "version: 1\nfrontend:\n  phases:\n    build: {commands: []}\n"
	for _, tc := range []struct {
		name, appRoot string
		files         files
		value         string // of X-A
		file          string
		findings      string
	}{
		{"none", "", files{"amplify.yml": spec}, "", "", ""},
		{"file", "", files{"customHttp.yml": headers("x")}, "x", "customHttp.yml", ""},
		{"one file for all", "apps/a", files{"customHttp.yml": headers("x")}, "x", "customHttp.yml", ""},
		{"monorepo", "apps/a", files{"customHttp.yml": mono}, "a", "customHttp.yml", ""},
		{"the second", "apps/b", files{"customHttp.yml": mono}, "b", "customHttp.yml", ""},
		{"another", "apps/c", files{"customHttp.yml": mono}, "", "", "warning headers-other-applications customHttp.yml"},
		{"file before specification", "", files{"customHttp.yml": headers("x"), "amplify.yml": headers("y") + spec}, "x", "customHttp.yml", ""},
		{"legacy", "", files{"amplify.yml": spec + headers("old")}, "old", "amplify.yml", "warning legacy-headers amplify.yml"},
		{"legacy in the frontend", "", files{"amplify.yml": spec + indented(headers("old"))}, "old", "amplify.yml", "warning legacy-headers amplify.yml"},
		{"legacy in an application", "apps/b", files{"amplify.yml": "version: 1\n" + mono}, "b", "amplify.yml", "warning legacy-headers amplify.yml"},
		{"legacy in the first", "", files{"amplify.yml": "version: 1\n" + mono}, "a", "amplify.yml", "warning legacy-headers amplify.yml"},
		{"damaged legacy", "", files{"amplify.yml": "customHeaders: no\n"}, "", "", "error headers-not-a-list amplify.yml"},
		{"damaged", "", files{"customHttp.yml": "customHeaders: no\n"}, "", "", "error headers-not-a-list customHttp.yml"},
		{"wrong ending", "", files{"customHttp.yaml": headers("x"), "amplify.yml": spec}, "", "", "warning headers-not-in-root customHttp.yaml"},
		{"in the application", "apps/a", files{"apps/a/customHttp.yml": headers("x"), "amplify.yml": spec}, "", "", "warning headers-not-in-root apps/a/customHttp.yml"},
		{"link out", "", files{"customHttp.yml": "-> /etc/passwd"}, "", "", "error output-unreadable customHttp.yml"},
		{"huge", "", files{"customHttp.yml": "size 9000000000"}, "", "", "error output-unreadable customHttp.yml"},
		{"the specification is gone", "", files{"x": ""}, "", "", "warning output-unreadable amplify.yml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, found, err := check.FindHeaders(check.HeaderOptions{Root: folder(t, tc.files), AppRoot: tc.appRoot, Spec: "amplify.yml"})
			must(t, err)
			if diff := cmp.Diff(tc.findings, summary(found)); diff != "" {
				t.Errorf("(-want +got)\n%s\n%v", diff, found)
			}
			if (h != nil) != (tc.value != "") {
				t.Fatalf("got %+v", h)
			}
			if h == nil {
				return
			}
			if got := h.App.Rules[0].Headers[0].Value.Value; got != tc.value || h.File != tc.file || h.Legacy != (tc.file == "amplify.yml") {
				t.Errorf("got %q from %s, legacy %v", got, h.File, h.Legacy)
			}
			// What is handed over is a file that means the same.
			again := folder(t, nil)
			must(t, os.WriteFile(filepath.Join(again, "customHttp.yml"), h.App.YAML(), 0o644))
			same, found, err := check.FindHeaders(check.HeaderOptions{Root: again})
			must(t, err)
			if same == nil || len(found) > 0 || string(same.App.YAML()) != string(h.App.YAML()) || string(h.App.YAML()) != headers(tc.value) {
				t.Errorf("written it is\n%s%v", h.App.YAML(), found)
			}
		})
	}
}
