//go:build unix

package artifacts

import "syscall"

const (
	openFileFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	openDirFlags  = syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_DIRECTORY
)
