package runner

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// ResultVersion is the version of the documents that a build makes: its result and its events. The part before the dot
// changes when a reader that goes by the older one would be misled, the part after it when there is more to read.
const ResultVersion = "1.0"

// A Go program counts nanoseconds. In documents, which others read, every duration is a number of seconds with a fraction
// of up to nine digits. It is decided here once for all fields, so that a new one cannot be forgotten.
var (
	documentOut = json.JoinOptions(jsonv1.DefaultOptionsV1(), json.WithMarshalers(json.MarshalToFunc(writeSeconds)))
	documentIn  = json.JoinOptions(jsonv1.DefaultOptionsV1(), json.WithUnmarshalers(json.UnmarshalFromFunc(readSeconds)))
)

func writeSeconds(enc *jsontext.Encoder, d time.Duration) error {
	return enc.WriteValue(jsontext.Value(strconv.FormatFloat(d.Seconds(), 'f', -1, 64)))
}

// maxSeconds is more than any duration of ours, and little enough for a time.Duration.
const maxSeconds = 1e9

func readSeconds(dec *jsontext.Decoder, d *time.Duration) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	s, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || s < -maxSeconds || s > maxSeconds {
		return fmt.Errorf("%s is no number of seconds", raw)
	}
	*d = time.Duration(s*1e9 + 0.5)
	if s < 0 {
		*d = time.Duration(s*1e9 - 0.5)
	}
	return nil
}

// MarshalDocument is json.Marshal for what others read: durations are seconds. Result, Plan and Stamped write themselves so.
func MarshalDocument(v any) ([]byte, error) { return json.Marshal(v, documentOut) }

// MarshalJSON writes the result as result.json holds it.
func (r Result) MarshalJSON() ([]byte, error) {
	type fields Result
	return MarshalDocument(fields(r))
}

// UnmarshalJSON reads what MarshalJSON has written. A result of another major version is an error; what a newer minor
// version has on top is left out.
func (r *Result) UnmarshalJSON(raw []byte) error {
	var head struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(raw, &head, documentIn); err != nil {
		return fmt.Errorf("read a result: %w", err)
	}
	if err := CheckVersion(head.Version, ResultVersion); err != nil {
		return fmt.Errorf("read a result: %w", err)
	}
	type fields Result
	var f fields
	if err := json.Unmarshal(raw, &f, documentIn); err != nil {
		return fmt.Errorf("read a result: %w", err)
	}
	*r = Result(f)
	return nil
}

// MarshalJSON writes the plan with its timeout in seconds.
func (p Plan) MarshalJSON() ([]byte, error) {
	type fields Plan
	return MarshalDocument(fields(p))
}

// MarshalJSON writes the event as a line of the stream: time, type, and the event's own fields.
func (s Stamped) MarshalJSON() ([]byte, error) {
	if s.Event == nil {
		return nil, errors.New("an event without anything in it")
	}
	line, err := MarshalDocument(struct {
		Time time.Time `json:"time"`
		Type string    `json:"type"`
	}{s.Time.UTC(), s.Type()})
	if err != nil {
		return nil, err
	}
	body, err := MarshalDocument(s.Event)
	if err != nil || len(body) == len("{}") {
		return line, err
	}
	return append(append(line[:len(line)-1], ','), body[1:]...), nil
}

// CheckVersion says whether a reader of documents of the version known can read one of the version got. Only the major
// versions have to be the same.
func CheckVersion(got, known string) error {
	major, minor, err := ParseVersion(got)
	if err != nil {
		return err
	}
	want, wantMinor, err := ParseVersion(known)
	if err != nil {
		return err
	}
	if major != want {
		return fmt.Errorf("it is of version %d.%d, and this preamp knows %d.0 to %d.%d: another preamp is needed", major, minor, want, want, wantMinor)
	}
	return nil
}

// ParseVersion reads MAJOR.MINOR, two numbers without leading zeros.
func ParseVersion(s string) (major, minor int, err error) {
	_, err = fmt.Sscanf(s, "%d.%d", &major, &minor)
	if err != nil || s != fmt.Sprintf("%d.%d", major, minor) || major < 0 || minor < 0 {
		return 0, 0, fmt.Errorf("the version is %q, which is not like %q", s, ResultVersion)
	}
	return major, minor, nil
}
