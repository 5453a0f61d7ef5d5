//go:build !linux

package layers

import (
	"errors"
	"os"
)

const (
	attrOpaque   = "trusted.overlay.opaque"
	attrRedirect = "trusted.overlay.redirect"
)

func (d *dir) attributes(string) ([]string, error)  { return nil, nil }
func (d *dir) removeAttribute(string, string) error { return nil }
func (d *dir) isOpaque() bool                       { return false }
func (d *dir) setOpaque() error                     { return errors.ErrUnsupported }
func (d *dir) makeWhiteout(string) error            { return errors.ErrUnsupported }
func bootID() string                                { return "" }
func writeOut(f *os.File) error                     { return f.Sync() }

// Spread does nothing: only ext4 has to be asked.
func Spread(string) {}

func inodeOf(os.FileInfo) uint64 { return 0 }
