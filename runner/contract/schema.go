package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
)

// Documents are the names that Schema takes.
var Documents = []string{"job", "event", "result"}

// events is one of each kind, in the order in which a build has them.
var events = []runner.Event{
	runner.BuildStarted{},
	runner.Reaped{},
	runner.SourceStarted{},
	runner.SourceReady{},
	runner.Progress{},
	runner.SpecRead{},
	runner.Planned{},
	runner.ImageReady{},
	runner.CacheRestored{},
	runner.ContainerStarted{},
	runner.SectionStarted{},
	runner.SectionEnded{},
	runner.Skipped{},
	runner.PhaseStarted{},
	runner.PhaseEnded{},
	runner.CommandStarted{},
	runner.Output{},
	runner.CommandEnded{},
	runner.DiffDecided{},
	runner.EnvCacheRestored{},
	runner.EnvCacheSaved{},
	runner.LiveUpdateStarted{},
	runner.LiveUpdateEnded{},
	runner.TestsReported{},
	runner.HeadersRead{},
	runner.CacheSaved{},
	runner.ArtifactsReady{},
	runner.Notice{},
	runner.Warning{},
	runner.Failed{},
	runner.Advised{},
	runner.BuildEnded{},
}

// Schema is the JSON schema (draft 2020-12) of one of Documents, made from the Go types. That of a job describes this
// minor version exactly; those of events and results leave room for what newer ones have on top.
func Schema(document string) ([]byte, error) {
	var s *jsonschema.Schema
	var err error
	switch document {
	case "job":
		s, err = jobSchema()
	case "event":
		s, err = eventSchema()
	case "result":
		s, err = documentSchema(reflect.TypeFor[runner.Result]())
	default:
		return nil, fmt.Errorf("there is no document %q; there are %s", document, strings.Join(Documents, ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("make the schema of a %s: %w", document, err)
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "preamp " + document + ", version " + map[string]string{"job": Version}[document]
	if document != "job" {
		s.Title += runner.ResultVersion
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema of a %s: %w", document, err)
	}
	return append(raw, '\n'), nil
}

// words is the schema of a string out of a list.
func words[T ~string](list ...T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, w := range list {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}

// texts is the same for types that write themselves as words.
func texts[T fmt.Stringer](list ...T) *jsonschema.Schema {
	var all []string
	for _, v := range list {
		all = append(all, v.String())
	}
	return words(all...)
}

func options() *jsonschema.ForOptions {
	return &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Secret]():        {Type: "string"},
		reflect.TypeFor[time.Duration](): {Type: "number", Description: "seconds"},
		reflect.TypeFor[time.Time]():     {Type: "string", Format: "date-time"},
		reflect.TypeFor[runner.Status](): words(
			runner.StatusSucceeded, runner.StatusSkipped, runner.StatusFailed, runner.StatusTimedOut, runner.StatusCancelled),
		reflect.TypeFor[runner.Class](): texts(runner.ClassOK, runner.ClassCommand, runner.ClassUsage, runner.ClassSpec, runner.ClassSource,
			runner.ClassEngine, runner.ClassOutput, runner.ClassTimeout, runner.ClassBug, runner.ClassCancelled),
		reflect.TypeFor[buildspec.Severity](): texts(buildspec.Error, buildspec.Warning, buildspec.Hint),
	}}
}

// documentSchema is the schema of something that preamp writes, and may write more of tomorrow.
func documentSchema(t reflect.Type) (*jsonschema.Schema, error) {
	s, err := jsonschema.ForType(t, options())
	if err == nil {
		walk(s, func(s *jsonschema.Schema) {
			if s.Properties != nil {
				s.AdditionalProperties = nil
			}
		})
	}
	return s, err
}

func eventSchema() (*jsonschema.Schema, error) {
	all := &jsonschema.Schema{Type: "object"}
	for _, e := range events {
		s, err := documentSchema(reflect.TypeOf(e))
		if err != nil {
			return nil, err
		}
		kind := any(e.Type())
		if s.Properties == nil {
			s.Properties = map[string]*jsonschema.Schema{}
		}
		s.Properties["time"] = &jsonschema.Schema{Type: "string", Format: "date-time"}
		s.Properties["type"] = &jsonschema.Schema{Const: &kind}
		s.Properties["application"] = &jsonschema.Schema{Type: "string", Description: "appRoot, where several are built at a time"}
		s.Required = append([]string{"time", "type"}, s.Required...)
		s.PropertyOrder = append([]string{"time", "type"}, s.PropertyOrder...)
		s.Title = e.Type()
		all.OneOf = append(all.OneOf, s)
	}
	return all, nil
}

func jobSchema() (*jsonschema.Schema, error) {
	s, err := jsonschema.For[Job](options())
	if err != nil {
		return nil, err
	}
	walk(s, func(s *jsonschema.Schema) { // what says nothing is left out of a job
		if len(s.Types) == 2 && s.Types[0] == "null" {
			s.Type, s.Types = s.Types[1], nil
		}
		for _, p := range s.Properties {
			if p.Type == "string" {
				p.MinLength = jsonschema.Ptr(1)
			}
		}
	})
	p := s.Properties
	p["version"].Pattern = `^1\.(0|[1-9][0-9]*)$`
	p["trigger"].Enum = words(runner.TriggerManual, runner.TriggerPush).Enum
	p["app"].Properties["platform"].Enum = words("WEB", "WEB_COMPUTE").Enum
	p["image"].Properties["pull"].Enum = words(engine.PullMissing, engine.PullAlways, engine.PullNever).Enum
	p["limits"].Properties["size"].Enum = words(slices.Sorted(maps.Keys(runner.Sizes))...).Enum
	p["pullRequest"].Properties["id"].Minimum = jsonschema.Ptr(1.0)
	p["diff"].Properties["base"].Pattern = fullID().String()
	repository := p["repository"]
	repository.OneOf = []*jsonschema.Schema{{Required: []string{"url"}}, {Required: []string{"path"}}}
	for _, name := range []string{"submodules", "lfs"} {
		repository.Properties[name].Enum = words("all", "none").Enum
	}
	repository.Properties["depth"].Minimum = jsonschema.Ptr(0.0)
	return s, nil
}

// walk calls f for a schema and all below it.
func walk(s *jsonschema.Schema, f func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	f(s)
	for _, p := range s.Properties {
		walk(p, f)
	}
	walk(s.Items, f)
	walk(s.AdditionalProperties, f)
}
