package layers

import "golang.org/x/sys/unix"

// room is what a file system has: bytes and, where they are numbered, inodes.
type room struct{ free, total, freeInodes, inodes uint64 }

func roomOf(path string) (room, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return room{}, err
	}
	size := uint64(st.Bsize) //nolint:gosec // it is positive
	return room{free: st.Bavail * size, total: st.Blocks * size, freeInodes: st.Ffree, inodes: st.Files}, nil
}

// almostFull reports whether a tenth is left or less, where a tenth of a large disk need not be more than 20 GiB, and that
// of a small one must not be less than 5.
func (r room) almostFull() bool {
	tenth := min(max(r.total/10, 5<<30), 20<<30)
	return r.free < tenth || r.freeInodes < r.inodes/10
}

func (s *Store) full() (bool, error) {
	r, err := s.room()
	return err == nil && r.almostFull(), err
}
