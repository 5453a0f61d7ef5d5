package cache

import (
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
const (
	stampsHead = "preamp stamps 1\n"
	// maxStamps bounds the memory. What comes behind them in a huge tree is read again.
	maxStamps     = 1 << 20
	maxStampsSize = maxStamps*2*binary.MaxVarintLen64 + 1<<20
)

// stamps is a stat index.
type stamps struct {
	stampsMeta
	list []fileStamp
}

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

// fileStamp is a stamp on the workspace's device. The zero value stands for none.
type fileStamp struct {
	ino     uint64
	changed int64
}

// newStamps begins a stat index of a workspace for a tree of n nodes.
func newStamps(root string, n int) *stamps {
	s := &stamps{stampsMeta: stampsMeta{Root: root}}
	var st unix.Stat_t
	if unix.Stat(root, &st) == nil {
		at := stampOf(&st)
		s.Dev, s.Ino = at.dev, at.ino
	}
	s.list = make([]fileStamp, min(n, maxStamps))
	return s
}

// set keeps the stamp of node i. Different nodes can be set concurrently.
func (s *stamps) set(i int, at stamp) {
	if i < len(s.list) && at.dev == s.Dev {
		s.list[i] = fileStamp{at.ino, at.changed}
	}
}

// append keeps the stamp of the next node.
func (s *stamps) append(at stamp) {
	if len(s.list) < maxStamps {
		s.list = append(s.list, fileStamp{})
		s.set(len(s.list)-1, at)
	}
}

// is reports whether node i had this stamp.
func (s *stamps) is(i int, at stamp) bool {
	return s != nil && i < len(s.list) && at.dev == s.Dev && at.ino != 0 && s.list[i] == fileStamp{at.ino, at.changed}
}

// has reports whether anything is known of node i.
func (s *stamps) has(i int) bool { return s != nil && i < len(s.list) && s.list[i].ino != 0 }

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

// verified reports whether node i was found to hold what its name says.
func (s *stamps) verified(i int) bool {
	return i/8 < len(s.Verified) && s.Verified[i/8]&(1<<(i%8)) != 0
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

// current reports whether the workspace is still there.
func (s *stampsMeta) current() bool {
	var st unix.Stat_t
	if unix.Stat(s.Root, &st) != nil {
		return false
	}
	at := stampOf(&st)
	return at.dev == s.Dev && at.ino == s.Ino
}

func (s *stamps) encode() ([]byte, error) {
	s.Count = len(s.list)
	text, err := json.Marshal(s.stampsMeta)
	if err != nil {
		return nil, fmt.Errorf("describe the stat index: %w", err)
	}
	b := binary.BigEndian.AppendUint32([]byte(stampsHead), uint32(len(text)))
	b = append(b, text...)
	var prev fileStamp
	for _, f := range s.list {
		b = binary.AppendVarint(b, int64(f.ino-prev.ino)) //nolint:gosec // wraps around, and back when it is read
		if f.ino != 0 {
			b = binary.AppendVarint(b, f.changed-prev.changed)
			prev = f
		}
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

var errStamps = errors.New("the stat index is not readable")

// decodeStampsMeta reads what a stat index says about itself and answers the rest.
func decodeStampsMeta(b []byte) (stampsMeta, []byte, error) {
	var m stampsMeta
	rest, ok := bytes.CutPrefix(b, []byte(stampsHead))
	if !ok || len(rest) < 4 {
		return m, nil, errStamps
	}
	n := int64(binary.BigEndian.Uint32(rest))
	if rest = rest[4:]; n > int64(len(rest)) || json.Unmarshal(rest[:n], &m) != nil {
		return m, nil, errStamps
	}
	return m, rest[n:], nil
}

func decodeStamps(b []byte) (*stamps, error) {
	if len(b) < sha256.Size {
		return nil, errStamps
	}
	b, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if want := sha256.Sum256(b); !bytes.Equal(sum, want[:]) {
		return nil, errStamps
	}
	m, rest, err := decodeStampsMeta(b)
	if err != nil || m.Count < 0 || m.Count > len(rest) {
		return nil, errStamps
	}
	s := &stamps{stampsMeta: m, list: make([]fileStamp, m.Count)}
	var prev fileStamp
	r := bytes.NewReader(rest)
	for i := range s.list {
		delta, err := binary.ReadVarint(r)
		f := fileStamp{ino: prev.ino + uint64(delta)} //nolint:gosec // see encode
		if err == nil && f.ino != 0 {
			delta, err = binary.ReadVarint(r)
			f.changed = prev.changed + delta
			prev = f
		}
		if err != nil {
			return nil, errStamps
		}
		s.list[i] = f
	}
	if r.Len() > 0 {
		return nil, errStamps
	}
	return s, nil
}

// stampsName is where the stat index of a workspace is. A workspace can serve builds with several keys.
func stampsName(k Key, root string) string {
	sum := sha256.Sum256([]byte(k.ID() + "\x00" + root))
	return safeName(k.App) + "/stat/" + hex.EncodeToString(sum[:])
}

// loadStamps answers the stat index of a workspace, nil if there is none that could be used.
func (l *Local) loadStamps(k Key, root string) *stamps {
	b, err := l.readAll(stampsName(k, root), maxStampsSize)
	if err != nil {
		return nil
	}
	s, err := decodeStamps(b)
	if err != nil || s.Root != root || !s.current() {
		return nil
	}
	return s
}

// saveStamps keeps the stat index of a workspace. Without one the next save takes longer, and that is all.
func (l *Local) saveStamps(k Key, s *stamps) {
	b, err := s.encode()
	if err != nil {
		return
	}
	p, err := l.stats.create(stampsName(k, s.Root))
	if err != nil {
		return
	}
	if _, err := p.Write(b); err != nil {
		_ = p.discard() // swept sometime
		return
	}
	_ = p.commit()
}

// readAll reads an object of at most limit bytes that is kept beside the entries on this machine.
func (l *Local) readAll(name string, limit int64) ([]byte, error) {
	o, err := l.stats.open(name)
	if err != nil {
		return nil, err
	}
	var b []byte
	if o.size() > limit {
		err = errStamps
	} else {
		b, err = io.ReadAll(io.NewSectionReader(o, 0, o.size()))
	}
	return b, errors.Join(err, o.Close())
}
