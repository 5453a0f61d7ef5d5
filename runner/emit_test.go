package runner

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/redact"
)

const secret = "hunter2-hunter2"

// events are all of them; TestEventsAreAllHere finds a new one that is missing.
var events = []Event{
	BuildStarted{},
	Reaped{},
	SourceStarted{},
	SourceReady{},
	Progress{},
	SpecRead{},
	Planned{Plan: &Plan{}},
	ImageReady{},
	CacheRestored{},
	ContainerStarted{},
	SectionStarted{},
	SectionEnded{},
	Skipped{},
	PhaseStarted{},
	PhaseEnded{},
	CommandStarted{},
	Output{},
	CommandEnded{},
	CacheSaved{},
	DiffDecided{},
	EnvCacheRestored{},
	EnvCacheSaved{},
	LiveUpdateStarted{},
	LiveUpdateEnded{},
	TestsReported{},
	HeadersRead{},
	ArtifactsReady{},
	Notice{},
	Warning{},
	Failed{Failure: &Failure{}},
	Advised{},
	BuildEnded{Result: &Result{}},
}

// fill puts the secret into every string that a value holds, however deep.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("before " + secret + " after")
	case reflect.Pointer:
		if v.IsNil() && v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if !v.IsNil() {
			fill(v.Elem())
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(secret))
			return
		}
		fill(v.Index(0))
	}
}

// No event can carry a secret, in whatever field.
func TestEventsAreMasked(t *testing.T) {
	r := redact.New(redact.Secret{Name: "S", Value: secret})
	for _, e := range events {
		v := reflect.New(reflect.TypeOf(e)).Elem()
		v.Set(reflect.ValueOf(e))
		fill(v)
		full := v.Interface().(Event)
		raw, err := json.Marshal(mask(r, full))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), secret) {
			t.Errorf("%s shows the secret: %s", e.Type(), raw)
		}
		before, err := json.Marshal(full)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(before), secret) {
			t.Errorf("%s: the test has put no secret into it: %s", e.Type(), before)
		}
	}
}

func TestEventsAreAllHere(t *testing.T) {
	raw, err := os.ReadFile("event.go")
	if err != nil {
		t.Fatal(err)
	}
	if defined := strings.Count(string(raw), ") Type() string"); defined != len(events) {
		t.Errorf("%d events are defined, %d are tested", defined, len(events))
	}
}

// Masking gives a copy: what the build goes on working with keeps its values.
func TestMaskCopies(t *testing.T) {
	r := redact.New(redact.Secret{Name: "S", Value: secret})
	f := &Failure{Message: secret, Diagnostics: buildspec.Diagnostics{{Message: secret}}, err: errors.New("cause")}
	got := mask(r, f)
	if f.Message != secret || f.Diagnostics[0].Message != secret {
		t.Error("the original was changed")
	}
	if got.Message != redact.Mask || got.Diagnostics[0].Message != redact.Mask || got.err == nil {
		t.Errorf("masked: %+v", got)
	}
}

func TestJobSecrets(t *testing.T) {
	j := Job{
		Secrets: []engine.Var{{Name: "A", Value: "value-of-a"}},
		Env: []engine.Var{
			{Name: "GITHUB_TOKEN", Value: "ghp_0123456789"},
			{Name: "DB_PASSWORD", Value: "correct horse"},
			{Name: "USE_TOKEN_AUTH", Value: "true"},
			{Name: "AWS_ACCESS_KEY_ID", Value: "AKIDEXAMPLE"},
			{Name: "PLAIN", Value: "plain-value"},
		},
	}
	j.Auth.Token = "tok-123456"
	r := redact.New(j.secrets()...)
	got := r.String("value-of-a ghp_0123456789 correct horse true AKIDEXAMPLE plain-value tok-123456")
	if want := "*** *** *** true AKIDEXAMPLE plain-value ***"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
