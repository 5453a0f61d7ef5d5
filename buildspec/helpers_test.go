package buildspec

import (
	"bytes"
	"strings"
	"testing"
)

// rendered returns what a person would see.
func rendered(t *testing.T, ds Diagnostics, src []byte) string {
	t.Helper()
	var b strings.Builder
	if err := Render(&b, ds, src); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkResult checks what holds for every result of Parse, whatever the file.
func checkResult(t *testing.T, data []byte, spec *Spec, ds Diagnostics) {
	t.Helper()
	if (spec == nil) != ds.HasErrors() {
		t.Fatalf("spec == nil is %v, but HasErrors is %v", spec == nil, ds.HasErrors())
	}
	src := newSource("", data)
	for i, d := range ds {
		if d.Message == "" || d.Rule == "" || strings.HasSuffix(d.Message, ".") {
			t.Errorf("diagnostic without rule or message, or with a full stop: %+v", d)
		}
		checkSpan(t, src, d.Rule, d.Span)
		for _, r := range d.Related {
			checkSpan(t, src, d.Rule+" related", r.Span)
		}
		if d.Fix != nil {
			for _, e := range d.Fix.Edits {
				checkSpan(t, src, d.Rule+" fix", e.Span)
			}
		}
		if i > 0 && d.Rule != ruleTooMany && d.Span.Start.before(ds[i-1].Span.Start) {
			t.Errorf("diagnostics are not sorted: %v after %v", d.Span, ds[i-1].Span)
		}
	}
	if spec == nil {
		return
	}
	if len(spec.Apps) == 0 {
		t.Error("a spec without applications")
	}
	walkTexts(spec, func(what string, text Text) { checkSpan(t, src, what, text.Span) })
	for _, app := range spec.Apps {
		checkSpan(t, src, "app", app.Span)
		if app.Frontend == nil || app.Frontend.Artifacts == nil || app.Frontend.Artifacts.BaseDirectory.Value == "" {
			t.Errorf("an accepted application must have artifacts: %+v", app)
		}
	}
}

func checkSpan(t *testing.T, src *source, what string, span Span) {
	t.Helper()
	if span == (Span{}) {
		return
	}
	if span.End.before(span.Start) {
		t.Errorf("%s: span %v ends before it begins", what, span)
	}
	for _, p := range []Pos{span.Start, span.End} {
		if p.Line < 1 || p.Line > src.lines() {
			t.Errorf("%s: line of %v is outside the file of %d lines", what, p, src.lines())
			continue
		}
		start, _ := src.line(p.Line)
		end := len(src.text)
		if p.Line < src.lines() {
			end = src.lineStart[p.Line]
		}
		if width := len([]rune(src.text[start:end])); p.Column < 1 || p.Column > width+1 {
			t.Errorf("%s: column of %v is outside its line of %d characters", what, p, width)
		}
	}
}

// walkTexts calls f with every text of a spec.
func walkTexts(spec *Spec, f func(what string, text Text)) {
	f("version", spec.Version)
	for _, app := range spec.Apps {
		f("appRoot", app.AppRoot)
		for _, v := range app.Env {
			f("variable name", v.Name)
			f("variable", v.Value)
		}
		for _, s := range []*Section{app.Backend, app.Frontend, app.Test} {
			if s == nil {
				continue
			}
			f("buildPath", s.BuildPath)
			for _, p := range s.Phases {
				for _, c := range p.Commands {
					f("command", c)
				}
			}
			for _, c := range s.CachePaths {
				f("cache path", c)
			}
			if s.Artifacts != nil {
				f("baseDirectory", s.Artifacts.BaseDirectory)
				f("configFilePath", s.Artifacts.ConfigFilePath)
				for _, p := range s.Artifacts.Files {
					f("file", p)
				}
			}
		}
	}
}

// frontendOnly returns a usable file with the given lines as the frontend's build phase.
func frontendOnly(phase string) []byte {
	var b bytes.Buffer
	b.WriteString("version: 1\nfrontend:\n  phases:\n    build:\n")
	for line := range strings.Lines(phase) {
		b.WriteString("      " + line)
	}
	b.WriteString("\n  artifacts:\n    baseDirectory: dist\n    files: ['**/*']\n")
	return b.Bytes()
}
