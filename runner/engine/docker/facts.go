package docker

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"

	"github.com/preamp-build/preamp/runner/engine"
)

// hostFacts are what of an engine's host decides over how a container is made, by the engine's own names. They hardly ever
// change, so that a container that is started ahead is made by those that were true the last time; whoever opens it makes sure
// that they still are.
type hostFacts struct {
	PidsLimit, MemoryLimit, SwapLimit, CPUCfsQuota bool // what can be limited

	NCPU            int
	MemTotal        int64 // bytes
	KernelVersion   string
	SecurityOptions []string
}

func factsOf(i system.Info) hostFacts {
	return hostFacts{
		PidsLimit: i.PidsLimit, MemoryLimit: i.MemoryLimit, SwapLimit: i.SwapLimit, CPUCfsQuota: i.CPUCfsQuota,
		NCPU: i.NCPU, MemTotal: i.MemTotal, KernelVersion: i.KernelVersion, SecurityOptions: i.SecurityOptions,
	}
}

// remembered is the content of the file in which is kept what an engine has said of itself.
type remembered struct {
	Version  int         `json:"version"` // factsVersion
	Endpoint string      `json:"endpoint"`
	Process  string      `json:"process"` // see endpoint.process
	API      string      `json:"api"`     // the version of it that was spoken
	Info     engine.Info `json:"info"`
	Host     hostFacts   `json:"host"`
}

// factsVersion counts what is kept: a file of a preamp that kept less is as good as none.
const factsVersion = 1

// recall gives what the engine said the last time, if anything is known.
func (e *Engine) recall() (r remembered, ok bool) {
	raw, err := os.ReadFile(e.factsFile)
	if err != nil || json.Unmarshal(raw, &r) != nil || r.Version != factsVersion || r.Endpoint != e.endpoint.String() {
		return remembered{}, false
	}
	return r, true
}

// remember keeps it for the next time. That it fails costs the next build a moment, so nothing is said.
func (e *Engine) remember(process string, info engine.Info, host hostFacts) {
	if e.factsFile == "" {
		return
	}
	r := remembered{
		Version: factsVersion, Endpoint: e.endpoint.String(), Process: process, API: e.api.ClientVersion(), Info: info, Host: host,
	}
	if old, ok := e.recall(); ok && reflect.DeepEqual(old, r) {
		return
	}
	raw, err := json.Marshal(r)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(e.factsFile), 0o700)
	}
	if err == nil {
		_ = engine.ReplaceFile(e.factsFile, raw, 0o600)
	}
}

// Remembered implements engine.Starter: a daemon that has not been started anew since it was asked would say the same again.
// To ask is not cheap, because it runs other programs to find out what they are.
func (e *Engine) Remembered(ctx context.Context) (engine.Info, bool) {
	r, ok := e.recall()
	if !ok || r.Process == "" || r.Process != e.endpoint.process(ctx) {
		return engine.Info{}, false
	}
	e.api.NegotiateAPIVersionPing(types.Ping{APIVersion: r.API})
	e.kind.Store(&r.Info.Kind)
	e.host.Store(&r.Host)
	return r.Info, true
}

// likely is what the engine says of its host, or most likely will.
func (e *Engine) likely(ctx context.Context) (hostFacts, error) {
	if i := e.host.Load(); i != nil {
		return *i, nil
	}
	if r, ok := e.recall(); ok {
		return r.Host, nil
	}
	return e.info(ctx)
}
