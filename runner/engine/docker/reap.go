package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

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
		if ctx.Err() != nil {
			return reaped, errors.Join(append(errs, context.Cause(ctx))...)
		}
		// What the build wrote as another user comes first: once the container is gone, nobody knows of it any more.
		if err := errors.Join(e.reclaimLeft(ctx, owner.Build, c), e.remove(c.ID)); err != nil {
			errs = append(errs, err)
			continue
		}
		reaped = append(reaped, engine.Reaped{What: "container", ID: c.ID, Owner: owner})
	}
	left, err := e.reapVolumes(ctx, dead)
	return append(reaped, left...), errors.Join(append(errs, err)...)
}

// reapVolumes removes the volumes that no container takes with it: those of containers that were never made.
func (e *Engine) reapVolumes(ctx context.Context, dead func(engine.Owner) bool) ([]engine.Reaped, error) {
	list, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", engine.LabelManaged+"=true"))})
	if err != nil {
		return nil, e.classify("look for left volumes", err)
	}
	var reaped []engine.Reaped
	var errs []error
	for _, v := range list.Volumes {
		owner, ok := engine.OwnerFromLabels(v.Labels)
		if !ok || !dead(owner) {
			continue
		}
		if err := e.api.VolumeRemove(ctx, v.Name, true); err != nil && !gone(err) {
			errs = append(errs, e.classify("remove the volume "+v.Name, err))
			continue
		}
		reaped = append(reaped, engine.Reaped{What: "volume", ID: v.Name, Owner: owner})
	}
	return reaped, errors.Join(errs...)
}

// reclaimLeft gives the workspace of a dead build back to the user whose it is.
func (e *Engine) reclaimLeft(ctx context.Context, build string, c container.Summary) error {
	user := c.Labels[labelUser]
	if user == "" || c.State == container.StateCreated {
		return nil
	}
	if err := e.api.ContainerKill(ctx, c.ID, "KILL"); err != nil && !notRunning(err) {
		return e.classify(fmt.Sprintf("kill the container %.12s", c.ID), err)
	}
	var errs []error
	for _, m := range c.Mounts {
		if m.Type != mount.TypeBind {
			continue
		}
		if err := e.reclaim(ctx, build, c.ImageID, m.Source, user); err != nil && !bindFailed(err) { // removed already
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
