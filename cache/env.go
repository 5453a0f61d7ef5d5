package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// EnvStore keeps the values that the builds of a branch set for each other with envCache. All methods are safe for
// concurrent use, by several processes too.
//
// Unlike a cache entry, values are also kept when the build failed. A damaged record is a miss, not an error.
type EnvStore interface {
	// RestoreEnv gives all values of a branch.
	RestoreEnv(ctx context.Context, app, branch string) (EnvRestored, error)

	// SaveEnv changes the values of a branch, all at once or, with an error, none. Of builds that run at the same time each
	// changes what it has set itself; of two that set one key, the last one wins. It answers what there is afterwards.
	SaveEnv(ctx context.Context, app, branch string, change EnvChange) (EnvSaved, error)
}

// EnvRestored is what RestoreEnv found.
type EnvRestored struct {
	Values map[string][]byte // by key; never nil
	Found  bool              // a build before has kept values
	Reason string            // what is wrong with them, in words; empty where there simply are none
}

// EnvChange is what one build did to the values.
type EnvChange struct {
	Set     map[string][]byte
	Removed []string
}

// Changes tells what leads from the values before a build to those after it.
func Changes(before, after map[string][]byte) EnvChange {
	c := EnvChange{Set: map[string][]byte{}}
	for k, v := range after {
		if old, ok := before[k]; !ok || string(old) != string(v) {
			c.Set[k] = v
		}
	}
	for k := range before {
		if _, ok := after[k]; !ok {
			c.Removed = append(c.Removed, k)
		}
	}
	return c
}

// Empty reports whether nothing was done.
func (c EnvChange) Empty() bool { return len(c.Set) == 0 && len(c.Removed) == 0 }

// EnvSaved is what SaveEnv left.
type EnvSaved struct {
	Keys  int
	Bytes int64 // of all values
}

// The bounds of one branch's values.
const (
	MaxEnvKeys  = 4096
	MaxEnvBytes = 64 << 20 // keys and values
)

// ErrEnvTooLarge is returned by SaveEnv for more than may be kept; what was kept before stays.
var ErrEnvTooLarge = errors.New("there is more in the environment cache than is kept")

// LocalEnv keeps values in a folder of this machine, one file for each branch:
//
//	DIR/APP/BRANCH.env     the values, with a checksum
//	DIR/APP/BRANCH.lock    locked by whoever changes them
//
// The files may hold secrets, so only the current user can read them.
type LocalEnv struct{ dir string }

var _ EnvStore = (*LocalEnv)(nil)

// NewLocalEnv opens the store in the folder dir, which is made when something is to be kept.
func NewLocalEnv(dir string) (*LocalEnv, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("environment cache folder: %w", err)
	}
	return &LocalEnv{dir: dir}, nil
}

// envRecord is what a file holds after its first line, which is the SHA-256 of the rest.
type envRecord struct {
	Version int               `json:"version"`
	App     string            `json:"app"` // quoted as in Go: names may be any bytes, which JSON cannot hold
	Branch  string            `json:"branch"`
	Values  map[string][]byte `json:"values"` // base64: they are any bytes. Keys are hexadecimal for the same reason
}

const envVersion = 1

// maxEnvFile is the largest file that we write, and read: base64, hexadecimal and quotes take their part.
const maxEnvFile = 2*MaxEnvBytes + MaxEnvKeys*64 + 4096

// RestoreEnv implements EnvStore.
func (l *LocalEnv) RestoreEnv(ctx context.Context, app, branch string) (EnvRestored, error) {
	none := EnvRestored{Values: map[string][]byte{}}
	if err := context.Cause(ctx); err != nil {
		return none, fmt.Errorf("restore the environment cache: %w", err)
	}
	values, err := readEnv(l.file(app, branch), app, branch)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		none.Reason = "it is damaged: " + err.Error()
	default:
		return EnvRestored{Values: values, Found: true}, nil
	}
	return none, nil
}

// SaveEnv implements EnvStore.
func (l *LocalEnv) SaveEnv(ctx context.Context, app, branch string, change EnvChange) (saved EnvSaved, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("save the environment cache: %w", err)
		}
	}()
	if err := context.Cause(ctx); err != nil {
		return EnvSaved{}, err
	}
	file := l.file(app, branch)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return EnvSaved{}, err
	}
	lock, err := os.OpenFile(file+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return EnvSaved{}, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if _, err := flock(lock, true); err != nil { // held for no longer than it takes to write one file
		return EnvSaved{}, err
	}
	values, err := readEnv(file, app, branch)
	if err != nil { // none, or damaged: that was said when it was restored
		values = map[string][]byte{}
	}
	for _, k := range change.Removed {
		delete(values, k)
	}
	maps.Copy(values, change.Set)
	saved = EnvSaved{Keys: len(values)}
	size := int64(0)
	for k, v := range values {
		saved.Bytes += int64(len(v))
		size += int64(len(k) + len(v))
	}
	if saved.Keys > MaxEnvKeys || size > MaxEnvBytes {
		return EnvSaved{}, fmt.Errorf("%w: %d keys, %d bytes (%d and %d are)", ErrEnvTooLarge, saved.Keys, size, MaxEnvKeys, MaxEnvBytes)
	}
	return saved, writeEnv(file, app, branch, values)
}

func (l *LocalEnv) file(app, branch string) string {
	return filepath.Join(l.dir, safeName(app), safeName(branch)+".env")
}

func writeEnv(file, app, branch string, values map[string][]byte) error {
	rec := envRecord{Version: envVersion, App: strconv.Quote(app), Branch: strconv.Quote(branch), Values: map[string][]byte{}}
	for k, v := range values {
		rec.Values[hex.EncodeToString([]byte(k))] = v
	}
	body, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	raw := append([]byte(hex.EncodeToString(sum[:])+"\n"), body...)
	return renameio.WriteFile(file, raw, 0o600)
}

func readEnv(file, app, branch string) (map[string][]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxEnvFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return parseEnv(raw, app, branch)
}

// parseEnv reads a record, and refuses everything that we would not have written.
func parseEnv(raw []byte, app, branch string) (map[string][]byte, error) {
	const line = 2*sha256.Size + 1
	if len(raw) > maxEnvFile {
		return nil, errors.New("it is too large")
	}
	if len(raw) < line || raw[line-1] != '\n' {
		return nil, errors.New("its beginning is missing")
	}
	if sum := sha256.Sum256(raw[line:]); hex.EncodeToString(sum[:]) != string(raw[:line-1]) {
		return nil, errors.New("its checksum is wrong")
	}
	var rec envRecord
	if err := json.Unmarshal(raw[line:], &rec); err != nil {
		return nil, err
	}
	if rec.Version != envVersion || rec.App != strconv.Quote(app) || rec.Branch != strconv.Quote(branch) {
		return nil, errors.New("it is of another version, application or branch")
	}
	values := map[string][]byte{}
	for k, v := range rec.Values {
		key, err := hex.DecodeString(k)
		if err != nil || len(key) == 0 {
			return nil, fmt.Errorf("the key %.40q is none", k)
		}
		values[string(key)] = v
	}
	return values, nil
}
