//go:build !linux

package engine

import "errors"

// Unmount takes away what is mounted at dir. Only Linux has anything to mount here.
func Unmount(string) error { return errors.ErrUnsupported }

// UnmountBelow does nothing: nothing is mounted.
func UnmountBelow(string) error { return nil }
