//go:build linux

package layers

import "time"

// OnStep calls f between any two changes of the store.
func (s *Store) OnStep(f func()) { s.step = f }

// SetClock and SetRoom say what time it is, and how many bytes are free and there at all.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

func (s *Store) SetRoom(bytes func() (free, total uint64)) {
	s.room = func() (r room, err error) { r.free, r.total = bytes(); return r, nil }
}

// SetSmall says up to how many entries a tree is small.
func (s *Store) SetSmall(entries int) { s.small = entries }

// AlmostFull is that of a file system.
func AlmostFull(free, total, freeInodes, inodes uint64) bool {
	return room{free, total, freeInodes, inodes}.almostFull()
}
