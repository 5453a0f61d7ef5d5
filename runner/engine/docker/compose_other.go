//go:build !linux

package docker

import "errors"

var errNoOverlays = errors.New("this system has no overlays")

func kernelRelease() (string, error)          { return "", errNoOverlays }
func mountOverlay(string, string, bool) error { return errNoOverlays }
func tryOverlay(string, string) error         { return errNoOverlays }
