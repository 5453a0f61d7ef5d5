package layers

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/preamp-build/preamp/cache"
)

// parts are the parts of a tree in a manifest. Every restore reads them, so they are one string, "FILES BYTES LENGTH PATH" for
// each: that takes half the time of a list of objects.
type parts []cache.Part

// MarshalJSON implements json.Marshaler.
func (p parts) MarshalJSON() ([]byte, error) {
	var b []byte
	for _, x := range p {
		b = append(strconv.AppendInt(b, int64(x.Files), 10), ' ')
		b = append(strconv.AppendInt(b, x.Bytes, 10), ' ')
		b = append(strconv.AppendInt(b, int64(len(x.Path)), 10), ' ')
		b = append(b, x.Path...)
	}
	return json.Marshal(string(b))
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *parts) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	for text != "" {
		var n [3]int64
		for i := range n {
			digits, rest, _ := strings.Cut(text, " ")
			var err error
			if n[i], err = strconv.ParseInt(digits, 10, 64); err != nil || n[i] < 0 {
				return damaged("its parts are no numbers")
			}
			text = rest
		}
		if n[2] > int64(len(text)) {
			return damaged("its parts are cut short")
		}
		*p = append(*p, cache.Part{Files: int(n[0]), Bytes: n[1], Path: text[:n[2]]})
		text = text[n[2]:]
	}
	return nil
}
