package cache

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathbits "math/bits"
	"time"

	"golang.org/x/sys/unix"
)

// A stat index remembers, for one workspace and one generation of a cache, which files stood there when the generation
// was saved from it or restored to it. It lets a save trust a file without reading it. It holds one stamp for each
// record of the generation's index, in the same order; what else has to be equal is in that index.
//
// It belongs to this machine and is worth nothing elsewhere. Losing one costs time only, and so it is never synced and
// one that is not readable counts as none.
const stampsHead = "preamp stamps 1\n"

// What a save or a restore remembers of a tree is bounded, because it is memory. What comes behind it in a huge tree is read
// again.
const (
	maxStamps     = 1 << 20 // of a restore, which writes files in another order than the index has them
	maxStampBytes = 8 << 20 // of a save, some 1.5 million files
	maxStampsMeta = 1 << 20 // bytes; a bit for each of maxStamps takes a sixth of that
)

type stampsMeta struct {
	Root       string `json:"root"` // the workspace
	Dev        uint64 `json:"dev"`  // its device, which is also that of every stamp
	Ino        uint64 `json:"ino"`
	Branch     string `json:"branch"`     // whose entry
	Generation string `json:"generation"` // of that entry
	Count      int    `json:"count"`
	// Verified are the nodes, as bits, that were found to hold what a content-addressed store calls them by.
	Verified []byte `json:"verified,omitempty"`
}

func newStampsMeta(root string) stampsMeta {
	m := stampsMeta{Root: root}
	var st unix.Stat_t
	if unix.Stat(root, &st) == nil {
		at := stampOf(&st)
		m.Dev, m.Ino = at.dev, at.ino
	}
	return m
}

// current reports whether the workspace is still there.
func (m *stampsMeta) current() bool {
	var st unix.Stat_t
	if unix.Stat(m.Root, &st) != nil {
		return false
	}
	at := stampOf(&st)
	return at.dev == m.Dev && at.ino == m.Ino
}

// verified reports whether node i was found to hold what its name says.
func (m *stampsMeta) verified(i int) bool {
	return i/8 < len(m.Verified) && m.Verified[i/8]&(1<<(i%8)) != 0
}

// fileStamp is a stamp on the workspace's device. The zero value stands for none.
type fileStamp struct {
	ino     uint64
	changed int64
}

// of is the stamp as it is kept.
func (m *stampsMeta) of(at stamp) fileStamp {
	if at.dev != m.Dev {
		return fileStamp{}
	}
	return fileStamp{at.ino, at.changed}
}

// stamps are the stamps of a tree that is being restored.
type stamps struct {
	stampsMeta
	list []fileStamp
}

// newStamps begins a stat index of a workspace for a tree of n nodes.
func newStamps(root string, n int) *stamps {
	return &stamps{newStampsMeta(root), make([]fileStamp, min(n, maxStamps))}
}

// set keeps the stamp of node i. Different nodes can be set concurrently.
func (s *stamps) set(i int, at stamp) {
	if i < len(s.list) {
		s.list[i] = s.of(at)
	}
}

// verify notes that node i holds what its name says.
func (s *stamps) verify(i int) {
	if i >= len(s.list) {
		return
	}
	if s.Verified == nil {
		s.Verified = make([]byte, (len(s.list)+7)/8)
	}
	s.Verified[i/8] |= 1 << (i % 8)
}

// verifyAll notes the nodes that bits has; those that were not restored have no stamp, and it means nothing for them.
func (s *stamps) verifyAll(bits []byte) {
	for i, b := range bits[:min(len(bits), (len(s.list)+7)/8)] {
		for ; b != 0; b &= b - 1 {
			s.verify(i*8 + mathbits.TrailingZeros8(b))
		}
	}
}

// settle forgets the stamps that files may keep although they change from now on.
func (s *stamps) settle(now time.Time) {
	for i, f := range s.list {
		if !(stamp{changed: f.changed}).settled(now) {
			s.list[i] = fileStamp{}
		}
	}
}

// latest is the time of the newest stamp, by the clock of the workspace's file system.
func (s *stamps) latest() time.Time {
	var t int64
	for _, f := range s.list {
		t = max(t, f.changed)
	}
	return time.Unix(0, t)
}

// writer encodes the stamps.
func (s *stamps) writer() *stampWriter {
	w := &stampWriter{stampsMeta: s.stampsMeta}
	w.Count = 0
	for _, f := range s.list {
		w.add(f)
	}
	return w
}

// stampWriter holds a stat index as it will be written: whether it will be is known only at the end of a walk.
type stampWriter struct {
	stampsMeta
	parts [][]byte // of stampPart bytes, so that no growing doubles what is held
	bytes int
	prev  fileStamp
}

const stampPart = 64 << 10

// newStampWriter begins a stat index of a workspace.
func newStampWriter(root string) *stampWriter { return &stampWriter{stampsMeta: newStampsMeta(root)} }

// append keeps the stamp of the next node.
func (s *stampWriter) append(at stamp) { s.add(s.of(at)) }

func (s *stampWriter) add(f fileStamp) {
	const most = 2 * binary.MaxVarintLen64
	if s.bytes > maxStampBytes {
		return
	}
	last := len(s.parts) - 1
	if last < 0 || len(s.parts[last])+most > stampPart {
		s.parts = append(s.parts, make([]byte, 0, stampPart))
		last++
	}
	b := s.parts[last]
	s.bytes -= len(b)
	b = binary.AppendVarint(b, int64(f.ino-s.prev.ino)) //nolint:gosec // wraps around, and back when it is read
	if f.ino != 0 {
		b = binary.AppendVarint(b, f.changed-s.prev.changed)
		s.prev = f
	}
	s.bytes += len(b)
	s.parts[last] = b
	s.Count++
}

// write writes the whole stat index.
func (s *stampWriter) write(w io.Writer) error {
	text, err := json.Marshal(s.stampsMeta)
	if err != nil {
		return fmt.Errorf("describe the stat index: %w", err)
	}
	sum := sha256.New()
	w = io.MultiWriter(w, sum)
	b := binary.BigEndian.AppendUint32([]byte(stampsHead), uint32(len(text)))
	for _, part := range append([][]byte{append(b, text...)}, s.parts...) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

var errStamps = errors.New("the stat index is not readable")

// readStampsMeta reads what a stat index says about itself, at the beginning of it.
func readStampsMeta(r io.Reader) (m stampsMeta, err error) {
	b := make([]byte, len(stampsHead)+4)
	if _, err := io.ReadFull(r, b); err != nil || string(b[:len(stampsHead)]) != stampsHead {
		return m, errStamps
	}
	n := binary.BigEndian.Uint32(b[len(stampsHead):])
	if n > maxStampsMeta {
		return m, errStamps
	}
	b = make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil || json.Unmarshal(b, &m) != nil {
		return m, errStamps
	}
	return m, nil
}

// stampReader reads a stat index from its beginning to its end, so that a large one takes no memory; only the bits of what
// is verified are held. It is for one goroutine.
type stampReader struct {
	stampsMeta
	object
	r    *bufio.Reader
	read int       // how many were
	last fileStamp // the last of them
	prev fileStamp // the last of a file
}

// newStampReader takes over the object and closes it if that is not a stat index.
func newStampReader(o object) (*stampReader, error) {
	s := &stampReader{object: o}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return s, nil
}

func (s *stampReader) open() (err error) {
	length := s.size() - sha256.Size
	if length < 0 {
		return errStamps
	}
	sum, want := sha256.New(), make([]byte, sha256.Size)
	if _, err := io.CopyBuffer(sum, io.NewSectionReader(s, 0, length), make([]byte, stampPart)); err != nil {
		return err
	}
	if err := readAt(s, want, length); err != nil || !bytes.Equal(sum.Sum(nil), want) {
		return errStamps
	}
	s.r = bufio.NewReaderSize(io.NewSectionReader(s, 0, length), stampPart)
	s.stampsMeta, err = readStampsMeta(s.r)
	return err
}

// close closes the stat index, which may be nil.
func (s *stampReader) close() {
	if s != nil {
		_ = s.Close() // only read from
	}
}

// compare reports whether anything is known of node i, which comes after those of earlier calls, and whether it had this
// stamp.
func (s *stampReader) compare(i int, at stamp) (known, same bool) {
	if s == nil || i >= s.Count {
		return false, false
	}
	for s.read <= i {
		if err := s.next(); err != nil {
			s.Count = 0 // nothing is known of those that follow
			return false, false
		}
	}
	// Neither a stamp that was not kept nor one of another device equals anything.
	known = s.read == i+1 && s.last.ino != 0
	return known, known && s.last == s.of(at)
}

// next reads the next stamp.
func (s *stampReader) next() error {
	delta, err := binary.ReadVarint(s.r)
	s.last = fileStamp{ino: s.prev.ino + uint64(delta)} //nolint:gosec // see stampWriter.add
	if err == nil && s.last.ino != 0 {
		delta, err = binary.ReadVarint(s.r)
		s.last.changed = s.prev.changed + delta
		s.prev = s.last
	}
	s.read++
	return err
}

// stampsName is where the stat index of a workspace is. A workspace can serve builds with several keys.
func stampsName(k Key, root string) string {
	sum := sha256.Sum256([]byte(k.ID() + "\x00" + root))
	return safeName(k.App) + "/stat/" + hex.EncodeToString(sum[:])
}

// loadStamps answers the stat index of a workspace, nil if there is none that could be used.
func (l *Local) loadStamps(k Key, root string) *stampReader {
	o, err := l.stats.open(stampsName(k, root))
	if err != nil {
		return nil
	}
	s, err := newStampReader(o)
	if err != nil {
		return nil
	}
	if s.Root != root || !s.current() {
		s.close()
		return nil
	}
	return s
}

// saveStamps keeps the stat index of a workspace. Without one the next save takes longer, and that is all.
func (l *Local) saveStamps(k Key, s *stampWriter) {
	p, err := l.stats.create(stampsName(k, s.Root))
	if err != nil {
		return
	}
	if err := s.write(p); err != nil {
		_ = p.discard() // swept sometime
		return
	}
	_ = p.commit()
}

// stampsMetaOf reads what a stat index says about itself.
func (l *Local) stampsMetaOf(name string) (stampsMeta, error) {
	o, err := l.stats.open(name)
	if err != nil {
		return stampsMeta{}, err
	}
	defer func() { _ = o.Close() }() // only read from
	return readStampsMeta(io.NewSectionReader(o, 0, o.size()))
}
