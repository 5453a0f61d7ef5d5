package artifacts

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	zipVersion = 20    // 2.0: deflate
	utf8Flag   = 0x800 // the name is UTF-8
	extTimeTag = 0x5455
)

// compressedTypes are extensions of formats that are compressed already.
var compressedTypes = []string{
	".7z", ".avif", ".br", ".bz2", ".docx", ".gif", ".gz", ".heic", ".jar", ".jpeg", ".jpg", ".m4a", ".m4v", ".mov", ".mp3", ".mp4",
	".ogg", ".png", ".pptx", ".rar", ".tgz", ".webm", ".webp", ".woff", ".woff2", ".xlsx", ".xz", ".zip", ".zst",
}

func incompressible(name string) bool {
	return slices.Contains(compressedTypes, strings.ToLower(path.Ext(name)))
}

// A rawEntry is an entry as it goes into the archive.
type rawEntry struct {
	header *zip.FileHeader
	data   *bytes.Buffer
}

// pack makes the entry for a small file: deflated, or stored if that does not make it smaller.
func (z *zipper) pack(f File, content []byte) (rawEntry, error) {
	data, ok := z.buffers.Get().(*bytes.Buffer)
	if !ok {
		data = new(bytes.Buffer)
	}
	data.Reset()
	h := z.header(f)
	h.Method = zip.Store
	if f.Mode&fs.ModeSymlink == 0 && !incompressible(f.Path) && len(content) > 0 {
		h.Method = zip.Deflate
		w, err := z.deflater(data, false)
		if err != nil {
			return rawEntry{}, err
		}
		if _, err := w.Write(content); err != nil {
			return rawEntry{}, err
		}
		if err := w.Close(); err != nil {
			return rawEntry{}, err
		}
	}
	if h.Method == zip.Store || data.Len() >= len(content) {
		h.Method = zip.Store
		data.Reset()
		data.Write(content)
	}
	h.CRC32 = crc32.ChecksumIEEE(content)
	h.UncompressedSize64, h.CompressedSize64 = uint64(len(content)), uint64(data.Len())
	return rawEntry{h, data}, nil
}

// writeRaw writes a packed entry. The sizes are known, so unlike for a streamed one they stand before the data. zip.Writer
// leaves all fields of such an entry to its caller.
func (z *zipper) writeRaw(e rawEntry) error {
	h := e.header
	h.CreatorVersion |= zipVersion
	h.ReaderVersion = zipVersion
	if !h.NonUTF8 && strings.ContainsFunc(h.Name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		h.Flags |= utf8Flag
	}
	h.ModifiedDate, h.ModifiedTime = dosTime(h.Modified) //nolint:staticcheck // CreateRaw writes these, not Modified
	h.Extra = extTime(h.Modified)
	w, err := z.out.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = w.Write(e.data.Bytes())
	z.buffers.Put(e.data)
	return err
}

// header returns what is common to packed and streamed entries.
func (z *zipper) header(f File) *zip.FileHeader {
	modified := z.modified
	if modified.IsZero() {
		if info, ok := z.s.sources[f.Source]; ok {
			modified = info.ModTime()
		}
	}
	h := &zip.FileHeader{
		Name:     f.Path,
		Method:   zip.Deflate,
		Modified: zipTime(modified),
		NonUTF8:  !utf8.ValidString(f.Path),
	}
	mode := f.Mode
	if mode&fs.ModeSymlink != 0 {
		mode |= 0o777
	}
	h.SetMode(mode)
	return h
}

// zipTime returns the nearest time that both of the archive's notations can express.
func zipTime(t time.Time) time.Time {
	first, last := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2105, 12, 31, 23, 59, 58, 0, time.UTC)
	switch t = t.UTC(); {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}

// dosTime returns t as MS-DOS had it: to two seconds, since 1980.
func dosTime(t time.Time) (date, clock uint16) {
	return uint16(t.Day() | int(t.Month())<<5 | (t.Year()-1980)<<9), uint16(t.Second()/2 | t.Minute()<<5 | t.Hour()<<11)
}

// extTime returns the extra field with t in seconds since 1970, which does not depend on a time zone.
func extTime(t time.Time) []byte {
	b := binary.LittleEndian.AppendUint16(nil, extTimeTag)
	b = binary.LittleEndian.AppendUint16(b, 5) // bytes that follow
	b = append(b, 1)                           // only the time of modification
	return binary.LittleEndian.AppendUint32(b, uint32(t.Unix()))
}
