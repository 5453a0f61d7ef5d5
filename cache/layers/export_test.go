//go:build linux

package layers

// OnStep calls f between any two changes of the store.
func (s *Store) OnStep(f func()) { s.step = f }
