//go:build !linux

package engine

import "errors"

// Unmount takes away what is mounted at dir. Only Linux has anything to mount here.
func Unmount(string) error { return errors.ErrUnsupported }

func unmountBelow(string) error { return nil }
