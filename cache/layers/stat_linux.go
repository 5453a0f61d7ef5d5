package layers

import "golang.org/x/sys/unix"

func mtimeOf(st *unix.Stat_t) unix.Timespec { return st.Mtim }

func modeOf(st *unix.Stat_t) uint32 { return st.Mode }
