package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
	"unicode/utf8"
)

// An entry is one object, so that its parts cannot disagree, with everything that is known only at the end at the end,
// so that it can be written in one pass:
//
//	head      16 bytes, names the format and its version
//	index     records in zstd
//	meta      JSON, with the table of the chunks that the index refers to
//	length    of meta, 4 bytes, big endian
//	checksum  SHA-256 of all of the above
//	tail      8 bytes
//
// There is no byte that the checksum or a comparison does not cover.
const (
	head       = "preamp cache 2\n\x00"
	tail       = "preamp 2"
	footerSize = 4 + sha256.Size + len(tail)
	maxMeta    = 4 << 20
)

// errDamaged marks everything that can be wrong with the bytes of an entry.
var errDamaged = errors.New("the entry is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}

// meta is what an entry says about itself.
type meta struct {
	Key     metaKey   `json:"key"`
	Created time.Time `json:"created"`
	Tree    totals    `json:"tree"`
	Chunks  []chunk   `json:"chunks"`
}

// stored is how many bytes the chunks take up.
func (m meta) stored() int64 {
	var n int64
	for _, c := range m.Chunks {
		n += c.Stored
	}
	return n
}

// metaKey is a Key in JSON, without the part that does not belong to the entry.
type metaKey struct {
	App    jsonText   `json:"app"`
	Branch jsonText   `json:"branch"`
	Image  jsonText   `json:"image"`
	Arch   jsonText   `json:"arch"`
	Dir    jsonText   `json:"dir"`
	Paths  []jsonText `json:"paths"`
}

func newMetaKey(k Key) metaKey {
	m := metaKey{
		App: jsonText(k.App), Branch: jsonText(k.Branch), Image: jsonText(k.Image),
		Arch: jsonText(k.Arch), Dir: jsonText(cleanDir(k.Dir)), Paths: []jsonText{},
	}
	for _, p := range sortedSet(k.Paths) {
		m.Paths = append(m.Paths, jsonText(p))
	}
	return m
}

func (m metaKey) key() Key {
	k := Key{App: string(m.App), Branch: string(m.Branch), Image: string(m.Image), Arch: string(m.Arch), Dir: string(m.Dir)}
	for _, p := range m.Paths {
		k.Paths = append(k.Paths, string(p))
	}
	return k
}

// jsonText is a string of any bytes. JSON has no place for those that are not UTF-8 and Go would replace them without
// a word, so they are written as {"base64": ...}.
type jsonText string

type jsonBytes struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements json.Marshaler.
func (t jsonText) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(jsonBytes{[]byte(t)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *jsonText) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("{")) {
		var raw jsonBytes
		err := json.Unmarshal(b, &raw)
		*t = jsonText(raw.Base64)
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

// sealer writes an entry: the index is written to it, then seal adds the rest.
type sealer struct {
	w    io.Writer
	hash hash.Hash
	size int64
}

func newSealer(w io.Writer) (*sealer, error) {
	s := &sealer{w: w, hash: sha256.New()}
	_, err := io.WriteString(s, head)
	return s, err
}

// Write implements io.Writer.
func (s *sealer) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.size += int64(n)
	s.hash.Write(b[:n])
	return n, err
}

// seal writes the rest and answers the checksum, which is the generation's name.
func (s *sealer) seal(m meta) (generation, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return generation{}, fmt.Errorf("describe the cache entry: %w", err)
	}
	if len(text) > maxMeta {
		return generation{}, fmt.Errorf("the cache key and the names of the chunks take %s, at most %s are possible",
			size(int64(len(text))), size(maxMeta))
	}
	if _, err := s.Write(binary.BigEndian.AppendUint32(text, uint32(len(text)))); err != nil {
		return generation{}, err
	}
	g := generation(s.hash.Sum(nil))
	_, err = s.Write(append(g[:], tail...))
	return g, err
}

// generation is the checksum of an entry. No two saves make the same one, since an entry says when it was saved.
type generation [sha256.Size]byte

// sealed is an entry opened for reading. Its meta is unverified until check has been called.
type sealed struct {
	meta  meta
	index *io.SectionReader
	rest  *io.SectionReader // what the checksum covers behind the index
	sum   generation
}

// openSealed reads the end of an entry of the given size, and nothing else.
func openSealed(r io.ReaderAt, length int64) (*sealed, error) {
	if length < int64(len(head)+footerSize) {
		return nil, damaged("%d bytes are too few", length)
	}
	footer := make([]byte, footerSize)
	if err := readAt(r, footer, length-int64(footerSize)); err != nil {
		return nil, err
	}
	if string(footer[4+sha256.Size:]) != tail {
		return nil, damaged("its end is missing, or it was written by another version of preamp")
	}
	n := int64(binary.BigEndian.Uint32(footer))
	metaAt := length - int64(footerSize) - n
	if n > maxMeta || metaAt < int64(len(head)) {
		return nil, damaged("its description cannot be %d bytes long", n)
	}
	text := make([]byte, n)
	if err := readAt(r, text, metaAt); err != nil {
		return nil, err
	}
	s := &sealed{
		index: io.NewSectionReader(r, int64(len(head)), metaAt-int64(len(head))),
		rest:  io.NewSectionReader(r, metaAt, n+4),
		sum:   generation(footer[4:]),
	}
	if err := json.Unmarshal(text, &s.meta); err != nil {
		return nil, damaged("its description is not readable (%v)", err)
	}
	first := make([]byte, len(head))
	if err := readAt(r, first, 0); err != nil {
		return nil, err
	}
	if string(first) != head {
		return nil, damaged("its beginning is wrong, or it was written by another version of preamp")
	}
	return s, nil
}

// check reads the whole entry once. It hands the index to look, which need not read to the end, and compares the
// checksum; of two errors that of the checksum is returned, because it explains the other. It succeeds only if it has
// read every byte.
func (s *sealed) check(ctx context.Context, look func(index io.Reader) error) error {
	sum, buf := sha256.New(), make([]byte, copyBuffer)
	sum.Write([]byte(head))
	index := io.TeeReader(s.section(), sum)
	seen := look(index)
	if isIO(seen) {
		return seen
	}
	for _, r := range []io.Reader{index, io.TeeReader(s.rest, sum)} {
		if _, err := copyAll(ctx, io.Discard, r, buf); err != nil {
			return err
		}
	}
	if generation(sum.Sum(nil)) != s.sum {
		return damaged("its checksum does not match")
	}
	return seen
}

// section reads the index from its beginning.
func (s *sealed) section() io.Reader { return io.NewSectionReader(s.index, 0, s.index.Size()) }

// readAt fills b.
func readAt(r io.ReaderAt, b []byte, off int64) error {
	_, err := r.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		return damaged("it became shorter while it was read")
	}
	if err != nil {
		return fmt.Errorf("read the cache entry: %w", err)
	}
	return nil
}
