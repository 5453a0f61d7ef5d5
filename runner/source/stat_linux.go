package source

import (
	"os"
	"syscall"
	"time"
)

// statOf cuts the numbers to 32 bits, as git does.
func statOf(info os.FileInfo) stat {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stat{}
	}
	return stat{
		changed: time.Unix(s.Ctim.Unix()),
		dev:     uint32(s.Dev),
		inode:   uint32(s.Ino),
		uid:     s.Uid,
		gid:     s.Gid,
	}
}
