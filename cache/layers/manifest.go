package layers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/preamp-build/preamp/cache"
)

// manifest is what the file of a generation says: a line with the SHA-256 of the rest, then JSON.
type manifest struct {
	Version int       `json:"version"`
	Key     key       `json:"key"`
	Created time.Time `json:"created"`
	Tree    Totals    `json:"tree"`
	Layers  []layer   `json:"layers"` // the topmost first
	// Parts are those of the tree; none where they were not counted.
	Parts parts `json:"parts,omitempty"`
	// Boot is when the layers were written, and Synced whether they are known to be on the disk.
	Boot   string `json:"boot"`
	Synced bool   `json:"synced"`

	raw []byte // the file, to see whether it is still the same
}

const manifestVersion = 1

// layer is a layer as its manifest describes it.
type layer struct {
	ID    string `json:"id"`
	Bytes int64  `json:"bytes"` // content of the files in it, hidden ones too
	// Inode and Changed are those of its folder. They are others after somebody has touched or copied it.
	Inode   uint64    `json:"inode"`
	Changed time.Time `json:"changed"`
}

// key is a cache.Key whose parts may be any bytes.
type key struct {
	App, Branch, Image, Arch, Dir []byte
	Paths                         [][]byte
}

func newKey(k cache.Key) key {
	j := key{App: []byte(k.App), Branch: []byte(k.Branch), Image: []byte(k.Image), Arch: []byte(k.Arch), Dir: []byte(k.Dir)}
	for _, p := range k.Paths {
		j.Paths = append(j.Paths, []byte(p))
	}
	return j
}

func (j key) key() cache.Key {
	k := cache.Key{App: string(j.App), Branch: string(j.Branch), Image: string(j.Image), Arch: string(j.Arch), Dir: string(j.Dir)}
	for _, p := range j.Paths {
		k.Paths = append(k.Paths, string(p))
	}
	return k
}

// errDamaged marks everything that can be wrong with a generation.
var errDamaged = errors.New("it is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}

// encode makes the file.
func (m *manifest) encode() ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	return append([]byte(hex.EncodeToString(sum[:])+"\n"), body...), nil
}

// maxManifest bounds a manifest in bytes: a few keys and layers, and cache paths as people write them.
const maxManifest = 4 << 20

var layerID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// decodeManifest reads the file back, and trusts nothing in it.
func decodeManifest(raw []byte) (*manifest, error) {
	sum, body, ok := bytes.Cut(raw, []byte("\n"))
	want := sha256.Sum256(body)
	if !ok || string(sum) != hex.EncodeToString(want[:]) {
		return nil, damaged("its checksum is wrong")
	}
	m := &manifest{raw: raw}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, damaged("%v", err)
	}
	if m.Version != manifestVersion {
		return nil, damaged("version %d is not known", m.Version)
	}
	if len(m.Layers) > maxLayers || m.Tree.Files < 0 || m.Tree.Bytes < 0 {
		return nil, damaged("it says what cannot be")
	}
	for _, l := range m.Layers {
		if !layerID.MatchString(l.ID) {
			return nil, damaged("%q names no layer", l.ID)
		}
	}
	return m, nil
}

func (s *Store) manifestPath(k cache.Key) string {
	return s.path("g", safeName(k.App), safeName(k.Branch), k.ID())
}

// readManifest reads the manifest of the generation for exactly this key; nil when there is none.
func readManifest(path string) (*manifest, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxManifest {
		return nil, damaged("its manifest is no small file")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return decodeManifest(raw)
}

// check makes sure that a generation can be mounted.
func (s *Store) check(m *manifest) error {
	if !m.Synced && (m.Boot == "" || m.Boot != bootID()) {
		return damaged("the machine was restarted before it was on the disk")
	}
	for _, l := range m.Layers {
		now, err := s.describe(l.ID)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return damaged("a layer of it is missing")
		case err != nil:
			return err
		case now.Inode != l.Inode || !now.Changed.Equal(l.Changed):
			return damaged("somebody has changed a layer of it")
		}
	}
	return nil
}

// describe looks at the folder of a layer.
func (s *Store) describe(id string) (layer, error) {
	info, err := os.Lstat(s.path("l", id))
	if err != nil {
		return layer{}, err
	}
	if !info.IsDir() {
		return layer{}, damaged("a layer of it is no folder")
	}
	return layer{ID: id, Inode: inodeOf(info), Changed: info.ModTime().UTC()}, nil
}

// publish makes m the newest generation of its key. It is called locked.
func (s *Store) publish(m *manifest) error {
	m.Version = manifestVersion
	raw, err := m.encode()
	if err != nil {
		return err
	}
	path := s.manifestPath(m.Key.key())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	s.at()
	temp := s.path("t", newID())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	s.at()
	_, err = f.Write(raw)
	if m.Synced && err == nil {
		err = f.Sync() // before that a restart ends its life anyway
	}
	s.at()
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, s.discard(temp))
	}
	s.at()
	m.raw = raw
	return nil
}

// adopt makes a layer of a finished tree and m, with it on top, visible. It is called locked, because until then nobody
// knows whose the layer is.
func (s *Store) adopt(tree string, bytes int64, m *manifest) error {
	l, err := s.keep(tree, bytes)
	if err != nil {
		return err
	}
	m.Layers = append([]layer{l}, m.Layers...)
	return s.publish(m)
}

// keep puts a finished tree among the layers. It is called locked.
func (s *Store) keep(tree string, bytes int64) (layer, error) {
	id := newID()
	s.at()
	if err := os.Rename(tree, s.path("l", id)); err != nil {
		return layer{}, err
	}
	l, err := s.describe(id)
	l.Bytes = bytes
	return l, err
}

func (s *Store) layerPaths(m *manifest) []string {
	paths := make([]string, 0, len(m.Layers))
	for _, l := range m.Layers {
		paths = append(paths, s.path("l", l.ID))
	}
	return paths
}
