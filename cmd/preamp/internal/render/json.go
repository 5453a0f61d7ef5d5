package render

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/preamp-build/preamp/runner"
)

// jsonLines writes one object a line: time, type, and the event's own fields.
type jsonLines struct {
	w   io.Writer
	app string
}

func (j *jsonLines) Event(e runner.Stamped) {
	line, err := json.Marshal(e)
	if err != nil {
		return
	}
	if j.app != "" {
		name, err := json.Marshal(j.app)
		if err != nil {
			return
		}
		line = slices.Concat([]byte(`{"application":`), name, []byte{','}, line[1:])
	}
	_, _ = j.w.Write(append(line, '\n')) // a writer that fails cancels the build; see the command
}
