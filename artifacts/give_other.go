//go:build !linux

package artifacts

import "os"

// give is for Linux; elsewhere everything is copied.
func (s *Selection) give(_, _ *os.Root, _ File) (bool, error) { return false, nil }
