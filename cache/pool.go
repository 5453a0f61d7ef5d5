package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A pool holds, beside an entry, those of its files that are named by their content, as files:
//
//	DIR/v2/APP/links/ID@BOOT@BYTES/*
//
// A save links them there when it has checked what they hold, and a restore moves them into a workspace instead of
// unpacking them. A file that a build can write to is therefore in no pool, and in no other build's workspace; what a
// build does to it is seen by the next save, like all that builds do. A build that fails, or is killed, takes its files
// along: the next restore unpacks them again, which takes no longer than to find out whether they are still what they
// were.
//
// Between a save and the removal of the workspace a file has a name in both. It is then not taken, see [takings.intact].
//
// A pool belongs to one key, so that a build reaches no more by it than by the entry. It goes when the entry goes, and
// when the machine was restarted: nothing is synced, and nothing would tell of content that never reached the disk.
const poolsFolder = "links"

// poolMark separates the parts of a pool's name.
const poolMark = "@"

// poolInfo is a pool and what its name says.
type poolInfo struct {
	path  string
	id    string // of the key
	boot  string
	bytes int64 // content of its files when it was made
	used  time.Time
}

func (l *Local) poolsOf(app string) string {
	return filepath.Join(l.dir, formatFolder, app, poolsFolder)
}

// pools describes the pools of an application's folder.
func (l *Local) pools(app string) ([]poolInfo, error) {
	entries, err := os.ReadDir(l.poolsOf(app))
	var list []poolInfo
	for _, e := range entries {
		p := poolInfo{path: filepath.Join(l.poolsOf(app), e.Name())}
		// What has another name is nobody's and has no id.
		if parts := strings.Split(e.Name(), poolMark); len(parts) == 3 {
			p.id, p.boot = parts[0], parts[1]
			p.bytes, _ = strconv.ParseInt(parts[2], 10, 64) // 0 is as good
		}
		if info, err := e.Info(); err == nil {
			p.used = info.ModTime()
		}
		list = append(list, p)
	}
	return list, ignoreMissing(err)
}

// current reports whether a restore may use the pool.
func (p poolInfo) current() bool { return p.boot != "" && p.boot == bootID() }

// poolOf answers the pool of a key.
func (l *Local) poolOf(k Key) (p poolInfo, ok bool) {
	list, err := l.pools(safeName(k.App))
	id := k.ID()
	i := slices.IndexFunc(list, func(p poolInfo) bool { return p.id == id && p.current() })
	if err != nil || i < 0 {
		return p, false
	}
	return list[i], true
}

// bootID names the time since the machine was started; "" where nothing does, and then there are no pools.
func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// takings are the files that a restore moves out of a pool. It is for one goroutine. A nil takings takes none.
type takings struct {
	pool    *dir
	planned bitset // the nodes that the pool seems to have
	known   []byte // the nodes that hold what their names say, if they are unpacked, as bits
	taken   int
	over    bool // the pool is of no use for this workspace
}

// planTakings looks which files of an entry are in the pool of the key k, and answers the chunks that the others need.
// The takings have to be closed.
func (l *Local) planTakings(ctx context.Context, k Key, e *entry, p Paths) (*takings, []chunk, error) {
	all := e.sealed.meta.Chunks
	if !l.links {
		return nil, all, nil
	}
	info, ok := l.poolOf(k)
	if !ok {
		return nil, all, nil
	}
	pool, err := openDir(info.path)
	if err != nil {
		return nil, all, nil //nolint:nilerr // then all is unpacked
	}
	t := &takings{pool: pool, planned: newBitset(e.sealed.meta.Tree.nodes())}
	needed, err := t.plan(ctx, e, p, l.limits)
	if err != nil {
		t.close()
		return nil, nil, err
	}
	return t, needed, nil
}

func (t *takings) plan(ctx context.Context, e *entry, p Paths, l limits) ([]chunk, error) {
	all := e.sealed.meta.Chunks
	t.known = readVerified(t.pool.name, e.sealed.sum)
	entries, err := os.ReadDir(t.pool.name)
	if err != nil || len(entries) == 0 {
		return all, nil // then all is unpacked
	}
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		if e.Type().IsRegular() {
			there[e.Name()] = true
		}
	}
	r, err := e.nodes(p, l)
	if err != nil {
		return nil, err
	}
	defer r.close()
	needed := newBitset(len(all))
	for i := 0; ; i++ {
		n, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			return nil, err
		}
		if a, ok := addressOf(n.path); ok && n.kind == file && there[a.poolName(n)] {
			delete(there, a.poolName(n)) // it can be taken once
			t.planned.set(i)
			continue
		}
		for _, r := range n.refs {
			needed.set(int(r.chunk))
		}
	}
	var list []chunk
	for i, c := range all {
		if needed.has(i) {
			list = append(list, c)
		}
	}
	return list, nil
}

func (t *takings) close() {
	if t != nil {
		t.pool.close()
	}
}

// take moves the file n, node number i, into the folder d of a workspace. ok is false when it has to be unpacked.
func (t *takings) take(i int, d *dir, n node) (at stamp, ok bool) {
	if t == nil || t.over || !t.planned.has(i) {
		return at, false
	}
	name := n.name()
	// Nobody else writes to the workspace, so nothing gets there between this and the next call.
	if _, err := d.stat(name); !errors.Is(err, fs.ErrNotExist) {
		return at, false
	}
	a, _ := addressOf(n.path)
	err := unix.Renameat(t.pool.fd, a.poolName(n), d.fd, name)
	if err != nil {
		t.over = errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
		return at, false
	}
	st, err := d.stat(name)
	if err == nil && intact(&st, n) {
		t.taken++
		return stampOf(&st), true
	}
	if err := d.remove(name); err != nil {
		t.over = true
	}
	return at, false
}

// took moves the file n, the next node, into the folder d, if it can, and notes it as one that was unpacked.
func (x *extractor) took(d *dir, n node) bool {
	at, ok := x.takings.take(x.count, d, n)
	if ok {
		x.stamps.set(x.count, at)
		x.stamps.verify(x.count)
		x.wrote(x.count, n, true)
	}
	return ok
}

// intact reports whether a file that was in a pool is still what the save has put there, and nobody's but the pool's.
// Whatever still had a name for it, such as the workspace of that save, could change it.
func intact(st *unix.Stat_t, n node) bool { return widen(st.Nlink) == 1 && ours(st, n) }

// ours reports whether a file looks as if it had been unpacked, special bits and owner included.
func ours(st *unix.Stat_t, n node) bool {
	const permissions = 0o7777
	return typeOf(st) == unix.S_IFREG && st.Size == n.size && mtimeOf(st).Equal(n.mtime) &&
		uint32(widen(st.Mode))&permissions == uint32(n.mode) && st.Uid == uint32(os.Geteuid())
}

// settle waits, where files were taken, until everything that happens to them shows in their stamps. So many are taken in
// so short a time that the next save would otherwise have to read them all.
func (t *takings) settle(ctx context.Context, s *stamps) {
	if t != nil {
		s.verifyAll(t.known)
	}
	now := s.latest()
	if t != nil && t.taken > 0 {
		timer := time.NewTimer(fineTick + time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
			now = now.Add(fineTick + time.Nanosecond)
		case <-ctx.Done():
		}
	}
	s.settle(now)
}

// verifiedFile is what a pool calls the list of the nodes that were linked to it: the generation that they are of, in
// hexadecimal, and one bit for each node of its index. When a build has taken files away and failed, the next one unpacks
// the same content, which need not be hashed once more.
const verifiedFile = "verified"

func writeVerified(pool string, g generation, numbers map[int]bool) error {
	var bits []byte
	for i := range numbers {
		if more := i/8 + 1 - len(bits); more > 0 {
			bits = append(bits, make([]byte, more)...)
		}
		bits[i/8] |= 1 << (i % 8)
	}
	return os.WriteFile(filepath.Join(pool, verifiedFile), append([]byte(chunkID(g).String()), bits...), 0o600)
}

func readVerified(pool string, g generation) []byte {
	b, err := os.ReadFile(filepath.Join(pool, verifiedFile))
	if err != nil {
		return nil
	}
	bits, ok := bytes.CutPrefix(b, []byte(chunkID(g).String()))
	if !ok {
		return nil
	}
	return bits
}

// collectPools removes the pools of an application that no restore can use. Its lock must be held alone.
func (l *Local) collectPools(app string) error {
	list, err := l.pools(app)
	if err != nil || len(list) == 0 {
		return err
	}
	entries, err := l.objects.list(entriesOf(app))
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, e := range entries {
		_, name := cutLast(e.name)
		ids[strings.TrimSuffix(name, entrySuffix)] = true
	}
	var errs []error
	for _, p := range list {
		if !l.links || !ids[p.id] || !p.current() {
			errs = append(errs, os.RemoveAll(p.path))
			continue
		}
		delete(ids, p.id) // of two, which saves at one time can leave, one is enough
	}
	return errors.Join(errs...)
}

// prunePools removes pools until the store takes up no more than it may, those first that were not used for the longest
// time; it answers by how much total is less then. They only save time, so they go before entries do.
func (l *Local) prunePools(ctx context.Context, total int64) (freed int64, err error) {
	apps, err := l.objects.folders("")
	if err != nil || total <= l.maxTotal {
		return 0, err
	}
	type appPool struct {
		app string
		poolInfo
	}
	var all []appPool
	for _, app := range apps {
		list, err := l.pools(app)
		if err != nil {
			return 0, err
		}
		for _, p := range list {
			all = append(all, appPool{app, p})
		}
	}
	slices.SortFunc(all, func(a, b appPool) int { return a.used.Compare(b.used) })
	for _, p := range all {
		if total-freed <= l.maxTotal {
			break
		}
		if err := context.Cause(ctx); err != nil {
			return freed, err
		}
		unlock, err := l.objects.lock(p.app, false, false)
		if err != nil {
			return freed, err
		}
		if unlock == nil {
			continue
		}
		err = os.RemoveAll(p.path)
		unlock()
		if err != nil {
			return freed, fmt.Errorf("remove the links of a cache: %w", err)
		}
		freed += p.bytes
	}
	return freed, nil
}
