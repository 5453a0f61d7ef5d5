package layers

import "golang.org/x/sys/unix"

func mtimeOf(st *unix.Stat_t) unix.Timespec { return st.Mtim }
