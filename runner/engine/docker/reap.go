package docker

import (
	"context"
	"errors"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/preamp-build/preamp/runner/engine"
)

// Reap implements engine.Engine.
func (e *Engine) Reap(ctx context.Context, dead func(engine.Owner) bool) ([]engine.Reaped, error) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", engine.LabelManaged+"=true")),
	})
	if err != nil {
		return nil, e.classify("look for left containers", err)
	}
	var reaped []engine.Reaped
	var errs []error
	for _, c := range list {
		owner, ok := engine.OwnerFromLabels(c.Labels)
		if !ok || !dead(owner) {
			continue
		}
		if err := e.remove(c.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		reaped = append(reaped, engine.Reaped{What: "container", ID: c.ID, Owner: owner})
	}
	return reaped, errors.Join(errs...)
}
