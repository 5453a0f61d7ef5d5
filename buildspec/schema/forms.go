package schema

import (
	"maps"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// form is a type that Go has no type for, under the name of its definition.
type form struct {
	name   string
	schema func() *jsonschema.Schema
}

// forms describes the types without fields. The documented form of each stands first.
var forms = map[reflect.Type]form{
	reflect.TypeFor[version]():       {"version", func() *jsonschema.Schema { return types("number", "string", "null") }},
	reflect.TypeFor[path]():          {"path", func() *jsonschema.Schema { return types("string", "number", "boolean", "null") }},
	reflect.TypeFor[appRoot]():       {"appRoot", func() *jsonschema.Schema { return types("string") }},
	reflect.TypeFor[customHeaders](): {"customHeaders", func() *jsonschema.Schema { return &jsonschema.Schema{} }},
	reflect.TypeFor[flag]():          {"flag", flagForm},
	reflect.TypeFor[applications]():  {"applications", applicationsForm},
	reflect.TypeFor[variables]():     {"variables", variablesForm},
	reflect.TypeFor[commands]():      {"commands", commandsForm},
	reflect.TypeFor[globs]():         {"globs", func() *jsonschema.Schema { return patterns(1) }},
	reflect.TypeFor[cachePaths]():    {"cachePaths", func() *jsonschema.Schema { return patterns(0) }},
	reflect.TypeFor[phase]():         {"phase", phaseForm},
	reflect.TypeFor[loosePhase]():    {"loosePhase", func() *jsonschema.Schema { return ref("phase") }},
	reflect.TypeFor[env]():           {"env", func() *jsonschema.Schema { return orNothing("envSection") }},
	reflect.TypeFor[backend]():       {"backend", func() *jsonschema.Schema { return orNothing("backendSection") }},
	reflect.TypeFor[test]():          {"test", func() *jsonschema.Schema { return orNothing("testSection") }},
	reflect.TypeFor[phases]():        {"phases", func() *jsonschema.Schema { return orNothing("phasesSection") }},
	reflect.TypeFor[testPhases]():    {"testPhases", func() *jsonschema.Schema { return orNothing("testPhasesSection") }},
	reflect.TypeFor[cache]():         {"cache", func() *jsonschema.Schema { return orNothing("cacheSection") }},
	reflect.TypeFor[frontend]():      {"frontend", func() *jsonschema.Schema { return ref("frontendSection") }},
	reflect.TypeFor[artifacts]():     {"artifacts", func() *jsonschema.Schema { return anyOf(ref("artifactsSection"), types("null")) }},
	reflect.TypeFor[frontendArtifacts](): {"frontendArtifacts", func() *jsonschema.Schema {
		return &jsonschema.Schema{AllOf: []*jsonschema.Schema{ref("artifactsSection"), oneBaseDirectory()}}
	}},
}

// references returns what stands for a form wherever a field has its type. In draft-07 nothing counts beside a $ref, and
// editors hold to that for some keys, so the reference is wrapped.
func references() map[reflect.Type]*jsonschema.Schema {
	refs := make(map[reflect.Type]*jsonschema.Schema, len(forms))
	for t, f := range forms {
		refs[t] = &jsonschema.Schema{AllOf: []*jsonschema.Schema{ref(f.name)}}
	}
	return refs
}

// definitions returns the forms, and the structs that they are made of.
func definitions() (map[string]*jsonschema.Schema, error) {
	defs := map[string]*jsonschema.Schema{"nothing": nothing(), "scalar": scalar()}
	for f := range maps.Values(forms) {
		defs[f.name] = f.schema()
	}
	for name, describe := range map[string]func() (*jsonschema.Schema, error){
		"application":       object[application],
		"envSection":        object[envSection],
		"backendSection":    object[backendSection],
		"frontendSection":   object[frontendSection],
		"testSection":       object[testSection],
		"phasesSection":     object[phasesSection],
		"testPhasesSection": object[testPhasesSection],
		"phaseSection":      object[phaseSection],
		"artifactsSection":  object[artifactsSection],
		"cacheSection":      object[cacheSection],
	} {
		s, err := describe()
		if err != nil {
			return nil, err
		}
		defs[name] = s
	}
	return defs, nil
}

func ref(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/definitions/" + name} }

func anyOf(of ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: of} }

func types(names ...string) *jsonschema.Schema {
	if len(names) == 1 {
		return &jsonschema.Schema{Type: names[0]}
	}
	return &jsonschema.Schema{Types: slices.Clone(names)}
}

// scalar is what becomes text, however YAML reads it.
func scalar() *jsonschema.Schema {
	s := types("string", "number", "boolean", "null")
	s.Description = "A single value. One with \": \", \" #\" or a bracket or asterisk at its beginning needs quotes."
	return s
}

// nothing is what stands for an absent value.
func nothing() *jsonschema.Schema {
	return &jsonschema.Schema{
		Description: "Nothing, as if the key were absent.",
		Types:       []string{"null", "array"}, MaxItems: jsonschema.Ptr(0),
	}
}

func orNothing(name string) *jsonschema.Schema { return anyOf(ref(name), ref("nothing")) }

func flagForm() *jsonschema.Schema {
	return &jsonschema.Schema{Enum: []any{true, false, "yes", "no", "on", "off", nil}}
}

func applicationsForm() *jsonschema.Schema {
	return anyOf(
		&jsonschema.Schema{Type: "array", Items: ref("application"), MinItems: jsonschema.Ptr(1)},
		ref("application"), // without its dash
		types("null"),
	)
}

func variablesForm() *jsonschema.Schema {
	return anyOf(&jsonschema.Schema{
		Type:                 "object",
		PropertyNames:        &jsonschema.Schema{Pattern: "^[^=]+$"},
		AdditionalProperties: ref("scalar"),
		Examples:             []any{map[string]any{"NODE_OPTIONS": "--max-old-space-size=4096"}},
	}, ref("nothing"))
}

func commandsForm() *jsonschema.Schema {
	return anyOf(
		&jsonschema.Schema{
			Type: "array", Items: ref("scalar"),
			Examples: []any{[]any{"npm ci"}, []any{"npm run build"}},
		},
		ref("scalar"), // a single command
	)
}

func phaseForm() *jsonschema.Schema {
	return anyOf(ref("phaseSection"), ref("commands")) // without the key commands
}

// patterns is a list of glob patterns, of at least the given length.
func patterns(least int) *jsonschema.Schema {
	list := &jsonschema.Schema{Type: "array", Items: ref("scalar")}
	if least > 0 {
		list.MinItems = jsonschema.Ptr(least)
	}
	return anyOf(list, ref("scalar"))
}

// oneBaseDirectory asks for a baseDirectory that is written, in one of its spellings.
func oneBaseDirectory() *jsonschema.Schema {
	written := func(key string) *jsonschema.Schema {
		return &jsonschema.Schema{
			Required:   []string{key},
			Properties: map[string]*jsonschema.Schema{key: {Not: &jsonschema.Schema{Enum: []any{nil, ""}}}},
		}
	}
	return &jsonschema.Schema{
		If:   &jsonschema.Schema{Required: []string{"base-directory"}},
		Then: written("base-directory"),
		Else: written("baseDirectory"),
	}
}

// single is a file without applications.
func single() *jsonschema.Schema {
	return &jsonschema.Schema{
		Title:      "One application",
		Required:   []string{"frontend"},
		Properties: map[string]*jsonschema.Schema{"applications": types("null")},
	}
}

// monorepo is a file with applications. Only version has a meaning beside them.
func monorepo() *jsonschema.Schema {
	return &jsonschema.Schema{
		Title:    "Applications of a monorepo",
		Required: []string{"applications"},
		Properties: map[string]*jsonschema.Schema{
			"applications": {Not: types("null")},
			"appRoot":      never(), "env": never(), "backend": never(), "frontend": never(), "test": never(),
		},
	}
}

// examples are whole files.
var examples = []any{
	map[string]any{"version": 1, "frontend": exampleFrontend},
	map[string]any{"version": 1, "applications": []any{map[string]any{"appRoot": "apps/web", "frontend": exampleFrontend}}},
}

var exampleFrontend = map[string]any{
	"phases": map[string]any{
		"preBuild": map[string]any{"commands": []any{"npm ci --cache .npm --prefer-offline"}},
		"build":    map[string]any{"commands": []any{"npm run build"}},
	},
	"artifacts": map[string]any{"baseDirectory": "dist", "files": []any{"**/*"}},
	"cache":     map[string]any{"paths": []any{".npm/**/*"}},
}
