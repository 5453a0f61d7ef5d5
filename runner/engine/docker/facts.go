package docker

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"

	"github.com/docker/docker/api/types/system"
	"github.com/google/renameio/v2"
)

// facts are what of an engine's host decides over how a container is made. They hardly ever change, so that a container that
// is started ahead is made by those that were true the last time; whoever opens it makes sure that they still are.
func facts(i system.Info) system.Info {
	return system.Info{
		PidsLimit: i.PidsLimit, MemoryLimit: i.MemoryLimit, SwapLimit: i.SwapLimit, CPUCfsQuota: i.CPUCfsQuota,
		NCPU: i.NCPU, MemTotal: i.MemTotal, SecurityOptions: i.SecurityOptions,
	}
}

// remembered is the content of the file in which facts are kept.
type remembered struct {
	Endpoint string      `json:"endpoint"`
	Host     system.Info `json:"host"`
}

// recall gives the facts as they were the last time, if anything is known.
func (e *Engine) recall() (system.Info, bool) {
	var r remembered
	raw, err := os.ReadFile(e.factsFile)
	if err != nil || json.Unmarshal(raw, &r) != nil || r.Endpoint != e.endpoint.String() {
		return system.Info{}, false
	}
	return r.Host, true
}

// remember keeps the facts for the next time. That it fails costs the next build a moment, so nothing is said.
func (e *Engine) remember(i system.Info) {
	if e.factsFile == "" {
		return
	}
	if old, ok := e.recall(); ok && reflect.DeepEqual(facts(old), facts(i)) {
		return
	}
	raw, err := json.Marshal(remembered{Endpoint: e.endpoint.String(), Host: facts(i)})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(e.factsFile), 0o700)
	}
	if err == nil {
		_ = renameio.WriteFile(e.factsFile, raw, 0o600)
	}
}

// likely is what the engine says of its host, or most likely will.
func (e *Engine) likely(ctx context.Context) (system.Info, error) {
	if i := e.host.Load(); i != nil {
		return *i, nil
	}
	if i, ok := e.recall(); ok {
		return i, nil
	}
	return e.info(ctx)
}
