// Package schema describes amplify.yml to editors: it makes a JSON Schema of Go types that hold the documented grammar.
//
// An editor that knows the schema proposes keys, explains them and marks what is wrong while one types. It takes it from
// a comment in the file (# yaml-language-server: $schema=...) or from its settings. The schema says what the structure
// of a file may be; package buildspec also says where a structure that is right does something else than was meant.
//
// The schema is of draft-07. All editors know that one: the YAML language server, the JSON support of Visual Studio Code
// and the IDEs of JetBrains, in all versions that are in use. Only recent versions know 2020-12, and nothing of it is
// needed here. Keys that those editors add to JSON Schema (deprecationMessage, doNotSuggest) are annotations, which
// others overlook.
//
// The schema takes what package buildspec takes without an error, with the exception of keys that have no effect: those
// it refuses, because that is what an editor is best at. Forms that are taken and not documented are part of it.
//
// Nothing in this package keeps state; JSON may be called concurrently.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// ID is the schema's $id: where the schema can be had.
const ID = "https://raw.githubusercontent.com/preamp-build/preamp/main/testdata/schema/amplify.schema.json"

const draft7 = "http://json-schema.org/draft-07/schema#"

// JSON returns the schema as indented JSON with a final line break. It is always the same. It is nil only when the types
// of this package cannot be described, which its tests rule out.
func JSON() []byte {
	s, err := describe()
	if err != nil {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// describe makes the schema: the file at the root, and each other type a definition.
func describe() (*jsonschema.Schema, error) {
	root, err := object[file]()
	if err != nil {
		return nil, err
	}
	root.Schema, root.ID = draft7, ID
	root.Title = "AWS Amplify Hosting build specification (amplify.yml)"
	root.Description = "How AWS Amplify Hosting builds an application: its commands, artifacts and caches."
	root.Examples = examples
	root.OneOf = []*jsonschema.Schema{single(), monorepo()}
	root.Definitions, err = definitions()
	if err != nil {
		return nil, err
	}
	return root, nil
}

// object describes a struct by its fields and their tags. Fields of other types refer to their definitions.
func object[T any]() (*jsonschema.Schema, error) {
	t := reflect.TypeFor[T]()
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: references()})
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", t.Name(), err)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if err := annotate(s.Properties[name], f.Tag); err != nil {
			return nil, fmt.Errorf("describe %s.%s: %w", t.Name(), f.Name, err)
		}
		if other, ok := f.Tag.Lookup("without"); ok {
			exclude(s, other, name)
		}
	}
	// By custom a place for anchors.
	s.PatternProperties = map[string]*jsonschema.Schema{"^x-": {}}
	return s, nil
}

// annotate adds what the library doesn't read from the tags.
func annotate(s *jsonschema.Schema, tag reflect.StructTag) error {
	if text, ok := tag.Lookup("default"); ok {
		s.Default = json.RawMessage(text)
	}
	dec := json.NewDecoder(strings.NewReader(tag.Get("examples")))
	for dec.More() {
		var example any
		if err := dec.Decode(&example); err != nil {
			return fmt.Errorf("examples: %w", err)
		}
		s.Examples = append(s.Examples, example)
	}
	if instead, ok := tag.Lookup("deprecated"); ok {
		s.Deprecated = true
		s.Description += " Deprecated: " + instead
		s.Extra = map[string]any{"deprecationMessage": instead, "doNotSuggest": true}
	}
	if other, ok := tag.Lookup("spelling"); ok {
		s.Description += fmt.Sprintf(" A second spelling of %s.", other)
		s.Extra = map[string]any{"doNotSuggest": true}
	}
	return nil
}

// exclude refuses a key wherever the other one is there too.
func exclude(s *jsonschema.Schema, other, key string) {
	if s.DependencySchemas == nil {
		s.DependencySchemas = map[string]*jsonschema.Schema{}
	}
	beside := s.DependencySchemas[other]
	if beside == nil {
		beside = &jsonschema.Schema{Properties: map[string]*jsonschema.Schema{}}
		s.DependencySchemas[other] = beside
	}
	beside.Properties[key] = never()
}

// never is what no value fits.
func never() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }
