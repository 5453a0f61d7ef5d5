package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"github.com/go-git/go-git/v5/plumbing"
)

// A mirror is a bare repository that has what one branch of one remote reaches, and nothing else: a build of the branch is
// given all of it, and must not find other branches in it. So each branch has one of its own.
//
// The packs in it are immutable. Those that count are named in a list, which is replaced in one step when they are
// complete: a process that is killed at any moment leaves at most files that no list names, and the next one removes them.
// A pack that is not as the list says is not used. A build gets copies, never links: it may be root, and would write
// through a link into the mirror.
//
// In the folder that the caller gives:
//
//	v1/URL/BRANCH/            the mirror; both names are hashes
//	v1/URL/BRANCH/mirror.json the list; its time is that of the last use
//	v1/URL/BRANCH.lock        held by whoever uses the mirror
//	v1/URL/lfs/               objects of Git LFS
const (
	mirrorFormat = "v1"
	mirrorList   = "mirror.json"
	mirrorLFS    = "lfs"
	mirrorNew    = ".new" // behind the name of one that is in the making
	lockRetry    = 20 * time.Millisecond
)

// mirror is one that is locked for this process.
type mirror struct {
	*job  // whose destination the mirror is
	dir   string
	lock  *flock.Flock
	state mirrorState
}

// mirrorState is the list.
type mirrorState struct {
	URL    string `json:"url"`
	Branch string `json:"branch"`
	// Tip is the commit of which the packs hold exactly what it reaches, and the tags on it; "" when there is none.
	Tip string `json:"tip"`
	// Tags stands for the tags that the remote had.
	Tags string `json:"tags"`
	// Before are commits that the tip reaches; none when they have to be looked for.
	Before []ancestor   `json:"before,omitempty"`
	Files  []mirrorFile `json:"files"`
}

// mirrorFile is a pack or its index, and what its inode was when it was known to be good.
type mirrorFile struct {
	Name     string    `json:"name"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Changed  time.Time `json:"changed"`
	Inode    uint32    `json:"inode"`
}

// mirrorFolder is where everything of a remote is kept.
func (j *job) mirrorFolder(r remote) string {
	return filepath.Join(j.Mirror, mirrorFormat, hashName(r.clean))
}

// mirrorDir is the mirror of one branch of it.
func (j *job) mirrorDir(r remote, branch string) string {
	return filepath.Join(j.mirrorFolder(r), hashName(branch))
}

func hashName(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// openMirror waits for the mirror of a branch, and repairs it: afterwards it is empty, or good. It may not be made when it
// does not exist: then there is none, and the result is nil.
func (j *job) openMirror(ctx context.Context, r remote, branch string, create bool) (_ *mirror, err error) {
	dir := j.mirrorDir(r, branch)
	if _, err := os.Stat(filepath.Join(dir, mirrorList)); !create && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	lock, err := takeLock(ctx, dir+".lock")
	if err != nil {
		return nil, err
	}
	m := &mirror{dir: dir, lock: lock, state: mirrorState{URL: r.clean, Branch: branch}}
	m.job = &job{Request: j.Request, git: j.git, progress: j.progress, secrets: j.secrets}
	if err := m.load(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// takeLock waits for the lock. A file that was removed while we waited locks nothing any more.
func takeLock(ctx context.Context, path string) (*flock.Flock, error) {
	for {
		lock := flock.New(path)
		if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
			return nil, fmt.Errorf("waiting for the lock %s: %w", path, err)
		}
		if sameFile(lock, path) {
			return lock, nil
		}
		if err := lock.Unlock(); err != nil {
			return nil, err
		}
	}
}

func sameFile(lock *flock.Flock, path string) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(held, there)
}

// Close lets others use the mirror.
func (m *mirror) Close() error {
	var err error
	if m.dest != nil {
		err = m.dest.Close()
	}
	return errors.Join(err, m.lock.Unlock())
}

// load reads the list and checks the files. What is wrong makes it begin again, empty.
func (m *mirror) load(ctx context.Context) error {
	state, err := m.readList(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			m.progress.step("the mirror of %s is made anew: %v", m.state.URL, err)
		}
		return m.reset()
	}
	m.state = *state
	if err := m.sweep(); err != nil {
		return err
	}
	return m.openFolder()
}

func (m *mirror) openFolder() (err error) {
	d := &dest{path: m.dir, gitPath: m.dir}
	if d.root, err = os.OpenRoot(m.dir); err != nil {
		return err
	}
	if d.git, err = os.OpenRoot(m.dir); err != nil {
		return errors.Join(err, d.root.Close())
	}
	m.dest = d
	return nil
}

// reset makes an empty mirror.
func (m *mirror) reset() error {
	if m.dest != nil {
		if err := m.dest.Close(); err != nil {
			return err
		}
		m.dest = nil
	}
	m.state = mirrorState{URL: m.state.URL, Branch: m.state.Branch}
	if err := errors.Join(os.RemoveAll(m.dir), os.Mkdir(m.dir, 0o700)); err != nil {
		return err
	}
	if err := m.openFolder(); err != nil {
		return err
	}
	return m.skeleton()
}

func (m *mirror) packs() string { return filepath.Join(m.dir, "objects", "pack") }

func (m *mirror) readList(ctx context.Context) (*mirrorState, error) {
	text, err := readSmall(filepath.Join(m.dir, mirrorList))
	if err != nil {
		return nil, err
	}
	var s mirrorState
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("its list cannot be read: %w", err)
	}
	if s.URL != m.state.URL || s.Branch != m.state.Branch || !plumbing.IsHash(s.Tip) || len(s.Files) == 0 {
		return nil, errors.New("its list is not one of this branch")
	}
	changed := false
	for n, f := range s.Files {
		now, err := m.stat(f.Name)
		if err != nil {
			return nil, err
		}
		if now.Size != f.Size {
			return nil, fmt.Errorf("%s has %d bytes and not %d", f.Name, now.Size, f.Size)
		}
		if now.same(f) {
			continue
		}
		// Somebody may only have moved the folder to another disk.
		if err := m.checkSum(ctx, f.Name); err != nil {
			return nil, err
		}
		s.Files[n], changed = now, true
	}
	if changed {
		return &s, m.writeList(&s)
	}
	return &s, nil
}

func (f mirrorFile) same(other mirrorFile) bool {
	return f.Name == other.Name && f.Size == other.Size && f.Inode == other.Inode && f.Modified.Equal(other.Modified) && f.Changed.Equal(other.Changed)
}

func (m *mirror) stat(name string) (mirrorFile, error) {
	if name != filepath.Base(name) {
		return mirrorFile{}, fmt.Errorf("its list names %q", name)
	}
	info, err := os.Lstat(filepath.Join(m.packs(), name))
	if err != nil {
		return mirrorFile{}, fmt.Errorf("a file is missing: %s", oneLine(err.Error()))
	}
	if !info.Mode().IsRegular() {
		return mirrorFile{}, fmt.Errorf("%s is not a file", name)
	}
	st := statOf(info)
	return mirrorFile{Name: name, Size: info.Size(), Modified: info.ModTime(), Changed: st.changed, Inode: st.inode}, nil
}

// checkSum reads a whole pack or index, which end in the SHA-1 of what is in front of it.
func (m *mirror) checkSum(ctx context.Context, name string) error {
	f, err := os.Open(filepath.Join(m.packs(), name))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	ok, err := endsInSum(withContext(ctx, f))
	if err == nil && !ok {
		err = fmt.Errorf("%s is damaged", name)
	}
	return err
}

// sweep removes what the list does not name: what a process that was killed has left.
func (m *mirror) sweep() error {
	entries, err := os.ReadDir(m.packs())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.ContainsFunc(m.state.Files, func(f mirrorFile) bool { return f.Name == e.Name() }) {
			if err := os.RemoveAll(filepath.Join(m.packs(), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// save makes everything that is in the mirror count.
func (m *mirror) save(tip plumbing.Hash, tags string) error {
	entries, err := os.ReadDir(m.packs())
	if err != nil {
		return err
	}
	before := m.state.Files
	m.state.Tip, m.state.Tags, m.state.Files = tip.String(), tags, nil
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".pack" && ext != ".idx" {
			continue
		}
		f, err := m.stat(e.Name())
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(before, f.same) {
			if err := syncFile(filepath.Join(m.packs(), e.Name())); err != nil {
				return err
			}
		}
		m.state.Files = append(m.state.Files, f)
	}
	return m.writeList(&m.state)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (m *mirror) writeList(s *mirrorState) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(m.dir, mirrorList), append(text, '\n'), 0o600)
}

// tagsKey stands for a set of tags.
func (l *refList) tagsKey() string {
	var b strings.Builder
	for _, name := range l.tagNames() {
		fmt.Fprintf(&b, "%s %s\n", l.tags[name], name)
	}
	return hashName(b.String())
}
