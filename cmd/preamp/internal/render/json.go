package render

import (
	"encoding/json"
	"io"
	"time"

	"github.com/preamp-build/preamp/runner"
)

// jsonLines writes one object a line: time, type, and the event's own fields.
type jsonLines struct {
	w   io.Writer
	app string
}

func (j *jsonLines) Event(e runner.Stamped) {
	head, err := json.Marshal(struct {
		Time time.Time `json:"time"`
		Type string    `json:"type"`
		App  string    `json:"application,omitempty"`
	}{e.Time.UTC(), e.Type(), j.app})
	if err != nil {
		return
	}
	body, err := json.Marshal(e.Event)
	if err != nil {
		return
	}
	line := head
	if len(body) > 2 { // more than {}
		line = append(append(head[:len(head)-1], ','), body[1:]...)
	}
	_, _ = j.w.Write(append(line, '\n')) // a writer that fails cancels the build; see the command
}
