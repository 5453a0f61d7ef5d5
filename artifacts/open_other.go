//go:build !unix

package artifacts

// There are no pipes to block on, and what was opened is compared to what was selected in any case.
const (
	openFileFlags = 0
	openDirFlags  = 0
)
