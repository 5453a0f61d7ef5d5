//go:build !linux

package docker

import "context"

// watchDeath does nothing: containers run in a virtual machine, whose processes cannot be seen from here.
func (c *buildContainer) watchDeath(context.Context) {}
