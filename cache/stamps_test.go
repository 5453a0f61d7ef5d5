package cache

import (
	"bytes"
	"testing"
)

func readStamps(t testing.TB, w *stampWriter) *stampReader {
	t.Helper()
	s, err := newStampReader(memory{bytes.NewReader(encodeStamps(t, w))})
	must(t, err)
	return s
}

// knownStamps is the stat index of a workspace as a whole.
func knownStamps(t testing.TB, l *Local, k Key, root string) *stamps {
	t.Helper()
	s := l.loadStamps(k, root)
	if s == nil {
		t.Fatal("there is no stat index")
	}
	defer s.close()
	list := s.all()
	if len(list) != s.Count {
		t.Fatalf("%d stamps, want %d", len(list), s.Count)
	}
	return &stamps{s.stampsMeta, list}
}

// TestCompareStamps: a stamp is trusted only if it was kept and is that of the same node on the same device.
func TestCompareStamps(t *testing.T) {
	type answer struct{ known, same bool }
	w := newStampWriter(t.TempDir())
	on := func(dev, ino uint64) stamp { return stamp{dev: dev, ino: ino, changed: 1000 + int64(ino)} }
	for _, at := range []stamp{on(w.Dev, 5), {}, on(w.Dev, 3), on(w.Dev+1, 7), on(w.Dev, 9)} {
		w.append(at)
	}
	for name, c := range map[string]struct {
		after []int // nodes that are compared before
		node  int
		at    stamp
		want  answer
	}{
		"same":              {nil, 0, on(w.Dev, 5), answer{true, true}},
		"another inode":     {nil, 0, on(w.Dev, 6), answer{true, false}},
		"another time":      {nil, 0, stamp{dev: w.Dev, ino: 5, changed: 1}, answer{true, false}},
		"another device":    {nil, 0, on(w.Dev+1, 5), answer{true, false}},
		"no stamp":          {nil, 0, stamp{}, answer{true, false}},
		"not kept":          {nil, 1, on(w.Dev, 5), answer{}},
		"not kept, none":    {nil, 1, stamp{}, answer{}},
		"not kept, device":  {nil, 1, on(w.Dev+1, 5), answer{}},
		"was elsewhere":     {nil, 3, on(w.Dev+1, 7), answer{}},
		"is where it was":   {nil, 3, on(w.Dev, 7), answer{}},
		"the one before":    {nil, 2, on(w.Dev, 5), answer{true, false}},
		"after others":      {[]int{0, 2}, 4, on(w.Dev, 9), answer{true, true}},
		"others left out":   {nil, 4, on(w.Dev, 9), answer{true, true}},
		"twice":             {[]int{2}, 2, on(w.Dev, 3), answer{true, true}},
		"backwards":         {[]int{4}, 0, on(w.Dev, 5), answer{}},
		"behind the last":   {nil, 5, on(w.Dev, 9), answer{}},
		"behind, then last": {[]int{5}, 4, on(w.Dev, 9), answer{true, true}},
	} {
		s := readStamps(t, w)
		for _, i := range c.after {
			s.compare(i, stamp{})
		}
		if known, same := s.compare(c.node, c.at); (answer{known, same}) != c.want {
			t.Errorf("%s: known %v, same %v", name, known, same)
		}
	}
	if known, same := (*stampReader)(nil).compare(0, on(w.Dev, 5)); known || same {
		t.Error("without a stat index something is known")
	}
}

// TestStampsEndEarly: a stat index with fewer stamps than it says tells nothing of the others.
func TestStampsEndEarly(t *testing.T) {
	w := newStampWriter(t.TempDir())
	at := stamp{dev: w.Dev, ino: 5, changed: 7}
	w.append(at)
	w.Count = 3
	s := readStamps(t, w)
	if _, same := s.compare(0, at); !same {
		t.Error("the first is not known")
	}
	for _, i := range []int{1, 2, 0} {
		if known, same := s.compare(i, at); known || same {
			t.Errorf("node %d: known %v, same %v", i, known, same)
		}
	}
}

// TestStampsAreBounded: of a huge tree the first nodes are remembered.
func TestStampsAreBounded(t *testing.T) {
	w := newStampWriter(t.TempDir())
	at := func(i int) stamp { return stamp{dev: w.Dev, ino: 1 + uint64(i*7919)%(1<<60), changed: int64(i) << 40} }
	const n = maxStampBytes / 5
	for i := range n {
		w.append(at(i))
	}
	held := 0
	for _, part := range w.parts {
		held += cap(part)
	}
	if w.Count == 0 || w.Count == n || held > maxStampBytes+2*stampPart {
		t.Fatalf("%d of %d stamps, %d bytes", w.Count, n, held)
	}
	s := readStamps(t, w)
	if _, same := s.compare(s.Count-1, at(s.Count-1)); !same {
		t.Error("the last that was kept is not known")
	}
	if known, _ := s.compare(s.Count, at(s.Count)); known {
		t.Error("one that was not kept is known")
	}
}
