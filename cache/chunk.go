package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// What files hold is kept in chunks. A file is cut into pieces of chunkSize, the last one shorter; every whole piece is
// a chunk, and the shorter ones of many files share a chunk, in the order of a walk. Pieces never span chunks, so that
// what is appended to a big file leaves all pieces before it where they are.
//
// A chunk is one byte that names its coding, then the content. Its name is the SHA-256 of both, so that it can be
// checked before anything looks into it, and by anybody who moves it.
const (
	chunkSize = 4 << 20 // of content, at most

	codingRaw  = 0
	codingZstd = 1
)

// window is how far back the compression looks. It bounds the memory of a save and of a restore, and a restore refuses
// what asks for more.
const window = chunkSize

// chunkID is the SHA-256 of a chunk as it is stored.
type chunkID [sha256.Size]byte

// String is the name of the chunk.
func (id chunkID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id chunkID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *chunkID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(id) {
		return fmt.Errorf("%.100q is not the name of a chunk", text)
	}
	*id = chunkID(b)
	return nil
}

// chunk describes a chunk that an entry refers to.
type chunk struct {
	ID     chunkID `json:"id"`
	Size   int64   `json:"size"`   // bytes of content
	Stored int64   `json:"stored"` // bytes it takes up
	Live   int64   `json:"live"`   // bytes of content that the entry refers to
}

// possible checks what an entry says about a chunk.
func (c chunk) possible() error {
	if c.Size < 1 || c.Size > chunkSize || c.Stored < 2 || c.Stored > c.Size+1 {
		return damaged("a chunk cannot have %d bytes in %d", c.Size, c.Stored)
	}
	return nil
}

// ref says where a piece is.
type ref struct {
	chunk uint32 // in the table of the entry
	at    uint32 // offset in the chunk's content
}

// pieces is how many pieces a file of n bytes has.
func pieces(n int64) int { return int((n + chunkSize - 1) / chunkSize) }

// pieceSize is the size of piece i of a file of n bytes.
func pieceSize(n int64, i int) int { return int(min(n-int64(i)*chunkSize, chunkSize)) }

// coder packs chunks. It is for one goroutine.
type coder struct {
	zw  *zstd.Encoder
	out []byte
}

func newCoder() (*coder, error) {
	zw, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("start the compression: %w", err)
	}
	return &coder{zw: zw}, nil
}

// pack turns content, which begins at buf[1], into a chunk. The chunk is valid until buf or the coder is used again.
func (c *coder) pack(buf []byte) (chunkID, []byte) {
	content := buf[1:]
	if cap(c.out) == 0 {
		c.out = make([]byte, 0, c.zw.MaxEncodedSize(chunkSize)+1)
	}
	packed := c.zw.EncodeAll(content, append(c.out[:0], codingZstd))
	c.out = packed[:0]
	// What hardly became smaller is not worth the unpacking.
	if len(packed) > len(buf)/64*62 {
		buf[0], packed = codingRaw, buf
	}
	return nameOf(packed), packed
}

// decoder unpacks chunks. It is for one goroutine.
type decoder struct {
	zr  *zstd.Decoder
	out []byte
}

func newDecoder() (*decoder, error) {
	zr, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.IgnoreChecksum(true),
		zstd.WithDecoderMaxMemory(chunkSize), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("start the decompression: %w", err)
	}
	return &decoder{zr: zr, out: make([]byte, 0, chunkSize)}, nil
}

func (d *decoder) close() { d.zr.Close() }

// unpack answers the content of a chunk whose SHA-256 is known to be right, which does not mean that it can be trusted.
// The content is valid until packed or the decoder is used again.
func (d *decoder) unpack(packed []byte, c chunk) ([]byte, error) {
	content := packed[1:]
	switch packed[0] {
	case codingRaw:
	case codingZstd:
		var err error
		if content, err = d.zr.DecodeAll(content, d.out[:0:chunkSize]); err != nil {
			return nil, damaged("the chunk %s cannot be unpacked (%v)", c.ID, err)
		}
	default:
		return nil, damaged("the chunk %s has the unknown coding %d", c.ID, packed[0])
	}
	if int64(len(content)) != c.Size {
		return nil, damaged("the chunk %s holds %d bytes, not %d", c.ID, len(content), c.Size)
	}
	return content, nil
}

// nameOf is the name of a chunk that is stored as these bytes.
func nameOf(packed []byte) chunkID { return sha256.Sum256(packed) }
