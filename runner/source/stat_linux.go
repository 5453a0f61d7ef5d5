package source

import (
	"os"
	"syscall"
	"time"
)

// statOf cuts the numbers to 32 bits, as git does.
func statOf(info os.FileInfo) stat {
	out := stat{modified: info.ModTime(), size: info.Size()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		out.changed = time.Unix(s.Ctim.Unix())
		out.dev, out.inode = uint32(s.Dev), uint32(s.Ino)
		out.uid, out.gid = s.Uid, s.Gid
	}
	return out
}
