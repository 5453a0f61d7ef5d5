package cache

import "sync"

// table is the chunk table of an entry that is being made. It is safe for concurrent use.
type table struct {
	mu      sync.Mutex
	chunks  []chunk
	base    []chunk
	adopted []int64 // for each chunk of the base its number here, and one more
}

func newTable(b *base) *table {
	t := &table{chunks: []chunk{}}
	if b != nil {
		t.base = b.sealed.meta.Chunks
		t.adopted = make([]int64, len(t.base))
	}
	return t
}

// adopt refers to a piece in a chunk of the base.
func (t *table) adopt(r ref) ref {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.adopted[r.chunk] == 0 {
		c := t.base[r.chunk]
		c.Live = 0
		t.chunks = append(t.chunks, c)
		t.adopted[r.chunk] = int64(len(t.chunks))
	}
	r.chunk = uint32(t.adopted[r.chunk] - 1)
	return r
}

func (t *table) adoptAll(refs []ref) []ref {
	list := make([]ref, len(refs))
	for i, r := range refs {
		list[i] = t.adopt(r)
	}
	return list
}

// reserve makes a place for a chunk that is not complete yet.
func (t *table) reserve() uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.chunks = append(t.chunks, chunk{})
	return uint32(len(t.chunks) - 1)
}

// complete fills a place with what is known of the chunk at its end.
func (t *table) complete(number uint32, id chunkID, size, stored int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.chunks[number]
	c.ID, c.Size, c.Stored = id, int64(size), int64(stored)
}

// use counts a piece that the entry refers to.
func (t *table) use(r ref, length int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.chunks[r.chunk].Live += int64(length)
}

// within checks that all chunks together take up no more than limit bytes.
func (t *table) within(limit int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if stored := (meta{Chunks: t.chunks}).stored(); stored > limit {
		return errTooBig("the compressed cache is larger than an entry of the store may be")
	}
	return nil
}
