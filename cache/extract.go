package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// extractor writes the nodes of an index into a project. What lies there is as little to be trusted as the index: a
// commit can hold a link where the cache has a folder. Every folder is therefore entered one component at a time and
// held open, and every node is made anew, never opened through what is already there.
//
// One goroutine goes through the index, makes folders and links, and collects files by the chunk that they are in;
// workers read the chunks and write the files. A folder gets its time when the last file in it is written.
type extractor struct {
	l       *Local
	app     string
	chunks  []chunk
	stamps  *stamps
	takings *takings // files that need no unpacking

	frames []*frame // the folders down to the current one, the project root first
	groups []*group // files that no worker has yet
	byID   map[uint32]*group
	files  int // in groups
	open   int // folders that groups hold open, at least
	count  int // nodes so far
	work   chan *group
	ended  sync.WaitGroup

	mu          sync.Mutex
	err         error // the first of a worker
	totals      totals
	tally       Tally
	overwritten int
	notices     notices
	// touched says that something was replaced or given another time that had been there before.
	touched bool
	made    bitset // the nodes that were not there before
}

// frame is one folder that is being filled.
type frame struct {
	dir *dir // nil: not restored, and so nothing in it
	// finish says that the folder gets the mode and time of n once it is full.
	finish  bool
	n       node
	users   atomic.Int32 // the index's reader as long as it is in the folder, and files that are not written yet
	spoiled atomic.Bool  // it will never be full
}

// group is a list of files whose content is in one chunk, or one file whose content is in several.
type group struct {
	files []placed
	dirs  int
}

// placed is a file with its number in the index and the folder it goes to.
type placed struct {
	node
	number int
	in     *frame
}

// What waits to be written is bounded, because it holds folders open and takes memory.
const (
	maxWaitingFiles = 4096
	maxWaitingDirs  = 128
)

// newExtractor takes over project. run has to be called.
func newExtractor(l *Local, app string, m meta, project *dir, s *stamps) *extractor {
	x := &extractor{
		l: l, app: app, chunks: m.Chunks, stamps: s, byID: map[uint32]*group{}, work: make(chan *group, workers),
		made: newBitset(m.Tree.nodes()),
	}
	x.enter(project, node{})
	return x
}

// run extracts all nodes of r and closes the project.
func (x *extractor) run(ctx context.Context, r *indexReader) error {
	for range workers {
		x.ended.Go(func() { x.unpack(ctx) })
	}
	err := x.read(ctx, r)
	if err == nil {
		x.dispatch(false)
	}
	close(x.work)
	x.ended.Wait()
	if err == nil {
		err = x.failed()
	}
	if err != nil {
		x.abandon()
		return err
	}
	return x.leaveTo(0)
}

// read goes through the index.
func (x *extractor) read(ctx context.Context, r *indexReader) error {
	for {
		n, err := r.next()
		if errors.Is(err, io.EOF) {
			return x.leaveTo(1)
		}
		if err = errors.Join(err, context.Cause(ctx), x.failed()); err != nil {
			return err
		}
		if err := x.leaveTo(strings.Count(n.path, "/") + 1); err != nil {
			return err
		}
		if err := x.put(n); err != nil {
			return fmt.Errorf("restore %q: %w", n.path, err)
		}
		x.count++
	}
}

func (x *extractor) failed() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

// enter makes the folder n, open as d, the current one and takes it over.
func (x *extractor) enter(d *dir, n node) *frame {
	f := &frame{dir: d, n: n}
	f.users.Store(1)
	x.frames = append(x.frames, f)
	return f
}

// pass makes a folder current that is not restored.
func (x *extractor) pass(kind notice, n node) {
	x.note(kind, n.path)
	x.enter(nil, n)
}

func (x *extractor) note(kind notice, path string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.notices.add(kind, path)
}

// leaveTo leaves the folders below the first n frames.
func (x *extractor) leaveTo(n int) error {
	for len(x.frames) > n {
		last := len(x.frames) - 1
		f := x.frames[last]
		x.frames = x.frames[:last]
		if err := f.leave(); err != nil {
			return fmt.Errorf("restore %q: %w", f.n.path, err)
		}
	}
	return nil
}

// leave gives up one use of the folder. The last one finishes it.
func (f *frame) leave() error {
	if f.users.Add(-1) > 0 || f.dir == nil {
		return nil
	}
	var err error
	if f.finish && !f.spoiled.Load() {
		// The mode comes last: it may forbid the rest.
		err = errors.Join(f.dir.setTime(".", f.n.mtime), f.dir.chmod(f.n.mode))
	}
	f.dir.close()
	return err
}

// abandon closes all folders that are still open, finished or not. The workers have ended.
func (x *extractor) abandon() {
	for _, g := range x.groups {
		x.giveUp(g)
	}
	for _, f := range x.frames {
		f.spoiled.Store(true)
		_ = f.leave() // it only closes
	}
	x.groups, x.frames = nil, nil
}

func (x *extractor) giveUp(g *group) {
	for _, p := range g.files {
		p.in.spoiled.Store(true)
		_ = p.in.leave() // it only closes
	}
}

// put makes one node in the current folder, or sees to it that a worker does.
func (x *extractor) put(n node) error {
	in := x.frames[len(x.frames)-1]
	if in.dir == nil {
		if n.kind == folder {
			x.enter(nil, n)
		}
		return nil
	}
	switch n.kind {
	case folder:
		return x.orNote(x.folder(in, n), n)
	case link:
		return x.orNote(x.link(in, n), n)
	}
	if !x.took(in.dir, n) {
		x.queue(placed{node: n, number: x.count, in: in})
	}
	return nil
}

// errInWay says that a folder is where a file or link should be.
var errInWay = errors.New("a folder is in its place")

// orNote turns errors into notices that are no reason to give up a restore.
func (x *extractor) orNote(err error, n node) error {
	kind := noticeBadName
	switch {
	case errors.Is(err, errInWay):
		kind = noticeFolderInWay
	case errors.Is(err, unix.EILSEQ), errors.Is(err, unix.ENAMETOOLONG):
	default:
		return err
	}
	if n.kind == folder {
		x.pass(kind, n)
	} else {
		x.note(kind, n.path)
	}
	return nil
}

func (x *extractor) folder(in *frame, n node) error {
	made, name := true, n.name()
	err := in.dir.makeFolder(name)
	if errors.Is(err, fs.ErrExist) {
		var st unix.Stat_t
		if st, err = in.dir.stat(name); err != nil {
			return err
		}
		switch typeOf(&st) {
		case unix.S_IFDIR:
			made = false
		case unix.S_IFLNK:
			x.pass(noticeInWay, n)
			return nil
		default:
			x.overwrote(n, true)
			if err = in.dir.remove(name); err == nil {
				err = in.dir.makeFolder(name)
			}
		}
	}
	if err != nil {
		return err
	}
	sub, err := in.dir.enter(name)
	if err != nil {
		return err
	}
	f := x.enter(sub, n)
	// A folder of the checkout that is only on the way to cached files stays as it is.
	f.finish = made || !n.parent
	if made {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.made.set(x.count)
		return nil
	}
	if f.finish {
		x.overwrote(n, false)
		// It may be read-only; it gets its mode when it is left.
		return sub.chmod(0o700)
	}
	return nil
}

func (x *extractor) link(in *frame, n node) error {
	name := n.name()
	err := in.dir.makeLink(n.target, name)
	made := err == nil
	if errors.Is(err, fs.ErrExist) {
		old, readErr := in.dir.readLink(name)
		if err := in.dir.clear(name); err != nil {
			return err
		}
		x.overwrote(n, readErr != nil || old != n.target)
		err = in.dir.makeLink(n.target, name)
	}
	if err != nil {
		return err
	}
	x.wrote(x.count, n, made)
	return in.dir.setTime(name, n.mtime)
}

// clear removes the file or link of this name. A folder is not removed: that could take tracked files with it that the
// cache knows nothing of.
func (d *dir) clear(name string) error {
	st, err := d.stat(name)
	if err != nil {
		return err
	}
	if typeOf(&st) == unix.S_IFDIR {
		return errInWay
	}
	return d.remove(name)
}

// wrote counts a file or link.
func (x *extractor) wrote(number int, n node, made bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.totals.add(n)
	x.tally.Add(n.path, 1, n.size)
	if made {
		x.made.set(number)
	}
}

// overwrote notes that something of the checkout was replaced, and whether it differed.
func (x *extractor) overwrote(n node, differed bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.touched = true
	if differed {
		x.overwritten++
		x.notices.add(noticeOverwritten, n.path)
	}
}

// queue collects a file for the workers.
func (x *extractor) queue(p placed) {
	p.in.users.Add(1)
	if len(p.refs) != 1 {
		// Empty ones need no chunk, and of big ones only one worker should know.
		x.work <- &group{files: []placed{p}}
		return
	}
	number := p.refs[0].chunk
	g := x.byID[number]
	if g == nil {
		if x.files > maxWaitingFiles || x.open > maxWaitingDirs {
			x.dispatch(true)
		}
		g = &group{}
		x.byID[number] = g
		x.groups = append(x.groups, g)
	}
	if len(g.files) == 0 || g.files[len(g.files)-1].in != p.in {
		g.dirs++
		x.open++
	}
	g.files = append(g.files, p)
	x.files++
	if g.dirs > maxWaitingDirs || len(g.files) > maxWaitingFiles {
		x.dispatch(false)
	}
}

// dispatch hands the groups to the workers; if keep, not the last one, whose chunk may be the one of the next files too.
func (x *extractor) dispatch(keep bool) {
	var last *group
	for i, g := range x.groups {
		if last = g; keep && i == len(x.groups)-1 {
			break
		}
		last = nil
		x.work <- g
	}
	x.groups, x.byID, x.files, x.open = nil, map[uint32]*group{}, 0, 0
	if last != nil {
		x.groups = append(x.groups, last)
		x.byID[last.files[0].refs[0].chunk] = last
		x.files, x.open = len(last.files), last.dirs
	}
}

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int) { b[i/64] |= 1 << (i % 64) }

func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
