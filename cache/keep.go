package cache

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// keeper makes the pool of the key that is being saved. The files are noted while the tree is walked, and linked when
// nothing is read any more, since a link changes the time of a file's last change. The pool takes the place of the one
// before when the entry has. A nil keeper keeps nothing.
type keeper struct {
	l     *Local
	key   Key
	files []kept
	stage *dir   // where the pool is made; nil as long as there is nothing in it
	path  string // of the stage

	mu       sync.Mutex
	over     bool // no link can be made
	bytes    int64
	verified map[int]bool // the numbers of the nodes that were linked
	notices  notices
}

// kept is a file that may go to the pool.
type kept struct {
	node
	number   int  // in the index
	verified bool // it was found to hold what its name says, and has not changed since
}

// maxKept bounds the memory. What comes behind them in a huge tree is unpacked by restores.
const maxKept = 64 << 10

// newKeeper answers nil where there are no pools.
func newKeeper(l *Local, k Key) *keeper {
	if !l.links || bootID() == "" {
		return nil
	}
	return &keeper{l: l, key: k, verified: map[int]bool{}}
}

// add notes a file that is in the entry, as node i of its index.
func (k *keeper) add(i int, n node, verified bool) {
	if k == nil || n.kind != file || len(k.files) == maxKept {
		return
	}
	if _, ok := addressOf(n.path); ok {
		n.refs = nil
		k.files = append(k.files, kept{n, i, verified})
	}
}

// link links the files below project to a folder that is to become the pool, and answers what a person should know. That
// something cannot be linked is no error: it will be unpacked.
func (k *keeper) link(ctx context.Context, project *dir) []string {
	if k == nil || len(k.files) == 0 || !k.begin() {
		return nil
	}
	const block = 64 // files that are close to each other
	var (
		wg   sync.WaitGroup
		next atomic.Int64
	)
	for range workers {
		wg.Go(func() {
			at, buf := trail{dirs: []*dir{project}}, make([]byte, copyBuffer)
			defer at.back(0)
			for {
				from := int(next.Add(block)) - block
				if from >= len(k.files) {
					return
				}
				for _, f := range k.files[from:min(from+block, len(k.files))] {
					if context.Cause(ctx) != nil || k.ended() {
						return
					}
					k.one(&at, f, buf)
				}
			}
		})
	}
	wg.Wait()
	return k.notices.sentences()
}

// begin makes the stage.
func (k *keeper) begin() bool {
	path, err := k.temp()
	if err == nil {
		k.path = path
		k.stage, err = openDir(path)
	}
	return err == nil
}

// temp makes a folder that is swept if we die.
func (k *keeper) temp() (string, error) {
	temp := filepath.Join(k.l.dir, formatFolder, safeName(k.key.App), tempFolder)
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(temp, "links")
}

func (k *keeper) ended() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.over
}

// one links one file, if it holds what its name says.
func (k *keeper) one(at *trail, f kept, buf []byte) {
	d, err := at.to(f.path)
	if err != nil {
		return
	}
	a, _ := addressOf(f.path)
	if !f.verified {
		switch err := a.verify(d, f.node, buf); {
		case errors.Is(err, errOtherContent):
			k.mu.Lock()
			k.notices.add(noticeContent, f.path)
			k.mu.Unlock()
			return
		case err != nil:
			return
		}
	}
	k.l.about("link " + f.path)
	err = k.linkTo(d, f.node, a.poolName(f.node))
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.bytes += f.size
		k.verified[f.number] = true
	case errors.Is(err, unix.EXDEV), errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.ENOTSUP):
		k.over = true
	}
}

var (
	errOtherContent = errors.New("it does not hold what its name says")
	errAttributes   = errors.New("it has extended attributes")
)

// verify reads the file n in d and compares its content with what it is called by.
func (a address) verify(d *dir, n node, buf []byte) error {
	fd, err := d.openFd(n.name(), unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), n.path)
	defer func() { _ = f.Close() }() // only read from
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if !n.shows(&st) || !ours(&st, n) {
		return errChanged
	}
	// An entry has no place for extended attributes, so what is moved must not bring any.
	if hasAttributes(fd) {
		return errAttributes
	}
	h := digests[a.algorithm].make()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, buf); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != a.digest {
		return errOtherContent
	}
	return nil
}

// hasAttributes reports whether an open file has other extended attributes than the label that SELinux gives to all.
func hasAttributes(fd int) bool {
	const label = "security.selinux\x00"
	list := make([]byte, 1+len(label))
	n, err := unix.Flistxattr(fd, list)
	switch {
	case errors.Is(err, unix.ENOTSUP):
		return false
	case err != nil:
		return true
	}
	return n > 0 && string(list[:n]) != label
}

// linkTo gives the file n in d a name in the stage.
func (k *keeper) linkTo(d *dir, n node, name string) error {
	before, err := d.stat(n.name())
	if err != nil {
		return err
	}
	if !n.shows(&before) || !ours(&before, n) {
		return errChanged // or it is linked twice within the tree, and its stamp is that of the first link
	}
	if err := unix.Linkat(d.fd, n.name(), k.stage.fd, name, 0); err != nil {
		return err
	}
	after, err := k.stage.stat(name)
	if err == nil && (widen(after.Ino) != n.stamp.ino || !ours(&after, n)) {
		err = errChanged
	}
	if err != nil {
		return errors.Join(err, k.stage.remove(name))
	}
	return nil
}

// commit makes the pool the one that restores use; what was saved is the generation g. If another save was quicker, that
// one's stays: it is as good.
func (k *keeper) commit(g generation) {
	if k == nil {
		return
	}
	defer k.discard()
	if k.replace() != nil || k.stage == nil || k.bytes == 0 {
		return
	}
	pools := k.l.poolsOf(safeName(k.key.App))
	if errors.Join(os.MkdirAll(pools, 0o700), writeVerified(k.path, g, k.verified)) != nil {
		return
	}
	k.l.about("make the pool visible")
	name := fmt.Sprintf("%s%s%s%s%d", k.key.ID(), poolMark, bootID(), poolMark, k.bytes)
	_ = os.Rename(k.path, filepath.Join(pools, name)) // if not, everything is unpacked
}

// replace removes the pools that there are of the key. What is left in them is not in the workspace that was saved.
func (k *keeper) replace() error {
	list, err := k.l.pools(safeName(k.key.App))
	for _, old := range list {
		if old.id != k.key.ID() {
			continue
		}
		k.l.about("take the pool away")
		gone, tempErr := k.temp()
		if err = errors.Join(err, tempErr); err != nil {
			return err
		}
		err = ignoreMissing(os.Rename(old.path, filepath.Join(gone, poolsFolder)))
		k.l.about("remove the pool")
		err = errors.Join(err, os.RemoveAll(gone))
	}
	return err
}

// discard gives up what was not committed. It may be called more than once.
func (k *keeper) discard() {
	if k == nil || k.stage == nil {
		return
	}
	k.stage.close()
	k.stage = nil
	_ = os.RemoveAll(k.path) // swept sometime
}
