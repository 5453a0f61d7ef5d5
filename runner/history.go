package runner

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/preamp-build/preamp/runner/advice"
	"github.com/preamp-build/preamp/runner/engine"
)

// history is what is remembered of a branch's builds to compare later ones with. It holds no command's text, which may have
// been written with a secret in it.
type history struct {
	Version int `json:"version"`
	// Uncached is the last build that had no cache.
	Uncached *pastBuild `json:"uncached,omitempty"`
	// Key is that of the cache that was saved last, and Saved how large the last ones with that key were, the oldest first.
	Key   string     `json:"key,omitempty"`
	Saved []pastSave `json:"saved,omitempty"`
}

type pastBuild struct {
	Ended    time.Time                `json:"ended"`
	Commands map[string]time.Duration `json:"commands"` // nanoseconds, by advice.Command.Key
}

type pastSave struct {
	Bytes int64            `json:"bytes"`
	Roots map[string]int64 `json:"roots,omitempty"`
}

const (
	historyVersion = 1
	maxHistory     = 1 << 20 // bytes of a file
	maxCommands    = 500
	maxSaves       = 10
)

func (r *Runner) historyFile(app, branch string) string {
	return filepath.Join(r.State, "history", safeName(app), safeName(branch)+".json")
}

// readHistory gives what is remembered; a file that cannot be used is as good as none, and is replaced by the next build.
func (r *Runner) readHistory(app, branch string) *history {
	none := &history{Version: historyVersion}
	f, err := os.Open(r.historyFile(app, branch))
	if err != nil {
		return none
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxHistory+1))
	if err = errors.Join(err, f.Close()); err != nil || len(raw) > maxHistory {
		return none
	}
	var h history
	if json.Unmarshal(raw, &h) != nil || h.Version != historyVersion || !h.possible() {
		return none
	}
	return &h
}

// possible reports whether a build can have written it.
func (h *history) possible() bool {
	if h.Uncached != nil {
		for _, d := range h.Uncached.Commands {
			if d < 0 || d > maxSeconds*time.Second {
				return false
			}
		}
	}
	return !slices.ContainsFunc(h.Saved, func(s pastSave) bool { return s.Bytes < 0 })
}

func (r *Runner) writeHistory(app, branch string, h *history) error {
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	file := r.historyFile(app, branch)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return engine.ReplaceFile(file, raw, 0o600)
}

// add puts a build in. Only what a success took is worth a comparison.
func (h *history) add(b *build, f advice.Facts) {
	if b.result.Status != StatusSucceeded {
		return
	}
	if f.Restore == nil {
		u := &pastBuild{Ended: b.result.Ended, Commands: map[string]time.Duration{}}
		for _, c := range f.Commands[:min(len(f.Commands), maxCommands)] {
			if c.Code == 0 {
				u.Commands[c.Key] += c.Took // the same command may stand there twice
			}
		}
		h.Uncached = u
	}
	if f.Save == nil {
		return
	}
	if key := b.cacheKey().ID(); key != h.Key {
		h.Key, h.Saved = key, nil
	}
	now := advice.SizeOf(f.Save.Bytes, f.Save.Parts)
	h.Saved = append(h.Saved, pastSave{now.Bytes, now.Roots})
	h.Saved = h.Saved[max(0, len(h.Saved)-maxSaves):]
}

func (h *history) without() *advice.Past {
	if h.Uncached == nil {
		return nil
	}
	return &advice.Past{Ended: h.Uncached.Ended, Commands: h.Uncached.Commands}
}

// saves are the sizes of the caches before this one, if they are to be compared with it.
func (h *history) saves(key string) []advice.Size {
	if h.Key != key {
		return nil
	}
	var list []advice.Size
	for _, s := range h.Saved {
		list = append(list, advice.Size{Bytes: s.Bytes, Roots: s.Roots})
	}
	return list
}
