package buildspec

import (
	"fmt"
	"strings"
)

// allFiles is what artifacts.files means when it is absent. The service's documentation shows specifications without
// files and doesn't name the default.
const allFiles = "**/*"

// artifacts reads a section's artifacts; e is nil when there are none. It returns nil for null and for what cannot be
// read. required says that the section is nothing without them.
func (d *decoder) artifacts(section, e *entry, required bool) *Artifacts {
	if e == nil || e.val.isNull() {
		if required {
			d.c.add(noArtifacts(section, e))
		}
		return nil
	}
	if e.val.kind != mapping {
		d.wrongType(e, mapping)
		return nil
	}
	f := d.fields(e.val, artifactsScope)
	a := &Artifacts{
		BaseDirectory:  d.path(f["baseDirectory"]),
		ConfigFilePath: d.path(f["configFilePath"]),
		Files:          []Text{{Value: allFiles}},
		Span:           entrySpan(e),
	}
	if discard := f["discard-paths"]; discard != nil {
		a.DiscardPaths = d.boolean(discard)
	}
	files := f["files"]
	if files != nil && !files.val.isNull() {
		a.Files = d.texts(files)
	}
	if base := f["baseDirectory"]; base != nil && base.key.text == "base-directory" {
		d.secondSpelling(e, base)
	}
	if required {
		d.requireUsable(e, f["baseDirectory"], files)
	}
	return a
}

// secondSpelling reports a spelling that the service's documentation has in its list of keys and in no example.
func (d *decoder) secondSpelling(artifacts, base *entry) {
	d.c.add(Diagnostic{
		Rule: ruleSpelling, Severity: Hint, Span: artifacts.key.span,
		Message: "these artifacts have no baseDirectory, but a base-directory: the service's documentation has this spelling in one list of keys; all examples have the other",
		Help:    "write baseDirectory, to be sure",
		Related: []Related{{Span: base.key.span, Message: "read as baseDirectory"}},
		Fix:     d.renameFix(base, "baseDirectory"),
	})
}

// requireUsable reports what artifacts lack for handing anything over. Values of a wrong type are reported already.
func (d *decoder) requireUsable(artifacts, base, files *entry) {
	if base == nil || base.val.kind == scalar && (base.val.isNull() || base.val.text == "") {
		d.c.add(Diagnostic{
			Rule: ruleNoBaseDir, Span: artifacts.key.span,
			Message: "the artifacts have no baseDirectory",
			Help:    "name the folder that the build writes, such as dist, build, out or .next, relative to the application's root",
			Amplify: amplifyNoBaseDir,
		})
	}
	if files != nil && !files.val.isNull() && files.val.isNothing() {
		d.c.add(Diagnostic{
			Rule: ruleNoFiles, Span: files.key.span,
			Message: "the artifacts' files are an empty list, so nothing would be deployed",
			Help:    "write '**/*' for all files below baseDirectory, or remove the key",
			Amplify: amplifyNoFiles,
		})
	}
}

// noArtifacts looks for the usual reason: artifacts, or what is in them, indented below phases. empty is the artifacts
// key when it is there with nothing in it.
func noArtifacts(frontend, empty *entry) Diagnostic {
	diag := Diagnostic{
		Rule: ruleNoArtifacts, Span: frontend.key.span,
		Message: "the frontend has no artifacts, so there is nothing to deploy",
		Help:    "add artifacts with the baseDirectory that the build writes, and its files",
		Amplify: amplifyNoArtifacts,
	}
	if empty != nil {
		diag.Span, diag.Message = empty.key.span, "the artifacts are empty, so there is nothing to deploy"
		return diag
	}
	for _, e := range frontend.val.entries {
		if e.key.text != "phases" {
			continue
		}
		for _, p := range e.val.entries {
			switch p.key.text {
			case "artifacts", "baseDirectory", "base-directory", "files":
				diag.Help = fmt.Sprintf("%s stands below phases; artifacts belongs beside phases, so indent it less", p.key.text)
				diag.Related = []Related{{Span: p.key.span, Message: "indented too far"}}
				return diag
			}
		}
	}
	return diag
}

// cache returns the paths and whether paths is written at all.
func (d *decoder) cache(e *entry) ([]Text, bool) {
	if e.val.isNothing() {
		return nil, false
	}
	if e.val.kind != mapping {
		d.c.add(Diagnostic{
			Rule: ruleWrongType, Severity: Warning, Span: e.key.span,
			Message: fmt.Sprintf("cache must be a map, not %s; nothing is cached", e.val.kind),
			Help:    `put a line "paths:" below cache and indent the list below it`,
		})
		return nil, false
	}
	paths := d.fields(e.val, cacheScope)["paths"]
	if paths == nil || paths.val.isNull() {
		return nil, false
	}
	return d.texts(paths), true
}

// texts reads a list of patterns; a single one is taken as a list of one.
func (d *decoder) texts(e *entry) []Text {
	switch {
	case e.val.isNothing():
		return nil
	case e.val.kind == mapping:
		d.wrongType(e, list)
		return nil
	case e.val.kind == scalar:
		d.c.add(Diagnostic{
			Rule: ruleListFormat, Severity: Warning, Span: e.val.span,
			Message: fmt.Sprintf("%s is a single value; it is read as a list of one", e.key.text),
			Help:    "write it on a line of its own below, with a dash before it",
			Fix:     d.dashFix(e, ""),
		})
		return []Text{d.text(e.val)}
	}
	texts := make([]Text, 0, len(e.val.items))
	for _, item := range e.val.items {
		switch {
		case item.isNull():
		case item.kind == scalar:
			texts = append(texts, d.text(item))
		default:
			d.c.add(Diagnostic{
				Rule: ruleWrongType, Span: d.src.firstLine(item.span),
				Message: fmt.Sprintf("an entry of %s must be a single value, not %s", e.key.text, item.kind),
				Help:    "put the pattern in quotes",
			})
		}
	}
	return texts
}

// boolean reads yes and no beside true and false, as the service's documentation writes them.
func (d *decoder) boolean(e *entry) bool {
	if e.val.kind == scalar {
		switch strings.ToLower(e.val.text) {
		case "yes", "true", "on":
			return true
		case "no", "false", "off", "", "null", "~":
			return false
		}
	}
	d.c.add(Diagnostic{
		Rule: ruleWrongType, Severity: Warning, Span: e.key.span,
		Message: fmt.Sprintf("%s should be yes or no; it is read as no", quote(e.key.text)),
	})
	return false
}
