package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// disk is a backend in a folder of this machine, which belongs to nobody but preamp. An object is a file of its name.
// While it is written it lies in the folder "tmp" of its application, under the protection of that folder's lock.
//
// Nothing is synced: a process that dies loses nothing that was committed, and what a power failure takes away is found
// out when it is read, as every other damage is. It costs one build its cache; syncing would cost every build.
type disk struct {
	top string
	// step is called before every call that changes the store, with what it is. Tests die there.
	step func(what string)
}

const (
	tempFolder = "tmp"
	lockFile   = "lock"
)

func (d *disk) path(name string) string { return filepath.Join(d.top, filepath.FromSlash(name)) }

func (d *disk) about(what string) {
	if d.step != nil {
		d.step(what)
	}
}

// about tells the disk of a step beside its own ones.
func (l *Local) about(what string) {
	if d, ok := l.objects.(*disk); ok {
		d.about(what)
	}
}

type diskObject struct {
	*os.File
	length int64
}

func (o diskObject) size() int64 { return o.length }
func (o diskObject) expect()     { willRead(o.File) }

func (d *disk) open(name string) (object, error) {
	f, err := os.OpenFile(d.path(name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, damaged("there is a link in its place")
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = damaged("it is not a regular file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return diskObject{f, info.Size()}, nil
}

// diskPending is a file in a temporary folder.
type diskPending struct {
	*os.File
	disk *disk
	path string
	done bool
}

func (d *disk) create(name string) (pending, error) {
	app, _, _ := strings.Cut(name, "/")
	temp := filepath.Join(d.top, app, tempFolder)
	d.about("create " + name)
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(temp, "*")
	if err != nil {
		return nil, err
	}
	d.about("write " + name)
	return &diskPending{File: f, disk: d, path: d.path(name)}, nil
}

func (p *diskPending) commit() error {
	p.disk.about("close " + p.path)
	err := p.finish()
	if err != nil {
		return errors.Join(err, p.discard())
	}
	p.done = true
	return nil
}

func (p *diskPending) finish() error {
	if err := p.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return err
	}
	p.disk.about("rename " + p.path)
	return os.Rename(p.Name(), p.path)
}

func (p *diskPending) discard() error {
	if p.done {
		return nil
	}
	p.done = true
	err := ignoreMissing(os.Remove(p.Name()))
	if closeErr := p.Close(); !errors.Is(closeErr, os.ErrClosed) {
		err = errors.Join(err, closeErr)
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d *disk) list(folder string) ([]objectInfo, error) {
	var list []objectInfo
	err := filepath.WalkDir(d.path(folder), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return ignoreMissing(err)
		}
		info, err := e.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		rel, err := filepath.Rel(d.top, path)
		list = append(list, objectInfo{name: filepath.ToSlash(rel), size: info.Size(), used: info.ModTime()})
		return err
	})
	return list, err
}

func (d *disk) folders(folder string) ([]string, error) {
	entries, err := os.ReadDir(d.path(folder))
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, ignoreMissing(err)
}

func (d *disk) remove(name string) error {
	d.about("remove " + name)
	err := os.Remove(d.path(name))
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("there is a folder where an object of the cache should be: %w", err)
	}
	return ignoreMissing(err)
}

func (d *disk) use(name string) error {
	now := time.Now()
	return ignoreMissing(os.Chtimes(d.path(name), now, now))
}

func (d *disk) lock(app string, shared, wait bool) (func(), error) {
	if err := os.MkdirAll(d.path(app), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(d.path(app), lockFile), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	take := flock
	if shared {
		take = flockShared
	}
	locked, err := take(f, wait)
	if err != nil || !locked {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil // nothing was written to it
}

func (d *disk) temps(app string) []os.DirEntry {
	entries, _ := os.ReadDir(filepath.Join(d.path(app), tempFolder)) // none, if it cannot be read
	return entries
}

func (d *disk) unswept(app string) bool { return len(d.temps(app)) > 0 }

func (d *disk) sweep(app string) error {
	var errs []error
	for _, e := range d.temps(app) {
		d.about("sweep " + app)
		errs = append(errs, os.RemoveAll(filepath.Join(d.path(app), tempFolder, e.Name())))
	}
	return errors.Join(errs...)
}
